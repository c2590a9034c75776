// SPDX-License-Identifier: MIT
// What failed is tried again: how long that waits, and whether the cause still lasts.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct supervisor;
struct tailnet;

#define RETRY_MIN_MS	 100
#define RETRY_MAX_MS	 30000
#define RETRY_OUTSIDE_MS 700 /* at most, where nothing of ours is to blame: back within a second */
#define RETRY_AT_ONCE	 4   /* so many may wait for that; more share it out */
#define RETRY_SHARED_MS \
	300000 /* at most, then: who sees first that the cause is gone tells others */

/* Is the cause of ERROR (-errno) likely to lie outside of us, so that it may go at any moment? */
bool retry_is_outside(int error);

/* What is being tried, since it last went well. */
struct retry {
	/* The next pause, but for its bounds and jitter: after what it did itself, and after the rest. */
	uint32_t own_ms, outside_ms;
	uint32_t tries;
};
void retry_reset(struct retry *t);
/* How long to wait now, with jitter; the next pause is twice as long. WAITING: how many wait like this one,
 * with it. */
uint32_t retry_pause_ms(struct retry *t, bool outside, size_t waiting);
/* The same for PROGRAM of LABEL (as log_event()) that ended as WHY says, for which it is not to blame if
 * OUTSIDE; the log hears of it. One that had lived for a minute since STARTED_MS (0: never) went well. */
uint32_t retry_again_ms(struct retry *t, const char *label, const char *program,
	uint64_t started_ms, const char *why, bool outside, size_t waiting);
/* Does what ERROR told of last, as far as a few system calls can say? RUN_DIR: where we write. */
bool retry_lasts(int error, const char *run_dir);
/* Is the TRIES-th failure in a row worth a line in the log? The first ones, then ever fewer. */
bool retry_is_news(uint32_t tries);

/* How a process ended that nobody of us has ended: is the cause likely to lie outside? */
bool retry_is_outside_end(int code, int status);
/* How many tailnets wait to be tried again, or for pasta or tailscaled. */
size_t retry_waiting(const struct supervisor *s);
/* T could not be made, because of ERROR: it is tried again later. */
void retry_plan(struct tailnet *t, int error);
/* Removes what the record of T names; what cannot be removed now is tried again, also of one that is down. */
void retry_remove(struct tailnet *t);
/* /etc/netns of T cannot be written: that is done when mounts change. */
void retry_when_mounted(struct tailnet *t);
/* The tailnets that wait for that are tried now: something has changed. */
void retry_all(struct supervisor *s);
