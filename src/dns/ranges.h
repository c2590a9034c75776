// SPDX-License-Identifier: MIT
// The addresses a tailnet routes, as sorted ranges without overlap: "is it in?" by binary search.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define RANGES_PREFIXES_MAX 262144 /* as many as a wg-quick file may have */

struct range4 {
	uint32_t first, last;
};
struct range6 {
	uint8_t first[16], last[16];
};
struct ranges { /* zero-initialised = empty */
	struct range4 *v4;
	struct range6 *v6;
	size_t n4, n6;
	size_t room4, room6;
};

/* 0, -E2BIG or -ENOMEM. Ranges may be asked only after ranges_finish(). */
int ranges_add(struct ranges *r, const struct prefix *p);
void ranges_finish(struct ranges *r);
void ranges_free(struct ranges *r);

bool ranges_have(const struct ranges *r, const struct addr *a);
/* Some IPv4 address whose last N_OCTETS (1…3) are those of LOW is in a range, and is none that is
 * never proxied. */
bool ranges_have_low(const struct ranges *r, uint32_t low, unsigned n_octets);
