// SPDX-License-Identifier: MIT
// Hostile bytes: fifty good messages cut at every byte, and a hundred thousand mutants of them.
#include <errno.h>

#include "dns-fixture.h"
#include "dns/tcp.h"
#include "test.h"

#define SEEDS	50
#define MUTANTS 100000

static struct zone_set *zones;
static uint8_t seeds[SEEDS][600];
static size_t seed_len[SEEDS];

static uint32_t random_next(void)
{
	static uint64_t state = 88172645463325252ull; /* xorshift64: the same in every run */

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void make_seeds(void)
{
	static const char *const names[] = {"10.100.10.141.fgpu", "fd7a-1--5.fgpu", "fgpu",
		"many.fgpu", "a.b.fgpu", "200.2.0.192.in-addr.arpa", "example.com", ".",
		"version.bind", "141.fgpu"};
	static const unsigned types[] = {DNS_A, DNS_AAAA, DNS_ANY, DNS_SOA, 65};
	static const uint8_t cookie[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, 0, 0};

	for (size_t i = 0; i < SEEDS; i++) {
		size_t n = fixture_query(seeds[i], names[i / 5], types[i % 5], i % 7 ? 1 : 3);

		if (i % 2)
			n = fixture_opt(seeds[i], n, 512 + 100 * (unsigned)i, 0, i % 3 ? 0x8000 : 0,
				cookie, i % 4 == 1 ? sizeof(cookie) : 0);
		seed_len[i] = n;
	}
}

/* What holds for any answer to any bytes. Returns its rcode, -1 for none. */
static int answer(const uint8_t *p, size_t len, bool stream)
{
	static uint8_t out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, "192.0.2.9");
	uint8_t *exact = malloc(len ? len : 1);
	int rcode = -1;
	size_t n;

	memcpy(exact, p, len);
	c.stream = stream;
	n = answer_message(&c, exact, len, out, &rcode);
	free(exact);
	if (!n)
		return -1;
	CHECK(n >= 12 && (stream || n <= PACKET_UDP_MAX));
	CHECK(!memcmp(out, p, 2) && (out[2] & 0x80) && !(out[3] & 0x80));
	CHECK(stream || n <= len + 1100);
	return rcode;
}

static void test_cut(void)
{
	for (size_t i = 0; i < SEEDS; i++)
		for (size_t len = 0; len < seed_len[i]; len++)
			CHECK_EQ(answer(seeds[i], len, i % 2), len < 12 ? -1 : DNS_FORMERR);
}

static void test_mutants(void)
{
	unsigned answered = 0, refused = 0;

	for (unsigned i = 0; i < MUTANTS; i++) {
		size_t seed = random_next() % SEEDS, len = seed_len[seed];
		uint8_t p[700];
		int rcode;

		memcpy(p, seeds[seed], len);
		for (unsigned k = random_next() % 4 + 1; k; k--)
			p[random_next() % len] = random_next() % 2
				? (uint8_t)random_next()
				: (uint8_t)(p[random_next() % len] ^ 1u << random_next() % 8);
		len = random_next() % 8 ? len : random_next() % len;
		rcode = answer(p, len, i % 2);
		answered += rcode >= 0;
		refused += rcode == DNS_FORMERR;
	}
	CHECK(answered > MUTANTS / 2 && refused > MUTANTS / 10);
}

static void test_stream(void)
{
	static const uint8_t p[] = {0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 11};
	size_t at, len;

	for (size_t have = 0; have < 14; have++)
		CHECK_EQ(tcp_next_message(p, have, 0, &at, &len), 0);
	CHECK_EQ(tcp_next_message(p, 14, 0, &at, &len), 1);
	CHECK(at == 2 && len == 12);
	CHECK_EQ(tcp_next_message(p, 15, 14, &at, &len), 0);
	CHECK_EQ(tcp_next_message(p, 16, 14, &at, &len), -EBADMSG); /* shorter than a header */
	CHECK_EQ(tcp_next_message((const uint8_t *)"\0\0", 2, 0, &at, &len), -EBADMSG);
	CHECK_EQ(tcp_next_message((const uint8_t *)"\xff\xff", 2, 0, &at, &len), -EBADMSG);
	CHECK_EQ(tcp_next_message((const uint8_t *)"\x10\x00", 2, 0, &at, &len), 0);
	CHECK_EQ(tcp_next_message((const uint8_t *)"\x10\x01", 2, 0, &at, &len), -EBADMSG);
}

int main(void)
{
	zones = fixture_zones();
	make_seeds();
	RUN(test_cut);
	RUN(test_mutants);
	RUN(test_stream);
	zone_set_free(zones);
	return TEST_END();
}
