// SPDX-License-Identifier: MIT
// "Destination unreachable": what it says, that it is well formed, and where there must be none.
#include "test.h"

#include <netinet/in.h>
#include <sodium.h>

#include "wg-packets.h"
#include "wg/icmp.h"

#define SECOND 1000000000ull

static uint8_t out[ICMP_BYTES_MAX];

static const uint8_t base4[28] = {0x45, 0, 0, 28, 1, 2, 0x40, 0, 64, IPPROTO_UDP, 0, 0, 10, 0, 0, 1,
	10, 9, 8, 7, 0x12, 0x34, 0, 53, 0, 8, 0, 0};
static const uint8_t base6[48] = {0x60, [5] = 8, [6] = IPPROTO_UDP, [7] = 64, [8] = 0xfd, [23] = 1,
	[24] = 0xfd, [39] = 9, [40] = 0x12, 0x34, 0, 53, 0, 8};

static void test_host_unreachable(void)
{
	static const uint8_t from[4] = {10, 9, 8, 7}, to[4] = {10, 0, 0, 1};
	size_t len = icmp_unreachable(base4, sizeof(base4), out);

	CHECK_EQ(len, 28 + sizeof(base4));
	CHECK_EQ(packets_get16(out + 2), len);
	CHECK_EQ(out[9], IPPROTO_ICMP);
	CHECK_MEM(out + 12, from, 4);
	CHECK_MEM(out + 16, to, 4);
	CHECK_EQ(packets_sum(0, out, 20), 0xffff);
	CHECK_EQ(packets_sum(0, out + 20, len - 20), 0xffff);
	CHECK_EQ(out[20], 3);
	CHECK_EQ(out[21], 1);
	CHECK_MEM(out + 28, base4, sizeof(base4));
}

static void test_address_unreachable(void)
{
	size_t len = icmp_unreachable(base6, sizeof(base6), out);

	CHECK_EQ(len, 48 + sizeof(base6));
	CHECK_EQ(packets_get16(out + 4), len - 40);
	CHECK_EQ(out[6], IPPROTO_ICMPV6);
	CHECK_MEM(out + 8, base6 + 24, 16);
	CHECK_MEM(out + 24, base6 + 8, 16);
	CHECK_EQ(packets_sum(packets_pseudo(out, (uint32_t)len - 40, IPPROTO_ICMPV6), out + 40,
			 len - 40),
		0xffff);
	CHECK_EQ(out[40], 1);
	CHECK_EQ(out[41], 3);
	CHECK_MEM(out + 48, base6, sizeof(base6));
}

/* A superpacket of 64 KiB is quoted as far as an error may be long. */
static void test_quoted_length(void)
{
	static uint8_t big[65535];

	memcpy(big, base4, sizeof(base4));
	CHECK_EQ(icmp_unreachable(big, sizeof(big), out), ICMP4_BYTES_MAX);
	CHECK_EQ(packets_sum(0, out + 20, ICMP4_BYTES_MAX - 20), 0xffff);
	memcpy(big, base6, sizeof(base6));
	CHECK_EQ(icmp_unreachable(big, sizeof(big), out), ICMP_BYTES_MAX);
	CHECK_EQ(packets_sum(packets_pseudo(out, ICMP_BYTES_MAX - 40, IPPROTO_ICMPV6), out + 40,
			 ICMP_BYTES_MAX - 40),
		0xffff);
}

/* Each names the bytes of base4 or base6 that it changes. */
static const struct silent {
	const char *why;
	int v;
	struct {
		uint8_t at, value;
	} change[4];
} silents[] = {
	{"from 0.0.0.1", 4, {{12, 0}}},
	{"from loopback", 4, {{12, 127}}},
	{"from a group", 4, {{12, 224}}},
	{"from class E", 4, {{12, 240}}},
	{"to a group", 4, {{16, 239}}},
	{"to broadcast", 4, {{16, 255}, {17, 255}, {18, 255}, {19, 255}}},
	{"to loopback", 4, {{16, 127}}},
	{"to itself", 4, {{12, 10}, {13, 9}, {14, 8}, {15, 7}}},
	{"second fragment", 4, {{7, 1}}},
	{"last fragment", 4, {{6, 0x1f}, {7, 0xff}}},
	{"unreachable", 4, {{9, IPPROTO_ICMP}, {20, 3}}},
	{"source quench", 4, {{9, IPPROTO_ICMP}, {20, 4}}},
	{"redirect", 4, {{9, IPPROTO_ICMP}, {20, 5}}},
	{"time exceeded", 4, {{9, IPPROTO_ICMP}, {20, 11}}},
	{"parameter problem", 4, {{9, IPPROTO_ICMP}, {20, 12}}},
	{"an unknown ICMP type", 4, {{9, IPPROTO_ICMP}, {20, 200}}},
	{"header below 20", 4, {{0, 0x44}}},
	{"header beyond the packet", 4, {{0, 0x4f}}},
	{"no IP", 4, {{0, 0x55}}},
	{"from ::", 6, {{8, 0}, {23, 0}}},
	{"from ::1", 6, {{8, 0}}},
	{"from a mapped address", 6, {{8, 0}, {18, 0xff}, {19, 0xff}}},
	{"from a group", 6, {{8, 0xff}}},
	{"to a group", 6, {{24, 0xff}}},
	{"to ::1", 6, {{24, 0}, {39, 1}}},
	{"to itself", 6, {{39, 1}}},
	{"unreachable", 6, {{6, IPPROTO_ICMPV6}, {40, 1}}},
	{"packet too big", 6, {{6, IPPROTO_ICMPV6}, {40, 2}}},
	{"an unknown error", 6, {{6, IPPROTO_ICMPV6}, {40, 127}}},
	{"redirect", 6, {{6, IPPROTO_ICMPV6}, {40, 137}}},
	{"second fragment", 6, {{6, IPPROTO_FRAGMENT}, {40, IPPROTO_UDP}, {42, 0}, {43, 8}}},
	{"an error behind options", 6, {{6, IPPROTO_DSTOPTS}, {40, IPPROTO_ICMPV6}, {41, 0}}},
	{"options that do not end", 6, {{6, IPPROTO_HOPOPTS}, {40, IPPROTO_HOPOPTS}, {41, 0}}},
};

