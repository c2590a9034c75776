// SPDX-License-Identifier: MIT
// The worker's event loop: one epoll instance, objects that are freed only between two rounds.
#pragma once

#include <stdint.h>

/* Part of every object that has a descriptor in the loop. */
struct loop_event {
	void (*run)(struct loop_event *e, uint32_t events);
	struct loop_event *next_dead;
};

struct loop {
	int epoll_fd;
	struct loop_event
		*dead; /* to be freed when no event of this round can name them any more */
};

/* 0 or -errno. */
int loop_init(struct loop *l);
int loop_add(struct loop *l, int fd, uint32_t events, struct loop_event *e);
int loop_change(struct loop *l, int fd, uint32_t events, struct loop_event *e);
void loop_remove(struct loop *l, int fd);
/* E, which starts its object's memory, is freed after this round. */
void loop_bury(struct loop *l, struct loop_event *e);
/* Waits at most TIMEOUT_MS (-1 = for ever) and runs what happened. 0 or -errno. */
int loop_round(struct loop *l, int timeout_ms);
