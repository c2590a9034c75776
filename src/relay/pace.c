// SPDX-License-Identifier: MIT
// A fast stream is looked at from time to time, not whenever something of it comes.
//
// Each train of packets that comes wakes whoever waits for its socket, thousands of times a second, and where there are
// few processors each of these wake-ups stops somebody who was about to make the next train, and is answered by an
// acknowledgement of its own. So nobody waits for a fast stream: its socket is read once in LOOP_PAUSE_US, as long as
// that brings what its speed has promised. An end or an error is told at once, as ever. (A low-water mark, SO_RCVLOWAT,
// would save the wake-ups too; but TCP acknowledges each packet as long as it is not reached.)
#include "relay/pace.h"

#include "common/cleanup.h"
#include "relay/loop.h"

#define PACE_LEAST    (48u << 10) /* bytes in a pause; for less it is not worth it */
#define PACE_LOOK_MS  8		  /* how often the speed is looked at */
#define PACE_BREAK_MS 64 /* since the last look: the stream has paused, its speed is not known */

void pace_moved(struct pace *p, uint64_t n, uint64_t now_ms)
{
	uint64_t ms = now_ms - p->since_ms;

	p->bytes += n;
	p->turn += (uint32_t)n;
	if (ms < PACE_LOOK_MS)
		return;
	p->pause = ms < PACE_BREAK_MS
		? (uint32_t)MIN(p->bytes * LOOP_PAUSE_US / (ms * 1000), (uint64_t)UINT32_MAX)
		: 0;
	p->since_ms = now_ms;
	p->bytes = 0;
}

bool pace_pauses(struct pace *p, uint64_t left, uint64_t limit)
{
	bool fast = p->pause >= PACE_LEAST && p->pause <= limit && p->pause <= left &&
		(!p->looked || p->turn >= p->pause / 4);

	if (p->looked && !fast) { /* until it has shown its speed again */
		p->pause = 0;
		p->bytes = 0;
	}
	if (p->looked || !p->polled)
		p->turn = 0;
	p->looked = false;
	return fast;
}
