// SPDX-License-Identifier: MIT
// What tailnets have answered, for as long as it holds. Pure: the clock is the caller's.
//
// A hash table whose entries also hang in one list by their last use; where there is no room, the one that
// was not used for longest goes. The hash is keyed: strangers choose the names.
#include "dns/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/cleanup.h"
#include "dns/cookie.h"
#include "ipc/resolve.h"

#define BUCKETS 4096

struct cache_entry {
	struct cache_entry *next;	   /* in the bucket */
	struct cache_entry *newer, *older; /* by last use */
	uint64_t until_ms;
	uint64_t hash;
	uint32_t link;
	uint16_t type, n, data_len;
	uint8_t name_len, kind, relative;
	uint8_t bytes[]; /* name, data */
};

int cache_init(struct cache *c)
{
	*c = (struct cache){0};
	if (getrandom(c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		return -EIO;
	c->buckets = calloc(BUCKETS, sizeof(*c->buckets));
	return c->buckets ? 0 : -ENOMEM;
}

uint64_t cache_hash(const struct cache *c, const struct cache_key *k)
{
	uint8_t key[16];

	memcpy(key, c->secret, sizeof(key));
	for (int i = 0; i < 4; i++)
		key[i] ^= (uint8_t)(k->link >> 8 * i);
	key[4] ^= (uint8_t)k->type;
	key[5] ^= (uint8_t)(k->type >> 8);
	return cookie_siphash(key, k->name, k->len);
}

static void use_unlink(struct cache *c, struct cache_entry *e)
{
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void use_link(struct cache *c, struct cache_entry *e)
{
	e->newer = NULL;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static size_t size_of(const struct cache_entry *e)
{
	return sizeof(*e) + e->name_len + e->data_len;
}

static struct cache_entry **find(struct cache *c, const struct cache_key *k)
{
	struct cache_entry **at = &c->buckets[k->hash % BUCKETS];

	for (; *at; at = &(*at)->next)
		if ((*at)->hash == k->hash && (*at)->link == k->link && (*at)->type == k->type &&
			(*at)->name_len == k->len && !memcmp((*at)->bytes, k->name, k->len))
			break;
	return at;
}

static void drop(struct cache *c, struct cache_entry **at)
{
	struct cache_entry *e = *at;

	*at = e->next;
	use_unlink(c, e);
	c->n--;
	c->bytes -= size_of(e);
	free(e);
}

static void drop_entry(struct cache *c, struct cache_entry *e)
{
	struct cache_entry **at = &c->buckets[e->hash % BUCKETS];

	while (*at != e)
		at = &(*at)->next;
	drop(c, at);
}

static uint64_t lifetime_ms(const struct found *f)
{
	uint32_t s = f->ttl_s;

	if (f->kind == RESOLVE_FAILED)
		s = CACHE_FAILED_S;
	else if (f->n)
		s = MIN(s, (uint32_t)CACHE_TTL_MAX_S);
	else
		s = s < 1 ? 1 : MIN(s, (uint32_t)CACHE_NO_MAX_S);
	return s * 1000ull;
}

void cache_put(struct cache *c, const struct cache_key *k, const struct found *f, uint64_t now_ms)
{
	size_t size = sizeof(struct cache_entry) + k->len + f->len;
	struct cache_entry **at = find(c, k), *e;
	uint64_t ms = lifetime_ms(f);

	if (*at)
		drop(c, at);
	if (!ms)
		return;
	while (c->n && (c->n >= CACHE_ENTRIES_MAX || c->bytes + size > CACHE_BYTES_MAX)) {
		c->evicted += c->oldest->until_ms > now_ms;
		drop_entry(c, c->oldest);
	}
	e = malloc(size);
	if (!e)
		return; /* it will be asked for again */
	*e = (struct cache_entry){.until_ms = now_ms + ms,
		.hash = k->hash,
		.link = k->link,
		.type = k->type,
		.n = f->n,
		.data_len = f->len,
		.name_len = k->len,
		.kind = f->kind,
		.relative = f->relative};
	memcpy(e->bytes, k->name, k->len);
	if (f->len)
		memcpy(e->bytes + k->len, f->data, f->len);
	e->next = c->buckets[k->hash % BUCKETS];
	c->buckets[k->hash % BUCKETS] = e;
	use_link(c, e);
	c->n++;
	c->bytes += size;
}

bool cache_get(struct cache *c, const struct cache_key *k, uint64_t now_ms, struct found *ret)
{
	struct cache_entry **at = find(c, k), *e = *at;

	if (!e)
		return false;
	if (e->until_ms <= now_ms) {
		drop(c, at);
		return false;
	}
	use_unlink(c, e);
	use_link(c, e);
	*ret = (struct found){.data = e->bytes + e->name_len,
		.ttl_s = (uint32_t)((e->until_ms - now_ms + 999) / 1000),
		.n = e->n,
		.len = e->data_len,
		.kind = e->kind,
		.relative = e->relative};
	return true;
}

void cache_forget(struct cache *c, uint32_t link)
{
	struct cache_entry *older;

	for (struct cache_entry *e = c->newest; e; e = older) {
		older = e->older;
		if (e->link == link)
			drop_entry(c, e);
	}
}
