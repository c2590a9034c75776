// SPDX-License-Identifier: MIT
// How much a bulk stream may have under way to us: enough for its speed, and no queue behind which others wait.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define WINDOW_ALL (1u << 30) /* as a clamp: what TCP can say at most, so that the kernel decides */

struct window { /* zero-initialised = left to the kernel */
	uint64_t since_ms, bytes, all;
	uint32_t clamp;	 /* what the kernel was told, 0 = nothing */
	uint32_t rtt_us; /* the shortest to that host, 0 = not known yet */
	uint16_t strange;
	bool governed;
};

struct window_path {	     /* one look at a stream */
	uint64_t bytes, all; /* that came since the last one: its own, those of all streams */
	uint64_t us;	     /* how long that took */
	uint32_t rtt_us;     /* round trip: the shortest there was, */
	uint32_t recent_us;  /* and as it is now, as far as a receiver can know */
	uint32_t now;	     /* bytes that may be under way */
	uint32_t clamp;	     /* what the kernel was told, 0 = nothing */
	bool alone;	     /* there has been nobody for a while who could wait behind it */
	uint16_t strange;    /* looks at which that did not help; kept by the caller */
};

/* The new clamp; 0 = none is needed. Pure but for .strange. */
uint32_t window_decide(struct window_path *p);
/* RTT_US was measured to HOST; the shortest of late is returned. 0 = none. */
uint32_t window_shortest(const struct addr *host, uint32_t rtt_us, uint64_t now_ms);
/* How many connections the process has now, those that move nothing too. Without a word of it no stream is alone. */
void window_users(uint32_t n);
/* N bytes were read from FD: from time to time the kernel is told how many may be under way. */
void window_moved(struct window *w, int fd, uint64_t n);
