// SPDX-License-Identifier: MIT
// tailscaled's LocalAPI over connections that root opened: one request at a time, and the bus beside it.
//
// A connection that has answered is kept for the next request (tailscaled keeps it, too). One that fails
// in any way is closed; the supervisor sees by the count that there is room for another.
#include "host/localapi.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/http1.h"
#include "host/ipn.h"
#include "host/ipn.h"
#include "ipc/msg.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define LOCALAPI_BODY_MAX (64u << 20)
#define LOCALAPI_LINE_MAX (1u << 20) /* of the bus: the rest of a longer one is passed over */
#define LOCALAPI_READ	  65536

enum conn_use { CONN_NONE, CONN_IDLE, CONN_REQUEST, CONN_WATCH };

struct conn {
	struct source source;
	enum conn_use use;
	struct http1 http;
	char *body; /* of the answer, or the line of the bus so far */
	size_t n, room;
	bool too_long;
};

static struct conn conns[ENGINE_CONNS];
static const struct localapi_events *events;
static localapi_done *request_done;
static struct timer patience;

static struct conn *conn_of(enum conn_use use)
{
	for (size_t i = 0; i < ENGINE_CONNS; i++)
		if (conns[i].use == use)
			return &conns[i];
	return NULL;
}

static void count(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < ENGINE_CONNS; i++)
		n += conns[i].use != CONN_NONE;
	events->connections(n);
}

static void drop_body(struct conn *c)
{
	free(c->body);
	c->body = NULL;
	c->n = c->room = 0;
	c->too_long = false;
}

static void conn_close(struct conn *c)
{
	loop_remove(&c->source);
	c->source.fd = fd_close(c->source.fd);
	drop_body(c);
	c->use = CONN_NONE;
}

static void request_end(struct conn *c, int error)
{
	localapi_done *done = request_done;
	_cleanup_free_ char *body = c->body;
	size_t len = c->n;

	request_done = NULL;
	timers_cancel(&patience);
	c->body = NULL;
	drop_body(c);
	if (error || c->http.closes) {
		conn_close(c);
		count();
	} else {
		c->use = CONN_IDLE;
	}
	done(error, c->http.status, error || !body ? "" : body, error || !body ? 0 : len);
}

static void conn_fail(struct conn *c, int error)
{
	enum conn_use use = c->use;

	if (use == CONN_REQUEST) {
		request_end(c, error);
		return;
	}
	conn_close(c);
	count();
	if (use == CONN_WATCH)
		events->watch_ended();
}

static int keep(struct conn *c, const char *data, size_t len, size_t max)
{
	if (len > max || c->n > max - len)
		return -EFBIG;
	if (c->n + len + 1 > c->room) {
		size_t room = MAX(c->room * 2, c->n + len + 1);
		char *more = realloc(c->body, room);

		if (!more)
			return -ENOMEM;
		c->body = more;
		c->room = room;
	}
	memcpy(c->body + c->n, data, len);
	c->n += len;
	c->body[c->n] = '\0';
	return 0;
}

static int answer_body(void *arg, const char *data, size_t len)
{
	return keep(arg, data, len, LOCALAPI_BODY_MAX);
}

static int bus_line(struct conn *c)
{
	if (c->http.status != 200)
		return -EPROTO;
	if (c->n || c->too_long)
		events->notified(c->too_long ? NULL : c->body, c->n);
	c->n = 0;
	c->too_long = false;
	return 0;
}

static int bus_body(void *arg, const char *data, size_t len)
{
	struct conn *c = arg;
	int r = 0;

	while (len && r == 0) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		r = c->too_long ? 0 : keep(c, data, n, LOCALAPI_LINE_MAX);
		if (r == -EFBIG) {
			c->too_long = true;
			c->n = 0;
			r = 0;
		}
		if (r == 0 && end)
			r = bus_line(c);
		n += end != NULL;
		data += n;
		len -= n;
	}
	return r;
}

/* The connection may be another one's, or closed, after a callback has run. */
static void conn_take(struct conn *c, const char *data, size_t len)
{
	ssize_t n;

	if (c->use == CONN_IDLE || c->use == CONN_NONE) {
		conn_fail(c, -EPROTO);
		return;
	}
	n = http1_take(&c->http, data, len, c->use == CONN_WATCH ? bus_body : answer_body, c);
	if (c->source.fd < 0)
		return; /* somebody has reset us meanwhile */
	if (n < 0)
		conn_fail(c, (int)n);
	else if (!http1_done(&c->http))
		return;
	else if (c->use == CONN_WATCH || (size_t)n < len)
		conn_fail(c, -EPROTO);
	else
		request_end(c, 0);
}

