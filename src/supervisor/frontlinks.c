// SPDX-License-Identifier: MIT
// The connections by which tsgw-dns asks each tailnet for what only that knows.
//
// A tailnet may run under any supervisor of this run directory, or under none. Its resolve.sock says so:
// it comes into its place by rename(2) when it already listens, which inotify tells, and it is gone when
// the tailnet is down. A connection that tsgw-dns reports as ended is made anew at once: while the
// tailnet's proxy is being started again, it waits in the socket's queue.
#include "supervisor/frontlinks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/front.h"
#include "supervisor/resolvesock.h"

#define FRONTLINKS_PAUSE_MS 1000 /* between two connections to a proxy that closes them */

static void frontlink_connect(struct front *f, struct frontlink *l)
{
	struct msg_dns_link m = {0};
	_cleanup_close_ int fd = -1;

	if (!f->dns.pid)
		return;
	fd = resolvesock_connect(f->s->store.run_dir, l->name);
	if (fd < 0)
		return; /* its coming will be told */
	snprintf(m.tailnet, sizeof(m.tailnet), "%s", l->name);
	l->last_ms = clock_now_ms();
	l->connected = worker_send(&f->dns, MSG_DNS_LINK, &m, sizeof(m), &fd, 1) == 0;
}

static void frontlink_watch(struct front *f, struct frontlink *l)
{
	char dir[PATH_MAX];

	if (l->watch >= 0 || store_run_path(&f->s->store, l->name, ".", dir) < 0)
		return;
	l->watch = inotify_add_watch(
		f->links.inotify_fd, dir, IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW);
	if (l->watch < 0 && errno != ENOENT)
		log_error(l->name, "resolve.sock", "cannot be watched: %s", strerror(errno));
}

/* ---- what happens in the directories ---- */

static void frontlinks_see(struct front *f, const struct inotify_event *e)
{
	const char *file = e->len ? e->name : "";

	for (size_t i = 0; i < f->links.n; i++) {
		struct frontlink *l = &f->links.items[i];

		if (e->mask & IN_Q_OVERFLOW) {
			frontlink_watch(f, l);
			if (!l->connected)
				frontlink_connect(f, l);
		} else if (e->wd == f->links.run_watch && !strcmp(file, l->name)) {
			frontlink_watch(f, l);
			frontlink_connect(f, l);
		} else if (l->watch >= 0 && e->wd == l->watch && e->mask & IN_IGNORED) {
			l->watch = -1;
		} else if (l->watch >= 0 && e->wd == l->watch && !strcmp(file, RESOLVESOCK_FILE)) {
			frontlink_connect(f, l);
		}
	}
}

static int frontlinks_on_event(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct front *f = userdata;
	uint8_t buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, buf, sizeof(buf));

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		frontlinks_see(f, e);
		at += (ssize_t)sizeof(*e) + e->len;
	}
	return 0;
}

int frontlinks_open(struct front *f)
{
	struct frontlinks *k = &f->links;
	int r;

	k->run_watch = -1;
	k->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (k->inotify_fd < 0)
		return -errno;
	r = sd_event_add_io(
		f->s->event, &k->source, k->inotify_fd, EPOLLIN, frontlinks_on_event, f);
	if (r < 0)
		return r;
	k->run_watch = inotify_add_watch(k->inotify_fd, f->s->store.run_dir,
		IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW);
	return k->run_watch < 0 ? -errno : 0;
}

void frontlinks_close(struct front *f)
{
	struct frontlinks *k = &f->links;

	k->source = sd_event_source_disable_unref(k->source);
	k->timer = sd_event_source_disable_unref(k->timer);
	k->inotify_fd = fd_close(k->inotify_fd);
	free(k->items);
	k->items = NULL;
	k->n = 0;
}

/* ---- which, and when again ---- */

static struct frontlink *frontlink_of(const struct frontlinks *k, const char *name)
{
	for (size_t i = 0; i < k->n; i++)
		if (!strcmp(k->items[i].name, name))
			return &k->items[i];
	return NULL;
}

/* The table for the tailnets that are served now, with what is known of them; -ENOMEM: the old one. */
static int frontlinks_table(struct front *f)
{
	const struct config *c = f->s->config;
	struct frontlinks *k = &f->links;
	struct frontlink *items = calloc(c->n_tailnets + 1, sizeof(*items));
	size_t n = 0;

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_tailnets; i++) {
		struct frontlink *known;

		if (!front_serves_now(f, c->tailnets[i]) || !front_asks(c->tailnets[i]))
			continue;
		known = frontlink_of(k, c->tailnets[i]->name);
		if (known) {
			items[n++] = *known;
			known->watch = -1;
			continue;
		}
		snprintf(items[n].name, sizeof(items[n].name), "%s", c->tailnets[i]->name);
		items[n++].watch = -1;
	}
	for (size_t i = 0; i < k->n; i++)
		if (k->items[i].watch >= 0)
			(void)inotify_rm_watch(k->inotify_fd, k->items[i].watch);
	free(k->items);
	k->items = items;
	k->n = n;
	return 0;
}

void frontlinks_update(struct front *f, bool fresh)
{
	struct frontlinks *k = &f->links;

	if (k->inotify_fd < 0 || frontlinks_table(f) < 0)
		return;
	for (size_t i = 0; i < k->n; i++) {
		k->items[i].connected &= !fresh;
		frontlink_watch(f, &k->items[i]);
		if (!k->items[i].connected)
			frontlink_connect(f, &k->items[i]);
	}
}

static int frontlinks_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct front *f = userdata;

	f->links.timer = sd_event_source_disable_unref(f->links.timer);
	for (size_t i = 0; i < f->links.n; i++)
		if (!f->links.items[i].connected)
			frontlink_connect(f, &f->links.items[i]);
	return 0;
}

int frontlinks_lost(struct front *f, const struct msg_dns_link *m)
{
	struct frontlink *l;

	if (!memchr(m->tailnet, 0, sizeof(m->tailnet)))
		return -EBADMSG;
	l = frontlink_of(&f->links, m->tailnet);
	if (!l)
		return 0; /* a reload has removed it */
	l->connected = false;
	if (clock_now_ms() - l->last_ms >= FRONTLINKS_PAUSE_MS)
		frontlink_connect(f, l);
	else if (!f->links.timer)
		(void)sd_event_add_time_relative(f->s->event, &f->links.timer, CLOCK_MONOTONIC,
			FRONTLINKS_PAUSE_MS * 1000, 100000, frontlinks_on_timer, f);
	return 0;
}
