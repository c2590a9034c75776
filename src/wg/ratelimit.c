// SPDX-License-Identifier: MIT
// How much work strangers may cause: token buckets for each source and for all together.
//
// Tokens are kept as nanoseconds saved up, so no rounding is lost. The global bucket has two marks: half
// empty, it is time to look at single sources, so that one flooder does not push everybody else into
// cookies; empty, the sources are perhaps forged, and only a cookie tells who can receive at an address.
#include "wg/ratelimit.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define SECOND_NS      1000000000ull
#define WAYS	       4
#define SOURCE_COST_NS (SECOND_NS / RATELIMIT_PER_SECOND)
#define LOAD_COST_NS   (SECOND_NS / LOAD_PER_SECOND)
#define COOKIE_COST_NS (SECOND_NS / COOKIES_PER_SECOND)

static bool bucket_take(struct ratelimit_bucket *b, uint64_t now_ns)
{
	b->tokens_ns += now_ns - b->last_ns;
	if (b->tokens_ns > RATELIMIT_BURST * SOURCE_COST_NS)
		b->tokens_ns = RATELIMIT_BURST * SOURCE_COST_NS;
	b->last_ns = now_ns;
	if (b->tokens_ns < SOURCE_COST_NS)
		return false;
	b->tokens_ns -= SOURCE_COST_NS;
	return true;
}

static uint64_t source_hash(const struct ratelimit *l, const struct addr *from, bool proven)
{
	uint8_t text[9] = {(uint8_t)(from->family | proven << 7)}, out[8];
	uint64_t h;

	memcpy(text + 1, from->bytes, from->family == 4 ? 4 : 8);
	crypto_shorthash(out, text, sizeof(text), l->key);
	memcpy(&h, out, sizeof(h));
	return h ? h : 1;
}

bool ratelimit_allow(struct ratelimit *l, const struct addr *from, bool proven, uint64_t now_ns)
{
	struct ratelimit_bucket *set, *victim;
	uint64_t h;

	if (!l->buckets) {
		l->buckets = calloc(RATELIMIT_SOURCES, sizeof(*l->buckets));
		if (!l->buckets)
			return false;
		randombytes_buf(l->key, sizeof(l->key));
	}
	h = source_hash(l, from, proven);
	set = &l->buckets[h % (RATELIMIT_SOURCES / WAYS) * WAYS];
	victim = set;
	for (int i = 0; i < WAYS; i++) {
		if (set[i].source == h)
			return bucket_take(&set[i], now_ns);
		if (set[i].last_ns < victim->last_ns)
			victim = &set[i];
	}
	*victim = (struct ratelimit_bucket){
		.source = h, .last_ns = now_ns, .tokens_ns = RATELIMIT_BURST * SOURCE_COST_NS};
	return bucket_take(victim, now_ns);
}

void ratelimit_free(struct ratelimit *l)
{
	free(l->buckets);
	l->buckets = NULL;
}

static void load_refill(struct load *l, uint64_t now_ns)
{
	l->tokens_ns += now_ns - l->last_ns;
	if (l->tokens_ns > LOAD_BURST * LOAD_COST_NS)
		l->tokens_ns = LOAD_BURST * LOAD_COST_NS;
	l->last_ns = now_ns;
}

enum load_level load_level(struct load *l, uint64_t now_ns)
{
	enum load_level level = LOAD_IDLE;

	load_refill(l, now_ns);
	if (l->tokens_ns < LOAD_BURST * LOAD_COST_NS / 2)
		l->pressed_until_ns = now_ns + SECOND_NS;
	if (l->tokens_ns < LOAD_COST_NS)
		level = LOAD_FULL;
	else if (now_ns < l->pressed_until_ns)
		level = LOAD_PRESSED;
	return level > l->force ? level : l->force;
}

void load_charge(struct load *l, uint64_t now_ns)
{
	load_refill(l, now_ns);
	l->tokens_ns -= l->tokens_ns < LOAD_COST_NS ? l->tokens_ns : LOAD_COST_NS;
}

bool load_cookie(struct load *l, bool familiar, uint64_t now_ns)
{
	struct load_tokens *t = &l->cookies[familiar];

	t->tokens_ns = MIN(t->tokens_ns + (now_ns - t->last_ns), COOKIES_BURST * COOKIE_COST_NS);
	t->last_ns = now_ns;
	if (t->tokens_ns < COOKIE_COST_NS)
		return false;
	t->tokens_ns -= COOKIE_COST_NS;
	return true;
}
