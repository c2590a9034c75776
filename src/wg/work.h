// SPDX-License-Identifier: MIT
// Is what a node has to do enough for two threads?
//
// A second thread costs wake-ups, and a second processor's cache: while one can do everything, one is
// cheaper, and answers sooner. Two are called for when it uses most of a processor; one that is only kept
// from running by others would get no further. Receiving alone is no reason: TCP's acknowledgements are
// made while it writes, and wait on the TUN when it looks there.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What was done since .since_ns; all zero: nothing is known yet, as after a change of threads. */
struct work {
	uint64_t since_ns;
	uint64_t cpu_ns;	 /* used up to then, by the thread or by the process */
	uint64_t sent, received; /* packets, roughly */
};

/* Both are asked often, and true once in a while, if so. */
/* Of the only thread that works: it needs most of a processor, and not for receiving alone. */
bool work_needs_two(struct work *w, uint64_t sent, uint64_t now_ns);
/* Of two: together they do not need half of one. */
bool work_needs_one(struct work *w, uint64_t now_ns);
