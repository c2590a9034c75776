// SPDX-License-Identifier: MIT
// The worker's one thread: epoll, deadlines, and work that waits for its turn.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* A descriptor that is watched. Whoever is called must not free SOURCES at once: loop_bury(). */
struct source {
	int fd; /* -1: events that are still under way are dropped */
	void (*on_event)(struct source *s, uint32_t events);
};

/* Work that waits for its turn, behind the events of a round: bulk streams, whoever has used up a share, and memory
 * that events under way may still point to. */
struct task {
	struct task *next, *prev;
	void (*run)(struct task *t);
};

/* 0 or -errno. */
int loop_open(void);
/* Events under way that were S's earlier descriptor's are dropped. 0 or -errno. */
int loop_add(struct source *s, uint32_t events);
/* Other events are told of S from now on, and at once if there are some. 0 or -errno. */
int loop_modify(struct source *s, uint32_t events);
void loop_remove(struct source *s);
/* Does nothing if T waits already. Behind a task that takes its time others wait for a later round. */
void loop_task(struct task *t);
/* As loop_task(), but in LOOP_PAUSE_US or sooner, together with all others that pause. */
#define LOOP_PAUSE_US 400
void loop_pause(struct task *t);
void loop_task_cancel(struct task *t);
/* RUN of T is called after all events of this round. */
void loop_bury(struct task *t);
/* How many rounds there were. */
uint64_t loop_round(void);
/* Time at the start of this round, milliseconds of CLOCK_BOOTTIME. */
uint64_t loop_now(void);
/* SIGUSR1 from now on: a worker of another build has taken our place. BEGIN closes what takes new
 * clients; when nothing is BUSY any more, or after LOOP_DRAIN_MAX_MS, the process ends. */
#define LOOP_DRAIN_MAX_MS (24u * 3600 * 1000)
void loop_on_drain(void (*begin)(void), bool (*busy)(void));
bool loop_drains(void);
/* Never returns but with -errno. */
int loop_run(void);
