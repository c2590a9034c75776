// SPDX-License-Identifier: MIT
// Lookups that wait while one is under way: each name once, in the order in which they came.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

#define QUEUE_MAX 64

struct queue { /* zero-initialised = empty */
	struct msg_host_lookup items[QUEUE_MAX];
	unsigned first;
	unsigned n;
};

/* A name that waits already keeps its place and gets the new id: nobody waits for the old one any
 * more. False if there is no room. */
bool queue_put(struct queue *q, const struct msg_host_lookup *m);
/* False if none waits. */
bool queue_take(struct queue *q, struct msg_host_lookup *ret);
