// SPDX-License-Identifier: MIT
// The destinations that a UDP association has sent to lately: only these may answer. Bounded; the
// one that was not used for the longest time makes room.
#pragma once

#include <stdint.h>

#include "common/addr.h"

#define DESTSET_MAX 256 /* tsgw.ini(5) has this number */

struct dest {
	struct hostport at;
	uint32_t judged;       /* the configuration that has let it pass; the owner's */
	uint16_t newer, older; /* by use */
	uint16_t next;	       /* in the bucket */
};

struct destset {
	struct dest *items; /* grows with use */
	uint16_t *buckets;
	uint16_t n, cap;
	uint16_t newest, oldest;
	uint32_t seed; /* so that nobody can choose destinations that meet in one bucket */
};

/* NULL if AT is not in it. */
struct dest *destset_find(const struct destset *s, const struct hostport *at);
/* Makes D the newest. */
void destset_use(struct destset *s, struct dest *d);
/* AT is not in it yet: adds it as the newest. NULL without memory. Pointers into the set become
 * invalid. */
struct dest *destset_add(struct destset *s, const struct hostport *at);
void destset_free(struct destset *s);
