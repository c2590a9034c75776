// SPDX-License-Identifier: MIT
// DNS over TCP (RFC 7766): pipelined questions, bounded in number, memory and time.
//
// A connection reads into a buffer of one message, answers what is whole into a buffer of two answers,
// and reads no further while an answer waits to be taken: a client that asks without reading stops
// itself and nobody else. Its life is ten seconds from its last whole question, so neither dripping
// bytes nor refusing to read prolongs it. Where there are too many, the one longest without a question
// makes room; one address has TCP_CONNS_PER_CLIENT of them at most.
#include "dns/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "dns/packet.h"
#include "dns/server.h"

#define OUT_BYTES (2 * (PACKET_TCP_MAX + 2))

struct tcp_conn {
	struct loop_event event; /* first: the loop frees it */
	struct server *server;
	struct tcp_conn *before, *after;
	struct addr client, local;
	uint64_t deadline_ms;
	uint32_t waiting_for; /* epoll events asked for */
	int fd;
	unsigned
		waiting; /* for tailnets: these answers come later, in any order (RFC 7766, section 7) */
	bool finished; /* the client sent its last byte, or nonsense */
	size_t in_len;
	size_t out_at, out_len;
	uint8_t in[2 + TCP_MESSAGE_MAX];
	uint8_t out[OUT_BYTES];
};

int tcp_next_message(const uint8_t *p, size_t len, size_t at, size_t *ret_at, size_t *ret_len)
{
	size_t n;

	if (at + 2 > len)
		return 0;
	n = (size_t)p[at] << 8 | p[at + 1];
	if (n < PACKET_HEADER || n > TCP_MESSAGE_MAX)
		return -EBADMSG;
	if (at + 2 + n > len)
		return 0;
	*ret_at = at + 2;
	*ret_len = n;
	return 1;
}

static void conn_unlink(struct tcp *t, struct tcp_conn *c)
{
	*(c->before ? &c->before->after : &t->first) = c->after;
	*(c->after ? &c->after->before : &t->last) = c->before;
	t->n--;
}

static void conn_append(struct tcp *t, struct tcp_conn *c)
{
	c->before = t->last;
	c->after = NULL;
	*(t->last ? &t->last->after : &t->first) = c;
	t->last = c;
	t->n++;
}

static void conn_close(struct tcp_conn *c)
{
	if (c->waiting)
		pending_leave(c->server, NULL, c);
	conn_unlink(&c->server->tcp, c);
	loop_remove(&c->server->loop, c->fd);
	c->fd = fd_close(c->fd);
	loop_bury(&c->server->loop, &c->event);
}

static void conn_touch(struct tcp_conn *c)
{
	c->deadline_ms = clock_now_ms() + TCP_IDLE_MS;
	conn_unlink(&c->server->tcp, c);
	conn_append(&c->server->tcp, c);
}

