// SPDX-License-Identifier: MIT
// A UDP port whose clients are each relayed to one destination, by a socket of their own.
//
// The socket of a session is connected, so the kernel passes on nothing but what its destination sent;
// answers leave by the port's own socket, which is bound to one address, so they come from where the
// client asked. Datagrams that come while the destination is looked up wait, a few of them. A session
// whose socket reports an error ends: the client's next datagram begins a new one, with a new look-up.
#include "relay/udpport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "relay/flow.h"

#define UDPPORT_BATCH 64 /* datagrams of one socket in one round */

static struct udp_stats no_stats;
static struct udp_stats *counts = &no_stats;
static struct sessions sessions;
static uint32_t waiting_bytes;

void udpport_setup(struct udp_stats *stats, uint32_t max)
{
	counts = stats;
	sessions.max = MIN(max, (uint32_t)SESSIONS_MAX);
	STAT_SET(counts->sessions, 0);
}

uint32_t udpport_sessions(void)
{
	return sessions.n;
}

static void session_bury(struct task *t)
{
	free(container_of(t, struct udpport_session, task));
}

static void session_forget_waiting(struct udpport_session *s)
{
	waiting_bytes -= s->n_waiting;
	s->n_waiting = 0;
	free(s->waiting);
	s->waiting = NULL;
}

void udpport_end(struct udpport_session *s)
{
	if (s->over)
		return;
	s->over = true;
	s->port->ops->gone(s);
	if (s->base.client)
		sessions_remove(&sessions, &s->base);
	STAT_SET(counts->sessions, sessions.n);
	*(s->prev ? &s->prev->next : &s->port->first) = s->next;
	if (s->next)
		s->next->prev = s->prev;
	timers_cancel(&s->timer);
	session_forget_waiting(s);
	s->source.fd = fd_close(s->source.fd);
	s->task.run = session_bury;
	loop_bury(&s->task);
}

static void session_expire(struct timer *t)
{
	struct udpport_session *s = container_of(t, struct udpport_session, timer);
	uint64_t at = session_expires(&s->base);

	if (at <= loop_now() || timers_set(t, at) < 0)
		udpport_end(s);
}

static void session_send(struct udpport_session *s, const void *data, size_t len)
{
	ssize_t n = send(s->source.fd, data, len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) /* perhaps that was the error of an earlier one */
		n = send(s->source.fd, data, len, MSG_NOSIGNAL);
	if (n >= 0)
		STAT_ADD(counts->up_bytes, (uint64_t)n);
	else
		STAT_ADD(counts->dropped, 1);
}

/* What comes back. */
static void session_event(struct source *source, uint32_t events)
{
	struct udpport_session *s = container_of(source, struct udpport_session, source);
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(&s->base.from, &ss);

	for (int i = 0; i < UDPPORT_BATCH; i++) {
		ssize_t n = recv(source->fd, flow_scratch, sizeof(flow_scratch), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			STAT_ADD(counts->failed, 1);
			udpport_end(s);
		}
		if (n < 0)
			return;
		sessions_touch(&s->base, false, loop_now());
		if (sendto(s->port->source.fd, flow_scratch, (size_t)n, MSG_NOSIGNAL,
			    (struct sockaddr *)&ss, len) < 0)
			STAT_ADD(counts->dropped, 1);
		else
			STAT_ADD(counts->down_bytes, (uint64_t)n);
	}
}

static void session_flush(struct udpport_session *s)
{
	for (uint32_t at = 0; at < s->n_waiting;) {
		uint16_t len;

		memcpy(&len, s->waiting + at, sizeof(len));
		session_send(s, s->waiting + at + sizeof(len), len);
		at += (uint32_t)sizeof(len) + len;
	}
	session_forget_waiting(s);
}

