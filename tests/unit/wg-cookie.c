// SPDX-License-Identifier: MIT
// MACs, cookies and the limits on strangers' work.
#include "test.h"

#include <errno.h>
#include <sodium.h>

#include "wg/cookie.h"
#include "wg/noise.h"
#include "wg/ratelimit.h"

#define SECOND 1000000000ull

static const uint8_t us[32] = {1}, them[32] = {2};
static const uint8_t sender[4] = {9, 9, 9, 9};

static struct hostport at(const char *text)
{
	struct hostport h = {0};

	CHECK_EQ(hostport_parse(text, &h), 0);
	return h;
}

static void test_mac1(void)
{
	struct cookie_checker c;
	struct cookie_maker m, wrong;
	uint8_t msg[148] = {1};

	cookie_checker_init(&c, us);
	cookie_maker_init(&m, us);
	cookie_maker_init(&wrong, them);
	cookie_add_macs(&wrong, msg, sizeof(msg), SECOND);
	CHECK(!cookie_check_mac1(&c, msg, sizeof(msg)));
	cookie_add_macs(&m, msg, sizeof(msg), SECOND);
	CHECK(cookie_check_mac1(&c, msg, sizeof(msg)));
	for (size_t i = 0; i < sizeof(msg) - 16; i++) {
		msg[i] ^= 0x80;
		CHECK(!cookie_check_mac1(&c, msg, sizeof(msg)));
		msg[i] ^= 0x80;
	}
}

static void test_round(void)
{
	struct hostport from = at("198.18.0.1:1000"), port = at("198.18.0.1:1001"),
			other = at("198.18.0.2:1000"), six = at("[2001:db8::1]:1000");
	struct cookie_checker c;
	struct cookie_maker m;
	struct cookie_reply reply;
	uint8_t msg[148] = {1};
	uint64_t now = 1000 * SECOND;

	cookie_checker_init(&c, us);
	cookie_maker_init(&m, us);
	cookie_add_macs(&m, msg, sizeof(msg), now);
	CHECK(!cookie_check_mac2(&c, msg, sizeof(msg), &from, now));
	cookie_make_reply(&c, msg, sizeof(msg), &from, sender, now, &reply);
	CHECK_MEM(reply.receiver, sender, 4);
	reply.sealed_cookie[3] ^= 1;
	CHECK_EQ(cookie_consume_reply(&m, &reply, now), -EKEYREJECTED);
	reply.sealed_cookie[3] ^= 1;
	CHECK_EQ(cookie_consume_reply(&m, &reply, now), 0);
	/* a reply answers once */
	CHECK_EQ(cookie_consume_reply(&m, &reply, now), -EKEYREJECTED);
	cookie_add_macs(&m, msg, sizeof(msg), now);
	CHECK(cookie_check_mac2(&c, msg, sizeof(msg), &from, now));
	CHECK(!cookie_check_mac2(&c, msg, sizeof(msg), &port, now));
	CHECK(!cookie_check_mac2(&c, msg, sizeof(msg), &other, now));
	CHECK(!cookie_check_mac2(&c, msg, sizeof(msg), &six, now));
	/* the secret lives 120 s, the cookie 115 s */
	CHECK(cookie_check_mac2(&c, msg, sizeof(msg), &from, now + 119 * SECOND));
	CHECK(!cookie_check_mac2(&c, msg, sizeof(msg), &from, now + 120 * SECOND));
	cookie_add_macs(&m, msg, sizeof(msg), now + 114 * SECOND);
	CHECK(msg[147] || msg[146] || msg[145] || msg[144]);
	cookie_add_macs(&m, msg, sizeof(msg), now + 115 * SECOND);
	CHECK(sodium_is_zero(msg + 132, 16));
}

static unsigned allowed(struct ratelimit *l, const char *text, uint64_t now, unsigned tries)
{
	struct addr a;
	unsigned n = 0;

	CHECK_EQ(addr_parse(text, &a), 0);
	for (unsigned i = 0; i < tries; i++)
		n += ratelimit_allow(l, &a, false, now);
	return n;
}

static void test_ratelimit(void)
{
	struct ratelimit l = {0};
	uint64_t now = 77 * SECOND;
	struct addr a;

	CHECK_EQ(allowed(&l, "198.18.0.1", now, 50), RATELIMIT_BURST);
	CHECK_EQ(allowed(&l, "198.18.0.1", now + SECOND / 20 - 1, 5), 0);
	CHECK_EQ(allowed(&l, "198.18.0.1", now + SECOND / 20, 5), 1);
	CHECK_EQ(allowed(&l, "198.18.0.2", now, 50), RATELIMIT_BURST);
	CHECK_EQ(allowed(&l, "198.18.0.1", now + 100 * SECOND, 50), RATELIMIT_BURST);
	/* one /64 is one source */
	CHECK_EQ(allowed(&l, "2001:db8::1", now, 3), 3);
	CHECK_EQ(allowed(&l, "2001:db8::ffff:1", now, 9), RATELIMIT_BURST - 3);
	CHECK_EQ(allowed(&l, "2001:db8:0:1::1", now, 9), RATELIMIT_BURST);
	/* who has shown that it is there does not pay for who forges its address */
	CHECK_EQ(addr_parse("2001:db8::1", &a), 0);
	CHECK(!ratelimit_allow(&l, &a, false, now));
	for (int i = 0; i < RATELIMIT_BURST; i++)
		CHECK(ratelimit_allow(&l, &a, true, now));
	CHECK(!ratelimit_allow(&l, &a, true, now));
	ratelimit_free(&l);
}

/* A table full of strangers forgets old ones, never grows and still limits. */
static void test_ratelimit_is_bounded(void)
{
	struct ratelimit l = {0};
	unsigned n = 0;

	for (uint32_t i = 0; i < 100000; i++) {
		struct addr a = addr_v4(0x0b000000 + i);

		n += ratelimit_allow(&l, &a, false, 5 * SECOND + i);
	}
	CHECK_EQ(n, 100000);
	ratelimit_free(&l);
}

static void test_load(void)
{
	struct load l = {0};
	uint64_t now = 1000 * SECOND;

	CHECK_EQ(load_level(&l, now), LOAD_IDLE);
	for (int i = 0; i < LOAD_BURST / 2; i++)
		load_charge(&l, now);
	CHECK_EQ(load_level(&l, now), LOAD_IDLE);
	load_charge(&l, now);
	CHECK_EQ(load_level(&l, now), LOAD_PRESSED);
	for (int i = 0; i < LOAD_BURST; i++)
		load_charge(&l, now);
	CHECK_EQ(load_level(&l, now), LOAD_FULL);
	CHECK_EQ(load_level(&l, now + SECOND / 10), LOAD_PRESSED);
	CHECK_EQ(load_level(&l, now + 3 * SECOND), LOAD_IDLE);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(test_mac1);
	RUN(test_round);
	RUN(test_ratelimit);
	RUN(test_ratelimit_is_bounded);
	RUN(test_load);
	return TEST_END();
}
