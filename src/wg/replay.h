// SPDX-License-Identifier: MIT
// The window that tells new counters from repeated ones (RFC 6479: a ring of words, never shifted).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_BITS	      8192
#define REPLAY_WINDOW	      (REPLAY_BITS - 64) /* one word is always being refilled */
#define REJECT_AFTER_MESSAGES (UINT64_MAX - (1ull << 13))

struct replay {
	uint64_t next; /* highest counter seen, plus one */
	uint64_t bits[REPLAY_BITS / 64];
};

/* To be asked only for authentic packets. True: COUNTER is new (and noted from now on). */
bool replay_accept(struct replay *r, uint64_t counter);