static void conn_event(struct source *s, uint32_t revents)
{
	struct conn *c = container_of(s, struct conn, source);
	char data[LOCALAPI_READ];
	ssize_t n = recv(s->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		conn_take(c, data, (size_t)n);
	else if (c->use == CONN_REQUEST && http1_end(&c->http) == 0)
		request_end(c, 0);
	else
		conn_fail(c, n < 0 ? -errno : -EPIPE);
}

static void out_of_patience(struct timer *t)
{
	struct conn *c = conn_of(CONN_REQUEST);

	if (c)
		conn_fail(c, -ETIMEDOUT);
}

void localapi_setup(const struct localapi_events *e)
{
	events = e;
	for (size_t i = 0; i < ENGINE_CONNS; i++)
		conns[i].source.fd = -1;
	patience.fire = out_of_patience;
}

void localapi_add(int fd)
{
	struct conn *c = conn_of(CONN_NONE);

	if (c) {
		c->source = (struct source){.fd = fd, .on_event = conn_event};
		c->use = CONN_IDLE;
		if (loop_add(&c->source, EPOLLIN) == 0)
			return;
		c->use = CONN_NONE;
		c->source.fd = -1;
	}
	fd_close(fd);
}

void localapi_reset(void)
{
	struct conn *request = conn_of(CONN_REQUEST);

	if (request)
		conn_fail(request, -ECANCELED);
	for (size_t i = 0; i < ENGINE_CONNS; i++)
		if (conns[i].use != CONN_NONE)
			conn_close(&conns[i]);
}

bool localapi_idle(void)
{
	return !conn_of(CONN_REQUEST) && conn_of(CONN_IDLE);
}

bool localapi_watching(void)
{
	return conn_of(CONN_WATCH) != NULL;
}

/* A request is small and the socket's queue empty: it goes at once or the node is not well. */
static int conn_send(struct conn *c, const char *method, const char *path, const char *json)
{
	_cleanup_free_ char *text = NULL;
	int len = asprintf(&text,
		"%s %s HTTP/1.1\r\nHost: local-tailscaled.sock\r\nTailscale-Cap: 100\r\n"
		"Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, json ? strlen(json) : 0, json ? json : "");
	ssize_t n;

	if (len < 0) {
		text = NULL;
		return -ENOMEM;
	}
	n = send(c->source.fd, text, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	explicit_bzero(text, (size_t)len); /* there may be an auth key in it */
	if (n != len)
		return n < 0 ? -errno : -EAGAIN;
	c->http = (struct http1){0};
	drop_body(c);
	return 0;
}

int localapi_request(const char *method, const char *path, const char *json, unsigned timeout_ms,
	localapi_done *done)
{
	struct conn *c = conn_of(CONN_IDLE);
	int r;

	if (conn_of(CONN_REQUEST))
		return -EBUSY;
	if (!c)
		return -ENOTCONN;
	r = conn_send(c, method, path, json);
	if (r == 0)
		r = timers_set(&patience, loop_now() + timeout_ms);
	if (r < 0) {
		conn_fail(c, r);
		return r;
	}
	c->use = CONN_REQUEST;
	request_done = done;
	return 0;
}

int localapi_watch(const char *path)
{
	struct conn *c = conn_of(CONN_IDLE);
	int r;

	if (conn_of(CONN_WATCH))
		return -EBUSY;
	if (!c)
		return -ENOTCONN;
	r = conn_send(c, "GET", path, NULL);
	if (r < 0)
		conn_fail(c, r);
	else
		c->use = CONN_WATCH;
	return r;
}

int localapi_send(
	const char *method, const char *path, char *text, unsigned ms, localapi_done *done)
{
	int r = text ? localapi_request(method, path, text, ms, done) : -ENOMEM;

	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

bool localapi_ask(bool *want, const char *method, const char *path, const char *json, unsigned ms,
	localapi_done *done)
{
	if (!*want)
		return false;
	*want = false;
	if (localapi_request(method, path, json, ms, done) < 0)
		*want = true;
	return true;
}

void localapi_complain(const char *what, int error, unsigned code, const char *body, size_t len)
{
	char text[ENGINE_REASON_MAX] = "";

	if (!error)
		ipn_error(body, len, text, sizeof(text));
	log_warning(NULL, "tailscaled", "%s: %s%s", what,
		error		? strerror(-error)
			: *text ? text
				: "refused",
		code == 404 ? " (too old?)" : "");
}