static void put_length(uint8_t *p, size_t n)
{
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

/* Answers what is whole and has room. True if anything was answered. */
static bool conn_answer(struct tcp_conn *c)
{
	const struct asker asker = {.conn = c, .client = c->client, .asked = c->local};
	size_t at = 0, message, len, done = 0;
	int r = 0;

	while (OUT_BYTES - c->out_len >= PACKET_TCP_MAX + 2 && c->waiting < TCP_WAITING_MAX &&
		(r = tcp_next_message(c->in, c->in_len, at, &message, &len)) > 0) {
		uint8_t *out = c->out + c->out_len;
		int n = server_answer(c->server, c->in + message, len, &asker, out + 2);

		if (!n) {
			r = -EBADMSG;
			break;
		}
		if (n == SERVER_LATER) {
			c->waiting++;
		} else {
			put_length(out, (size_t)n);
			c->out_len += 2 + (size_t)n;
			done++;
		}
		at = message + len;
	}
	if (r < 0) {
		c->finished = true;
		at = c->in_len;
	}
	if (at)
		conn_touch(c);
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return done > 0;
}

/* 0, or -errno if the connection is of no more use. */
static int conn_flush(struct tcp_conn *c)
{
	while (c->out_at < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		c->out_at += (size_t)n;
	}
	c->out_at = c->out_len = 0;
	return 0;
}

static int conn_read(struct tcp_conn *c)
{
	ssize_t n;

	if (c->finished || c->in_len == sizeof(c->in))
		return 0;
	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		c->finished = true;
	c->in_len += (size_t)n;
	return 0;
}

/* Answers and sends as far as it goes, and waits for what it takes to go on. C may be gone then. */
static void conn_pump(struct tcp_conn *c, int r)
{
	bool more = true;
	uint32_t wanted = 0;

	while (r == 0 && more) {
		r = conn_flush(c);
		more = r == 0 && !c->out_len && conn_answer(c);
	}
	if (r < 0 || (c->finished && !c->out_len && !c->waiting)) {
		conn_close(c);
		return;
	}
	if (c->out_len)
		wanted = EPOLLOUT;
	else if (!c->finished && c->waiting < TCP_WAITING_MAX)
		wanted = EPOLLIN;
	if (wanted != c->waiting_for &&
		loop_change(&c->server->loop, c->fd, wanted, &c->event) < 0) {
		conn_close(c);
		return;
	}
	c->waiting_for = wanted;
}

static void conn_run(struct loop_event *e, uint32_t events)
{
	struct tcp_conn *c = container_of(e, struct tcp_conn, event);

	/* with answers still to come, a client that is gone for good shows as an error */
	if (events & (EPOLLERR | EPOLLHUP) && !c->waiting_for)
		conn_close(c);
	else
		conn_pump(c, events & (EPOLLIN | EPOLLHUP | EPOLLERR) ? conn_read(c) : 0);
}

void tcp_reply(struct tcp_conn *c, const uint8_t *p, size_t len)
{
	c->waiting--;
	if (OUT_BYTES - c->out_len < 2 + len) { /* it asks, and does not read */
		conn_close(c);
		return;
	}
	put_length(c->out + c->out_len, len);
	memcpy(c->out + c->out_len + 2, p, len);
	c->out_len += 2 + len;
	conn_pump(c, 0);
}

static bool tcp_admits(const struct tcp *t, const struct addr *client)
{
	unsigned n = 0;

	for (const struct tcp_conn *c = t->first; c; c = c->after)
		n += addr_equal(&c->client, client);
	return n < TCP_CONNS_PER_CLIENT;
}

/* Takes FD over. */
static int conn_new(struct server *s, int fd, const struct addr *client)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct hostport local;
	struct tcp_conn *c = malloc(sizeof(*c));
	int r;

	if (!c) {
		fd_close(fd);
		return -ENOMEM;
	}
	memset(c, 0, offsetof(struct tcp_conn, in)); /* the buffers' pages stay untouched */
	c->event.run = conn_run;
	c->server = s;
	c->client = *client;
	c->fd = fd;
	c->waiting_for = EPOLLIN;
	c->deadline_ms = clock_now_ms() + TCP_IDLE_MS;
	r = getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ? -errno : 0;
	if (r == 0)
		r = hostport_from_sockaddr((struct sockaddr *)&ss, &local);
	if (r == 0)
		r = loop_add(&s->loop, fd, EPOLLIN, &c->event);
	if (r < 0) {
		fd_close(fd);
		free(c);
		return r;
	}
	c->local = local.addr;
	if (s->tcp.n >= TCP_CONNS_MAX) {
		STAT_ADD(s->stats->all.tcp_evicted, 1);
		conn_close(s->tcp.first);
	}
	STAT_ADD(s->stats->all.tcp_opened, 1);
	conn_append(&s->tcp, c);
	return 0;
}

static void tcp_listen_for(struct server *s, uint32_t events)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct tcp_acceptor *a = &s->listeners[i]->acceptor;

		(void)loop_change(&s->loop, a->fd, events, &a->event);
	}
}

/* No descriptor or memory: the oldest goes, and if there is none, all wait a little. */
static void tcp_pause(struct server *s)
{
	STAT_ADD(s->stats->all.tcp_paused, 1);
	if (s->tcp.first) {
		conn_close(s->tcp.first);
		return;
	}
	s->tcp.paused_until_ms = clock_now_ms() + TCP_PAUSE_MS;
	tcp_listen_for(s, 0);
}

static void tcp_accept(struct loop_event *e, uint32_t events)
{
	struct tcp_acceptor *a = container_of(e, struct tcp_acceptor, event);
	struct server *s = a->server;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct hostport client;
	int fd = accept4(a->fd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			tcp_pause(s);
		return;
	}
	if (hostport_from_sockaddr((struct sockaddr *)&ss, &client) < 0 ||
		!tcp_admits(&s->tcp, &client.addr)) {
		STAT_ADD(s->stats->all.dropped, 1);
		STAT_ADD(s->stats->all.tcp_refused, 1);
		fd_close(fd);
		return;
	}
	if (conn_new(s, fd, &client.addr) < 0)
		STAT_ADD(s->stats->all.dropped, 1);
}

int tcp_open(struct server *s, struct tcp_acceptor *a, int fd)
{
	int r;

	a->event.run = tcp_accept;
	a->server = s;
	a->fd = fd;
	r = loop_add(&s->loop, fd, s->tcp.paused_until_ms ? 0 : EPOLLIN, &a->event);
	if (r < 0)
		a->fd = fd_close(fd);
	return r;
}

void tcp_close(struct tcp_acceptor *a)
{
	if (a->fd < 0)
		return;
	loop_remove(&a->server->loop, a->fd);
	a->event.run = NULL; /* its memory belongs to the listener, who is buried */
	a->fd = fd_close(a->fd);
}

int tcp_expire(struct server *s)
{
	uint64_t now, next = UINT64_MAX;

	if (!s->tcp.first && !s->tcp.paused_until_ms)
		return -1;
	now = clock_now_ms();
	while (s->tcp.first && s->tcp.first->deadline_ms <= now)
		conn_close(s->tcp.first);
	if (s->tcp.paused_until_ms && s->tcp.paused_until_ms <= now) {
		s->tcp.paused_until_ms = 0;
		tcp_listen_for(s, EPOLLIN);
	}
	if (s->tcp.first)
		next = s->tcp.first->deadline_ms;
	if (s->tcp.paused_until_ms)
		next = MIN(next, s->tcp.paused_until_ms);
	return next == UINT64_MAX ? -1 : (int)(next - now);
}
