// SPDX-License-Identifier: MIT
// Who watches the tailnets of this process: everything that is there, then every change.
//
// Nothing is queued for a watcher but where it stands. Each tailnet's record, and its facts, carry the
// number of their last change, out of one counter; a watcher carries the number up to which it has been
// told everything. What is to be told next is the lowest number above that, so a new watcher (0) gets
// the whole, a slow one gets the newest of each and never an old state, and the memory is the same for
// both. Events cannot be told from what is there: the last of them are kept in a ring, and a watcher
// that falls out of it is cut off, as is one that takes nothing for a while. Sending never blocks.
#include "supervisor/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ipc/record.h"
#include "supervisor/told.h"
#include "supervisor/status.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"

#define WATCHERS_MAX	    64
#define WATCHERS_GUESTS_MAX 48	  /* of these who are not root */
#define WATCH_EVENTS	    256	  /* that are kept */
#define WATCH_PATIENCE_MS   10000 /* who takes nothing so long is cut off */
#define WATCH_BURST	    64	  /* records in one go, so that others get their turn */

struct watcher {
	struct watch *hub;
	int fd;
	uid_t uid;
	sd_event_source *io, *timer;
	char name[MSG_NAME_MAX]; /* "" = all */
	uint64_t seen;		 /* every change up to this number has been told */
	uint64_t event;		 /* number of the next one to be told */
	uint64_t facts;		 /* change number of the facts that are being told, 0 = none */
	size_t at;		 /* next record of these */
	bool news;		 /* something was told since the last TOLD */
	bool fresh, memory;	 /* all records anew */
	size_t fresh_at;
};

struct watch {
	struct supervisor *s;
	struct watcher *watchers[WATCHERS_MAX];
	size_t n;
	uint64_t changes;
	uint64_t events; /* ever */
	struct control_event ring[WATCH_EVENTS];
	sd_event_source *soon;
};

static int watcher_on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata);

static void watcher_free(struct watcher *k)
{
	struct watch *w = k->hub;

	for (size_t i = 0; i < w->n; i++)
		if (w->watchers[i] == k)
			w->watchers[i] = w->watchers[--w->n];
	sd_event_source_disable_unref(k->io);
	sd_event_source_disable_unref(k->timer);
	fd_close(k->fd);
	free(k);
}

/* ---- what has changed ---- */

static uint64_t mix(uint64_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u; /* FNV-1a */
	return h;
}

uint64_t watch_digest(const struct control_tailnet *r)
{
	uint64_t h = 1469598103934665603u;

	h = mix(h, &r->state, sizeof(r->state));
	h = mix(h, &r->engine, sizeof(r->engine));
	h = mix(h, &r->port, sizeof(r->port));
	h = mix(h, &r->peers, sizeof(r->peers));
	h = mix(h, &r->peers_up, sizeof(r->peers_up));
	h = mix(h, &r->pid_wg, sizeof(r->pid_wg));
	h = mix(h, &r->pid_proxy, sizeof(r->pid_proxy));
	h = mix(h, &r->pid_host, sizeof(r->pid_host));
	h = mix(h, r->addresses, r->n_addresses * sizeof(r->addresses[0]));
	h = mix(h, r->listen, r->n_listen * sizeof(r->listen[0]));
	h = mix(h, &r->veth_ns, sizeof(r->veth_ns));
	h = mix(h, r->reason, strlen(r->reason) + 1);
	return mix(h, r->login_url, strlen(r->login_url));
}

static void watch_find_changes(struct watch *w)
{
	for (size_t i = 0; i < w->s->n_tailnets; i++) {
		struct tailnet *t = w->s->tailnets[i];
		struct control_tailnet r;
		uint64_t now;

		status_tailnet(t, &r);
		now = watch_digest(&r);
		if (t->watched.digest == now && t->watched.record)
			continue;
		t->watched.digest = now;
		t->watched.record = ++w->changes;
	}
}

/* ---- what is told ---- */

