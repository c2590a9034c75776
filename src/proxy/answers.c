// SPDX-License-Identifier: MIT
// What the tailnet's resolver has said, for as long as it said that it holds.
//
// A hash table whose entries also hang in one list by their last use. The hash is seeded: clients
// choose the names.
#include "proxy/answers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"

#define ANSWERS_BUCKETS 4096

struct entry {
	struct entry *next;	     /* in the bucket */
	struct entry *newer, *older; /* by last use */
	uint64_t until_ms;
	uint32_t hash;
	uint8_t n;
	char name[]; /* with NUL, then N times struct addr, unaligned */
};

static struct entry *buckets[ANSWERS_BUCKETS];
static struct entry *newest, *oldest;
static size_t count;
static uint64_t seed;

static uint32_t hash_of(const char *name)
{
	uint64_t h;

	if (!seed && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)&seed;
	h = seed;
	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
	h ^= h >> 29;
	return (uint32_t)(h * 0xbf58476d1ce4e5b9u >> 32);
}

static void unlink_use(struct entry *e)
{
	*(e->newer ? &e->newer->older : &newest) = e->older;
	*(e->older ? &e->older->newer : &oldest) = e->newer;
}

static void link_use(struct entry *e)
{
	e->newer = NULL;
	e->older = newest;
	*(newest ? &newest->newer : &oldest) = e;
	newest = e;
}

static struct entry **find(const char *name, uint32_t hash)
{
	struct entry **at = &buckets[hash % ANSWERS_BUCKETS];

	while (*at && ((*at)->hash != hash || strcmp((*at)->name, name)))
		at = &(*at)->next;
	return at;
}

static void drop(struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	unlink_use(e);
	count--;
	free(e);
}

static void *addresses(struct entry *e)
{
	return e->name + strlen(e->name) + 1;
}

void answers_put(const char *name, const struct answers_entry *a, uint64_t now_ms)
{
	uint32_t hash = hash_of(name);
	uint32_t ttl_s = MIN(a->ttl_s, (uint32_t)(a->n ? ANSWERS_TTL_MAX_S : ANSWERS_NO_MAX_S));
	struct entry **at = find(name, hash), *e;
	size_t len = strlen(name) + 1, n = MIN(a->n, (size_t)RESOLVE_ADDRS_MAX);

	if (*at)
		drop(at);
	if (!ttl_s)
		return;
	if (count == ANSWERS_MAX)
		drop(find(oldest->name, oldest->hash));
	e = malloc(sizeof(*e) + len + n * sizeof(struct addr));
	if (!e)
		return; /* it will be asked for again */
	*e = (struct entry){.until_ms = now_ms + ttl_s * 1000ull, .hash = hash, .n = (uint8_t)n};
	memcpy(e->name, name, len);
	memcpy(addresses(e), a->addrs, n * sizeof(struct addr));
	e->next = buckets[hash % ANSWERS_BUCKETS];
	buckets[hash % ANSWERS_BUCKETS] = e;
	link_use(e);
	count++;
}

bool answers_get(const char *name, uint64_t now_ms, struct answers_entry *ret)
{
	struct entry **at = find(name, hash_of(name)), *e = *at;

	if (!e)
		return false;
	if (e->until_ms <= now_ms) {
		drop(at);
		return false;
	}
	unlink_use(e);
	link_use(e);
	*ret = (struct answers_entry){
		.ttl_s = (uint32_t)((e->until_ms - now_ms + 999) / 1000), .n = e->n};
	memcpy(ret->addrs, addresses(e), e->n * sizeof(struct addr));
	return true;
}

void answers_flush(void)
{
	while (oldest)
		drop(find(oldest->name, oldest->hash));
}

size_t answers_count(void)
{
	return count;
}
