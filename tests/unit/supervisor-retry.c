// SPDX-License-Identifier: MIT
// How long what failed waits before it is tried again, and which causes are looked at.
#include "supervisor/retry.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

static uint32_t pause_of(uint32_t backoff_ms, bool outside, size_t waiting)
{
	return retry_pause_ms(&backoff_ms, outside, waiting);
}

static void pauses(void)
{
	uint32_t backoff = RETRY_MIN_MS, least = RETRY_MIN_MS;

	for (int i = 0; i < 12; i++) { /* 0.1 s, doubled to 30 s, and up to a quarter more */
		uint32_t pause = retry_pause_ms(&backoff, false, 1);

		CHECK(pause >= least && pause <= least + least / 4);
		least = least * 2 < RETRY_MAX_MS ? least * 2 : RETRY_MAX_MS;
	}
	for (int i = 0; i < 1000; i++) {
		CHECK(pause_of(RETRY_MAX_MS, true, 1) < 1000);
		CHECK(pause_of(RETRY_MAX_MS, true, RETRY_AT_ONCE) < 1000);
		CHECK(pause_of(RETRY_MIN_MS, true, 1000) <= RETRY_MIN_MS + RETRY_MIN_MS / 4);
	}
	CHECK(pause_of(RETRY_MAX_MS, true, 40) >= 10 * RETRY_OUTSIDE_MS);
	CHECK(pause_of(RETRY_MAX_MS, true, 100000) >= RETRY_MAX_MS);
}

static void news(void)
{
	int n = 0;

	for (uint32_t i = 0; i < 86400; i++)
		n += retry_is_news(i);
	CHECK(retry_is_news(0) && retry_is_news(1) && retry_is_news(64) && !retry_is_news(65));
	CHECK(n < 32); /* a day of tries */
}

static void causes(void)
{
	struct rlimit all, few;

	CHECK(retry_is_outside(-EMFILE) && retry_is_outside(-ENODEV) && !retry_is_outside(-EINVAL));
	CHECK(!retry_lasts(-EINVAL, "/tmp") && !retry_lasts(-ENOMEM, "/tmp"));
	CHECK_EQ(retry_lasts(-ENODEV, "/tmp"), access("/dev/net/tun", R_OK | W_OK) != 0);
	CHECK(!retry_lasts(-EMFILE, "/tmp"));
	CHECK(!retry_lasts(-ENOSPC, "/tmp") && !retry_lasts(-ENOSPC, "/nowhere"));
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = (struct rlimit){.rlim_cur = 20, .rlim_max = all.rlim_max};
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	CHECK(retry_lasts(-EMFILE, "/tmp"));
	CHECK(retry_lasts(-EMFILE, "/tmp")); /* it gives back what it has tried */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &all), 0);
	CHECK(!retry_lasts(-EMFILE, "/tmp"));
	all.rlim_cur = 1000; /* a file may not be larger: as if the disk were full */
	signal(SIGXFSZ, SIG_IGN);
	CHECK_EQ(setrlimit(RLIMIT_FSIZE, &all), 0);
	CHECK(retry_lasts(-ENOSPC, "/tmp"));
}

int main(void)
{
	RUN(pauses);
	RUN(news);
	RUN(causes);
	return TEST_END();
}
