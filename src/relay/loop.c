// SPDX-License-Identifier: MIT
// The worker's one thread: epoll, deadlines, and work that waits for its turn.
//
// A round is: wait, dispatch events, fire timers, run tasks, bury the dead. Bulk streams move in tasks, a share at a
// time, and behind each of them epoll is asked again: a keystroke waits for one share, however many streams there
// are. Tasks may take as long as the round's events did, so that a crowd of small connections does not starve them;
// those that are left come first in the next round, and one that queues itself again comes behind all others. With
// tasks waiting epoll is only asked, not slept in. Tasks that pause (pace.c) come back together.
#include "relay/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "relay/timers.h"

#define LOOP_EVENTS   256
#define LOOP_TASKS_NS 20000 /* in each round at least: short tasks need none of their own */

static int loop_epoll = -1;
static sigset_t loop_mask; /* while it waits; else SIGUSR1 is blocked */
static uint64_t loop_now_ms, loop_rounds;
static struct epoll_event now[LOOP_EVENTS];
static int n_events, next_event; /* of this round; the first of them that is not dispatched yet */
static struct task *graves;
static struct task queue = {.next = &queue, .prev = &queue};
static struct task pauses = {.next = &pauses, .prev = &pauses};
static uint64_t pause_until_ns;

int loop_open(void)
{
	loop_epoll = epoll_create1(EPOLL_CLOEXEC);
	loop_now_ms = clock_now_ms();
	return loop_epoll < 0 ? -errno : 0;
}

int loop_add(struct source *s, uint32_t wanted)
{
	struct epoll_event ev = {.events = wanted, .data.ptr = s};

	for (int i = next_event; i < n_events; i++)
		if (now[i].data.ptr == s)
			now[i].data.ptr = NULL; /* of the descriptor that S had before */
	return epoll_ctl(loop_epoll, EPOLL_CTL_ADD, s->fd, &ev) < 0 ? -errno : 0;
}

int loop_modify(struct source *s, uint32_t wanted)
{
	struct epoll_event ev = {.events = wanted, .data.ptr = s};

	return epoll_ctl(loop_epoll, EPOLL_CTL_MOD, s->fd, &ev) < 0 ? -errno : 0;
}

void loop_remove(struct source *s)
{
	epoll_ctl(loop_epoll, EPOLL_CTL_DEL, s->fd, NULL);
}

static void append(struct task *list, struct task *t)
{
	t->next = list;
	t->prev = list->prev;
	list->prev->next = t;
	list->prev = t;
}

void loop_task(struct task *t)
{
	if (!t->next)
		append(&queue, t);
}

void loop_pause(struct task *t)
{
	if (t->next)
		return;
	if (pauses.next == &pauses)
		pause_until_ns = clock_now_ns() + LOOP_PAUSE_US * 1000u;
	append(&pauses, t);
}

void loop_task_cancel(struct task *t)
{
	if (!t->next)
		return;
	t->next->prev = t->prev;
	t->prev->next = t->next;
	t->next = t->prev = NULL;
}

void loop_bury(struct task *t)
{
	t->next = graves;
	graves = t;
}

uint64_t loop_now(void)
{
	return loop_now_ms;
}

uint64_t loop_round(void)
{
	return loop_rounds;
}

static int wait_ms(void)
{
	uint64_t next = timers_next();

	if (queue.next != &queue)
		return 0;
	if (next == TIMER_NEVER)
		return -1;
	if (next <= loop_now_ms)
		return 0;
	return next - loop_now_ms > INT_MAX ? INT_MAX : (int)(next - loop_now_ms);
}

/* Where the kernel (before 5.11) or a container does not have that call, pauses are of a millisecond. */
static int wait_pause(void)
{
	uint64_t now_ns = clock_now_ns();
	struct timespec ts = {
		.tv_nsec = now_ns < pause_until_ns ? (long)(pause_until_ns - now_ns) : 0};
	int n = epoll_pwait2(loop_epoll, now, LOOP_EVENTS, &ts, &loop_mask);

	return n < 0 && errno != EINTR ? epoll_pwait(loop_epoll, now, LOOP_EVENTS, 1, &loop_mask)
				       : n;
}

/* Sleeps as long as there is nothing to do. */
static int wait_events(void)
{
	int ms = wait_ms();

	return pauses.next != &pauses && ms
		? wait_pause()
		: epoll_pwait(loop_epoll, now, LOOP_EVENTS, ms, &loop_mask);
}

/* Empties FROM, to the front of the queue. */
static void put_back(struct task *from)
{
	if (from->next == from)
		return;
	from->prev->next = queue.next;
	queue.next->prev = from->prev;
	queue.next = from->next;
	from->next->prev = &queue;
}

static void end_pauses(uint64_t now_ns)
{
	struct task *t;

	if (pauses.next == &pauses || now_ns < pause_until_ns)
		return;
	while ((t = pauses.next) != &pauses) {
		loop_task_cancel(t);
		append(&queue, t);
	}
}

/* The round began at BEGAN_NS. */
static void run_tasks(uint64_t began_ns)
{
	struct task round = {.next = queue.next, .prev = queue.prev}, *t;
	uint64_t now_ns, until_ns;

	if (queue.next == &queue)
		return;
	now_ns = clock_now_ns();
	until_ns = now_ns + MAX(now_ns - began_ns, (uint64_t)LOOP_TASKS_NS);
	round.next->prev = round.prev->next = &round; /* what is queued from here on waits */
	queue.next = queue.prev = &queue;
	while ((t = round.next) != &round && now_ns < until_ns) {
		loop_task_cancel(t);
		t->run(t);
		now_ns = clock_now_ns();
	}
	put_back(&round);
}

static void bury(void)
{
	while (graves) {
		struct task *t = graves;

		graves = t->next;
		t->run(t);
	}
}

/* ---- draining ---- */

static volatile sig_atomic_t drain_asked;
static bool drains;
static void (*drain_begin)(void);
static bool (*drain_busy)(void);
static struct timer drain_timer;

static void on_drain_signal(int signal_number)
{
	drain_asked = 1;
}

static void drain_expired(struct timer *t)
{
	exit(EXIT_SUCCESS);
}

void loop_on_drain(void (*begin)(void), bool (*busy)(void))
{
	struct sigaction action = {.sa_handler = on_drain_signal};
	sigset_t mask;

	drain_begin = begin;
	drain_busy = busy;
	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, &loop_mask);
}

bool loop_drains(void)
{
	return drains;
}

static void drain(void)
{
	if (drain_asked && !drains) {
		drains = true;
		drain_timer.fire = drain_expired;
		(void)timers_set(&drain_timer, loop_now_ms + LOOP_DRAIN_MAX_MS);
		drain_begin();
	}
	if (drains && !drain_busy())
		exit(EXIT_SUCCESS);
}

int loop_run(void)
{
	uint64_t began_ns;

	for (;;) {
		n_events = wait_events();
		if (n_events < 0 && errno != EINTR)
			return -errno;
		began_ns = clock_now_ns();
		loop_now_ms = began_ns / 1000000;
		loop_rounds++;
		for (next_event = 0; next_event < n_events;) {
			const struct epoll_event *e = &now[next_event++];
			struct source *s = e->data.ptr;

			if (s && s->fd >= 0)
				s->on_event(s, e->events);
		}
		timers_run(loop_now_ms);
		drain();
		end_pauses(began_ns);
		run_tasks(began_ns);
		bury();
	}
}
