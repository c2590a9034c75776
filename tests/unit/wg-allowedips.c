// SPDX-License-Identifier: MIT
// The allowed-ips trie: known nestings, ownership, limits, and random operations against a linear list.
#include "test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "wg/allowedips.h"

static struct prefix P(const char *text) {
	struct prefix p = {0};

	CHECK_EQ(prefix_parse(text, &p), 0);
	return p;
}

static struct allowed_owner *
look(struct allowedips *a, const char *text)
{
	struct addr x;

	CHECK_EQ(addr_parse(text, &x), 0);
	return x.family == 4 ? allowedips_lookup4(a, x.bytes) : allowedips_lookup6(a, x.bytes);
}

static int add(struct allowedips *a, const char *text, struct allowed_owner *o)
{
	struct prefix p = P(text);

	return allowedips_insert(a, &p, o);
}

static int del(struct allowedips *a, const char *text, struct allowed_owner *o)
{
	struct prefix p = P(text);

	return allowedips_remove(a, &p, o);
}

static void test_nesting(void)
{
	struct allowedips a = {.max = 100};
	struct allowed_owner x = {0}, y = {0}, z = {0};

	CHECK_EQ(add(&a, "0.0.0.0/0", &x), 0);
	CHECK_EQ(add(&a, "10.0.0.0/8", &y), 0);
	CHECK_EQ(add(&a, "10.1.2.3/32", &z), 0);
	CHECK_EQ(add(&a, "10.1.2.77/24", &x), 0); /* host bits are ignored */
	CHECK(look(&a, "9.9.9.9") == &x);
	CHECK(look(&a, "10.9.9.9") == &y);
	CHECK(look(&a, "10.1.2.3") == &z);
	CHECK(look(&a, "10.1.2.4") == &x);
	CHECK(!look(&a, "::1"));
	CHECK_EQ(add(&a, "::/0", &z), 0);
	CHECK_EQ(add(&a, "fd00::/8", &x), 0);
	CHECK_EQ(add(&a, "fd00::1:0:0:0/65", &y), 0);
	CHECK(look(&a, "fd00::1") == &y);
	CHECK(look(&a, "fd00::8000:0:0:1") == &x);
	CHECK(look(&a, "2001:db8::") == &z);
	CHECK_EQ(del(&a, "10.0.0.0/8", &x), -ENOENT);
	CHECK_EQ(del(&a, "10.0.0.0/9", &y), -ENOENT);
	CHECK_EQ(del(&a, "10.0.0.0/8", &y), 0);
	CHECK(look(&a, "10.9.9.9") == &x);
	allowedips_remove_owner(&a, &x);
	CHECK(!look(&a, "9.9.9.9"));
	CHECK(!look(&a, "10.1.2.4"));
	CHECK(look(&a, "10.1.2.3") == &z);
	allowedips_remove_owner(&a, &y);
	allowedips_remove_owner(&a, &z);
	CHECK_EQ(a.n, 0);
	CHECK(!a.root4 && !a.root6);
}

static void test_move_and_limit(void)
{
	struct allowedips a = {.max = 2};
	struct allowed_owner x = {0}, y = {0};

	CHECK_EQ(add(&a, "10.0.0.0/8", &x), 0);
	CHECK_EQ(add(&a, "10.0.0.0/8", &x), 0);
	CHECK_EQ(x.n, 1);
	CHECK_EQ(add(&a, "11.0.0.0/8", &x), 0);
	CHECK_EQ(add(&a, "12.0.0.0/8", &x), -ENOSPC);
	CHECK_EQ(add(&a, "10.0.0.0/8", &y), 0);
	CHECK(look(&a, "10.1.1.1") == &y);
	CHECK_EQ(x.n, 1);
	CHECK_EQ(y.n, 1);
	CHECK_EQ(del(&a, "10.0.0.0/8", &x), -ENOENT);
	allowedips_remove_owner(&a, &x);
	allowedips_remove_owner(&a, &y);
	CHECK_EQ(a.n, 0);
}

#define OWNERS	 7
#define LIST_MAX 3000

