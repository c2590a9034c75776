// SPDX-License-Identifier: MIT
// A fast stream is looked at from time to time, not whenever something of it comes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct pace { /* zero-initialised = each byte is news */
	uint64_t since_ms, bytes;
	uint32_t turn;	/* bytes since the last pause began */
	uint32_t pause; /* bytes that come in one, at the present speed */
	bool polled;	/* nobody is told when there is something to read */
	bool looked;	/* a pause is over */
};

/* N bytes were read from the socket. */
void pace_moved(struct pace *p, uint64_t n, uint64_t now_ms);
/* The socket is empty. LEFT more bytes may come, LIMIT of them before any is read. True: what comes in a pause is enough for
 * a look, so whoever reads takes one. */
bool pace_pauses(struct pace *p, uint64_t left, uint64_t limit);
