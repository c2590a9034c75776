// SPDX-License-Identifier: MIT
// All deadlines of the worker in one binary heap: setting one costs no system call, none wakes an
// idle worker.
#include "relay/timers.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define TIMERS_FIRST 64

static struct timer **heap; /* from 1: the children of I are 2I and 2I+1 */
static uint32_t heap_len, heap_cap;

static void place(struct timer *t, uint32_t i)
{
	heap[i] = t;
	t->index = i;
}

static void sift_up(struct timer *t, uint32_t i)
{
	for (; i > 1 && heap[i / 2]->at_ms > t->at_ms; i /= 2)
		place(heap[i / 2], i);
	place(t, i);
}

static void sift_down(struct timer *t, uint32_t i)
{
	for (;;) {
		uint32_t child = i * 2;

		if (child > heap_len)
			break;
		if (child < heap_len && heap[child + 1]->at_ms < heap[child]->at_ms)
			child++;
		if (heap[child]->at_ms >= t->at_ms)
			break;
		place(heap[child], i);
		i = child;
	}
	place(t, i);
}

static bool grow(void)
{
	uint32_t cap = heap_cap ? heap_cap * 2 : TIMERS_FIRST;
	struct timer **wider = realloc(heap, sizeof(struct timer *) * (cap + 1));

	if (!wider)
		return false;
	heap = wider;
	heap_cap = cap;
	return true;
}

int timers_set(struct timer *t, uint64_t at_ms)
{
	uint64_t old = t->at_ms;

	if (!t->index) {
		if (heap_len == heap_cap && !grow())
			return -ENOMEM;
		t->at_ms = at_ms;
		sift_up(t, ++heap_len);
		return 0;
	}
	t->at_ms = at_ms;
	if (at_ms < old)
		sift_up(t, t->index);
	else
		sift_down(t, t->index);
	return 0;
}

void timers_cancel(struct timer *t)
{
	uint32_t i = t->index;
	struct timer *last;

	if (!i)
		return;
	t->index = 0;
	last = heap[heap_len--];
	if (last == t)
		return;
	if (i > 1 && heap[i / 2]->at_ms > last->at_ms)
		sift_up(last, i);
	else
		sift_down(last, i);
}

uint64_t timers_next(void)
{
	return heap_len ? heap[1]->at_ms : TIMER_NEVER;
}

void timers_run(uint64_t now_ms)
{
	while (heap_len && heap[1]->at_ms <= now_ms) {
		struct timer *t = heap[1];

		timers_cancel(t);
		t->fire(t);
	}
}
