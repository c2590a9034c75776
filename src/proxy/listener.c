// SPDX-License-Identifier: MIT
// The accepting sockets: who may come in, and how many.
//
// Every client may come to need a second descriptor, so accepting stops while the first ones still
// have room; clients then wait in the kernel's queue and nobody is dropped. Stopping means that the
// sockets leave epoll: a level-triggered listener at the limit would spin.
#include "proxy/listener.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/assoc.h"
#include "proxy/conn.h"
#include "proxy/race.h"
#include "proxy/setup.h"
#include "proxy/udppool.h"
#include "relay/udpport.h"

#define ACCEPT_BATCH	64u /* of one round */
#define ACCEPT_RETRY_MS 1000
#define DESCRIPTORS_OWN 32 /* stdio, channel, epoll, resolver; what can be counted is on top */

struct listener {
	struct source source;
	struct hostport at;
	struct addr only;
	bool veth;
	unsigned batch;			/* how many to accept in this round */
	uint64_t round;			/* the last one in which somebody waited */
	struct listener_target *target; /* NULL: clients say where */
};

static struct listener *listeners[LISTENERS_MAX];
static unsigned n_listeners;
static unsigned n_descriptors = 1024;
static bool paused;
static struct timer retry;
static struct log_limit refused_limit = {.burst = 5, .interval_ms = 10000};
static struct log_limit limit_limit = {.burst = 5, .interval_ms = 10000};
static struct log_limit pause_limit = {.burst = 1, .interval_ms = 10000};

void listener_set_descriptors(unsigned n)
{
	n_descriptors = n;
	pipes_limit(n / 16);
	udpport_setup(&setup_stats->forward_udp, n / 4);
}

static void resume(void)
{
	if (!paused)
		return;
	paused = false;
	timers_cancel(&retry);
	for (unsigned i = 0; i < n_listeners; i++)
		loop_add(&listeners[i]->source, EPOLLIN);
}

static void retry_fire(struct timer *t)
{
	resume();
}

void listener_pause(void)
{
	uint64_t at = loop_now() + ACCEPT_RETRY_MS;

	if (paused)
		return;
	retry.fire = retry_fire;
	if (timers_set(&retry, at) < 0)
		return;
	paused = true;
	STAT_ADD(setup_stats->accept_paused, 1);
	for (unsigned i = 0; i < n_listeners; i++)
		loop_remove(&listeners[i]->source);
	if (log_limit_ok(&pause_limit, loop_now(), NULL))
		log_warning(NULL, NULL, "no descriptors left with %u clients: new ones wait",
			conn_total());
}

void listener_descriptors_freed(void)
{
	resume();
}

