// SPDX-License-Identifier: MIT
// How much work strangers may cause: token buckets for each source and for all together.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define RATELIMIT_PER_SECOND 20 /* handshakes from one IPv4 address or IPv6 /64 */
#define RATELIMIT_BURST	     5
#define RATELIMIT_SOURCES    4096 /* the table; of four that collide the one idle longest gives way */

#define LOAD_PER_SECOND \
	250 /* handshakes of strangers, all sources together, without asking for a cookie */
#define LOAD_BURST 256
/* Cookie replies: to strangers, and as many again to the addresses of peers, so that a flood from forged
 * sources neither costs more than this nor keeps a peer from its cookie. */
#define COOKIES_PER_SECOND 5000
#define COOKIES_BURST	   64

struct ratelimit_bucket {
	uint64_t source; /* keyed hash, 0 = empty */
	uint64_t last_ns;
	uint64_t tokens_ns;
};

struct ratelimit {
	uint8_t key[16];
	struct ratelimit_bucket *buckets; /* made at first use */
};

/* Takes a token of FROM's bucket; false: none left. PROVEN: it has a cookie, so it is there; it has a
 * bucket of its own then, which nobody else empties by forging its address. Without memory everybody
 * is told false. */
bool ratelimit_allow(struct ratelimit *l, const struct addr *from, bool proven, uint64_t now_ns);
void ratelimit_free(struct ratelimit *l);

enum load_level {
	LOAD_IDLE,    /* answer whoever has a good mac1 */
	LOAD_PRESSED, /* sources above their rate need a cookie, and no more than their rate with it */
	LOAD_FULL,    /* everybody needs a cookie */
};

struct load_tokens {
	uint64_t last_ns;
	uint64_t tokens_ns;
};

struct load {
	struct load_tokens cookies[2]; /* for strangers, for the addresses of peers */
	uint64_t last_ns;
	uint64_t tokens_ns;
	uint64_t pressed_until_ns;
	enum load_level force; /* at least this, for tests */
};

enum load_level load_level(struct load *l, uint64_t now_ns);
/* May there be a cookie reply now, to an address that is FAMILIAR or not? Takes a token. */
bool load_cookie(struct load *l, bool familiar, uint64_t now_ns);
/* One more handshake is worked on. */
void load_charge(struct load *l, uint64_t now_ns);
