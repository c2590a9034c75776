// SPDX-License-Identifier: MIT
// How deep WireGuard is nested: which hop limit goes around which packet, and where it ends.
#include "wg/nested.h"

#include <errno.h>
#include <string.h>

#include "test.h"

enum shape { V4, V4_OPTIONS, V6, V6_FRAGMENT, V4_TCP };

static uint8_t packet[128];

/* A packet of SHAPE whose payload begins with TYPE 0 0 0; returns its length. */
static size_t make(enum shape shape, uint8_t hops, uint8_t type, unsigned fragment_offset)
{
	size_t at = shape == V4_OPTIONS ? 24 : shape == V6 ? 40 : shape == V6_FRAGMENT ? 48 : 20;

	memset(packet, 0, sizeof(packet));
	if (shape == V6 || shape == V6_FRAGMENT) {
		packet[0] = 0x60;
		packet[6] = shape == V6 ? 17 : 44;
		packet[7] = hops;
		if (shape == V6_FRAGMENT) {
			packet[40] = 17;
			packet[42] = (uint8_t)(fragment_offset >> 5);
			packet[43] = (uint8_t)(fragment_offset << 3 | 1);
		}
	} else {
		packet[0] = (uint8_t)(0x40 | at / 4);
		packet[6] = (uint8_t)(fragment_offset >> 8);
		packet[7] = (uint8_t)fragment_offset;
		packet[8] = hops;
		packet[9] = shape == V4_TCP ? 6 : 17;
	}
	packet[at + 8] = type;
	return at + 8 + 32;
}

static void levels(void)
{
	static const enum shape shapes[] = {V4, V4_OPTIONS, V6, V6_FRAGMENT};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (uint8_t type = 1; type <= 4; type++) {
			int hops = 64, n = 0;

			for (;; n++) {
				size_t len = make(shapes[i], (uint8_t)hops, type, 0);

				hops = nested_hops(packet, len);
				if (hops < 0)
					break;
				CHECK_EQ(hops, NESTED_FIRST - n);
			}
			CHECK_EQ(hops, -ELOOP);
			CHECK_EQ(n, NESTED_LEVEL + 1);
		}
}

/* A circle with ROUTERS in it, each of which takes one away, and what a packet begins with. */
static void circles(void)
{
	for (int routers = 0; routers < NESTED_ROUTERS; routers++)
		for (int first = 1; first < 256; first++) {
			int hops = first, turns = 0;

			for (; hops > routers && turns <= 2 * NESTED_LEVEL; turns++) {
				hops = nested_hops(packet, make(V4, (uint8_t)hops, 4, 0));
				if (hops < 0)
					break;
				hops -= routers;
			}
			CHECK(hops == -ELOOP || (turns == 0 && hops <= routers));
			CHECK(turns <= NESTED_LEVEL + 1);
		}
}

/* The later fragments have no UDP header: inside the range they are believed, outside they are nothing. */
static void later_fragments(void)
{
	CHECK_EQ(nested_hops(packet, make(V4, 99, 0, 185)), 98);
	CHECK_EQ(nested_hops(packet, make(V6_FRAGMENT, 90, 7, 300)), 89);
	CHECK_EQ(nested_hops(packet, make(V4, 84, 0, 1)), -ELOOP);
	CHECK_EQ(nested_hops(packet, make(V4, 77, 0, 1)), -ELOOP);
	CHECK_EQ(nested_hops(packet, make(V4, 76, 0, 1)), 0);
	CHECK_EQ(nested_hops(packet, make(V4, 64, 4, 185)), 0);
	CHECK_EQ(nested_hops(packet, make(V6_FRAGMENT, 64, 4, 1)), 0);
}

static void others(void)
{
	size_t len;

	for (unsigned hops = 0; hops < 256; hops++) {
		CHECK_EQ(nested_hops(packet, make(V4, (uint8_t)hops, 5, 0)), 0);
		CHECK_EQ(nested_hops(packet, make(V6, (uint8_t)hops, 0, 0)), 0);
		CHECK_EQ(nested_hops(packet, make(V4_TCP, (uint8_t)hops, 4, 0)), 0);
		if (hops < 77 || hops > 99) /* from wherever: the first level that we see */
			CHECK_EQ(nested_hops(packet, make(V4, (uint8_t)hops, 4, 0)), 99);
	}
	len = make(V4, 64, 4, 0);
	packet[30] = 1; /* not three zero bytes */
	CHECK_EQ(nested_hops(packet, len), 0);
	/* cut off */
	make(V4, 99, 4, 0);
	CHECK_EQ(nested_hops(packet, 20), 0);
	CHECK_EQ(nested_hops(packet, 31), 0);
	CHECK_EQ(nested_hops(packet, 32), 98);
	make(V6_FRAGMENT, 99, 4, 0);
	CHECK_EQ(nested_hops(packet, 40), 0);
}

int main(void)
{
	RUN(levels);
	RUN(circles);
	RUN(later_fragments);
	RUN(others);
	return TEST_END();
}
