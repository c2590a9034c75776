// SPDX-License-Identifier: MIT
// The server of wg(8)'s protocol: a few clients at a time, none of which can hold up anybody.
//
// A client has one request at a time: while its answer is on the way, nothing more is read from it. In
// the middle of either it has UAPI_STALL_MS to go on. Between requests it may stay, unless all places are
// taken and another one comes: then the one that has been idle longest has to go.
//
// A request that needs other sockets from the supervisor waits for them, at most UAPI_SOCKETS_WAIT_MS,
// before anything of it is applied. Changes come one after the other: whoever wants another one meanwhile
// waits for this one's end.
#include "wg/uapi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "wg/device.h"

#define READ_BYTES     16384
#define READS_PER_TURN 16 /* of one client, so that packets have their turn */
#define LISTENER       UAPI_CLIENTS_MAX

/* Why a complete request has not been answered yet. */
enum hold { HOLD_NOT, HOLD_SOCKETS, HOLD_TURN };

struct client {
	int fd;		 /* -1 = no client */
	uint32_t events; /* asked of epoll; 0 = not registered */
	bool eof;
	enum hold hold;
	uint16_t port; /* HOLD_SOCKETS: with these */
	uint32_t fwmark;
	uint64_t deadline_ms; /* UINT64_MAX = none */
	uint64_t idle_order;  /* grows; the lowest has been idle longest */
	struct uapi_request request;
	struct uapi_text out;
	size_t sent;
	size_t in_len, in_used;
	char *in; /* READ_BYTES */
};

struct late { /* sockets for which a client has waited too long */
	bool expected;
	uint16_t port, old_port;
	uint32_t fwmark, old_fwmark;
};

struct uapi {
	struct device *device;
	int listen_fd, epoll_fd;
	uint64_t order;
	struct client clients[UAPI_CLIENTS_MAX];
	struct late late;
};

/* ---- clients ---- */

/* 0; -errno: it would not be heard any more, and is to be closed. */
static int client_watch(struct uapi *u, struct client *c, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.u32 = (uint32_t)(c - u->clients)};
	int op = !events ? EPOLL_CTL_DEL : c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (events == c->events)
		return 0;
	if (epoll_ctl(u->epoll_fd, op, c->fd, &e) < 0)
		return -errno;
	c->events = events;
	return 0;
}

static void client_close(struct uapi *u, struct client *c)
{
	(void)client_watch(u, c, 0);
	uapi_request_free(&c->request);
	if (c->out.data)
		explicit_bzero(c->out.data, c->out.len);
	free(c->out.data);
	if (c->in)
		explicit_bzero(c->in, READ_BYTES);
	free(c->in);
	close(c->fd);
	*c = (struct client){.fd = -1, .deadline_ms = UINT64_MAX};
}

/* The answer is complete: sends what can be sent at once. */
static void client_answer(struct client *c, int error, uint64_t now_ms)
{
	uapi_print(&c->out, "errno=%d\n\n", error);
	uapi_request_free(&c->request);
	c->hold = HOLD_NOT;
	c->deadline_ms = now_ms + UAPI_STALL_MS;
}

static bool somebody_waits(const struct uapi *u)
{
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		if (u->clients[i].fd >= 0 && u->clients[i].hold == HOLD_SOCKETS)
			return true;
	return false;
}

static void client_set(struct uapi *u, struct client *c, uint64_t now_ms)
{
	int r;

	if (somebody_waits(u)) {
		c->hold = HOLD_TURN;
		c->deadline_ms = UINT64_MAX;
		return;
	}
	r = uapi_check(u->device, &c->request);
	if (r == 0 && uapi_wanted_sockets(u->device, &c->request, &c->port, &c->fwmark)) {
		u->late.expected = false; /* there is a newer wish */
		r = device_want_sockets(u->device, c->port, c->fwmark);
	}
	if (r == -EINPROGRESS) {
		c->hold = HOLD_SOCKETS;
		c->deadline_ms = now_ms + UAPI_SOCKETS_WAIT_MS;
		return;
	}
	client_answer(c, r < 0 ? r : uapi_apply(u->device, &c->request), now_ms);
}

static void client_request(struct uapi *u, struct client *c, uint64_t now_ms)
{
	switch (c->request.state) {
	case UAPI_GET:
		uapi_show(u->device, &c->out);
		client_answer(c, 0, now_ms);
		break;
	case UAPI_SET:
		client_set(u, c, now_ms);
		break;
	default:
		client_answer(c, c->request.error, now_ms);
		break;
	}
}

