// SPDX-License-Identifier: MIT
// The servers of proxy-sessions.c: behind two ports they behave, behind all others they do not. connect() is
// our own: it puts one end of a socket pair in the place of the socket, and a server has the other.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/addr.h"
#include "common/cleanup.h"
#include "common/fd.h"

#define SERVERS_MAX 1024
#define SCRIPT_MAX  4096
#define IDLE_ROUNDS \
	60 /* who hears nothing for so long goes, unless a sound session may be waiting */

enum { PORT_ECHO = 1, PORT_HTTP = 80 }; /* where they behave */

static const struct {
	const char *path, *text;
} answers[] = {
	{"/length",
		"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nProxy-Authenticate: "
		"x\r\n\r\nbody-by-length"},
	{"/chunked",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
		"chunked\r\n\r\nd\r\nbody-by-chunk\r\n0\r\nA: "
		"b\r\n\r\n"},
	{"/close", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody-until-close"},
	{"/204", "HTTP/1.1 204 No Content\r\n\r\n"},
	{"/304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"},
	{"/continue",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nbody-by-"
		"length"},
	{"/upgrade",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: "
		"websocket\r\n\r\n"},
};

struct server {
	int fd; /* -1: none */
	uint16_t port;
	bool echo, head, closing;
	char out[SCRIPT_MAX]; /* to be sent */
	size_t n_out;
	char in[SCRIPT_MAX]; /* of a head */
	size_t n_in;
	uint32_t idle;
};

static struct server servers[SERVERS_MAX];
static unsigned n_servers;
static uint64_t random_state = 88172645463325252ull;

static uint32_t below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 16) % n;
}

static struct server *server_new(int fd, uint16_t port)
{
	for (size_t i = 0; i < SERVERS_MAX; i++) {
		struct server *s = &servers[i];

		if (s->fd >= 0)
			continue;
		*s = (struct server){.fd = fd, .port = port};
		s->echo = port == PORT_ECHO || (port != PORT_HTTP && below(3) == 0);
		n_servers++;
		return s;
	}
	abort(); /* too many: connections are left */
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

/* In place of the C library's. */
int connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct hostport to;
	int pair[2];

	if (hostport_from_sockaddr(sa, &to) < 0)
		return refuse(EAFNOSUPPORT);
	if (to.port != PORT_ECHO && to.port != PORT_HTTP && below(4) == 0)
		return refuse(below(2) ? ECONNREFUSED : EHOSTUNREACH);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0 ||
		dup3(pair[0], fd, O_CLOEXEC) < 0)
		return -1;
	close(pair[0]);
	server_new(pair[1], to.port);
	return 0;
}

static void server_end(struct server *s)
{
	s->fd = fd_close(s->fd);
	n_servers--;
}

static void server_say(struct server *s, const char *p, size_t len)
{
	len = MIN(len, sizeof(s->out) - s->n_out);
	memcpy(s->out + s->n_out, p, len);
	s->n_out += len;
}

/* One whole request is there, with as much of a body as its head tells. */
static void server_answer(struct server *s)
{
	char *end = memmem(s->in, s->n_in, "\r\n\r\n", 4), *p;
	size_t size, i = 0;

	if (!end)
		return;
	size = (size_t)(end - s->in) + 4;
	*end = '\0';
	p = strcasestr(s->in, "content-length: ");
	if (p)
		size += strtoul(p + 16, NULL, 10);
	else if (strcasestr(s->in, "transfer-encoding: chunked"))
		size += 5 + 4 + 5 + 3 + 6 + 2; /* that seed's */
	if (size > s->n_in) {
		*end = '\r';
		return;
	}
	while (i < ELEMENTSOF(answers) && !strstr(s->in, answers[i].path))
		i++;
	if (i < ELEMENTSOF(answers)) {
		p = strstr(answers[i].text, "\r\n\r\nbody");
		server_say(s, answers[i].text,
			p && !strncmp(s->in, "HEAD", 4) ? (size_t)(p - answers[i].text) + 4
							: strlen(answers[i].text));
		s->closing = !strcmp(answers[i].path, "/close");
		s->echo = !strcmp(answers[i].path, "/upgrade");
	}
	s->n_in -= size;
	memmove(s->in, s->in + size, s->n_in);
	if (s->echo) {
		server_say(s, s->in, s->n_in);
		s->n_in = 0;
	}
}

/* One who does not behave: any answer, changed perhaps, or nonsense. */
static void server_babble(struct server *s)
{
	const char *text = answers[below(ELEMENTSOF(answers))].text;
	size_t at = s->n_out;

	server_say(s, text, strlen(text));
	for (uint32_t i = below(4); i > 0 && s->n_out > at; i--)
		s->out[at + below((uint32_t)(s->n_out - at))] = (char)below(256);
	s->closing = below(4) == 0;
}

static void server_take(struct server *s, const char *p, size_t len)
{
	if (s->echo) {
		server_say(s, p, len);
	} else if (s->port == PORT_HTTP) {
		if (len > sizeof(s->in) - s->n_in)
			s->n_in = 0; /* a changed session's */
		len = MIN(len, sizeof(s->in));
		memcpy(s->in + s->n_in, p, len);
		s->n_in += len;
		server_answer(s);
	} else if (below(2)) {
		server_babble(s);
	}
}

/* Sends a piece. False: it is over. */
static bool server_send(struct server *s)
{
	ssize_t n;

	if (!s->n_out)
		return true;
	n = send(s->fd, s->out, below(2) ? s->n_out : 1 + below((uint32_t)s->n_out), MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN;
	s->n_out -= (size_t)n;
	memmove(s->out, s->out + n, s->n_out);
	s->idle = 0;
	return true;
}

/* ALL: nobody waits for those who behave either. */
static void server_turn(struct server *s, bool all)
{
	bool behaves = !all && (s->port == PORT_ECHO || s->port == PORT_HTTP);
	char piece[SCRIPT_MAX];
	ssize_t n = 0;

	if (!server_send(s) || (s->closing && !s->n_out) || (++s->idle > IDLE_ROUNDS && !behaves) ||
		(!behaves && below(50) == 0)) {
		server_end(s);
		return;
	}
	if (s->n_out == sizeof(s->out) || s->closing)
		return;
	n = recv(s->fd, piece, s->echo ? sizeof(s->out) - s->n_out : 1 + below(sizeof(piece)), 0);
	if (n > 0) {
		s->idle = 0;
		server_take(s, piece, (size_t)n);
	} else if (n == 0 && !s->n_out) {
		server_end(s);
	} else if (n < 0 && errno != EAGAIN) {
		server_end(s);
	}
}
