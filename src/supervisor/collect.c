// SPDX-License-Identifier: MIT
// What the front knows of all tailnets, whoever runs them: it watches every control socket there is.
//
// One supervisor speaks for all that it owns, so one connection to each process is enough: to our own by
// way of front.sock, to others by way of the first of their tailnets' sockets that is found. Sockets that
// appear later are seen by inotify on RUN and on each RUN/NAME. A socket's file is there a moment before
// it listens, so a refused connection is tried again a few times; then it is a leftover, and only the
// next file brings the next attempt. Nothing here waits for anybody.
#include "supervisor/collect.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "ipc/record.h"
#include "supervisor/collecting.h"
#include "supervisor/controlsock.h"
#include "supervisor/supervisor.h"

#define COLLECT_RETRY_MS  50 /* the first time; then twice as long, and so on */
#define COLLECT_RETRIES	  6
#define COLLECT_FRESH_MS  2000
#define COLLECT_LIST_MS	  500  /* who lists asks the others itself, and has the patience */
#define COLLECT_AGAIN_MS  1000 /* after a connection was lost that the other end may still want */
#define COLLECT_BURST	  64   /* records in one go */
#define COLLECT_READY	  64   /* connections in one go */
#define COLLECT_IN_EVENTS (IN_CREATE | IN_MOVED_TO | IN_ONLYDIR)

static int slot_try(struct slot *l);
static int collect_on_again(sd_event_source *s, uint64_t usec, void *userdata);

/* ---- fresh records ---- */

static int fresh_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct collector *c = userdata;

	for (size_t i = 0; i < c->n_connections; i++)
		c->connections[i]->asked = false;
	c->n_asked = 0;
	collecting_done(c);
	return 0;
}

/* ---- one connection ---- */

static int connection_ask(struct connection *k, bool memory)
{
	struct control_request q = {.magic = CONTROL_MAGIC,
		.version = CONTROL_VERSION,
		.verb = CONTROL_WATCH,
		.memory = memory};

	return send(k->fd, &q, sizeof(q), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void connection_close(struct connection *k)
{
	struct collector *c = k->c;

	for (size_t i = 0; i < c->n_connections; i++)
		if (c->connections[i] == k)
			c->connections[i] = c->connections[--c->n_connections];
	(void)epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, k->fd, NULL);
	fd_close(k->fd);
	for (size_t i = 0; i < c->n; i++)
		if (c->slots[i]->by == k)
			c->slots[i]->by = NULL;
	c->n_asked -= k->asked;
	free(k);
}

/* The supervisor is gone: so is what it ran, until somebody else does. */
static void connection_lost(struct connection *k)
{
	struct collector *c = k->c;
	bool asked = k->asked;

	for (size_t i = 0; i < c->n; i++) {
		struct slot *l = c->slots[i];

		if (l->by != k)
			continue;
		l->is.known = false;
		c->ops->record(c->owner, &l->is);
	}
	connection_close(k);
	if (asked && !c->n_asked)
		collecting_done(c);
	if (!c->again)
		(void)sd_event_add_time_relative(c->s->event, &c->again, CLOCK_MONOTONIC,
			COLLECT_AGAIN_MS * 1000ull, 100000, collect_on_again, c);
}

static void connection_on_io(struct connection *k)
{
	union control_any m;

	for (int i = 0; i < COLLECT_BURST; i++) {
		ssize_t n = fd_recv(k->fd, &m, sizeof(m));
		int r;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		r = n <= 0			? -EPIPE
			: (size_t)n > sizeof(m) ? -EBADMSG
						: record_check(&m, (size_t)n);
		if (r == 0)
			r = collecting_take(k, &m);
		if (r < 0) {
			if (r != -EPIPE)
				log_warning(NULL, "front",
					"process %d does not tell of its tailnets: %s", (int)k->pid,
					strerror(-r));
			connection_lost(k);
			return;
		}
		if (m.h.record == CONTROL_TOLD)
			return; /* that was all, mostly */
	}
}

/* With a descriptor of their own to wait for them: after each source that it serves, the event loop would look at all
 * others that are ready. */
static int collect_on_connections(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct epoll_event ready[COLLECT_READY];
	int n = epoll_wait(fd, ready, ELEMENTSOF(ready), 0);

	for (int i = 0; i < n; i++)
		connection_on_io(ready[i].data.ptr);
	return 0;
}

/* NAME NULL: our own process. -EALREADY: that process is watched by another way. */
static int connection_open(struct collector *c, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct connection *k;
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	int r = controlsock_connect(c->s->store.run_dir, name, &fd);

	if (r < 0)
		return r;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	for (size_t i = 0; i < c->n_connections; i++)
		if (peer.pid && c->connections[i]->pid == peer.pid)
			return -EALREADY;
	if (c->n_connections == ELEMENTSOF(c->connections))
		return -ENOSPC;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	*k = (struct connection){.c = c, .fd = take_fd(fd), .pid = peer.pid};
	c->connections[c->n_connections++] = k;
	r = epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, k->fd,
		    &(struct epoll_event){.events = EPOLLIN, .data.ptr = k}) < 0
		? -errno
		: connection_ask(k, false);
	if (r < 0)
		connection_close(k);
	return r;
}

