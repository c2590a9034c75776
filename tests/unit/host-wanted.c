// SPDX-License-Identifier: MIT
// How long is waited after registrations that failed.
#include "host/wanted.h"

#include "common/cleanup.h"
#include "test.h"

#define TRIES 2000

static void test_pauses(void)
{
	for (unsigned failures = 0; failures < 40; failures++) {
		uint64_t base = failures < 8 ? 2ull << failures : 300, least = UINT64_MAX, most = 0;

		if (base > 300)
			base = 300;
		for (int i = 0; i < TRIES; i++) {
			uint64_t s = wanted_pause_s(failures);

			least = MIN(least, s);
			most = MAX(most, s);
		}
		CHECK(least >= base - base / 4);
		CHECK(most <= base + base / 4 + 1);
		CHECK(base < 8 || most > least); /* no two gateways in step */
	}
}

int main(void)
{
	RUN(test_pauses);
	return TEST_END();
}