static bool watcher_sees(const struct watcher *k, const char *tailnet)
{
	return !*k->name || !strcmp(k->name, tailnet);
}

static int watcher_send(struct watcher *k, const void *record, size_t size)
{
	if (send(k->fd, record, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return -errno;
	k->news = true;
	return 0;
}

static int watcher_tell_record(struct watcher *k, const struct tailnet *t, bool memory)
{
	struct control_tailnet r;

	status_tailnet(t, &r);
	if (memory)
		status_memory(t, &r);
	r.h = (struct control_header){CONTROL_TAILNET, sizeof(r)};
	return watcher_send(k, &r, sizeof(r));
}

static int watcher_tell_event(struct watcher *k)
{
	const struct control_event *e = &k->hub->ring[k->event % WATCH_EVENTS];
	int r = watcher_sees(k, e->tailnet) ? watcher_send(k, e, sizeof(*e)) : 0;

	k->event += r == 0;
	return r;
}

static int watcher_tell_facts(struct watcher *k, const struct tailnet *t)
{
	union control_any m;
	size_t size;
	int r;

	if (k->facts != t->watched.facts) {
		k->facts = t->watched.facts;
		k->at = 0;
	}
	size = told_record(t, k->at, &m);
	r = size ? watcher_send(k, &m, size) : 0;
	if (r < 0)
		return r;
	k->at++;
	if (!size) {
		k->seen = k->facts;
		k->facts = 0;
	}
	return 0;
}

static int watcher_tell_fresh(struct watcher *k)
{
	const struct supervisor *s = k->hub->s;
	struct control_told end = {.h = {CONTROL_TOLD, sizeof(end)}, .fresh = 1};
	int r;

	if (k->fresh_at < s->n_tailnets) {
		const struct tailnet *t = s->tailnets[k->fresh_at];

		r = watcher_sees(k, t->name) ? watcher_tell_record(k, t, k->memory) : 0;
		k->fresh_at += r == 0;
		return r;
	}
	r = watcher_send(k, &end, sizeof(end));
	if (r == 0)
		k->fresh = k->news = false;
	return r;
}

/* The oldest change that K has not been told of: the record of *RET, or (true) its facts. */
static bool watcher_next(const struct watcher *k, struct tailnet **ret)
{
	const struct supervisor *s = k->hub->s;
	uint64_t lowest = UINT64_MAX;
	bool facts = false;

	*ret = NULL;
	for (size_t i = 0; i < s->n_tailnets; i++) {
		struct tailnet *t = s->tailnets[i];
		const struct watched *c = &t->watched;

		if (!watcher_sees(k, t->name))
			continue;
		if (c->record > k->seen && c->record < lowest) {
			lowest = c->record;
			facts = false;
			*ret = t;
		}
		if (c->facts > k->seen && c->facts < lowest) {
			lowest = c->facts;
			facts = true;
			*ret = t;
		}
	}
	return facts;
}

/* One record. 1: there may be more; 0: that was all; -EAGAIN: no room; else K is to go. */
static int watcher_step(struct watcher *k)
{
	struct watch *w = k->hub;
	struct control_told told = {.h = {CONTROL_TOLD, sizeof(told)}};
	struct tailnet *t;
	bool facts;
	int r;

	if (w->events - k->event > WATCH_EVENTS)
		return -EOVERFLOW;
	if (k->event < w->events)
		return watcher_tell_event(k) ?: 1;
	facts = watcher_next(k, &t);
	if (t && facts)
		return watcher_tell_facts(k, t) ?: 1;
	if (t) {
		uint64_t change = t->watched.record;

		r = watcher_tell_record(k, t, false);
		if (r == 0)
			k->seen = change;
		return r ?: 1;
	}
	if (k->fresh)
		return watcher_tell_fresh(k) ?: 1;
	r = k->news ? watcher_send(k, &told, sizeof(told)) : 0;
	if (r == 0)
		k->news = false;
	return r;
}

static int watcher_on_slow(sd_event_source *s, uint64_t usec, void *userdata)
{
	watcher_free(userdata);
	return 0;
}

/* As much as it takes now. */
static void watcher_tell(struct watcher *k)
{
	int r = 1, n = 0;

	while (r == 1 && n++ < WATCH_BURST)
		r = watcher_step(k);
	if (r < 0 && r != -EAGAIN) {
		watcher_free(k);
		return;
	}
	(void)sd_event_source_set_io_events(k->io, r == 0 ? EPOLLIN : EPOLLIN | EPOLLOUT);
	if (r != -EAGAIN || n > 1) /* it takes something */
		k->timer = sd_event_source_disable_unref(k->timer);
	if (r == -EAGAIN && !k->timer)
		(void)sd_event_add_time_relative(k->hub->s->event, &k->timer, CLOCK_MONOTONIC,
			WATCH_PATIENCE_MS * 1000ull, 100000, watcher_on_slow, k);
}

static int watch_on_soon(sd_event_source *s, void *userdata)
{
	struct watch *w = userdata;

	w->soon = sd_event_source_disable_unref(w->soon);
	watch_find_changes(w);
	for (size_t i = w->n; i-- > 0;)
		watcher_tell(w->watchers[i]);
	return 0;
}

/* ---- who watches ---- */

static int watcher_hear(struct watcher *k)
{
	struct control_request q;
	ssize_t n = fd_recv(k->fd, &q, sizeof(q));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof(q) || q.magic != CONTROL_MAGIC || q.version != CONTROL_VERSION ||
		q.verb != CONTROL_WATCH)
		return -EPIPE;
	k->fresh = true;
	k->memory = q.memory;
	k->fresh_at = 0;
	return 0;
}

static int watcher_on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct watcher *k = userdata;

	if ((revents & ~EPOLLOUT) && watcher_hear(k) < 0)
		watcher_free(k);
	else
		watcher_tell(k);
	return 0;
}