/* ---- sockets that appear ---- */

static int slot_on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct slot *l = userdata;

	l->retry = sd_event_source_disable_unref(l->retry);
	(void)slot_try(l);
	return 0;
}

static int slot_try(struct slot *l)
{
	struct collector *c = l->c;
	/* our own come by front.sock: a thousand of us would leave no place for anybody else */
	int r = l->by || supervisor_find(c->s, l->is.name) ? -EALREADY
							   : connection_open(c, l->is.name);

	if ((r == -ECONNREFUSED || r == -EAGAIN) && !l->retry && l->tries < COLLECT_RETRIES)
		(void)sd_event_add_time_relative(c->s->event, &l->retry, CLOCK_MONOTONIC,
			(COLLECT_RETRY_MS * 1000ull) << l->tries++, 10000, slot_on_retry, l);
	return r;
}

static void slot_look(struct slot *l)
{
	char path[PATH_MAX];

	if (l->dir_watch < 0 && store_run_path(&l->c->s->store, l->is.name, "", path) == 0)
		l->dir_watch = inotify_add_watch(l->c->inotify_fd, path, COLLECT_IN_EVENTS);
	l->tries = 0;
	(void)slot_try(l);
}

static void collect_on_file(struct collector *c, const struct inotify_event *e)
{
	for (size_t i = 0; i < c->n_configured; i++) {
		struct slot *l = c->slots[i];
		bool mine = l->dir_watch >= 0 && e->wd == l->dir_watch;

		if (e->mask & IN_Q_OVERFLOW)
			slot_look(l);
		else if (mine && (e->mask & IN_IGNORED))
			l->dir_watch = -1;
		else if (mine ? e->len && !strcmp(e->name, "control.sock")
			      : e->len && !strcmp(e->name, l->is.name))
			slot_look(l);
	}
}

static int collect_on_inotify(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	_Alignas(struct inotify_event) char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n;) {
		const struct inotify_event *e = (const struct inotify_event *)(void *)p;

		collect_on_file(userdata, e);
		p += sizeof(*e) + e->len;
	}
	return 0;
}

/* ---- life ---- */

/* What we have of a name, taken out of the old table. */
static struct slot *slot_keep(struct collector *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->slots[i] && !strcmp(c->slots[i]->is.name, name))
			return take_ptr(c->slots[i]);
	return collecting_new(c, name);
}

static void collect_slots(struct collector *c)
{
	const struct config *config = c->s->config;
	struct slot **slots = calloc(config->n_tailnets + c->n + 1, sizeof(*slots));
	size_t n = 0;

	if (!slots)
		return;
	for (size_t i = 0; i < config->n_tailnets; i++) {
		slots[n] = slot_keep(c, config->tailnets[i]->name);
		n += slots[n] != NULL;
	}
	c->n_configured = n;
	for (size_t i = 0; i < c->n; i++) {
		if (c->slots[i] && c->slots[i]->by)
			slots[n++] = c->slots[i];
		else
			collecting_free(c->slots[i]);
	}
	free(c->slots);
	c->slots = slots;
	c->n = n;
	for (size_t i = 0; i < c->n_connections; i++)
		c->connections[i]->last = NULL;
}

void collect_reload(struct collector *c)
{
	collect_slots(c);
	for (size_t i = 0; i < c->n_configured; i++)
		slot_look(c->slots[i]);
}

