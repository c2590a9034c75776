// SPDX-License-Identifier: MIT
// Is what a node has to do enough for two threads?
#include "wg/work.h"

#include <time.h>

#define WINDOW_NS     10000000u
#define PERCENT_TWO   60 /* of a processor */
#define PERCENT_ONE   40
#define RECEIVED_EACH 4 /* packets for each that was sent: as long as there are not more */

static uint64_t used_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A window is over, and was like *RET. */
static bool window_ends(struct work *w, clockid_t clock, uint64_t now_ns, struct work *ret)
{
	uint64_t cpu_ns;
	bool known = w->since_ns;

	if (now_ns - w->since_ns < WINDOW_NS)
		return false;
	cpu_ns = used_ns(clock);
	*ret = (struct work){.since_ns = now_ns - w->since_ns,
		.cpu_ns = cpu_ns - w->cpu_ns,
		.sent = w->sent,
		.received = w->received};
	*w = (struct work){.since_ns = now_ns, .cpu_ns = cpu_ns};
	return known;
}

bool work_needs_two(struct work *w, uint64_t sent, uint64_t now_ns)
{
	struct work was;

	w->sent += sent;
	return window_ends(w, CLOCK_THREAD_CPUTIME_ID, now_ns, &was) &&
		was.cpu_ns * 100 >= was.since_ns * PERCENT_TWO &&
		was.sent * RECEIVED_EACH >= was.received;
}

bool work_needs_one(struct work *w, uint64_t now_ns)
{
	struct work was;

	return window_ends(w, CLOCK_PROCESS_CPUTIME_ID, now_ns, &was) &&
		was.cpu_ns * 100 < was.since_ns * PERCENT_ONE;
}
