// SPDX-License-Identifier: MIT
// The list of all tailnets to who asks the front for it: whole to who takes it, and to nobody at everybody's cost.
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "supervisor/collecting.h"
#include "supervisor/controlsock.h"
#include "supervisor/front.h"
#include "test.h"

#define TAILNETS 300
#define DRIP_MS	 200 /* TAILNETS of these are a minute */

static struct connection told = {.told = true}, silent;

struct reader {
	int fd;
	bool drips;
	size_t tailnets, ends;
};

/* The reader's pace: a tick each DRIP_MS. */
static int drips_open(void)
{
	const struct itimerspec each = {
		.it_interval.tv_nsec = DRIP_MS * 1000000, .it_value.tv_nsec = DRIP_MS * 1000000};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(timerfd_settime(fd, 0, &each, NULL), 0);
	return fd;
}

static void *read_all(void *arg)
{
	static union control_any m;
	struct reader *r = arg;
	uint64_t ticks;
	int drips = drips_open();

	while (recv(r->fd, &m, sizeof(m), 0) > 0) {
		r->tailnets += m.h.record == CONTROL_TAILNET;
		r->ends += m.h.record == CONTROL_END;
		if (r->drips && read(drips, &ticks, sizeof(ticks)) < 0)
			break;
	}
	close(drips);
	return NULL;
}

/* Every third one has not answered. How long it took, in ms. */
static uint64_t list_to(struct reader *r)
{
	static struct slot slots[TAILNETS];
	static struct slot *all[TAILNETS];
	struct collector c = {.slots = all, .n = TAILNETS};
	struct front f = {.collected = &c};
	const struct timeval patience = {.tv_sec = 1};
	uint64_t begun = clock_now_ms(), took;
	pthread_t thread;
	int pair[2];

	for (size_t i = 0; i < TAILNETS; i++) {
		slots[i] = (struct slot){.is.known = true, .by = i % 3 ? &told : &silent};
		all[i] = &slots[i];
	}
	CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	CHECK_EQ(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)), 0);
	r->fd = pair[1];
	f.list_fd = pair[0];
	CHECK_EQ(pthread_create(&thread, NULL, read_all, r), 0);
	front_listed(&f);
	took = clock_now_ms() - begun;
	r->drips = false;
	CHECK_EQ(pthread_join(thread, NULL), 0);
	close(pair[1]);
	return took;
}

static void whole(void)
{
	struct reader r = {0};

	(void)list_to(&r);
	CHECK_EQ(r.tailnets, TAILNETS - TAILNETS / 3);
	CHECK_EQ(r.ends, 1);
}

/* Each record in less than a socket's patience: that is not enough. */
static void drop_by_drop(void)
{
	struct reader r = {.drips = true};
	uint64_t took = list_to(&r);

	CHECK(took >= CONTROLSOCK_PATIENCE_MS / 2 && took < 5 * CONTROLSOCK_PATIENCE_MS);
	CHECK(r.tailnets < TAILNETS - TAILNETS / 3);
	CHECK_EQ(r.ends, 0);
}

int main(void)
{
	RUN(whole);
	RUN(drop_by_drop);
	return TEST_END();
}
