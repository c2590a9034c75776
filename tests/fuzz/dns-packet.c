// SPDX-License-Identifier: MIT
// Any bytes as a UDP question: first byte chooses client and clock, the rest is the datagram.
#include "../unit/dns-fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone_set *zones;
	static uint8_t out[PACKET_UDP_MAX];
	struct answer_context c;
	int rcode = -1;
	size_t n;

	if (!zones)
		zones = fixture_zones();
	if (!size)
		return 0;
	c = fixture_context(zones,
		*data & 1	    ? "192.168.9.7"
			: *data & 2 ? "2001:db8::1"
				    : "192.0.2.9");
	c.now_s += *data;
	n = answer_message(&c, data + 1, size - 1, out, &rcode);
	if (n &&
		(n < 12 || n > sizeof(out) || memcmp(out, data + 1, 2) != 0 || !(out[2] & 0x80) ||
			rcode < 0))
		abort();
	/* an answer is never answered */
	if (n && answer_message(&c, out, n, out, &rcode))
		abort();
	return 0;
}
