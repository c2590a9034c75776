// SPDX-License-Identifier: MIT
// Packets for the tests of splitting and joining, with the checksum written the slow way.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A small generator of its own: a failing run can be repeated. */
static uint64_t packets_seed = 1;
static inline uint32_t packets_random(uint32_t below)
{
	packets_seed = packets_seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(packets_seed >> 33) % below;
}

struct packet_spec {
	bool v6, tcp;
	uint8_t tos, ttl, flags; /* TCP flags */
	bool df;
	uint16_t id, sport, dport, window;
	uint32_t seq, ack;
	uint8_t options; /* bytes of TCP options, a multiple of 4 */
	uint8_t option_fill;
	uint8_t host; /* last byte of the source address */
};

static inline void packets_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void packets_put32(uint8_t *p, uint32_t v)
{
	packets_put16(p, v >> 16);
	packets_put16(p + 2, v & 0xffff);
}
static inline uint16_t packets_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* RFC 1071, two bytes at a time; not complemented. */
static inline uint32_t packets_sum(uint32_t sum, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline uint32_t packets_pseudo(const uint8_t *ip, uint32_t l4_len, uint8_t protocol)
{
	uint32_t sum = ip[0] >> 4 == 4 ? packets_sum(0, ip + 12, 8) : packets_sum(0, ip + 8, 32);

	return packets_sum(sum + protocol + l4_len, NULL, 0);
}

static inline size_t packets_headers(const struct packet_spec *s)
{
	return (s->v6 ? 40u : 20u) + (s->tcp ? 20u + s->options : 8u);
}

/* Lengths, IP and L4 checksums. */
static inline void packets_finish(uint8_t *ip, size_t len)
{
	bool v6 = ip[0] >> 4 == 6, tcp = ip[v6 ? 6 : 9] == 6;
	size_t l4 = v6 ? 40 : 20, at = l4 + (tcp ? 16 : 6);
	uint32_t sum;

	if (v6) {
		packets_put16(ip + 4, (uint32_t)len - 40);
	} else {
		packets_put16(ip + 2, (uint32_t)len);
		packets_put16(ip + 10, 0);
		packets_put16(ip + 10, ~packets_sum(0, ip, 20) & 0xffff);
	}
	if (!tcp)
		packets_put16(ip + l4 + 4, (uint32_t)(len - l4));
	packets_put16(ip + at, 0);
	sum = packets_pseudo(ip, (uint32_t)(len - l4), tcp ? 6 : 17);
	sum = ~packets_sum(sum, ip + l4, len - l4) & 0xffff;
	packets_put16(ip + at, !tcp && !sum ? 0xffff : sum);
}

/* Writes a packet with PAYLOAD bytes whose contents depend on their place in the stream; its length. */
static inline size_t packets_make(uint8_t *ip, const struct packet_spec *s, size_t payload)
{
	size_t l4 = s->v6 ? 40 : 20, headers = packets_headers(s), len = headers + payload;

	memset(ip, 0, headers);
	if (s->v6) {
		ip[0] = (uint8_t)(0x60 | s->tos >> 4);
		ip[1] = (uint8_t)(s->tos << 4);
		ip[6] = s->tcp ? 6 : 17;
		ip[7] = s->ttl;
		memcpy(ip + 8, "\xfd\x01", 2);
		memcpy(ip + 24, "\xfd\x02", 2);
		ip[23] = s->host;
		ip[39] = 9;
	} else {
		ip[0] = 0x45;
		ip[1] = s->tos;
		packets_put16(ip + 4, s->id);
		ip[6] = s->df ? 0x40 : 0;
		ip[8] = s->ttl;
		ip[9] = s->tcp ? 6 : 17;
		memcpy(ip + 12, "\x0a\x00\x00\x00\x0a\x01\x00\x09", 8);
		ip[15] = s->host;
	}
	packets_put16(ip + l4, s->sport);
	packets_put16(ip + l4 + 2, s->dport);
	if (s->tcp) {
		packets_put32(ip + l4 + 4, s->seq);
		packets_put32(ip + l4 + 8, s->ack);
		ip[l4 + 12] = (uint8_t)((20 + s->options) / 4 << 4);
		ip[l4 + 13] = s->flags;
		packets_put16(ip + l4 + 14, s->window);
		memset(ip + l4 + 20, s->option_fill, s->options);
	}
	for (size_t i = 0; i < payload; i++)
		ip[headers + i] = (uint8_t)((s->seq + i) * 31 >> 3);
	packets_finish(ip, len);
	return len;
}

/* Both checksums are right. */
static inline bool packets_valid(const uint8_t *ip, size_t len)
{
	bool v6 = ip[0] >> 4 == 6, tcp = ip[v6 ? 6 : 9] == 6;
	size_t l4 = v6 ? 40 : 20;
	uint32_t sum;

	if (!v6 && packets_sum(0, ip, 20) != 0xffff)
		return false;
	if (!tcp && !packets_get16(ip + l4 + 6))
		return false;
	sum = packets_pseudo(ip, (uint32_t)(len - l4), tcp ? 6 : 17);
	return packets_sum(sum, ip + l4, len - l4) == 0xffff;
}