static void test_silence(void)
{
	for (size_t i = 0; i < sizeof(silents) / sizeof(silents[0]); i++) {
		const struct silent *s = &silents[i];
		uint8_t ip[48];

		memcpy(ip, s->v == 4 ? base4 : base6, s->v == 4 ? sizeof(base4) : sizeof(base6));
		for (int k = 0; k < 4; k++)
			if (s->change[k].at || s->change[k].value)
				ip[s->change[k].at] = s->change[k].value;
		if (icmp_unreachable(ip, s->v == 4 ? sizeof(base4) : sizeof(base6), out)) {
			fprintf(stderr, "%s: answered\n", s->why);
			test_failed_checks++;
		}
	}
}

/* What a node says is an error itself: never answered, so two nodes cannot keep each other busy. */
static void test_never_for_our_own(void)
{
	uint8_t again[ICMP_BYTES_MAX];

	CHECK_EQ(icmp_unreachable(out, icmp_unreachable(base4, sizeof(base4), out), again), 0);
	CHECK_EQ(icmp_unreachable(out, icmp_unreachable(base6, sizeof(base6), out), again), 0);
}

static void test_answered(void)
{
	uint8_t ip[48];

	memcpy(ip, base4, sizeof(base4));
	ip[9] = IPPROTO_ICMP;
	ip[20] = 8; /* echo */
	CHECK(icmp_unreachable(ip, sizeof(base4), out));
	ip[6] = 0x20; /* first of several fragments */
	CHECK(icmp_unreachable(ip, sizeof(base4), out));
	memcpy(ip, base6, sizeof(base6));
	ip[6] = IPPROTO_ICMPV6;
	ip[40] = 128;
	CHECK(icmp_unreachable(ip, sizeof(base6), out));
	ip[6] = IPPROTO_FRAGMENT;
	ip[40] = IPPROTO_UDP;
	ip[42] = 0;
	ip[43] = 1; /* more follow */
	CHECK(icmp_unreachable(ip, sizeof(base6), out));
}

static void test_every_length(void)
{
	for (size_t len = 0; len <= sizeof(base6); len++) {
		CHECK(!icmp_unreachable(base6, len, out) == (len < 40));
		if (len <= sizeof(base4))
			CHECK(!icmp_unreachable(base4, len, out) == (len < 20));
	}
}

static void test_limit(void)
{
	struct icmp_limit l = {0};
	uint64_t now = 5 * SECOND;
	unsigned n = 0;

	for (int i = 0; i < 1000; i++)
		n += icmp_limit_allow(&l, now);
	CHECK_EQ(n, ICMP_BURST);
	for (int i = 0; i < 1000; i++)
		n += icmp_limit_allow(&l, now += SECOND / 1000);
	CHECK_EQ(n, ICMP_BURST + ICMP_PER_SECOND);
	CHECK(icmp_limit_allow(&l, now + 1000 * SECOND));
	/* a clock that goes back neither gives tokens nor takes them for ever */
	CHECK(icmp_limit_allow(&l, now));
	CHECK(icmp_limit_allow(&l, now + SECOND));
}

int main(void)
{
	RUN(test_host_unreachable);
	RUN(test_address_unreachable);
	RUN(test_quoted_length);
	RUN(test_silence);
	RUN(test_never_for_our_own);
	RUN(test_answered);
	RUN(test_every_length);
	RUN(test_limit);
	return TEST_END();
}
