// SPDX-License-Identifier: MIT
// "Destination unreachable" for packets that no peer takes: pure, a packet in, a packet out.
#include "wg/icmp.h"

#include <netinet/in.h>
#include <string.h>

#include "common/cleanup.h"
#include "wg/checksum.h"

#define NS_PER_TOKEN	  (1000000000ull / ICMP_PER_SECOND)
#define ICMP_HEADER	  8
#define IP4_HEADER	  20
#define IP6_HEADER	  40
#define EXTENSIONS_MAX	  16
#define INTERNET_CONTROL  0xc0 /* precedence of routers' messages, RFC 1812 §4.3.2.5 */
#define TTL		  64
#define UNREACHABLE4	  3
#define UNREACHABLE4_HOST 1
#define UNREACHABLE6	  1
#define UNREACHABLE6_ADDR 3

bool icmp_limit_allow(struct icmp_limit *l, uint64_t now_ns)
{
	const uint64_t full = ICMP_BURST * NS_PER_TOKEN;

	if (!l->last_ns)
		l->tokens_ns = full;
	else if (now_ns > l->last_ns)
		l->tokens_ns = MIN(full, l->tokens_ns + (now_ns - l->last_ns));
	l->last_ns = now_ns;
	if (l->tokens_ns < NS_PER_TOKEN)
		return false;
	l->tokens_ns -= NS_PER_TOKEN;
	return true;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_sum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~checksum_fold(sum);

	memcpy(p, &v, sizeof(v));
}

/* ---- IPv4 ---- */

/* One host's own address: not 0/8, 127/8, 224/4, 240/4 with the broadcast. */
static bool is_host4(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

/* RFC 792, 950, 1256, 1393, 8335: only these ask or answer; whatever else there is may be an error. */
static bool is_query4(uint8_t type)
{
	return type == 0 || type == 8 || type == 9 || type == 10 || (type >= 13 && type <= 18) ||
		type == 42 || type == 43;
}

static size_t unreachable4(const uint8_t *ip, size_t len, uint8_t *out)
{
	size_t header = (ip[0] & 15u) * 4u, quoted = MIN(len, (size_t)ICMP4_BYTES_MAX - 28);
	uint8_t *icmp = out + IP4_HEADER;

	if (header < IP4_HEADER || header > len || !is_host4(ip + 12) || !is_host4(ip + 16) ||
		!memcmp(ip + 12, ip + 16, 4))
		return 0;
	if (((ip[6] & 0x1f) | ip[7]) != 0) /* not the first fragment */
		return 0;
	if (ip[9] == IPPROTO_ICMP && (len == header || !is_query4(ip[header])))
		return 0;
	memset(out, 0, IP4_HEADER + ICMP_HEADER);
	out[0] = 0x45;
	out[1] = INTERNET_CONTROL;
	put16(out + 2, (uint32_t)(IP4_HEADER + ICMP_HEADER + quoted));
	out[6] = 0x40; /* so the identification may be 0, RFC 6864 */
	out[8] = TTL;
	out[9] = IPPROTO_ICMP;
	memcpy(out + 12, ip + 16, 4);
	memcpy(out + 16, ip + 12, 4);
	put_sum(out + 10, checksum_add(0, out, IP4_HEADER));
	icmp[0] = UNREACHABLE4;
	icmp[1] = UNREACHABLE4_HOST;
	memcpy(icmp + ICMP_HEADER, ip, quoted);
	put_sum(icmp + 2, checksum_add(0, icmp, ICMP_HEADER + quoted));
	return IP4_HEADER + ICMP_HEADER + quoted;
}

/* ---- IPv6 ---- */

/* Not ::, ::1, a mapped address, a group. */
static bool is_host6(const uint8_t *a)
{
	static const uint8_t zero[15], mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (a[0] == 0xff || !memcmp(a, mapped, sizeof(mapped)))
		return false;
	return memcmp(a, zero, sizeof(zero)) != 0 || a[15] > 1;
}

static bool is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
		next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

/* May this be answered with an error? Not where it is one itself, or cannot be told to be none. */
static bool may_answer6(const uint8_t *ip, size_t len)
{
	uint8_t next = ip[6];
	size_t at = IP6_HEADER;

	for (int i = 0; is_extension(next); i++) {
		uint8_t this = next;

		if (i == EXTENSIONS_MAX || len < at + 8)
			return false;
		/* not the first fragment */
		if (this == IPPROTO_FRAGMENT && (ip[at + 2] | (ip[at + 3] & 0xf8)))
			return false;
		next = ip[at];
		at += this == IPPROTO_FRAGMENT ? 8
			: this == IPPROTO_AH   ? ip[at + 1] * 4u + 8
					       : ip[at + 1] * 8u + 8;
	}
	if (next != IPPROTO_ICMPV6)
		return true;
	/* errors are below 128; 137 is Redirect */
	return at < len && ip[at] >= 128 && ip[at] != 137;
}

static size_t unreachable6(const uint8_t *ip, size_t len, uint8_t *out)
{
	size_t quoted = MIN(len, (size_t)ICMP_BYTES_MAX - IP6_HEADER - ICMP_HEADER);
	uint8_t *icmp = out + IP6_HEADER;
	uint32_t icmp_len = (uint32_t)(ICMP_HEADER + quoted);

	if (!is_host6(ip + 8) || !is_host6(ip + 24) || !memcmp(ip + 8, ip + 24, 16) ||
		!may_answer6(ip, len))
		return 0;
	memset(out, 0, IP6_HEADER + ICMP_HEADER);
	out[0] = 0x60;
	put16(out + 4, icmp_len);
	out[6] = IPPROTO_ICMPV6;
	out[7] = TTL;
	memcpy(out + 8, ip + 24, 16);
	memcpy(out + 24, ip + 8, 16);
	icmp[0] = UNREACHABLE6;
	icmp[1] = UNREACHABLE6_ADDR;
	memcpy(icmp + ICMP_HEADER, ip, quoted);
	put_sum(icmp + 2,
		checksum_add(checksum_pseudo6(out + 8, IPPROTO_ICMPV6, icmp_len), icmp, icmp_len));
	return IP6_HEADER + icmp_len;
}

size_t icmp_unreachable(const uint8_t *ip, size_t len, uint8_t *out)
{
	if (len >= IP4_HEADER && ip[0] >> 4 == 4)
		return unreachable4(ip, len, out);
	if (len >= IP6_HEADER && ip[0] >> 4 == 6)
		return unreachable6(ip, len, out);
	return 0;
}