static struct {
	struct prefix p;
	int owner;
} list[LIST_MAX];
static int n_list;

static int slow_lookup(const struct addr *x)
{
	int best = -1, len = -1;

	for (int i = 0; i < n_list; i++)
		if (prefix_contains(&list[i].p, x) && list[i].p.len > len) {
			best = list[i].owner;
			len = list[i].p.len;
		}
	return best;
}

static int slow_find(const struct prefix *p)
{
	for (int i = 0; i < n_list; i++)
		if (prefix_equal(&list[i].p, p))
			return i;
	return -1;
}

/* Few different bits, so that prefixes nest and meet. */
static struct addr random_addr(int family)
{
	struct addr x = {.family = (uint8_t)family};
	size_t n = family == 4 ? 4 : 16;

	for (size_t i = 0; i < n; i++)
		x.bytes[i] =
			random() % 3 ? 0 : (uint8_t)(random() % 4 ? 1u << random() % 8 : random());
	return x;
}

static struct prefix random_prefix(int family)
{
	struct prefix p = {.addr = random_addr(family)};

	p.len = (uint8_t)(random() % (family == 4 ? 33 : 129));
	return prefix_canonical(&p);
}

static void compare_lookups(struct allowedips *a, struct allowed_owner *owners)
{
	for (int i = 0; i < 200; i++) {
		struct addr x = random_addr(i & 1 ? 4 : 6);
		int want = slow_lookup(&x);
		struct allowed_owner *got = x.family == 4 ? allowedips_lookup4(a, x.bytes)
							  : allowedips_lookup6(a, x.bytes);

		CHECK(got == (want < 0 ? NULL : &owners[want]));
	}
}

/* Every owner's list has exactly its prefixes. */
static void compare_lists(struct allowed_owner *owners)
{
	uint32_t total = 0;

	for (int o = 0; o < OWNERS; o++) {
		uint32_t n = 0;

		for (const struct allowed_entry *e = owners[o].first; e; e = allowedips_next(e)) {
			struct prefix p = allowedips_prefix(e);
			int i = slow_find(&p);

			CHECK(i >= 0 && list[i].owner == o);
			n++;
		}
		CHECK_EQ(n, owners[o].n);
		total += n;
	}
	CHECK_EQ(total, n_list);
}

static void one_step(struct allowedips *a, struct allowed_owner *owners)
{
	struct prefix p = random_prefix(random() & 1 ? 4 : 6);
	int o = (int)(random() % OWNERS), i, act = (int)(random() % 16);

	if (act > 3 && n_list < LIST_MAX) {
		CHECK_EQ(allowedips_insert(a, &p, &owners[o]), 0);
		i = slow_find(&p);
		if (i < 0)
			list[i = n_list++].p = p;
		list[i].owner = o;
	} else if (act > 0) {
		if (n_list && act > 1)
			p = list[random() % n_list].p;
		i = slow_find(&p);
		CHECK_EQ(allowedips_remove(a, &p, &owners[o]),
			i >= 0 && list[i].owner == o ? 0 : -ENOENT);
		if (i >= 0 && list[i].owner == o)
			list[i] = list[--n_list];
	} else if (random() % 20 == 0) {
		allowedips_remove_owner(a, &owners[o]);
		for (i = 0; i < n_list;)
			if (list[i].owner == o)
				list[i] = list[--n_list];
			else
				i++;
	}
}

static void test_oracle(void)
{
	struct allowedips a = {.max = LIST_MAX};
	struct allowed_owner owners[OWNERS] = {0};

	srandom(4711);
	for (int i = 0; i < 6000; i++) {
		one_step(&a, owners);
		if (i % 50 == 0) {
			compare_lookups(&a, owners);
			compare_lists(owners);
		}
	}
	for (int o = 0; o < OWNERS; o++)
		allowedips_remove_owner(&a, &owners[o]);
	CHECK(!a.root4 && !a.root6 && !a.n);
}

int main(void)
{
	RUN(test_nesting);
	RUN(test_move_and_limit);
	RUN(test_oracle);
	return TEST_END();
}
