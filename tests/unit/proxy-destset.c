// SPDX-License-Identifier: MIT
// The bounded set of destinations beside a plain list that does the same slowly.
#include "proxy/destset.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static struct hostport at(unsigned n)
{
	struct hostport h = {.addr = addr_v4(0x0a000000 + n / 7), .port = (uint16_t)(n % 7 + 1)};

	if (n % 3 == 0) {
		h.addr.family = 6;
		h.addr.bytes[15] = (uint8_t)n;
	}
	return h;
}

static void test_one(void)
{
	struct destset s = {.seed = 1};
	struct hostport a = at(1), b = at(2);
	struct dest *d;

	CHECK(!destset_find(&s, &a));
	d = destset_add(&s, &a);
	CHECK(d && destset_find(&s, &a) == d);
	CHECK(!destset_find(&s, &b));
	b = a;
	b.port++;
	CHECK(!destset_find(&s, &b)); /* the port counts */
	destset_use(&s, d);
	destset_free(&s);
	CHECK(!destset_find(&s, &a));
	CHECK(destset_add(&s, &a));
	destset_free(&s);
}

static void test_oldest_goes(void)
{
	struct destset s = {.seed = 2};

	for (unsigned i = 0; i < DESTSET_MAX; i++)
		CHECK(destset_add(&s, &(struct hostport){.addr = addr_v4(i), .port = 1}));
	destset_use(&s, destset_find(&s, &(struct hostport){.addr = addr_v4(0), .port = 1}));
	CHECK(destset_add(&s, &(struct hostport){.addr = addr_v4(999), .port = 1}));
	CHECK_EQ(s.n, DESTSET_MAX);
	CHECK(destset_find(&s, &(struct hostport){.addr = addr_v4(0), .port = 1}));
	CHECK(!destset_find(&s, &(struct hostport){.addr = addr_v4(1), .port = 1}));
	CHECK(destset_find(&s, &(struct hostport){.addr = addr_v4(2), .port = 1}));
	CHECK(destset_find(&s, &(struct hostport){.addr = addr_v4(999), .port = 1}));
	destset_free(&s);
}

/* Newest first. */
struct model {
	unsigned n, items[DESTSET_MAX];
};

static int model_find(const struct model *m, unsigned x)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->items[i] == x)
			return (int)i;
	return -1;
}

static void model_use(struct model *m, unsigned x)
{
	int i = model_find(m, x);
	unsigned last = i >= 0 ? (unsigned)i : m->n < DESTSET_MAX ? m->n++ : m->n - 1;

	memmove(m->items + 1, m->items, last * sizeof(*m->items));
	m->items[0] = x;
}

static void test_against_model(void)
{
	struct destset s = {.seed = 3};
	static struct model m;
	unsigned random = 12345, wrong = 0;

	for (unsigned round = 0; round < 200000; round++) {
		struct hostport h;
		struct dest *d;
		unsigned x;

		random = random * 1103515245 + 12345;
		/* mostly few, so that many are found, and all of them now and then */
		x = (random >> 16) % (round % 5 ? 200 : 600);
		h = at(x);
		d = destset_find(&s, &h);
		wrong += !d != (model_find(&m, x) < 0);
		if (random >> 31) {
			if (d)
				destset_use(&s, d);
			else
				d = destset_add(&s, &h);
			model_use(&m, x);
			wrong += destset_find(&s, &h) != d;
		}
	}
	CHECK_EQ(wrong, 0);
	CHECK_EQ(s.n, m.n);
	for (unsigned i = 0; i < m.n; i++) {
		struct hostport h = at(m.items[i]);

		CHECK(destset_find(&s, &h));
	}
	destset_free(&s);
}

int main(void)
{
	RUN(test_one);
	RUN(test_oldest_goes);
	RUN(test_against_model);
	return TEST_END();
}
