// SPDX-License-Identifier: MIT
// Routed ranges against an oracle that looks at every prefix.
#include "dns-fixture.h"
#include "test.h"

#define PREFIXES 60

static uint32_t random_next(void)
{
	static uint64_t state = 0x2545f4914f6cdd1dull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

/* Few bits vary, so that prefixes meet, nest and touch. */
static struct addr random_addr(void)
{
	struct addr a = {.family = random_next() % 2 ? 4 : 6};

	if (a.family == 4)
		return addr_v4(10u << 24 | (random_next() & 0x00030303));
	a.bytes[0] = 0xfd;
	a.bytes[1] = random_next() & 3;
	a.bytes[15] = random_next() & 7;
	return a;
}

static void test_have(void)
{
	for (int round = 0; round < 200; round++) {
		struct prefix p[PREFIXES];
		struct ranges r = {0};

		for (int i = 0; i < PREFIXES; i++) {
			p[i].addr = random_addr();
			p[i].len = (uint8_t)(addr_bits(&p[i].addr) - random_next() % 10);
			CHECK_EQ(ranges_add(&r, &p[i]), 0);
		}
		ranges_finish(&r);
		for (int i = 0; i < 500; i++) {
			struct addr a = random_addr();
			bool in = false;

			for (int k = 0; k < PREFIXES; k++)
				in |= prefix_contains(&p[k], &a);
			CHECK_EQ(ranges_have(&r, &a), in);
		}
		ranges_free(&r);
	}
}

static void test_edges(void)
{
	static const char *const in[] = {"0.0.0.0", "255.255.255.255", "::", "ffff::"};
	struct ranges r = {0}, none = {0};

	fixture_ranges(&r, "0.0.0.0/0 ::/0 128.0.0.0/1");
	ranges_finish(&r);
	ranges_finish(&none);
	for (size_t i = 0; i < 4; i++) {
		struct addr a = fixture_addr(in[i]);

		CHECK(ranges_have(&r, &a));
		CHECK(!ranges_have(&none, &a));
	}
	CHECK(ranges_have_low(&r, 0x010101, 3));
	CHECK(!ranges_have_low(&none, 1, 1));
	ranges_free(&r);
	fixture_ranges(&r, "10.1.2.8/30");
	ranges_finish(&r);
	CHECK(ranges_have_low(&r, 8, 1) && ranges_have_low(&r, 11, 1));
	CHECK(!ranges_have_low(&r, 7, 1) && !ranges_have_low(&r, 12, 1));
	CHECK(ranges_have_low(&r, 0x0102 << 8 | 9, 3) && !ranges_have_low(&r, 0x0103 << 8 | 9, 3));
	ranges_free(&r);
	/* nothing that may be reached: loopback, link-local, multicast */
	fixture_ranges(&r, "127.0.0.0/8 169.254.0.0/16 224.0.0.0/3 0.0.0.0/8");
	ranges_finish(&r);
	for (uint32_t low = 0; low < 256; low++)
		CHECK(!ranges_have_low(&r, low, 1));
	ranges_free(&r);
}

int main(void)
{
	RUN(test_have);
	RUN(test_edges);
	return TEST_END();
}
