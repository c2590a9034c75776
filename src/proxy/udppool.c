// SPDX-License-Identifier: MIT
// The host-side UDP sockets that the supervisor hands over.
//
// This process cannot make a socket in the host's namespace, so it is given them: PROXY_UDP_SPARE for
// each listener before anybody asks, and as many more as it reports to be in use. A socket that was
// used is disconnected, emptied and put behind the others; so the supervisor makes no more of them
// than were ever in use at once, whatever clients do. An idle one has the smallest receive buffer that
// there is: who sends to it fills nothing.
#include "proxy/udppool.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "ipc/ipc.h"
#include "ipc/msg.h"
#include "ipc/worker.h"
#include "proxy/listener.h"

#define UDPPOOL_DRAIN_MAX   4096   /* datagrams: more than the largest buffer holds */
#define UDPPOOL_BUFFER_USED 212992 /* bytes: what an unprivileged process may ask for everywhere */

struct udppool_place {
	struct hostport at;
	uint32_t id;
	int *idle; /* a ring: the one that rests longest is taken first */
	uint32_t cap, first, n_idle;
	uint32_t used, waiting;
	uint32_t reported; /* highest number told to the supervisor */
	struct udppool_wait *waits, **last;
};

static struct udppool_place *places[LISTENERS_MAX];
static unsigned n_places;
static uint32_t last_id;

static struct udppool_place *find(const struct hostport *at)
{
	for (unsigned i = 0; i < n_places; i++)
		if (hostport_equal(&places[i]->at, at))
			return places[i];
	return NULL;
}

int udppool_open(const struct hostport *at)
{
	struct udppool_place *p;

	if (n_places == LISTENERS_MAX)
		return -E2BIG;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->at = *at;
	p->id = ++last_id;
	p->last = &p->waits;
	places[n_places++] = p;
	return 0;
}

static void wait_unlink(struct udppool_wait *w)
{
	struct udppool_place *p = w->place;

	if (w->prev)
		w->prev->next = w->next;
	else
		p->waits = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		p->last = w->prev ? &w->prev->next : &p->waits;
	p->waiting--;
	w->next = w->prev = NULL;
	w->place = NULL;
}

void udppool_close(const struct hostport *at)
{
	for (unsigned i = 0; i < n_places; i++) {
		struct udppool_place *p = places[i];

		if (!hostport_equal(&p->at, at))
			continue;
		places[i] = places[--n_places];
		while (p->waits) {
			struct udppool_wait *w = p->waits;

			wait_unlink(w);
			w->ready(w, -1);
		}
		for (uint32_t k = 0; k < p->n_idle; k++)
			fd_close(p->idle[(p->first + k) & (p->cap - 1)]);
		free(p->idle);
		free(p);
		return;
	}
}

static int push(struct udppool_place *p, int fd)
{
	if (p->n_idle == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 8;
		int *ring = malloc(cap * sizeof(*ring));

		if (!ring)
			return -ENOMEM;
		for (uint32_t k = 0; k < p->n_idle; k++)
			ring[k] = p->idle[(p->first + k) & (p->cap - 1)];
		free(p->idle);
		p->idle = ring;
		p->cap = cap;
		p->first = 0;
	}
	p->idle[(p->first + p->n_idle++) & (p->cap - 1)] = fd;
	return 0;
}

static void set_buffer(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/* What came before this use is nobody's. */
static void empty(int fd)
{
	char byte;

	for (int i = 0; i < UDPPOOL_DRAIN_MAX; i++)
		if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_TRUNC) < 0 && errno == EAGAIN)
			return;
}

static void hand_out(struct udppool_place *p, struct udppool_wait *w, int fd)
{
	wait_unlink(w);
	p->used++;
	empty(fd);
	set_buffer(fd, UDPPOOL_BUFFER_USED);
	w->ready(w, fd);
}

static void add(struct udppool_place *p, int fd)
{
	if (p->waits)
		hand_out(p, p->waits, fd);
	else if (push(p, fd) < 0)
		fd_close(fd);
}

void udppool_give(const struct hostport *at, int fd)
{
	struct udppool_place *p = find(at);

	if (p)
		add(p, fd);
	else
		fd_close(fd);
}

/* Tells the supervisor of a new highest number before the idle ones run out. */
static void report(struct udppool_place *p)
{
	struct msg_proxy_udp_used m = {.at = p->at, .n = p->used + p->waiting};

	if (m.n <= p->reported || p->n_idle > PROXY_UDP_SPARE / 2)
		return;
	if (ipc_send_msg(WORKER_CHANNEL, MSG_PROXY_UDP_USED, &m) == 0)
		p->reported = m.n;
}

int udppool_take(const struct hostport *at, struct udppool_wait *w, uint32_t *ret_place)
{
	struct udppool_place *p = find(at);
	int fd = -EAGAIN;

	if (!p)
		return -ENOENT;
	*ret_place = p->id;
	if (p->n_idle) {
		fd = p->idle[p->first];
		p->first = (p->first + 1) & (p->cap - 1);
		p->n_idle--;
		p->used++;
		empty(fd);
		set_buffer(fd, UDPPOOL_BUFFER_USED);
	} else {
		w->place = p;
		w->prev = p->waits ? container_of(p->last, struct udppool_wait, next) : NULL;
		w->next = NULL;
		*p->last = w;
		p->last = &w->next;
		p->waiting++;
	}
	report(p);
	return fd;
}

void udppool_cancel(struct udppool_wait *w)
{
	if (w->place)
		wait_unlink(w);
}

void udppool_put(uint32_t place, int fd)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	for (unsigned i = 0; i < n_places; i++) {
		struct udppool_place *p = places[i];

		if (p->id != place)
			continue;
		p->used--;
		set_buffer(fd, 0);
		if (connect(fd, &none, sizeof(none)) < 0)
			fd_close(fd);
		else
			add(p, fd);
		return;
	}
	fd_close(fd); /* its listener is gone */
}

unsigned udppool_descriptors(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_places; i++)
		n += MAX(places[i]->reported, places[i]->used + places[i]->n_idle) +
			PROXY_UDP_SPARE;
	return n;
}
