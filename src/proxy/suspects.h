// SPDX-License-Identifier: MIT
// Sources that gave wrong passwords: each has to wait before the next one is looked at.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define SUSPECTS_MAX	    1024   /* the one that failed longest ago makes room */
#define SUSPECTS_FIRST_MS   500	   /* after the first failure; then twice as long each time, */
#define SUSPECTS_LONGEST_MS 8000   /* up to this */
#define SUSPECTS_FORGET_MS  300000 /* after the last failure */

/* A, or the /64 of an IPv6 address. */
struct addr suspects_source(const struct addr *a);
/* When A's next password may be looked at (0 = at once), and how often it failed of late. */
uint64_t suspects_ready_ms(const struct addr *a, uint64_t now_ms, uint32_t *ret_failures);
/* A wrong one. True: another source had to make room. */
bool suspects_failed(const struct addr *a, uint64_t now_ms);
