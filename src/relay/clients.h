// SPDX-License-Identifier: MIT
// How many connections each client address has.
#pragma once

#include <stdint.h>

#include "common/addr.h"

struct clients_slot;

struct clients { /* zero-initialised = empty */
	struct clients_slot *slots;
	uint32_t n_slots, n_used;
	uint64_t seed;
};

/* One more for A: its new number, 0 if there are MAX already, -ENOMEM. */
int clients_enter(struct clients *c, const struct addr *a, uint32_t max);
void clients_leave(struct clients *c, const struct addr *a);
