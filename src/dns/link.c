// SPDX-License-Identifier: MIT
// The connections to the tailnets' own resolving workers (ipc/resolve.h).
//
// The other end may have been taken over: what it says is checked, and can make only its own tailnet's
// names wrong (answer.c leaves out addresses that the tailnet does not route).
#include "dns/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "dns/pending.h"
#include "dns/server.h"

#define LINK_ROUND 64 /* answers before others have their turn */

static void link_close(struct link *l)
{
	if (l->fd < 0)
		return;
	loop_remove(&l->server->loop, l->fd);
	l->fd = fd_close(l->fd);
	cache_forget(&l->server->cache, l->id); /* down is down, and it may come back as another */
	pending_fail(l->server, l);
}

static void link_run(struct loop_event *e, uint32_t events)
{
	static union {
		struct resolve_answer a;
		uint8_t bytes[sizeof(struct resolve_answer) + 1];
	} m;
	struct link *l = container_of(e, struct link, event);

	for (int i = 0; i < LINK_ROUND; i++) {
		ssize_t n = recv(l->fd, &m, sizeof(m.bytes), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0 && resolve_check_answer(&m.a, (size_t)n) == 0) {
			if (m.a.kind == RESOLVE_FORGET)
				cache_forget(&l->server->cache, l->id);
			else
				pending_answer(l->server, l, &m.a);
			continue;
		}
		if (n > 0)
			log_error(l->tailnet, "resolve.sock", "an answer against the rules");
		link_close(l);
		if (l->server->on_lost)
			l->server->on_lost(l->server, l->tailnet);
		return;
	}
}

int link_send(struct link *l, const struct resolve_question *q)
{
	if (l->fd < 0)
		return -ENOTCONN;
	return send(l->fd, q, sizeof(*q), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *const *x = a, *const *y = b;

	return strcmp((*x)->tailnet, (*y)->tailnet);
}

static struct link *links_find(const struct links *k, const char *tailnet)
{
	struct link key = {0};
	const struct link *p = &key;
	struct link **found;

	snprintf(key.tailnet, sizeof(key.tailnet), "%s", tailnet);
	found = k->n ? bsearch(&p, k->items, k->n, sizeof(struct link *), compare_links) : NULL;
	return found ? *found : NULL;
}

void links_connect(struct server *s, const char *tailnet, int fd)
{
	struct link *l = links_find(&s->links, tailnet);

	if (!l || loop_add(&s->loop, fd, EPOLLIN, &l->event) < 0) {
		fd_close(fd);
		if (l && s->on_lost) /* no memory for it: another, a moment later */
			s->on_lost(s, tailnet);
		return;
	}
	link_close(l);
	l->fd = fd;
	cache_forget(&s->cache, l->id);
}

static struct link *link_new(struct server *s, const char *tailnet)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	*l = (struct link){.event.run = link_run, .server = s, .fd = -1, .id = ++s->links.last_id};
	snprintf(l->tailnet, sizeof(l->tailnet), "%s", tailnet);
	return l;
}

static void link_end(struct link *l)
{
	link_close(l);
	pending_fail(l->server, l);
	loop_bury(&l->server->loop, &l->event);
}

int links_attach(struct server *s, struct zone_set *zones)
{
	struct link **items = calloc(zones->n_zones + 1, sizeof(struct link *));
	size_t n = 0, kept = 0;
	int r = items ? 0 : -ENOMEM;

	for (size_t i = 0; i < zones->n_zones && r == 0; i++) {
		struct zone *z = zones->zones[i];

		if (!z->asks)
			continue;
		z->link = links_find(&s->links, z->tailnet) ?: link_new(s, z->tailnet);
		if (!z->link) {
			r = -ENOMEM;
			break;
		}
		z->link->stats = z->stats;
		items[n++] = z->link;
	}
	if (r < 0) {
		for (size_t i = 0; i < n; i++)
			if (links_find(&s->links, items[i]->tailnet) != items[i])
				free(items[i]);
		free(items);
		return r;
	}
	if (n)
		qsort(items, n, sizeof(struct link *), compare_links);
	for (size_t i = 1; i < n; i++)
		if (compare_links(&items[i - 1], &items[i]) == 0)
			return -EEXIST;		  /* two zones of one tailnet: the worker ends */
	for (size_t i = 0; i < s->links.n; i++) { /* both are sorted */
		while (kept < n && compare_links(&items[kept], &s->links.items[i]) < 0)
			kept++;
		if (kept == n || items[kept] != s->links.items[i])
			link_end(s->links.items[i]);
	}
	free(s->links.items);
	s->links.items = items;
	s->links.n = n;
	return 0;
}
