// SPDX-License-Identifier: MIT
// The window of a bulk stream: on paths of every kind it keeps the speed and leaves no long queue.
#include "relay/window.h"

#include "common/cleanup.h"
#include "test.h"

#define KB 1024ull
#define MB (1024 * KB)

/* A path, and streams that always have something to send. */
struct path {
	uint64_t rtt_us, bytes_per_s, others_us; /* OTHERS: a queue that is not ours */
	uint32_t streams;
	uint64_t kernel; /* the window that the kernel would give each stream */
	uint32_t now, clamp;
	uint16_t strange;
	uint64_t rtt_now_us, speed; /* of one stream */
};

static void run(struct path *p, unsigned looks)
{
	while (looks--) {
		uint64_t flight, bytes;
		struct window_path w;

		p->now = (uint32_t)(p->clamp ? MIN((uint64_t)p->clamp, p->kernel) : p->kernel);
		flight = (uint64_t)p->now * p->streams;
		p->rtt_now_us = MAX(p->rtt_us + p->others_us, flight * 1000000 / p->bytes_per_s);
		p->speed = (uint64_t)p->now * 1000000 / p->rtt_now_us;
		bytes = p->speed * 16 / 1000;
		w = (struct window_path){.bytes = bytes,
			.all = bytes * p->streams,
			.us = 16000,
			.rtt_us = (uint32_t)p->rtt_us,
			.recent_us = (uint32_t)p->rtt_now_us,
			.now = p->now,
			.clamp = p->clamp,
			.strange = p->strange};
		p->clamp = window_decide(&w);
		p->strange = w.strange;
	}
}

/* All streams together fill P. */
static bool full(const struct path *p)
{
	return p->speed * p->streams >= p->bytes_per_s * 98 / 100;
}

static void test_short_path(void)
{
	struct path p = {.rtt_us = 100, .bytes_per_s = 600 * MB, .streams = 4, .kernel = 8 * MB};

	run(&p, 1);
	CHECK(p.rtt_now_us > 50000); /* what the kernel alone makes of it */
	CHECK(p.clamp >= 6 * MB);    /* a quarter less, not more at a time */
	run(&p, 50);
	CHECK(full(&p));
	CHECK(p.rtt_now_us < 2000);
	CHECK_EQ(p.clamp, 256 * KB);
	p.streams = 1; /* the others have ended */
	run(&p, 2);
	CHECK_EQ(p.clamp, 1024 * KB);
}

/* Near, and so fast that the floor would not do. */
static void test_near_path(void)
{
	struct path p = {.rtt_us = 2000, .bytes_per_s = 1200 * MB, .streams = 2, .kernel = 32 * MB};

	run(&p, 50);
	CHECK(full(&p));
	CHECK(p.rtt_now_us <= 4 * p.rtt_us);
}

static void test_long_path(void)
{
	struct path p = {.rtt_us = 20000, .bytes_per_s = 125 * MB, .streams = 2, .kernel = 32 * MB};

	run(&p, 50);
	CHECK(full(&p));
	CHECK_EQ(p.clamp, 0);
}

/* A small window changes nothing: the kernel has its way, and is asked to try again from time to time. */
static void strange(struct path *p)
{
	unsigned held = 0;

	for (unsigned i = 0; i < 4000; i++) {
		run(p, 1);
		held += p->clamp && p->clamp != WINDOW_ALL;
	}
	CHECK(held > 100);
	CHECK(held < 500);
}

static void test_strange_path(void)
{
	/* the peer is elsewhere now */
	struct path moved = {.rtt_us = 300,
		.others_us = 80000,
		.bytes_per_s = 100 * MB,
		.streams = 1,
		.kernel = 8 * MB};
	/* another one fills the queue before us */
	struct path shared = {.rtt_us = 2500,
		.others_us = 40000,
		.bytes_per_s = 60 * MB,
		.streams = 3,
		.kernel = 4 * MB};

	strange(&moved);
	strange(&shared);
}

/* As long as a stream grows, nothing holds it. */
static void test_growing(void)
{
	struct path p = {.rtt_us = 2000, .bytes_per_s = 250 * MB, .streams = 1, .kernel = 64 * KB};

	for (; p.kernel <= 1024 * KB; p.kernel *= 2) {
		run(&p, 1);
		CHECK_EQ(p.clamp, 0);
	}
	p.kernel = 8 * MB;
	run(&p, 20);
	CHECK(full(&p));
	p.bytes_per_s = 1000 * MB; /* somebody else has ended */
	run(&p, 20);
	CHECK(full(&p));
}

static void test_shortest(void)
{
	struct addr a = addr_v4(0x0a000001), b = addr_v4(0x0a000002);

	CHECK_EQ(window_shortest(&a, 0, 1000), 0);
	CHECK_EQ(window_shortest(&a, 5000, 1000), 5000);
	CHECK_EQ(window_shortest(&a, 200, 1000), 200);
	CHECK_EQ(window_shortest(&b, 900, 1000), 900);
	CHECK_EQ(window_shortest(&a, 7000, 2000), 200);
	CHECK_EQ(window_shortest(&a, 7000, 122000),
		7000); /* what was two minutes ago is forgotten */
	for (uint32_t i = 0; i < 100; i++) {
		struct addr c = addr_v4(i);

		CHECK_EQ(window_shortest(&c, 100 + i, 122000 + i), 100 + i);
	}
	CHECK_EQ(window_shortest(&a, 8000, 122100), 8000); /* the oldest makes room */
}

/* Without a look that tells something, nothing changes. */
static void test_unknown(void)
{
	struct window_path p = {
		.bytes = MB, .all = MB, .us = 16000, .rtt_us = 100, .now = MB, .clamp = 12345};
	struct window_path q = p;

	q.rtt_us = 0;
	CHECK_EQ(window_decide(&q), 12345);
	q = p;
	q.bytes = q.all = 0;
	CHECK_EQ(window_decide(&q), 12345);
	q = p;
	q.us = 0;
	CHECK_EQ(window_decide(&q), 12345);
	q = p;
	q.all = 1;
	CHECK_EQ(window_decide(&q), 12345);
	q = p;
	q.bytes = q.all = 1ull << 40;
	q.rtt_us = 3000;
	CHECK_EQ(window_decide(&q), WINDOW_ALL);
}

/* Nobody waits behind a stream that is alone, whatever its path: the kernel has its way. */
static void test_alone(void)
{
	struct window_path p = {.bytes = 8 * MB,
		.all = 8 * MB,
		.us = 16000,
		.rtt_us = 100,
		.now = 8 * MB,
		.alone = true};

	CHECK_EQ(window_decide(&p), 0);
	p.clamp = MB; /* since somebody else was there */
	CHECK_EQ(window_decide(&p), WINDOW_ALL);
	p.clamp = WINDOW_ALL;
	p.alone = false;
	CHECK_EQ(window_decide(&p), 6 * MB);
}

int main(void)
{
	RUN(test_short_path);
	RUN(test_near_path);
	RUN(test_long_path);
	RUN(test_strange_path);
	RUN(test_growing);
	RUN(test_shortest);
	RUN(test_unknown);
	RUN(test_alone);
	return TEST_END();
}
