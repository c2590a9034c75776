// SPDX-License-Identifier: MIT
// How long what failed waits before it is tried again, and which causes are looked at.
#include "supervisor/retry.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "ipc/worker.h"
#include "test.h"

static uint32_t pause_of(uint32_t backoff_ms, bool outside, size_t waiting)
{
	struct retry t = {.own_ms = backoff_ms, .outside_ms = backoff_ms};

	return retry_pause_ms(&t, outside, waiting);
}

static void pauses(void)
{
	struct retry tried = {.own_ms = RETRY_MIN_MS};
	uint32_t least = RETRY_MIN_MS;
	uint64_t sum = 0, shortest = UINT32_MAX, longest = 0;

	for (int i = 0; i < 12; i++) { /* 0.1 s, doubled to 30 s, and up to a quarter more */
		uint32_t pause = retry_pause_ms(&tried, false, 1);

		CHECK(pause >= least && pause <= least + least / 4);
		least = least * 2 < RETRY_MAX_MS ? least * 2 : RETRY_MAX_MS;
	}
	for (int i = 0; i < 1000; i++) {
		CHECK(pause_of(RETRY_MAX_MS, true, 1) < 1000);
		CHECK(pause_of(RETRY_MAX_MS, true, RETRY_AT_ONCE) < 1000);
		CHECK(pause_of(RETRY_MIN_MS, true, 1000) <= RETRY_MIN_MS + RETRY_MIN_MS / 4);
	}

	for (int i = 0; i < 1000; i++) { /* shared and scattered */
		uint32_t pause = pause_of(RETRY_MAX_MS, true, 40);

		sum += pause;
		shortest = pause < shortest ? pause : shortest;
		longest = pause > longest ? pause : longest;
	}
	CHECK(sum / 1000 >= 9 * RETRY_OUTSIDE_MS && sum / 1000 <= 11 * RETRY_OUTSIDE_MS);
	CHECK(longest - shortest >= 9 * RETRY_OUTSIDE_MS);
	CHECK(pause_of(RETRY_MAX_MS, true, 100000) >= RETRY_MAX_MS / 2);
	/* a thousand: together some six a second, not thirty, however long it lasts */
	retry_reset(&tried);
	for (int i = 0; i < 20; i++)
		least = retry_pause_ms(&tried, true, 1000);
	CHECK(least >= 1000 * RETRY_OUTSIDE_MS / RETRY_AT_ONCE / 2);
	CHECK(pause_of(tried.outside_ms, false, 1000) <=
		RETRY_MAX_MS * 5 / 4); /* what fails by itself waits no longer */
	for (int i = 0; i < 20; i++)
		least = retry_pause_ms(&tried, true, 1000000);
	CHECK(least >= RETRY_SHARED_MS / 2 && least <= RETRY_SHARED_MS * 3 / 2);
}

/* What lived for a minute begins with the shortest pause; what did not, goes on with longer ones. */
static void again(void)
{
	uint64_t now = clock_now_ms();
	struct retry tried;

	log_set_level(-1); /* expected lines */
	retry_reset(&tried);
	CHECK(retry_again_ms(&tried, "x", "y", 0, "ended", false, 1) < 2 * RETRY_MIN_MS);
	CHECK(retry_again_ms(&tried, "x", "y", now, "ended", false, 1) >= 2 * RETRY_MIN_MS);
	CHECK(retry_again_ms(&tried, "x", "y", now, "ended", false, 1) >= 4 * RETRY_MIN_MS);
	CHECK(tried.own_ms == 8 * RETRY_MIN_MS);
	/* what befell it counts apart */
	CHECK(retry_again_ms(&tried, "x", "y", now, "killed", true, 1) < 2 * RETRY_MIN_MS);
	CHECK(tried.own_ms == 8 * RETRY_MIN_MS);
	CHECK(retry_again_ms(&tried, "x", "y", now - 60000, "ended", false, 1) < 2 * RETRY_MIN_MS);
	CHECK(tried.own_ms == 2 * RETRY_MIN_MS && tried.tries <= 1);
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
	CHECK(retry_is_outside_end(CLD_KILLED, SIGKILL) &&
		!retry_is_outside_end(CLD_DUMPED, SIGSEGV));
	CHECK(retry_is_outside_end(CLD_EXITED, WORKER_EXIT_WANT) &&
		!retry_is_outside_end(CLD_EXITED, 1));
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
	RUN(again);
	RUN(news);
	RUN(causes);
	return TEST_END();
}
