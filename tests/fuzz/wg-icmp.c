// SPDX-License-Identifier: MIT
// Fuzz: any packet; the error about it is bounded, has good checksums, goes back where it came from, and is
// never answered itself.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/wg-packets.h"
#include "wg/icmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *ip = malloc(size ? size : 1), *out = malloc(ICMP_BYTES_MAX), again[ICMP_BYTES_MAX];
	size_t len;

	if (size)
		memcpy(ip, data, size);
	len = icmp_unreachable(ip, size, out);
	require(len <= ICMP_BYTES_MAX);
	if (len && out[0] >> 4 == 4) {
		require(ip[0] >> 4 == 4 && len <= ICMP4_BYTES_MAX && packets_get16(out + 2) == len);
		require(packets_sum(0, out, 20) == 0xffff);
		require(packets_sum(0, out + 20, len - 20) == 0xffff);
		require(!memcmp(out + 16, ip + 12, 4) && !memcmp(out + 28, ip, len - 28));
	} else if (len) {
		require(ip[0] >> 4 == 6 && packets_get16(out + 4) == len - 40);
		require(packets_sum(packets_pseudo(out, (uint32_t)len - 40, 58), out + 40,
				len - 40) == 0xffff);
		require(!memcmp(out + 24, ip + 8, 16) && !memcmp(out + 48, ip, len - 48));
	}
	if (len)
		require(!icmp_unreachable(out, len, again));
	free(ip);
	free(out);
	return 0;
}
