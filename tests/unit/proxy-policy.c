// SPDX-License-Identifier: MIT
// Routes, denials and never-proxied addresses in every spelling; the prefix set against a linear search.
#include "proxy/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "test.h"

static void add(struct prefixset *s, const char *text, uint32_t value)
{
	struct prefix p;

	CHECK_EQ(prefix_parse(text, &p), 0);
	CHECK_EQ(prefixset_add(s, &p, value, 1000), 0);
}

static const struct {
	const char *addr;
	enum policy_verdict verdict;
	uint32_t peer;
} addresses[] = {
	{"10.100.10.141", POLICY_OK, 1},
	{"10.100.20.1", POLICY_OK, 2},
	{"10.101.0.1", POLICY_NOT_ROUTED, 0},
	{"100.121.76.21", POLICY_OK, 3},
	{"100.100.100.100", POLICY_OK, 3},
	{"fd7a::1", POLICY_OK, 2},
	{"fd7b::1", POLICY_NOT_ROUTED, 0},
	{"10.77.0.2", POLICY_DENIED, 0},
	{"10.200.0.1", POLICY_DENIED, 0},
	{"10.200.255.2", POLICY_DENIED, 0},
	{"64:ff9b::10.200.0.1", POLICY_DENIED, 0},
	{"2002:ac8:1::", POLICY_DENIED, 0},
	{"::ffff:10.100.10.141", POLICY_NEVER, 0},
	{"::ffff:10.200.0.1", POLICY_NEVER, 0},
	{"64:ff9b::10.100.10.141", POLICY_OK, 4},
	{"0.0.0.0", POLICY_NEVER, 0},
	{"0.1.2.3", POLICY_NEVER, 0},
	{"127.0.0.1", POLICY_NEVER, 0},
	{"127.255.0.1", POLICY_NEVER, 0},
	{"169.254.169.254", POLICY_NEVER, 0},
	{"224.0.0.1", POLICY_NEVER, 0},
	{"255.255.255.255", POLICY_NEVER, 0},
	{"::", POLICY_NEVER, 0},
	{"::1", POLICY_NEVER, 0},
	{"fe80::1", POLICY_NEVER, 0},
	{"ff02::1", POLICY_NEVER, 0},
	{"::127.0.0.1", POLICY_NEVER, 0},
	{"::ffff:127.0.0.1", POLICY_NEVER, 0},
	{"::ffff:0:127.0.0.1", POLICY_NEVER, 0},
	{"64:ff9b::127.0.0.1", POLICY_NEVER, 0},
	{"64:ff9b::169.254.169.254", POLICY_NEVER, 0},
	{"64:ff9b:1::7f00:1", POLICY_NEVER, 0},
	{"2002:7f00:1::", POLICY_NEVER, 0},
};

static void build(struct policy *p)
{
	*p = (struct policy){.has_ipv6 = true};
	add(&p->routes, "10.100.0.0/16", 1);
	add(&p->routes, "10.100.20.0/24", 2);
	add(&p->routes, "10.77.0.0/24", 1);
	add(&p->routes, "10.200.0.0/30", 1); /* a peer that claims the pool */
	add(&p->routes, "100.64.0.0/10", 3);
	add(&p->routes, "127.0.0.0/8", 3); /* and one that claims loopback */
	add(&p->routes, "169.254.0.0/16", 3);
	add(&p->routes, "fd7a::/48", 2);
	add(&p->routes, "::ffff:0:0/96", 2);
	add(&p->routes, "64:ff9b::/96", 4);
	add(&p->deny, "10.200.0.0/16", 0);
	add(&p->deny, "10.77.0.2/32", 0);
	add(&p->allow, "100.64.0.0/10", 0);
	add(&p->allow, "127.0.0.0/8", 0);
	policy_seal(p);
}

static void test_verdicts(void)
{
	struct policy p;
	struct addr a;

	build(&p);
	for (size_t i = 0; i < ELEMENTSOF(addresses); i++) {
		uint32_t peer = 0;

		CHECK_EQ(addr_parse(addresses[i].addr, &a), 0);
		if (policy_check(&p, &a, &peer) != addresses[i].verdict)
			fprintf(stderr, "%s: ", addresses[i].addr);
		CHECK_EQ(policy_check(&p, &a, &peer), addresses[i].verdict);
		CHECK_EQ(peer, addresses[i].peer);
	}
	p.has_ipv6 = false;
	addr_parse("fd7a::1", &a);
	CHECK_EQ(policy_check(&p, &a, NULL), POLICY_NO_IPV6);
	addr_parse("::1", &a);
	CHECK_EQ(policy_check(&p, &a, NULL), POLICY_NEVER);
	addr_parse("100.99.0.1", &a);
	CHECK(policy_admits(&p, &a));
	addr_parse("192.168.1.1", &a);
	CHECK(!policy_admits(&p, &a));
	policy_free(&p);
}

