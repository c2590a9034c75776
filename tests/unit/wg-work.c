// SPDX-License-Identifier: MIT
// When a node takes a second thread, and when it gives it up.
#include "test.h"

#include "common/clock.h"
#include "wg/work.h"

#define SECOND_NS   1000000000ull
#define PATIENCE_NS (20 * SECOND_NS)

/* Works all the time, with so many packets each way at a time: does it ever take two? */
static bool ever_two(unsigned sent, unsigned received, uint64_t patience_ns)
{
	uint64_t start = clock_now_ns(), now = start;
	struct work w = {0};

	for (; now - start < patience_ns; now = clock_now_ns()) {
		w.received += received;
		if (work_needs_two(&w, sent, now))
			return true;
	}
	return false;
}

static void who_is_at_the_limit_takes_two(void)
{
	CHECK(ever_two(1, 0, PATIENCE_NS));
	CHECK(ever_two(1, 2, PATIENCE_NS));
	CHECK(!ever_two(1, 40, 100000000)); /* acknowledgements */
}

static void who_sleeps_does_not(void)
{
	struct work one = {0}, two = {0};
	uint64_t now = clock_now_ns();
	bool gives_up = false;

	for (int i = 0; i < 100; i++, now += SECOND_NS / 2) {
		CHECK(!work_needs_two(&one, 1000, now));
		gives_up |= work_needs_one(&two, now);
	}
	CHECK(gives_up);
}

/* Nothing is concluded from what was before a change of threads. */
static void the_first_window_only_begins(void)
{
	struct work w = {0};

	CHECK(!work_needs_one(&w, clock_now_ns()));
	w = (struct work){0};
	CHECK(!work_needs_two(&w, 1000000, clock_now_ns()));
}

int main(void)
{
	RUN(who_is_at_the_limit_takes_two);
	RUN(who_sleeps_does_not);
	RUN(the_first_window_only_begins);
	return TEST_END();
}
