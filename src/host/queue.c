// SPDX-License-Identifier: MIT
// Lookups that wait while one is under way: each name once, in the order in which they came.
#include "host/queue.h"

#include <string.h>

bool queue_put(struct queue *q, const struct msg_host_lookup *m)
{
	for (unsigned i = 0; i < q->n; i++) {
		struct msg_host_lookup *waiting = &q->items[(q->first + i) % QUEUE_MAX];

		if (!strncmp(waiting->name, m->name, sizeof(m->name))) {
			waiting->id = m->id;
			return true;
		}
	}
	if (q->n == QUEUE_MAX)
		return false;
	q->items[(q->first + q->n++) % QUEUE_MAX] = *m;
	return true;
}

bool queue_take(struct queue *q, struct msg_host_lookup *ret)
{
	if (!q->n)
		return false;
	*ret = q->items[q->first];
	q->first = (q->first + 1) % QUEUE_MAX;
	q->n--;
	return true;
}
