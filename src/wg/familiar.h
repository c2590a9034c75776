// SPDX-License-Identifier: MIT
// Which addresses are those of peers: a guess that is cheap under a flood.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define FAMILIAR_BITS 65536 /* of 1,000 peers' addresses, one stranger in 65 is taken for one */

/* A set of addresses, by one bit of a keyed hash each. Small until the first address. */
struct familiar {
	uint8_t key[16];
	uint8_t *bits;
	uint64_t born_ns; /* the owner's, to know when to make it anew */
};

/* Empties the set. False without memory: nobody is familiar then. */
bool familiar_reset(struct familiar *f);
void familiar_add(struct familiar *f, const struct addr *a);
bool familiar_has(const struct familiar *f, const struct addr *a);
void familiar_free(struct familiar *f);
