// SPDX-License-Identifier: MIT
// Both directions of a relayed connection: ends and failures pass from one side to the other.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "relay/flow.h"

struct pair {
	struct sock *near, *far;	 /* who connected to us, and to whom we connected */
	struct flow *up, *down;		 /* near -> far, far -> near */
	uint64_t *up_bytes, *down_bytes; /* grow by what was delivered */
};

enum pair_status {
	PAIR_OPEN,
	PAIR_ENDED,  /* both sides have said all, and it is delivered: close */
	PAIR_FAILED, /* close with a reset, so that the other side learns of it */
};

struct pair_news {
	bool moved; /* bytes, or an end */
	bool again; /* there is more to do, after everybody else */
	bool half;  /* one direction has just ended */
	bool dying; /* a socket has failed; what still waits in it is being delivered */
};

/* Moves what can be moved now. */
enum pair_status pair_move(const struct pair *p, struct pair_news *ret);
