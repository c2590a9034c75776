// SPDX-License-Identifier: MIT
// A resolver's answer, any bytes: addresses of both families, and for how long a name does not exist.
#include "proxy/dnsreply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct addr merged[RESOLVE_ADDRS_MAX];
	struct dnsreply r[2] = {0};

	for (int i = 0; i < 2; i++) {
		int e = dnsreply_addresses(data, size, i ? 6 : 4, &r[i]);

		must(e <= 0 && r[i].n <= RESOLVE_ADDRS_MAX && (e == 0 || !r[i].n));
		for (size_t k = 0; k < r[i].n; k++)
			must(r[i].addrs[k].family == (i ? 6 : 4));
	}
	must(dnsreply_merge(&r[0], &r[1], merged) <= r[0].n + r[1].n);
	(void)dnsreply_negative_ttl(data, size);
	return 0;
}
