// SPDX-License-Identifier: MIT
// How many connections each client address has.
#pragma once

#include <stdint.h>

#include "common/addr.h"

/* One more for A: its new number, 0 if there are MAX already, -ENOMEM. */
int clients_enter(const struct addr *a, uint32_t max);
void clients_leave(const struct addr *a);