static void test_nothing(void)
{
	struct policy p = {0};
	struct addr a = addr_v4(0x0a000001);

	policy_seal(&p);
	CHECK_EQ(policy_check(&p, &a, NULL), POLICY_NOT_ROUTED);
	CHECK(!policy_admits(&p, &a));
}

static void test_everything(void)
{
	struct policy p = {.has_ipv6 = true};
	struct addr a;
	uint32_t peer;

	add(&p.routes, "0.0.0.0/0", 7);
	add(&p.routes, "::/0", 8);
	policy_seal(&p);
	addr_parse("8.8.8.8", &a);
	CHECK_EQ(policy_check(&p, &a, &peer), POLICY_OK);
	CHECK_EQ(peer, 7);
	addr_parse("2001:db8::1", &a);
	CHECK_EQ(policy_check(&p, &a, &peer), POLICY_OK);
	CHECK_EQ(peer, 8);
	addr_parse("127.0.0.1", &a);
	CHECK_EQ(policy_check(&p, &a, &peer), POLICY_NEVER);
	policy_free(&p);
}

/* Of our own addresses what is published, and nothing else, in no other spelling. */
static void test_published(void)
{
	struct policy p = {.has_ipv6 = true, .self = 9};
	struct hostport own = {.addr = addr_v4(0x0a4d0002), .port = 8080}, to = own;
	uint32_t peer = 0;

	add(&p.routes, "0.0.0.0/0", 7);
	add(&p.routes, "::/0", 7);
	add(&p.deny, "10.77.0.2/32", 0);
	CHECK_EQ(policy_publish(&p, &own, false), 0);
	policy_seal(&p);
	CHECK_EQ(policy_check_port(&p, &to, false, &peer), POLICY_OK);
	CHECK_EQ(peer, 9);
	CHECK_EQ(policy_check_port(&p, &to, true, &peer), POLICY_DENIED);
	to.port = 8081;
	CHECK_EQ(policy_check_port(&p, &to, false, &peer), POLICY_DENIED);
	to.port = 8080;
	addr_parse("64:ff9b::a4d:2", &to.addr);
	CHECK_EQ(policy_check_port(&p, &to, false, &peer), POLICY_DENIED);
	addr_parse("::ffff:10.77.0.2", &to.addr);
	CHECK_EQ(policy_check_port(&p, &to, false, &peer), POLICY_NEVER);
	to.addr = addr_v4(0x0a4d0003);
	CHECK_EQ(policy_check_port(&p, &to, false, &peer), POLICY_OK);
	CHECK_EQ(peer, 7);
	for (int i = 1; i < POLICY_PORTS_MAX; i++)
		CHECK_EQ(policy_publish(&p, &own, false), 0);
	CHECK_EQ(policy_publish(&p, &own, false), -ENOSPC);
	policy_free(&p);
}

static void test_bounds(void)
{
	struct prefixset s = {0};
	struct prefix p = {.addr = addr_v4(1), .len = 33};

	CHECK_EQ(prefixset_add(&s, &p, 0, 10), -EINVAL);
	p = (struct prefix){.len = 3};
	CHECK_EQ(prefixset_add(&s, &p, 0, 10), -EINVAL);
	p = (struct prefix){.addr = addr_v4(0x0a0a0a0a), .len = 8};
	for (int i = 0; i < 10; i++)
		CHECK_EQ(prefixset_add(&s, &p, (uint32_t)i, 10), 0);
	CHECK_EQ(prefixset_add(&s, &p, 0, 10), -ENOSPC);
	prefixset_seal(&s);
	CHECK_EQ(s.n, 1);
	CHECK_EQ(s.entries[0].value, 9);
	prefixset_free(&s);
}

/* A small address space with many nested prefixes, against the obvious search. */
static void test_oracle(void)
{
	enum { N = 400 };
	struct prefix all[N];
	struct prefixset s = {0};

	srand(7);
	for (int i = 0; i < N; i++) {
		all[i] = (struct prefix){.addr = addr_v4((uint32_t)rand() & 0xfff),
			.len = (uint8_t)(i % 50 ? 20 + rand() % 13 : rand() % 20)};
		all[i] = prefix_canonical(&all[i]);
		CHECK_EQ(prefixset_add(&s, &all[i], (uint32_t)i, N), 0);
	}
	prefixset_seal(&s);
	for (uint32_t v = 0; v < 0x1100; v++) {
		struct addr a = addr_v4(v);
		int best = -1;
		uint32_t value = 0;

		for (int i = 0; i < N; i++)
			if (prefix_contains(&all[i], &a) &&
				(best < 0 || all[i].len >= all[best].len))
				best = i;
		CHECK_EQ(prefixset_find(&s, &a, &value), best >= 0);
		if (best >= 0)
			CHECK_EQ(value, best);
	}
	prefixset_free(&s);
}

int main(void)
{
	RUN(test_verdicts);
	RUN(test_nothing);
	RUN(test_everything);
	RUN(test_published);
	RUN(test_bounds);
	RUN(test_oracle);
	return TEST_END();
}
