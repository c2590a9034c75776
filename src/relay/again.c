// SPDX-License-Identifier: MIT
// What the supervisor gives a worker to serve, and what of it could not be served yet and is tried again.
//
// A port may come, by a reload, at a moment at which there is neither memory nor a descriptor for it. Where nobody
// would lose anything by it, the process ends, and a new one serves all. Where there are connections, they stay: the
// socket is kept, whose clients wait in its queue meanwhile, the supervisor is told, and it is tried again each second.
#include "relay/again.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define AGAIN_MAX 64 /* more of them, and a new process has to do it */
#define AGAIN_MS  1000

static struct waiting {
	union msg m;
	int fd, error;
} waiting[AGAIN_MAX];
static size_t n_waiting;
static bool told = true;
static const struct again_ops *ops;

static void fire(struct timer *t);
static struct timer timer = {.fire = fire};

int again_open(const struct again_ops *o)
{
	ops = o;
	return timers_set(
		&timer, TIMER_NEVER); /* its place in the heap, so that setting it cannot fail */
}

static uint16_t port_of(const union msg *m)
{
	return m->h.type == MSG_PROXY_RESOLVE	? 53
		: m->h.type == MSG_PROXY_LISTEN ? m->proxy_listen.at.port
						: m->port.at.port;
}

/* Says of which one the trouble is, and how many there are in all. */
void again_report(void)
{
	struct msg_waits m = {.n = (uint32_t)n_waiting};
	int r;

	if (told && !n_waiting)
		return;
	if (n_waiting) {
		m.type = waiting[0].m.h.type;
		m.port = port_of(&waiting[0].m);
		m.error = (uint32_t)-waiting[0].error;
	}
	r = ipc_send_msg(WORKER_CHANNEL, MSG_WAITS, &m);
	told = r == 0 || r == -EPIPE;
}

static void remove_at(size_t i)
{
	fd_close(waiting[i].fd);
	if (i != --n_waiting)
		memcpy(&waiting[i], &waiting[n_waiting], sizeof(waiting[i]));
}

static void fire(struct timer *t)
{
	size_t before = n_waiting;

	for (size_t i = 0; i < n_waiting;) {
		struct waiting *w = &waiting[i];

		w->error = ops->serve(&w->m, w->fd);
		if (w->error < 0 && worker_exit_code(w->error) == WORKER_EXIT_WANT) {
			i++;
			continue;
		}
		if (w->error < 0)
			log_error(NULL, ipc_type_name(w->m.h.type), "cannot serve %u: %s",
				port_of(&w->m), strerror(-w->error));
		else
			log_info(NULL, ipc_type_name(w->m.h.type), "%u is served now",
				port_of(&w->m));
		w->fd = w->error < 0 ? w->fd : -1;
		remove_at(i);
	}
	if (n_waiting != before || !told) {
		told = false;
		again_report();
	}
	(void)timers_set(t, n_waiting || !told ? loop_now() + AGAIN_MS : TIMER_NEVER);
}

void again_give(const union msg *m, int fd)
{
	int r;

	again_take(m);
	r = ops->serve(m, fd);
	if (r == 0)
		return;
	log_error(NULL, ipc_type_name(m->h.type), "cannot serve %u: %s", port_of(m), strerror(-r));
	if (worker_exit_code(r) != WORKER_EXIT_WANT) {
		fd_close(fd);
		return;
	}
	if (!ops->is_busy() || n_waiting == AGAIN_MAX)
		exit(WORKER_EXIT_WANT);
	memcpy(&waiting[n_waiting].m, m, m->h.size);
	waiting[n_waiting].fd = fd;
	waiting[n_waiting++].error = r;
	(void)timers_set(&timer, loop_now() + AGAIN_MS);
	told = false;
	again_report();
}

/* What gives and what takes the same thing. */
static uint16_t taken_by(uint16_t type)
{
	return type == MSG_PROXY_UNLISTEN     ? MSG_PROXY_LISTEN
		: type == MSG_PROXY_UNFORWARD ? MSG_PROXY_FORWARD
		: type == MSG_HOST_UNPUBLISH  ? MSG_HOST_PUBLISH
					      : type;
}

static bool is_same(const union msg *waits, const union msg *m)
{
	const struct hostport *a, *b;

	if (waits->h.type != taken_by(m->h.type))
		return false;
	if (waits->h.type == MSG_PROXY_RESOLVE)
		return true;
	if (waits->h.type == MSG_PROXY_LISTEN)
		a = &waits->proxy_listen.at, b = &m->proxy_listen.at;
	else if (waits->port.udp == m->port.udp && waits->port.local == m->port.local)
		a = &waits->port.at, b = &m->port.at;
	else
		return false;
	return hostport_equal(a, b);
}

void again_take(const union msg *m)
{
	size_t before = n_waiting;

	for (size_t i = 0; i < n_waiting;)
		if (is_same(&waiting[i].m, m))
			remove_at(i);
		else
			i++;
	if (n_waiting == before)
		return;
	told = false;
	again_report();
}

void again_take_all(void)
{
	while (n_waiting)
		remove_at(n_waiting - 1);
}
