// SPDX-License-Identifier: MIT
// The earliest deadline of all peers: a binary heap, lazily corrected.
//
// A deadline that moves later, as most do with every packet, leaves the heap as it is; when the old one
// comes, the peer is put in its new place. One that moves earlier goes up at once.
#include "wg/state.h"

#include <errno.h>
#include <stdlib.h>

int deadlines_reserve(struct device *d, uint32_t n_peers)
{
	uint32_t size = d->heap_size ? d->heap_size : 16;
	struct peer **heap;

	while (size < n_peers + 1)
		size *= 2;
	if (size == d->heap_size)
		return 0;
	heap = reallocarray(d->heap, size, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	d->heap = heap;
	d->heap_size = size;
	return 0;
}

static void put(struct device *d, uint32_t pos, struct peer *p)
{
	d->heap[pos] = p;
	p->heap_pos = pos;
}

static void sift_up(struct device *d, struct peer *p)
{
	uint32_t pos = p->heap_pos;

	while (pos > 1 && d->heap[pos / 2]->heap_ns > p->heap_ns) {
		put(d, pos, d->heap[pos / 2]);
		pos /= 2;
	}
	put(d, pos, p);
}

static void sift_down(struct device *d, struct peer *p)
{
	uint32_t pos = p->heap_pos;

	for (;;) {
		uint32_t child = 2 * pos;

		if (child > d->heap_n)
			break;
		if (child < d->heap_n && d->heap[child + 1]->heap_ns < d->heap[child]->heap_ns)
			child++;
		if (d->heap[child]->heap_ns >= p->heap_ns)
			break;
		put(d, pos, d->heap[child]);
		pos = child;
	}
	put(d, pos, p);
}

void deadlines_remove(struct device *d, struct peer *p)
{
	struct peer *last;

	if (!p->heap_pos)
		return;
	last = d->heap[d->heap_n--];
	if (last != p) {
		put(d, p->heap_pos, last);
		sift_up(d, last);
		sift_down(d, last);
	}
	p->heap_pos = 0;
}

void deadlines_changed(struct device *d, struct peer *p)
{
	uint64_t next = timers_next(&p->timers);

	if (p->dead || next == UINT64_MAX)
		return;
	if (p->heap_pos && p->heap_ns <= next)
		return;
	if (!p->heap_pos)
		put(d, ++d->heap_n, p);
	p->heap_ns = next;
	sift_up(d, p);
	if (p->heap_pos == 1 && d->wires)
		d->wires->arm(d->wires_owner, next);
}

static void act(struct device *d, struct peer *p, unsigned actions, uint64_t now_ns)
{
	pthread_mutex_lock(&d->lock);
	if (actions & TIMERS_DROP_STAGED)
		peer_drop_staged(p);
	if (actions & TIMERS_FORGET_KEYS)
		session_forget(d, p);
	if (actions & TIMERS_FORGET_SOURCE)
		endpoint_forget_source(&p->endpoint);
	if (actions & TIMERS_SEND_KEEPALIVE) {
		p->keepalive_wanted = true;
		session_want_sender(d, p);
	}
	pthread_mutex_unlock(&d->lock);
	if (actions & TIMERS_PEER_DOWN)
		device_peer_report(d, p, PEER_DOWN);
	if (actions & TIMERS_SEND_INITIATION)
		handshake_start(d, p, now_ns);
}

uint64_t deadlines_run(struct device *d, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;

	for (;;) {
		struct peer *p = NULL;
		unsigned actions = 0;

		pthread_mutex_lock(&d->lock);
		next = d->heap_n ? d->heap[1]->heap_ns : UINT64_MAX;
		if (next <= now_ns) {
			p = d->heap[1];
			actions = timers_expire(&p->timers, now_ns);
			deadlines_remove(d, p);
			deadlines_changed(d, p);
		}
		pthread_mutex_unlock(&d->lock);
		if (!p)
			return next;
		if (actions)
			act(d, p, actions, now_ns);
	}
}
