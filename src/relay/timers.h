// SPDX-License-Identifier: MIT
// All deadlines of the worker in one binary heap: setting one costs no system call, none wakes an
// idle worker.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer {
	uint64_t at_ms;
	void (*fire)(struct timer *t); /* runs disarmed; may set it again */
	uint32_t index;		       /* place in the heap, 0 = not armed */
};

/* Arms T for AT_MS of the loop's clock, or moves it there. 0 or -ENOMEM (then it is not armed). */
int timers_set(struct timer *t, uint64_t at_ms);
void timers_cancel(struct timer *t);
/* The earliest deadline, or TIMER_NEVER. */
uint64_t timers_next(void);
/* Fires what is due at NOW_MS. */
void timers_run(uint64_t now_ms);
