// SPDX-License-Identifier: MIT
// The cache: lifetimes, room, whose answers they are.
#include "dns/cache.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ipc/resolve.h"
#include "test.h"

static struct cache cache;

static struct cache_key key(uint32_t link, uint16_t type, const char *name)
{
	struct cache_key k = {.name = (const uint8_t *)name,
		.len = (uint8_t)strlen(name),
		.link = link,
		.type = type};

	k.hash = cache_hash(&cache, &k);
	return k;
}

static void put(uint32_t link, const char *name, unsigned kind, uint32_t ttl_s, size_t len)
{
	static uint8_t data[RESOLVE_DATA_MAX];
	struct cache_key k = key(link, 1, name);
	struct found f = {.data = data,
		.ttl_s = ttl_s,
		.n = len > 0,
		.len = (uint16_t)len,
		.kind = (uint8_t)kind};

	memset(data, (int)len, len);
	cache_put(&cache, &k, &f, 1000);
}

/* What is left of its life at NOW_S, 0 = not known. */
static uint32_t left(uint32_t link, const char *name, uint64_t now_s)
{
	struct cache_key k = key(link, 1, name);
	struct found f;

	return cache_get(&cache, &k, 1000 + now_s * 1000, &f) ? f.ttl_s : 0;
}

static void lifetimes(void)
{
	static const struct {
		unsigned kind;
		uint32_t ttl_s;
		size_t len;
		uint32_t kept_s;
	} rows[] = {{RESOLVE_RECORDS, 60, 6, 60}, {RESOLVE_RECORDS, 86400, 6, CACHE_TTL_MAX_S},
		{RESOLVE_RECORDS, 0, 6, 0}, {RESOLVE_RECORDS, 20, 0, 20},
		{RESOLVE_RECORDS, 0, 0, 1}, {RESOLVE_NO_SUCH, 7, 0, 7}, {RESOLVE_NO_SUCH, 0, 0, 1},
		{RESOLVE_NO_SUCH, UINT32_MAX, 0, CACHE_NO_MAX_S},
		{RESOLVE_FAILED, 300, 0, CACHE_FAILED_S}};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
		put(1, "name", rows[i].kind, rows[i].ttl_s, rows[i].len);
		CHECK_EQ(left(1, "name", 0), rows[i].kept_s);
		if (rows[i].kept_s > 1)
			CHECK_EQ(left(1, "name", 1), rows[i].kept_s - 1);
		CHECK_EQ(left(1, "name", rows[i].kept_s), 0);
	}
	CHECK_EQ(cache.n, 0);
	CHECK_EQ(cache.bytes, 0);
}

static void what_is_told_apart(void)
{
	struct cache_key other = key(1, 28, "name");
	struct found f;

	put(1, "name", RESOLVE_RECORDS, 60, 6);
	CHECK_EQ(left(2, "name", 0), 0);
	CHECK_EQ(left(1, "nam", 0), 0);
	CHECK(!cache_get(&cache, &other, 1000, &f));
	put(2, "name", RESOLVE_RECORDS, 50, 6);
	cache_forget(&cache, 1);
	CHECK_EQ(left(1, "name", 0), 0);
	CHECK_EQ(left(2, "name", 0), 50);
	cache_forget(&cache, 2);
	CHECK_EQ(cache.n, 0);
	CHECK(!cache.newest && !cache.oldest);
}

static void room(void)
{
	char name[16];
	uint64_t before = cache.evicted;

	for (unsigned i = 0; i < CACHE_ENTRIES_MAX + 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		put(1, name, RESOLVE_RECORDS, 60, 6);
		if (i > 50)
			CHECK_EQ(left(1, "n50", 0), 60); /* in use, so it stays */
	}
	CHECK_EQ(cache.n, CACHE_ENTRIES_MAX);
	CHECK_EQ(cache.evicted - before, 100);
	CHECK_EQ(left(1, "n0", 0), 0);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "big%u", i);
		put(1, name, RESOLVE_RECORDS, 60, RESOLVE_DATA_MAX);
		CHECK(cache.bytes <= CACHE_BYTES_MAX);
	}
	CHECK_EQ(left(1, "big299", 0), 60);
	CHECK_EQ(left(1, "big100", 0), 0);
	cache_forget(&cache, 1);
	CHECK_EQ(cache.bytes, 0);
}

int main(void)
{
	CHECK_EQ(cache_init(&cache), 0);
	RUN(lifetimes);
	RUN(what_is_told_apart);
	RUN(room);
	free(cache.buckets);
	return TEST_END();
}
