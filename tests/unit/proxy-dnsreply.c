// SPDX-License-Identifier: MIT
// Answers of resolvers off the wire, whole, cut at every byte, and merged for a race.
#include "proxy/dnsreply.h"

#include <errno.h>

#include "common/cleanup.h"
#include "proxy/race.h"
#include "test.h"

#define QUESTION	  "\1a\2bc\0\0\1\0\1"
#define NAME		  "\xc0\x0c"
#define RDATA_4		  "\0\1\0\1\0\0\0\x3c\0\4"
#define HEAD(an, ns)	  "\x12\x34\x81\x80\0\1\0" an "\0" ns "\0\0"
#define SOA_DATA(minimum) "\1n\xc0\x0e\1h\xc0\x0e\0\0\0\1\0\0\1\0\0\0\1\0\0\1\0\0\0\0\0" minimum
#define SOA(ttl, minimum) "\xc0\x0e\0\6\0\1\0\0\0" ttl "\0\x1c" SOA_DATA(minimum)
#define BYTES(text)	  (const uint8_t *)(text), sizeof(text) - 1

static void test_addresses(void)
{
	static const char two[] = HEAD("\3", "\0") QUESTION
		/* a.bc is x.bc for 20 s; x.bc has two addresses for 60 s */
		NAME "\0\5\0\1\0\0\0\x14\0\4\1x\xc0\x0e"
		     "\1x\xc0\x0e" RDATA_4 "\x0a\0\0\1"
		     "\1x\xc0\x0e" RDATA_4 "\x0a\0\0\2";
	struct dnsreply r = {0};

	CHECK_EQ(dnsreply_addresses(BYTES(two), 4, &r), 0);
	CHECK_EQ(r.n, 2);
	CHECK_EQ(r.ttl_s, 20);
	CHECK_EQ(addr_v4_host(&r.addrs[1]), 0x0a000002);
	CHECK_EQ(dnsreply_addresses(BYTES(two), 6, &r), 0);
	CHECK_EQ(r.n, 0);
	for (size_t len = 0; len < sizeof(two) - 1; len++)
		CHECK_EQ(dnsreply_addresses((const uint8_t *)two, len, 4, &r), -EBADMSG);
}

static void test_negative(void)
{
	static const char no[] = HEAD("\0", "\1") QUESTION SOA("\x1e", "\x0a");
	static const char short_ttl[] = HEAD("\0", "\1") QUESTION SOA("\5", "\x0a");
	static const char none[] = HEAD("\0", "\0") QUESTION;
	static const char loop[] = HEAD("\0", "\1") QUESTION "\xc0\x13\0\6\0\1\0\0\0\1\0\0";

	CHECK_EQ(dnsreply_negative_ttl(BYTES(no)), 10);
	CHECK_EQ(dnsreply_negative_ttl(BYTES(short_ttl)), 5);
	CHECK_EQ(dnsreply_negative_ttl(BYTES(none)), 0);
	CHECK_EQ(dnsreply_negative_ttl(BYTES(loop)), 0);
	for (size_t len = 0; len < sizeof(no) - 1; len++)
		CHECK_EQ(dnsreply_negative_ttl((const uint8_t *)no, len), 0);
}

static void test_merge(void)
{
	struct dnsreply v4 = {0}, v6 = {0};
	struct addr got[RESOLVE_ADDRS_MAX];

	for (v4.n = 0; v4.n < RESOLVE_ADDRS_MAX; v4.n++)
		v4.addrs[v4.n] = addr_v4((uint32_t)v4.n);
	CHECK_EQ(dnsreply_merge(&v4, &v6, got), RESOLVE_ADDRS_MAX);
	CHECK_EQ(addr_v4_host(&got[7]), 7);
	for (v6.n = 0; v6.n < 2; v6.n++)
		v6.addrs[v6.n] = (struct addr){.family = 6, .bytes = {[15] = (uint8_t)v6.n}};
	CHECK_EQ(dnsreply_merge(&v4, &v6, got), RESOLVE_ADDRS_MAX);
	CHECK(got[0].family == 6 && got[1].family == 4 && got[2].family == 6 && got[3].family == 4);
	CHECK(got[4].family == 4 && addr_v4_host(&got[5]) == 3);
	v4.n = 0;
	CHECK_EQ(dnsreply_merge(&v4, &v6, got), 2);
}

/* "4466" → the order in which they are tried, each with its place in the input */
static void interleave(const char *families, const char *wanted)
{
	static struct race r;
	char got[32];
	size_t n = 0;

	memset(&r, 0, sizeof(r));
	for (const char *f = families; *f; f++) {
		struct addr a = {.family = (uint8_t)(*f - '0'), .bytes = {(uint8_t)(f - families)}};

		race_add(&r, &a, (uint32_t)(f - families));
	}
	race_interleave(&r);
	for (size_t i = 0; i < r.n; i++) {
		CHECK_EQ(r.attempts[i].peer, r.attempts[i].addr.bytes[0]);
		got[n++] = (char)('0' + r.attempts[i].addr.family);
		got[n++] = (char)('a' + r.attempts[i].peer);
	}
	got[n] = '\0';
	CHECK_STR(got, wanted);
}

static void test_interleave(void)
{
	interleave("", "");
	interleave("4", "4a");
	interleave("44", "4a4b");
	interleave("46", "4a6b");
	interleave("4466", "4a6c4b6d");
	interleave("6664", "6a4d6b6c");
	interleave("6444", "6a4b4c4d");
	interleave("44444466", "4a6g4b6h4c4d4e4f");
	interleave("4646464646", "4a6b4c6d4e6f4g6h");
}

int main(void)
{
	RUN(test_addresses);
	RUN(test_negative);
	RUN(test_merge);
	RUN(test_interleave);
	return TEST_END();
}