/* Our own process by way of front.sock; others have sockets of their own. */
static void collect_look(struct collector *c)
{
	int r = connection_open(c, NULL);

	if (r < 0 && r != -EALREADY)
		log_error(NULL, "front", "front.sock: %s", strerror(-r));
	for (size_t i = 0; i < c->n_configured; i++)
		slot_look(c->slots[i]);
}

static int collect_on_again(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct collector *c = userdata;

	c->again = sd_event_source_disable_unref(c->again);
	collect_look(c);
	return 0;
}

static int collect_on_start(sd_event_source *s, void *userdata)
{
	struct collector *c = userdata;

	c->start = sd_event_source_disable_unref(c->start);
	collect_look(c);
	return 0;
}

int collect_new(
	struct supervisor *s, const struct collect_ops *ops, void *owner, struct collector **ret)
{
	struct collector *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	*c = (struct collector){.s = s, .ops = ops, .owner = owner};
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	c->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = c->inotify_fd < 0 || c->epoll_fd < 0 ? -errno : 0;
	if (r == 0 && inotify_add_watch(c->inotify_fd, s->store.run_dir, COLLECT_IN_EVENTS) < 0)
		r = -errno;
	if (r == 0)
		r = sd_event_add_io(s->event, &c->inotify_source, c->inotify_fd, EPOLLIN,
			collect_on_inotify, c);
	if (r >= 0)
		r = sd_event_add_io(s->event, &c->epoll_source, c->epoll_fd, EPOLLIN,
			collect_on_connections, c);
	/* later: our own sockets are not served yet */
	if (r >= 0)
		r = sd_event_add_defer(s->event, &c->start, collect_on_start, c);
	if (r < 0) {
		collect_free(c);
		return r;
	}
	collect_slots(c);
	*ret = c;
	return 0;
}

void collect_free(struct collector *c)
{
	if (!c)
		return;
	while (c->n_connections)
		connection_close(c->connections[c->n_connections - 1]);
	for (size_t i = 0; i < c->n; i++)
		collecting_free(c->slots[i]);
	free(c->slots);
	sd_event_source_disable_unref(c->start);
	sd_event_source_disable_unref(c->again);
	sd_event_source_disable_unref(c->fresh_timer);
	sd_event_source_disable_unref(c->inotify_source);
	sd_event_source_disable_unref(c->epoll_source);
	fd_close(c->inotify_fd);
	fd_close(c->epoll_fd);
	free(c);
}

const struct collected *collect_find(const struct collector *c, const char *name)
{
	struct slot *l = collecting_slot(c, name);

	return l ? &l->is : NULL;
}

const struct collected *collect_at(const struct collector *c, size_t i)
{
	return i < c->n_configured ? &c->slots[i]->is : NULL;
}

void collect_ask(struct collector *c)
{
	uint64_t patience_ms = c->listing ? COLLECT_LIST_MS : COLLECT_FRESH_MS;

	for (size_t i = 0; i < c->n_connections; i++) {
		struct connection *k = c->connections[i];

		/* what our own process runs is told by itself; who owes an answer is not asked again, so that an old
		 * one is not taken for the new one's */
		k->asked = !k->owes && !(c->listing && k->pid == getpid()) &&
			connection_ask(k, !c->listing) == 0;
		k->owes |= k->asked;
		k->told = false;
		c->n_asked += k->asked;
	}
	/* never from within the call; a bound on everything else */
	(void)sd_event_add_time_relative(c->s->event, &c->fresh_timer, CLOCK_MONOTONIC,
		c->n_asked ? patience_ms * 1000 : 0, c->n_asked ? 1000 : 1, fresh_on_timer, c);
}

void collect_fresh(struct collector *c)
{
	if (c->wants_fresh)
		return;
	c->wants_fresh = true;
	if (!c->listing)
		collect_ask(c);
}

int collect_list(struct collector *c)
{
	if (c->listing || c->wants_fresh)
		return -EBUSY;
	c->listing = true;
	collect_ask(c);
	return 0;
}

int collect_each_listed(const struct collector *c,
	int (*each)(void *arg, const struct control_tailnet *t), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < c->n && r == 0; i++)
		if (c->slots[i]->is.known && c->slots[i]->by && c->slots[i]->by->told)
			r = each(arg, &c->slots[i]->is.record);
	return r;
}