/* An answer for which there was no memory counts: its client must not wait for it. */
static bool has_answer(const struct client *c)
{
	return c->out.data || c->out.failed;
}

/* 0; -errno: the client is to be closed. */
static int client_send(struct client *c, uint64_t now_ms)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		c->sent += (size_t)n;
		c->deadline_ms = now_ms + UAPI_STALL_MS;
	}
	if (c->out.failed)
		return -ENOMEM;
	if (c->out.data) {
		explicit_bzero(c->out.data, c->out.len);
		free(c->out.data);
		c->out = (struct uapi_text){0};
		c->sent = 0;
		c->deadline_ms = UINT64_MAX;
	}
	return 0;
}

/* Reads more, if all that was read has been used. 1: there is input. 0: not now. -errno. */
static int client_fill(struct client *c, uint64_t now_ms)
{
	ssize_t n;

	if (c->in_used < c->in_len)
		return 1;
	c->in_used = c->in_len = 0;
	if (!c->in)
		c->in = malloc(READ_BYTES);
	if (!c->in)
		return -ENOMEM;
	n = recv(c->fd, c->in, READ_BYTES, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	c->eof = n == 0;
	c->in_len = (size_t)n;
	if (n > 0)
		c->deadline_ms = now_ms + UAPI_STALL_MS;
	return n > 0;
}

/* Between two requests nothing of a client is kept. */
static void client_rest(struct uapi *u, struct client *c)
{
	if (!uapi_request_is_empty(&c->request) || c->out.data || c->in_used < c->in_len)
		return;
	if (c->in)
		explicit_bzero(c->in, READ_BYTES);
	free(c->in);
	c->in = NULL;
	c->deadline_ms = UINT64_MAX;
	c->idle_order = u->order++;
}

static int client_work(struct uapi *u, struct client *c, uint64_t now_ms)
{
	int r = 0;

	for (unsigned i = 0; i < READS_PER_TURN && !c->out.data && !c->hold; i++) {
		r = client_fill(c, now_ms);
		if (r <= 0)
			break;
		c->in_used +=
			uapi_request_feed(&c->request, c->in + c->in_used, c->in_len - c->in_used);
		if (c->request.state != UAPI_READING)
			client_request(u, c, now_ms);
		if (has_answer(c))
			r = client_send(c, now_ms);
		if (r < 0)
			break;
	}
	return r < 0 ? r : 0;
}

static void client_run(struct uapi *u, struct client *c, uint64_t now_ms)
{
	int r = has_answer(c) ? client_send(c, now_ms) : 0;

	/* what was read together with the request before must not wait for the next event */
	do
		r = r < 0 ? r : client_work(u, c, now_ms);
	while (r == 0 && !c->out.data && !c->hold && c->in_used < c->in_len);
	if (r == 0 && c->eof && !c->out.data && !c->hold && !uapi_request_is_empty(&c->request)) {
		/* it ends without its blank line: nothing of it is done, and whoever listens hears so */
		client_answer(c, c->request.error ? c->request.error : -EINVAL, now_ms);
		r = client_send(c, now_ms);
	}
	if (r < 0 || (c->eof && !c->out.data && !c->hold)) {
		client_close(u, c);
		return;
	}
	client_rest(u, c);
	if (client_watch(u, c, c->hold ? 0 : c->out.data ? EPOLLOUT : EPOLLIN) < 0)
		client_close(u, c);
}

/* Who waited for sockets has the answer: the others' changes come now, up to one that waits itself. */
static void next_turn(struct uapi *u, uint64_t now_ms)
{
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX && !somebody_waits(u); i++) {
		struct client *c = &u->clients[i];

		if (c->fd < 0 || c->hold != HOLD_TURN)
			continue;
		c->hold = HOLD_NOT;
		client_set(u, c, now_ms);
		client_run(u, c, now_ms);
	}
}

/* To who waited for sockets. */
static void client_conclude(struct uapi *u, struct client *c, int error, uint64_t now_ms)
{
	client_answer(c, error, now_ms);
	client_run(u, c, now_ms);
	next_turn(u, now_ms);
}

/* ---- accepting ---- */

static void listener_watch(struct uapi *u, bool on)
{
	struct epoll_event e = {.events = on ? EPOLLIN : 0, .data.u32 = LISTENER};

	(void)epoll_ctl(u->epoll_fd, EPOLL_CTL_MOD, u->listen_fd, &e);
}

static bool client_is_idle(const struct client *c)
{
	return uapi_request_is_empty(&c->request) && !c->out.data;
}

