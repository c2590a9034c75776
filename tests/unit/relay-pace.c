// SPDX-License-Identifier: MIT
// Which streams are looked at from time to time only.
#include "relay/pace.h"

#include "relay/loop.h"
#include "test.h"

#define KB  1024ull
#define ANY UINT64_MAX

static uint64_t now_ms = 1000;

static struct pace begin(void)
{
	struct pace p = {0};

	now_ms += 1000;
	pace_moved(&p, 1, now_ms); /* its time begins */
	return p;
}

/* KB_PER_MS for MS, read whenever something comes, which leaves the socket empty. How often it may pause then. */
static unsigned stream(
	struct pace *p, uint64_t kb_per_ms, unsigned ms, uint64_t left, uint64_t limit)
{
	unsigned n = 0;

	while (ms--) {
		pace_moved(p, kb_per_ms * KB, ++now_ms);
		n += pace_pauses(p, left, limit);
	}
	return n;
}

static struct pace polled(void)
{
	struct pace p = begin();

	CHECK(stream(&p, 800, 10, ANY, ANY) > 0);
	p.polled = true;
	return p;
}

/* A pause is over, and then there are BYTES. */
static bool look(struct pace *p, uint64_t bytes, uint64_t left)
{
	p->looked = true;
	pace_moved(p, bytes, now_ms);
	return pace_pauses(p, left, ANY);
}

static void test_slow(void)
{
	struct pace p = begin();

	CHECK_EQ(stream(&p, 100, 500, ANY, ANY), 0); /* 0.8 Gb/s */
}

static void test_fast(void)
{
	struct pace p = begin();

	CHECK_EQ(stream(&p, 800, 6, ANY, ANY), 0); /* not before that is known */
	CHECK(stream(&p, 800, 4, ANY, ANY) > 0);
	p.polled = true;
	for (int i = 0; i < 1000; i++) {
		now_ms += i % 5 < 2; /* LOOP_PAUSE_US */
		CHECK(look(&p, 320 * KB, ANY));
	}
}

/* Whoever asks for another reason, as when the other side takes bytes again, ends no pause. */
static void test_asked_meanwhile(void)
{
	struct pace p = polled();

	for (int i = 0; i < 10; i++)
		CHECK(pace_pauses(&p, ANY, ANY));
	pace_moved(&p, 320 * KB, now_ms); /* in several turns */
	CHECK(look(&p, 1 * KB, ANY));
	CHECK(!look(&p, 1 * KB, ANY));
}

static void test_breaks_off(void)
{
	struct pace p = polled();

	CHECK(look(&p, 320 * KB, ANY));
	CHECK(!look(&p, 10 * KB, ANY));
	p.polled = false;
	now_ms += 7;
	CHECK_EQ(stream(&p, 0, 1, ANY, ANY), 0); /* it has to show its speed anew */
	CHECK_EQ(stream(&p, 800, 7, ANY, ANY), 0);
	CHECK(stream(&p, 800, 4, ANY, ANY) > 0);
	CHECK(!look(&p, 0, ANY));
}

static void test_long_break(void)
{
	struct pace p = begin();

	CHECK_EQ(stream(&p, 800, 7, ANY, ANY), 0);
	now_ms += 100;
	CHECK_EQ(stream(&p, 800, 1, ANY, ANY), 0);
}

/* The last bytes are not waited for, nor more than the window lets come. */
static void test_bounds(void)
{
	struct pace p = begin();

	CHECK_EQ(stream(&p, 800, 50, 300 * KB, ANY), 0);
	CHECK_EQ(stream(&p, 800, 50, ANY, 300 * KB), 0);
	CHECK_EQ(stream(&p, 800, 1, ANY, 400 * KB), 1);
	CHECK(!look(&p, 320 * KB, 100 * KB));
}

int main(void)
{
	RUN(test_slow);
	RUN(test_fast);
	RUN(test_asked_meanwhile);
	RUN(test_breaks_off);
	RUN(test_long_break);
	RUN(test_bounds);
	return TEST_END();
}