int udpport_connect(struct udpport_session *s, const struct hostport *to)
{
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	int r = fd < 0 || connect(fd, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;

	s->source.fd = fd;
	if (r == 0)
		r = loop_add(&s->source, EPOLLIN);
	if (r < 0) {
		STAT_ADD(counts->failed, 1);
		udpport_end(s);
		return r;
	}
	session_flush(s);
	return 0;
}

/* True if it waits. */
static bool session_wait(struct udpport_session *s, const void *data, size_t len)
{
	uint16_t short_len = (uint16_t)len;
	uint32_t size = (uint32_t)(sizeof(short_len) + len);
	uint8_t *more;

	if (s->n_waiting + size > UDPPORT_WAITING_BYTES ||
		waiting_bytes + size > UDPPORT_WAITING_MAX)
		return false;
	more = realloc(s->waiting, s->n_waiting + size);
	if (!more)
		return false;
	memcpy(more + s->n_waiting, &short_len, sizeof(short_len));
	memcpy(more + s->n_waiting + sizeof(short_len), data, len);
	s->waiting = more;
	s->n_waiting += size;
	waiting_bytes += size;
	return true;
}

static struct udpport_session *session_new(struct udpport *p, const struct hostport *from)
{
	struct udpport_session *s = calloc(1, sizeof(*s));
	struct session *oldest = NULL;

	if (!s)
		return NULL;
	s->base.port = s->port = p;
	s->base.from = *from;
	s->source = (struct source){.fd = -1, .on_event = session_event};
	s->timer.fire = session_expire;
	if (sessions_add(&sessions, &s->base, loop_now(), &oldest) < 0) {
		free(s);
		return NULL;
	}
	if (oldest) {
		STAT_ADD(counts->replaced, 1);
		udpport_end(container_of(oldest, struct udpport_session, base));
	}
	s->next = p->first;
	if (s->next)
		s->next->prev = s;
	p->first = s;
	STAT_ADD(counts->opened, 1);
	STAT_SET(counts->sessions, sessions.n);
	if (timers_set(&s->timer, session_expires(&s->base)) == 0)
		return s;
	udpport_end(s);
	return NULL;
}

static void session_take(struct udpport_session *s, const void *data, size_t len)
{
	sessions_touch(&s->base, true, loop_now());
	if (s->source.fd >= 0)
		session_send(s, data, len);
	else if (!session_wait(s, data, len))
		STAT_ADD(counts->dropped, 1);
}

static void port_take(struct udpport *p, const struct hostport *from, const void *data, size_t len)
{
	struct session *known = sessions_find(&sessions, p, from);
	struct udpport_session *s;

	if (known) {
		session_take(container_of(known, struct udpport_session, base), data, len);
		return;
	}
	if (!p->ops->admits(p, &from->addr)) {
		STAT_ADD(counts->refused, 1);
		return;
	}
	s = session_new(p, from);
	if (!s) {
		STAT_ADD(counts->full, 1);
		return;
	}
	session_take(s, data, len);
	p->ops->wanted(s);
}

static void port_event(struct source *source, uint32_t events)
{
	struct udpport *p = container_of(source, struct udpport, source);

	for (int i = 0; i < UDPPORT_BATCH && source->fd >= 0; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct hostport from;
		ssize_t n = recvfrom(source->fd, flow_scratch, sizeof(flow_scratch), 0,
			(struct sockaddr *)&ss, &len);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) /* the error of an answer that a client did not want */
			continue;
		if (hostport_from_sockaddr((struct sockaddr *)&ss, &from) == 0 && from.port)
			port_take(p, &from, flow_scratch, (size_t)n);
	}
}

struct udpport *udpport_open(int fd, const struct udpport_ops *ops)
{
	struct udpport *p = calloc(1, sizeof(*p));

	if (p)
		*p = (struct udpport){.source = {.fd = fd, .on_event = port_event}, .ops = ops};
	if (p && fd_nonblock(fd, true) == 0 && loop_add(&p->source, EPOLLIN) == 0)
		return p;
	free(p);
	return NULL;
}

static void port_bury(struct task *t)
{
	free(container_of(t, struct udpport, task));
}

void udpport_close(struct udpport *p)
{
	while (p->first)
		udpport_end(p->first);
	loop_remove(&p->source); /* the supervisor holds the socket too, so closing is not enough */
	p->source.fd = fd_close(p->source.fd);
	p->task.run = port_bury;
	loop_bury(&p->task);
}