/* A free place, made by sending home who has been idle longest; NULL: all are busy. */
static struct client *client_place(struct uapi *u)
{
	struct client *idle = NULL;

	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++) {
		struct client *c = &u->clients[i];

		if (c->fd < 0)
			return c;
		if (client_is_idle(c) && (!idle || c->idle_order < idle->idle_order))
			idle = c;
	}
	if (idle)
		client_close(u, idle);
	return idle;
}

static void accept_clients(struct uapi *u)
{
	struct client *c = client_place(u);
	int fd;

	if (!c) {
		listener_watch(u, false); /* until a place is free */
		return;
	}
	fd = accept4(u->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	c->fd = fd;
	c->idle_order = u->order++;
	uapi_request_init(&c->request);
	if (client_watch(u, c, EPOLLIN) < 0)
		client_close(u, c);
}

/* ---- the server ---- */

int uapi_new(struct device *d, int listen_fd, struct uapi **ret)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u32 = LISTENER};
	struct uapi *u = calloc(1, sizeof(*u));
	int r;

	if (!u)
		return -ENOMEM;
	u->device = d;
	u->listen_fd = -1;
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		u->clients[i] = (struct client){.fd = -1, .deadline_ms = UINT64_MAX};
	u->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	r = u->epoll_fd < 0 ? -errno : fd_nonblock(listen_fd, true);
	if (r == 0 && epoll_ctl(u->epoll_fd, EPOLL_CTL_ADD, listen_fd, &e) < 0)
		r = -errno;
	if (r < 0) {
		uapi_free(u);
		return r;
	}
	u->listen_fd = listen_fd;
	*ret = u;
	return 0;
}

void uapi_free(struct uapi *u)
{
	if (!u)
		return;
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		if (u->clients[i].fd >= 0)
			client_close(u, &u->clients[i]);
	fd_close(u->listen_fd);
	fd_close(u->epoll_fd);
	free(u);
}

int uapi_fd(const struct uapi *u)
{
	return u->epoll_fd;
}

uint64_t uapi_deadline(const struct uapi *u)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		first = MIN(first, u->clients[i].deadline_ms);
	return first;
}

/* Nobody takes C's sockets any more: should they come after all, the old ones are asked for. */
static void expect_late(struct uapi *u, const struct client *c)
{
	u->late = (struct late){.expected = true,
		.port = c->port,
		.fwmark = c->fwmark,
		.old_port = device_listen_port(u->device),
		.old_fwmark = device_fwmark(u->device)};
}

static void expire(struct uapi *u, struct client *c, uint64_t now_ms)
{
	if (c->fd < 0 || c->deadline_ms > now_ms)
		return;
	if (c->hold == HOLD_SOCKETS) {
		expect_late(u, c);
		client_conclude(u, c, -ETIMEDOUT, now_ms);
	} else {
		client_close(u, c);
	}
}

void uapi_dispatch(struct uapi *u, uint64_t now_ms)
{
	struct epoll_event events[UAPI_CLIENTS_MAX + 1];
	int n = epoll_wait(u->epoll_fd, events, UAPI_CLIENTS_MAX + 1, 0);
	bool room = false, asked = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == LISTENER)
			asked = true;
		else if (u->clients[events[i].data.u32].fd >= 0)
			client_run(u, &u->clients[events[i].data.u32], now_ms);
	}
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		expire(u, &u->clients[i], now_ms);
	if (asked) /* last: a place may be another client's now */
		accept_clients(u);
	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++)
		room |= u->clients[i].fd < 0 || client_is_idle(&u->clients[i]);
	if (room)
		listener_watch(u, true);
}

static void late_answer(struct uapi *u, uint16_t port, uint32_t fwmark, int error)
{
	struct late *l = &u->late;

	if (!l->expected || l->fwmark != fwmark || (l->port && l->port != port))
		return;
	l->expected = false;
	if (error == 0 && l->old_port)
		(void)device_want_sockets(u->device, l->old_port, l->old_fwmark);
}

void uapi_sockets_answer(struct uapi *u, uint16_t port, uint32_t fwmark, int error)
{
	uint64_t now_ms = clock_now_ms();

	for (unsigned i = 0; i < UAPI_CLIENTS_MAX; i++) {
		struct client *c = &u->clients[i];
		bool any = error == 0 && !c->port;

		if (c->fd < 0 || c->hold != HOLD_SOCKETS || c->fwmark != fwmark ||
			(!any && c->port != port))
			continue;
		if (error == 0)
			error = uapi_apply(u->device, &c->request);
		client_conclude(u, c, error, now_ms);
		return; /* there is no other one */
	}
	late_answer(u, port, fwmark, error);
}
