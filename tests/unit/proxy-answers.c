// SPDX-License-Identifier: MIT
// The memory of a resolver's answers: how long, how many, which go first.
#include "proxy/answers.h"

#include "test.h"

#define SECOND 1000u

static struct answers_entry one(uint32_t ttl_s, uint32_t host)
{
	return (struct answers_entry){.ttl_s = ttl_s, .n = 1, .addrs = {addr_v4(host)}};
}

static void put(const char *name, struct answers_entry e, uint64_t now_ms)
{
	answers_put(name, &e, now_ms);
}

static void test_time(void)
{
	struct answers_entry e;

	put("a", one(10, 0x0a000001), 1000);
	CHECK(!answers_get("b", 1000, &e));
	CHECK(answers_get("a", 1000, &e));
	CHECK_EQ(e.n, 1);
	CHECK_EQ(addr_v4_host(&e.addrs[0]), 0x0a000001);
	CHECK_EQ(e.ttl_s, 10);
	CHECK(answers_get("a", 10999, &e));
	CHECK_EQ(e.ttl_s, 1);
	CHECK(!answers_get("a", 11000, &e));
	CHECK_EQ(answers_count(), 0);
	put("a", one(0, 1), 1000);
	CHECK(!answers_get("a", 1000, &e));
	put("a", one(UINT32_MAX, 1), 1000);
	CHECK(answers_get("a", 1000 + ANSWERS_TTL_MAX_S * SECOND - 1, &e));
	CHECK(!answers_get("a", 1000 + ANSWERS_TTL_MAX_S * SECOND, &e));
	put("no", (struct answers_entry){.ttl_s = 3600}, 1000);
	CHECK(answers_get("no", 1000 + ANSWERS_NO_MAX_S * SECOND - 1, &e));
	CHECK_EQ(e.n, 0);
	CHECK(!answers_get("no", 1000 + ANSWERS_NO_MAX_S * SECOND, &e));
	put("a", one(10, 1), 0);
	put("a", one(10, 2), 0);
	CHECK_EQ(answers_count(), 1);
	CHECK(answers_get("a", 0, &e) && addr_v4_host(&e.addrs[0]) == 2);
	put("a", one(0, 3), 0); /* what is said last counts */
	CHECK(!answers_get("a", 0, &e));
	answers_flush();
	CHECK_EQ(answers_count(), 0);
}

static void test_room(void)
{
	struct answers_entry e;
	char name[32];

	for (uint32_t i = 0; i < ANSWERS_MAX; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		put(name, one(100, i), 0);
	}
	CHECK_EQ(answers_count(), ANSWERS_MAX);
	CHECK(answers_get("n0", 0, &e)); /* used: n1 is the oldest now */
	put("one-more", one(100, 7), 0);
	CHECK_EQ(answers_count(), ANSWERS_MAX);
	CHECK(answers_get("n0", 0, &e));
	CHECK(!answers_get("n1", 0, &e));
	CHECK(answers_get("n2", 0, &e) && addr_v4_host(&e.addrs[0]) == 2);
	CHECK(answers_get("one-more", 0, &e));
	answers_flush();
	CHECK_EQ(answers_count(), 0);
	CHECK(!answers_get("n2", 0, &e));
}

int main(void)
{
	RUN(test_time);
	RUN(test_room);
	return TEST_END();
}