int watch_add(struct watch *w, const struct control_request *q, uid_t uid, int fd)
{
	struct watcher *k;
	size_t guests = 0;

	for (size_t i = 0; i < w->n; i++)
		guests += w->watchers[i]->uid != 0;
	if (w->n == WATCHERS_MAX || (uid != 0 && guests >= WATCHERS_GUESTS_MAX))
		return -EBUSY;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	*k = (struct watcher){.hub = w, .fd = fd, .uid = uid, .event = w->events, .news = true};
	memcpy(k->name, q->name, sizeof(k->name));
	if (sd_event_add_io(w->s->event, &k->io, fd, EPOLLIN, watcher_on_io, k) < 0) {
		free(k);
		return -ENOMEM;
	}
	w->watchers[w->n++] = k;
	watch_look(w->s);
	return 0;
}

int watch_new(struct supervisor *s, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->s = s;
	*ret = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	while (w->n)
		watcher_free(w->watchers[w->n - 1]);
	sd_event_source_disable_unref(w->soon);
	free(w);
}

/* ---- what the others say ---- */

void watch_look(struct supervisor *s)
{
	struct watch *w = s->watchers;

	if (w && w->n && !w->soon)
		(void)sd_event_add_defer(s->event, &w->soon, watch_on_soon, w);
}

void watch_facts(struct tailnet *t)
{
	if (t->s->watchers)
		t->watched.facts = ++t->s->watchers->changes;
	watch_look(t->s);
}

void watch_event(struct tailnet *t, enum event_kind kind, const char *subject, const char *fmt, ...)
{
	struct watch *w = t->s->watchers;
	struct control_event e = {
		.h = {CONTROL_EVENT, sizeof(e)}, .kind = (uint8_t)kind, .state = (uint8_t)t->state};
	struct timespec now;
	va_list ap;

	if (!w)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	e.time_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	memcpy(e.tailnet, t->name, sizeof(e.tailnet));
	snprintf(e.subject, sizeof(e.subject), "%s", subject ? subject : "");
	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	w->ring[w->events++ % WATCH_EVENTS] = e;
	watch_look(t->s);
}