static void drop(int fd, enum proxy_result result)
{
	struct linger hard = {.l_onoff = 1};

	STAT_ADD(setup_stats->results[result], 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	fd_close(fd);
}

static bool admits(const struct listener *l, const struct addr *client)
{
	return l->veth ? addr_equal(&l->only, client) : policy_admits(&setup_now()->policy, client);
}

static void log_drop(struct log_limit *limit, const struct addr *client, const char *why)
{
	char text[ADDR_TEXT_MAX], more[48] = "";
	uint32_t suppressed;

	if (!log_limit_ok(limit, loop_now(), &suppressed))
		return;
	if (suppressed)
		snprintf(more, sizeof(more), " (and %u others)", suppressed);
	log_notice(NULL, NULL, "client %s refused: %s%s", addr_format(client, text), why, more);
}

static void admit(const struct listener *l, int fd, const struct hostport *from)
{
	const struct addr *client = &from->addr;
	const struct msg_proxy_config *config = &setup_now()->config;
	int n;

	STAT_ADD(setup_stats->accepted, 1);
	if (!admits(l, client)) {
		drop(fd, PROXY_REFUSED_CLIENT);
		log_drop(&refused_limit, client, "not in allow");
		return;
	}
	if (conn_total() >= config->max_clients) {
		drop(fd, PROXY_LIMIT);
		log_drop(&limit_limit, client, "max-clients are connected");
		return;
	}
	n = clients_enter(&conn_clients, client, config->max_clients_per_address);
	if (n <= 0) {
		drop(fd, n ? PROXY_INTERNAL : PROXY_LIMIT_ADDRESS);
		log_drop(&limit_limit, client,
			n ? "no memory" : "it has max-clients-per-address connections");
		return;
	}
	if (l->target)
		STAT_ADD(setup_stats->forwarded, 1);
	conn_accept(fd, from, l->veth, l->target);
}

static bool is_exhausted(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM;
}

/* Every connection may come to need a second descriptor, an association two more and its share of
 * the pool. */
static bool has_descriptors(void)
{
	return conn_total() * 2 + race_extra_sockets() + assoc_total() + udppool_descriptors() +
		pipes_descriptors() + udpport_sessions() + n_listeners + DESCRIPTORS_OWN <
		n_descriptors;
}

/* How many clients to accept now. Asking for one more than there are costs the kernel as much as half a client, so
 * it is one, and more only if there were more the last time: epoll tells again. */
static unsigned batch(struct listener *l)
{
	bool more = l->round + 1 == loop_round();

	l->round = loop_round();
	l->batch = more ? MIN(l->batch * 2, ACCEPT_BATCH) : 1;
	return l->batch;
}

static void listener_event(struct source *s, uint32_t events)
{
	struct listener *l = container_of(s, struct listener, source);

	for (unsigned i = batch(l); i; i--) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct hostport from;
		int fd = -1;

		if (has_descriptors())
			fd = accept4(
				s->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		else
			errno = EMFILE;
		if (fd < 0 && is_exhausted(errno)) {
			listener_pause();
			return;
		}
		if (fd < 0 && errno == EAGAIN) {
			l->round = 0;
			return;
		}
		if (fd < 0)
			continue; /* that client has gone already */
		if (hostport_from_sockaddr((struct sockaddr *)&ss, &from) < 0)
			fd_close(fd);
		else
			admit(l, fd, &from);
	}
}

static void listener_free(struct task *t);

struct grave { /* events of this round may still point to the listener */
	struct task task;
	struct listener *listener;
};

static void listener_free(struct task *t)
{
	struct grave *g = container_of(t, struct grave, task);

	free(g->listener->target);
	free(g->listener);
	free(g);
}

void listener_remove(const struct hostport *at)
{
	for (unsigned i = 0; i < n_listeners; i++) {
		struct listener *l = listeners[i];
		struct grave *g;

		if (!hostport_equal(&l->at, at))
			continue;
		listeners[i] = listeners[--n_listeners];
		if (!l->target)
			udppool_close(at);
		if (!paused)
			loop_remove(&l->source); /* the supervisor may have it open still */
		l->source.fd = fd_close(l->source.fd);
		g = calloc(1, sizeof(*g));
		if (!g)
			return; /* better lost than used after */
		*g = (struct grave){.task.run = listener_free, .listener = l};
		loop_bury(&g->task);
		return;
	}
}

void listener_remove_all(void)
{
	while (n_listeners)
		listener_remove(&listeners[n_listeners - 1]->at);
}

static struct listener *listener_new(
	const struct msg_proxy_listen *m, const struct listener_target *target, int fd)
{
	struct listener *l = n_listeners < LISTENERS_MAX ? calloc(1, sizeof(*l)) : NULL;

	if (!l)
		return NULL;
	l->source = (struct source){.fd = fd, .on_event = listener_event};
	l->at = m->at;
	l->only = m->only;
	l->veth = m->kind == LISTEN_VETH;
	if (!target)
		return l;
	l->target = malloc(sizeof(*target));
	if (!l->target) {
		free(l);
		return NULL;
	}
	*l->target = *target;
	return l;
}

int listener_add(const struct msg_proxy_listen *m, const struct listener_target *target, int fd)
{
	struct listener *l;
	int r;

	listener_remove(&m->at);
	l = listener_new(m, target, fd);
	if (!l)
		return n_listeners < LISTENERS_MAX ? -ENOMEM : -E2BIG;
	sock_options(fd);
	if (!target)
		sock_answer_first(fd);
	r = fd_nonblock(fd, true);
	if (r == 0 && !target)
		r = udppool_open(&m->at);
	if (r == 0 && !paused)
		r = loop_add(&l->source, EPOLLIN);
	if (r < 0) {
		if (!target)
			udppool_close(&m->at);
		free(l->target);
		free(l);
		return r;
	}
	listeners[n_listeners++] = l;
	return 0;
}
