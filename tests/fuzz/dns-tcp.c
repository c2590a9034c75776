// SPDX-License-Identifier: MIT
// Any bytes as a TCP stream, cut into segments: the messages found must not depend on the cuts.
#include "../unit/dns-fixture.h"
#include "dns/tcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds the stream STEP bytes at a time as the worker does; a checksum of all answers. */
static uint64_t run(const struct zone_set *zones, const uint8_t *data, size_t size, size_t step)
{
	static uint8_t in[2 + TCP_MESSAGE_MAX], out[PACKET_TCP_MAX];
	struct answer_context c = fixture_context(zones, "192.0.2.9");
	size_t have = 0, fed = 0, at, message, len;
	uint64_t sum = 0;
	int r = 0;

	c.stream = true;
	while (r >= 0 && fed < size) {
		size_t n = size - fed < step ? size - fed : step;

		if (n > sizeof(in) - have)
			n = sizeof(in) - have;
		if (!n)
			abort(); /* a message that never ends */
		memcpy(in + have, data + fed, n);
		have += n;
		fed += n;
		at = 0;
		while ((r = tcp_next_message(in, have, at, &message, &len)) > 0) {
			int rcode;
			size_t l = answer_message(&c, in + message, len, out, &rcode);

			if (l > sizeof(out))
				abort();
			for (size_t i = 0; i < l; i++)
				sum = sum * 31 + out[i];
			at = message + len;
		}
		memmove(in, in + at, have - at);
		have -= at;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone_set *zones;

	if (!zones)
		zones = fixture_zones();
	if (size < 1)
		return 0;
	if (run(zones, data + 1, size - 1, 1u + *data) != run(zones, data + 1, size - 1, 4096))
		abort();
	return 0;
}
