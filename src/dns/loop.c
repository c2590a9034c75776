// SPDX-License-Identifier: MIT
// The worker's event loop: one epoll instance, objects that are freed only between two rounds.
#include "dns/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#define LOOP_EVENTS 64

int loop_init(struct loop *l)
{
	l->dead = NULL;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return l->epoll_fd < 0 ? -errno : 0;
}

static int loop_control(struct loop *l, int op, int fd, uint32_t events, struct loop_event *e)
{
	struct epoll_event ev = {.events = events, .data.ptr = e};

	return epoll_ctl(l->epoll_fd, op, fd, &ev) < 0 ? -errno : 0;
}

int loop_add(struct loop *l, int fd, uint32_t events, struct loop_event *e)
{
	return loop_control(l, EPOLL_CTL_ADD, fd, events, e);
}

int loop_change(struct loop *l, int fd, uint32_t events, struct loop_event *e)
{
	return loop_control(l, EPOLL_CTL_MOD, fd, events, e);
}

void loop_remove(struct loop *l, int fd)
{
	(void)loop_control(l, EPOLL_CTL_DEL, fd, 0, NULL);
}

void loop_bury(struct loop *l, struct loop_event *e)
{
	e->run = NULL;
	e->next_dead = l->dead;
	l->dead = e;
}

int loop_round(struct loop *l, int timeout_ms)
{
	struct epoll_event events[LOOP_EVENTS];
	int n = epoll_wait(l->epoll_fd, events, LOOP_EVENTS, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < n; i++) {
		struct loop_event *e = events[i].data.ptr;

		if (e->run)
			e->run(e, events[i].events);
	}
	while (l->dead) {
		struct loop_event *e = l->dead;

		l->dead = e->next_dead;
		free(e);
	}
	return 0;
}
