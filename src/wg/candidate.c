// SPDX-License-Identifier: MIT
// Which received packets may be joined with others of their flow, by the kernel's rules for GRO.
#include "wg/candidate.h"

#include <netinet/in.h>
#include <string.h>

#include "wg/checksum.h"

#define TCP_ACK 0x10

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t hash_bytes(const uint8_t *p, size_t n)
{
	uint64_t h = 0x9e3779b97f4a7c15;

	for (size_t i = 0; i < n; i += 4) {
		uint32_t v;

		memcpy(&v, p + i, sizeof(v));
		h = (h ^ v) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	return (uint32_t)h;
}

/* An IP header without options, of a whole packet: protocol and .l4 are set. */
static bool parse_ip(struct candidate *c)
{
	const uint8_t *ip = c->data;

	c->version = ip[0] >> 4;
	if (c->version == 4 && c->len >= 20) {
		if (ip[0] != 0x45 || get16(ip + 2) != c->len || (get16(ip + 6) & 0x3fff))
			return false;
		c->protocol = ip[9];
		c->l4 = 20;
	} else if (c->version == 6 && c->len >= 40) {
		if (get16(ip + 4) + 40u != c->len)
			return false;
		c->protocol = ip[6];
		c->l4 = 40;
	} else {
		return false;
	}
	return true;
}

static enum flow parse_tcp(struct candidate *c)
{
	const uint8_t *tcp = c->data + c->l4;
	unsigned header = (tcp[12] >> 4) * 4u;

	if (header < 20 || c->l4 + header >= c->len)
		return FLOW_ALONE;
	c->headers = (uint16_t)(c->l4 + header);
	c->payload = (uint16_t)(c->len - c->headers);
	c->seq = get32(tcp + 4);
	c->psh = tcp[13] & CANDIDATE_PSH;
	return (tcp[13] & ~CANDIDATE_PSH) == TCP_ACK ? FLOW_JOIN : FLOW_ALONE;
}

static enum flow parse_udp(struct candidate *c)
{
	const uint8_t *udp = c->data + c->l4;

	c->headers = (uint16_t)(c->l4 + 8);
	c->payload = (uint16_t)(c->len - c->headers);
	if (!c->payload || get16(udp + 4) != c->len - c->l4 || !get16(udp + CANDIDATE_UDP_SUM))
		return FLOW_ALONE;
	return FLOW_JOIN;
}

enum flow candidate_parse(struct candidate *c)
{
	enum flow flow;
	unsigned addresses;

	if (!parse_ip(c))
		return FLOW_NONE;
	if (c->protocol == IPPROTO_TCP && c->l4 + 20u <= c->len)
		flow = parse_tcp(c);
	else if (c->protocol == IPPROTO_UDP && c->l4 + 8u <= c->len)
		flow = parse_udp(c);
	else
		return FLOW_NONE;
	addresses = c->version == 4 ? 8 : 32;
	/* both addresses lie right before the ports */
	c->hash = hash_bytes(c->data + c->l4 - addresses, addresses + 4) ^ c->protocol;
	return flow;
}

bool candidate_checksum_good(const uint8_t *data, unsigned len, unsigned l4, uint8_t protocol)
{
	uint64_t sum;

	if (l4 == 20 && checksum_fold(checksum_add(0, data, 20)) != 0xffff)
		return false;
	sum = l4 == 20 ? checksum_pseudo4(data + 12, protocol, len - l4)
		       : checksum_pseudo6(data + 8, protocol, len - l4);
	return checksum_fold(checksum_add(sum, data + l4, len - l4)) == 0xffff;
}

/* A hash alone may collide. */
bool candidate_same_flow(
	const uint8_t *first, unsigned l4, unsigned protocol, const struct candidate *c)
{
	unsigned addresses = l4 == 20 ? 8 : 32;

	return protocol == c->protocol && l4 == c->l4 &&
		!memcmp(first + l4 - addresses, c->data + l4 - addresses, addresses + 4);
}

bool candidate_same_ip(const uint8_t *first, const struct candidate *c)
{
	const uint8_t *a = first, *b = c->data;

	if (c->version == 6) /* class and flow label, hop limit */
		return !memcmp(a, b, 4) && a[7] == b[7];
	return a[1] == b[1] && !memcmp(a + 6, b + 6, 3); /* ToS, flags, TTL */
}

bool candidate_same_tcp(const uint8_t *first, const struct candidate *c)
{
	const uint8_t *a = first + c->l4, *b = c->data + c->l4;

	return !memcmp(a + 8, b + 8, 5) && !((a[13] ^ b[13]) & ~CANDIDATE_PSH) &&
		!memcmp(a + 14, b + 14, 2) && !memcmp(a + 18, b + 18, c->headers - c->l4 - 18u);
}

bool candidate_id_follows(const uint8_t *a, const uint8_t *b, unsigned distance)
{
	return (a[6] & 0x40) || (uint16_t)(get16(a + 4) + distance) == get16(b + 4);
}
