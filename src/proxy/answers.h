// SPDX-License-Identifier: MIT
// What the tailnet's resolver has said, for as long as it said that it holds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"
#include "proxy/resolve.h"

#define ANSWERS_MAX	  4096 /* names; at the limit the one that was not used for longest goes */
#define ANSWERS_TTL_MAX_S 300
#define ANSWERS_NO_MAX_S  30 /* that a name does not exist */

/* The addresses of one name; N = 0: there is no such name. */
struct answers_entry {
	uint32_t ttl_s; /* that is left */
	size_t n;
	struct addr addrs[RESOLVE_ADDRS_MAX];
};

/* Keeps E for NAME (lower case) for E's ttl_s, at most the limits above; a ttl of 0 is not kept. */
void answers_put(const char *name, const struct answers_entry *e, uint64_t now_ms);
/* False: not known (any more). */
bool answers_get(const char *name, uint64_t now_ms, struct answers_entry *ret);
void answers_flush(void);
size_t answers_count(void);
