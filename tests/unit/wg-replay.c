// SPDX-License-Identifier: MIT
// The replay window: edges as tables, sweeps, and random sequences against a slow oracle.
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>

#include "wg/replay.h"

#define LIMIT REPLAY_WINDOW

static void test_edges(void)
{
	static const struct {
		uint64_t counter;
		bool want;
	} steps[] = {
		{0, true},
		{1, true},
		{1, false},
		{9, true},
		{8, true},
		{7, true},
		{7, false},
		{LIMIT, true},
		{LIMIT - 1, true},
		{LIMIT - 1, false},
		{LIMIT - 2, true},
		{2, true},
		{2, false},
		{LIMIT + 16, true},
		{3, false},
		{LIMIT + 16, false},
		{LIMIT * 4, true},
		{LIMIT * 4 - (LIMIT - 1), true},
		{10, false},
		{LIMIT * 4 - LIMIT, true},
		{LIMIT * 4 - (LIMIT + 1), false},
		{LIMIT * 4 - (LIMIT - 2), true},
		{LIMIT * 4 + 1 - LIMIT, false},
		{0, false},
		{REJECT_AFTER_MESSAGES, false},
		{REJECT_AFTER_MESSAGES - 1, true},
		{REJECT_AFTER_MESSAGES, false},
		{REJECT_AFTER_MESSAGES - 1, false},
		{REJECT_AFTER_MESSAGES - 2, true},
		{REJECT_AFTER_MESSAGES + 1, false},
		{UINT64_MAX, false},
		{REJECT_AFTER_MESSAGES - 3, true},
		{0, false},
	};
	struct replay r = {0};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (replay_accept(&r, steps[i].counter) != steps[i].want) {
			fprintf(stderr, "step %zu\n", i);
			CHECK(false);
		}
}

static void test_up_and_down(void)
{
	struct replay r = {0};

	for (uint64_t i = 1; i <= LIMIT; i++)
		CHECK(replay_accept(&r, i));
	CHECK(replay_accept(&r, 0));
	CHECK(!replay_accept(&r, 0));
	memset(&r, 0, sizeof(r));
	for (uint64_t i = LIMIT + 1; i-- > 0;)
		CHECK(replay_accept(&r, i));
	for (uint64_t i = LIMIT + 1; i-- > 0;)
		CHECK(!replay_accept(&r, i));
	memset(&r, 0, sizeof(r));
	for (uint64_t i = LIMIT + 2; i-- > 1;)
		CHECK(replay_accept(&r, i));
	CHECK(!replay_accept(&r, 0));
}

/* A jump over more than the whole ring clears all of it. */
static void test_jump(void)
{
	struct replay r = {0};

	for (uint64_t i = 0; i < 200; i++)
		CHECK(replay_accept(&r, i));
	CHECK(replay_accept(&r, 1000000));
	for (uint64_t i = 1000000 - LIMIT; i < 1000000; i++)
		CHECK(replay_accept(&r, i));
	CHECK(!replay_accept(&r, 1000000 - LIMIT - 1));
}

#define SPACE 40000

static void test_oracle(void)
{
	static bool seen[SPACE];

	for (unsigned seed = 1; seed <= 20; seed++) {
		struct replay r = {0};
		uint64_t next = 0, at = 0;

		srandom(seed);
		memset(seen, 0, sizeof(seen));
		for (int i = 0; i < 30000; i++) {
			bool want;
			uint64_t c;

			at += (uint64_t)random() % 3;
			c = at + (uint64_t)random() % (seed * 600);
			c = c > seed * 300 ? c - seed * 300 : 0;
			c %= SPACE;
			want = !seen[c] && c + 1 + LIMIT >= next;
			seen[c] = seen[c] || want;
			if (want && c + 1 > next)
				next = c + 1;
			CHECK_EQ(replay_accept(&r, c), want);
		}
	}
}

int main(void)
{
	RUN(test_edges);
	RUN(test_up_and_down);
	RUN(test_jump);
	RUN(test_oracle);
	return TEST_END();
}
