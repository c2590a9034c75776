// SPDX-License-Identifier: MIT
// What tsgw-proxy is told: names, routes, clients, and the listeners that come and go with the host's
// addresses.
#include "supervisor/tailnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/stats.h"
#include "supervisor/fdstore.h"
#include "supervisor/facts.h"
#include "supervisor/watch.h"

#define LISTEN_BACKLOG	4096
#define LISTEN_RETRY_MS 800 /* a port that somebody else has may become free */

static int proxy_send_routes(struct tailnet *t, const struct fact_peer *p)
{
	int r = 0;

	for (size_t at = 0; at < p->routes->n && r == 0; at += MSG_PREFIXES) {
		struct msg_proxy_route m = {
			.n = (uint32_t)MIN(p->routes->n - at, (size_t)MSG_PREFIXES)};

		memcpy(m.public_key, p->public_key, sizeof(m.public_key));
		memcpy(m.prefixes, p->routes->items + at, m.n * sizeof(m.prefixes[0]));
		r = worker_tell(&t->proxy, MSG_PROXY_ROUTE, &m);
	}
	return r;
}

/* Its own; and those of all, so that a client that asks the wrong listener is told the right one. */
static int proxy_send_suffixes(struct tailnet *t)
{
	struct suffixes *all = &t->s->suffixes;
	struct msg_proxy_suffixes m = {0};
	int r = 0;

	for (size_t i = 0; i < t->config->n_suffixes && r == 0; i++) {
		struct msg_proxy_suffix own = {0};

		snprintf(own.suffix, sizeof(own.suffix), "%s", t->config->suffixes[i]);
		r = worker_tell(&t->proxy, MSG_PROXY_SUFFIX, &own);
	}
	if (r == 0)
		r = suffixes_make(all, t->s->config);
	if (r < 0)
		return r;
	m.n = all->n;
	m.digest = all->digest;
	return worker_send(&t->proxy, MSG_PROXY_SUFFIXES, &m, sizeof(m), &all->fd, 1);
}

static bool is_fixed(const struct tailnet_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_hosts; i++)
		if (!strcmp(c->hosts[i].name, name))
			return true;
	return false;
}

static int proxy_send_name(
	struct tailnet *t, const char *name, size_t len, const struct addr *addrs, uint32_t n)
{
	struct msg_host m = {0};
	int r = 0;

	snprintf(m.name, sizeof(m.name), "%.*s", (int)len, name);
	for (uint32_t i = 0; i < n && r == 0 && !is_fixed(t->config, m.name); i++) {
		m.addr = addrs[i];
		r = worker_tell(&t->proxy, MSG_PROXY_HOST, &m);
	}
	return r;
}

/* gpu1 (so gpu1.SUFFIX, too) and gpu1.tail1234.ts.net; [hosts] goes before. */
static int proxy_send_peer_names(struct tailnet *t)
{
	const struct netmap *m = t->netmap;
	int r = 0;

	for (size_t i = 0; i < facts_peers(t) && r == 0; i++) {
		const struct netmap_peer *p = facts_peer(t, i).node;
		const char *dot = p ? strchr(p->name, '.') : NULL;

		if (!p || !*p->name)
			continue;
		r = proxy_send_name(t, p->name, strlen(p->name), p->addresses, p->n_addresses);
		if (r == 0 && dot && *m->domain && !strcmp(dot + 1, m->domain))
			r = proxy_send_name(
				t, p->name, (size_t)(dot - p->name), p->addresses, p->n_addresses);
	}
	return r;
}

static int proxy_send_names(struct tailnet *t)
{
	int r = proxy_send_suffixes(t);

	for (size_t i = 0; i < t->config->n_hosts && r == 0; i++) {
		struct msg_host m = {.addr = t->config->hosts[i].addr};

		snprintf(m.name, sizeof(m.name), "%s", t->config->hosts[i].name);
		r = worker_tell(&t->proxy, MSG_PROXY_HOST, &m);
	}
	return r < 0 ? r : proxy_send_peer_names(t);
}

static int proxy_send_allow(struct tailnet *t, bool keep_clients)
{
	_cleanup_free_ struct prefix *items = NULL;
	struct prefix_list l = {0};
	int r = expose_allow(
		&t->s->config->gateway, t->config, t->s->addresses, t->s->n_addresses, &l);

	items = l.items;
	if (r == 0 && !keep_clients)
		withdraw_allow(t, &l);
	return r < 0 ? r : worker_tell_prefixes(&t->proxy, MSG_PROXY_ALLOW, l.items, l.n);
}

static int proxy_send_deny(struct tailnet *t)
{
	const struct prefix_list *own = facts_addresses(t);
	const struct prefix pools[] = {t->s->config->gateway.veth_pool, uplink_ipv6_pool};
	int r = worker_tell_prefixes(&t->proxy, MSG_PROXY_DENY, pools, ELEMENTSOF(pools));

	for (size_t i = 0; i < own->n && r == 0; i++) {
		struct prefix p = prefix_of_addr(&own->items[i].addr);

		r = worker_tell_prefixes(&t->proxy, MSG_PROXY_DENY, &p, 1);
	}
	return r;
}

static int proxy_send_users(struct tailnet *t)
{
	const struct tailnet_config *c = t->config;
	int r = 0;

	for (size_t i = 0; i < c->n_users && r == 0; i++) {
		struct msg_proxy_user m = {0};

		snprintf(m.name, sizeof(m.name), "%s", c->users[i].name);
		memcpy(m.hash, c->users[i].hash, sizeof(m.hash));
		r = worker_tell(&t->proxy, MSG_PROXY_USER, &m);
	}
	return r;
}

static int proxy_send_published(struct tailnet *t)
{
	const struct prefix_list *own = facts_addresses(t);
	const struct port_maps *maps = &t->config->publishes;
	int r = 0;

	for (size_t i = 0; i < maps->n * own->n && r == 0; i++) {
		const struct port_map *m = &maps->items[i / own->n];
		struct msg_proxy_published p = {.udp = m->udp,
			.at = {.addr = own->items[i % own->n].addr, .port = m->port}};

		r = worker_tell(&t->proxy, MSG_PROXY_PUBLISHED, &p);
	}
	return r;
}

int proxy_send_config(struct tailnet *t, bool keep_clients)
{
	const struct tailnet_config *c = t->config;
	struct msg_proxy_config m = {.connect_timeout_s = c->connect_timeout_s,
		.idle_timeout_s = c->idle_timeout_s,
		.half_close_timeout_s = c->half_close_timeout_s,
		.max_clients = c->max_clients,
		.max_clients_per_address = c->max_clients_per_address,
		.max_udp = c->max_udp,
		.max_udp_per_address = c->max_udp_per_address,
		.greeting_timeout_s = c->greeting_timeout_s,
		.has_ipv6 = facts_has_ipv6(t),
		.users = c->users_path != NULL,
		.log_connections = c->log_connections,
		.keep_clients = keep_clients};
	int r = worker_begin(&t->proxy);

	if (r == 0)
		r = worker_tell(&t->proxy, MSG_PROXY_CONFIG, &m);
	if (r == 0)
		r = proxy_send_names(t);
	if (r == 0)
		r = proxy_send_resolver(t);
	for (size_t i = 0; i < facts_peers(t) && r == 0; i++) {
		struct fact_peer p = facts_peer(t, i);

		r = proxy_send_routes(t, &p);
	}
	if (r == 0 && t->netmap)
		r = engine_send_service(t);
	if (r == 0)
		r = proxy_send_allow(t, keep_clients);
	if (r == 0)
		r = proxy_send_deny(t);
	if (r == 0)
		r = proxy_send_users(t);
	if (r == 0)
		r = proxy_send_published(t);
	return r < 0 ? r : worker_commit(&t->proxy);
}

static int proxy_send_listener(struct tailnet *t, const struct listener *l, enum listen_kind kind)
{
	struct msg_proxy_listen m = {.at = l->at, .kind = kind};

	if (kind == LISTEN_VETH)
		m.only = t->veth_host;
	return worker_send(&t->proxy, MSG_PROXY_LISTEN, &m, sizeof(m), &l->fd, 1);
}

void proxy_tell_node(struct tailnet *t)
{
	struct msg_proxy_node m = {
		.alive = tailnet_is_stock(t->config) ? engine_serves(t) : t->node.serves};

	(void)(t->proxy.pid && worker_tell(&t->proxy, MSG_PROXY_NODE, &m));
}

/* A proxy that has just started knows no peer yet: the node's counters page has the states. */
static int proxy_send_peers(struct tailnet *t)
{
	const struct wg_stats *stats = t->node.stats;
	uint32_t n = stats ? MIN(STAT_GET(stats->n_peers), (uint32_t)STATS_PEERS_MAX) : 0;
	int r = 0;

	if (tailnet_is_stock(t->config))
		return engine_send_peers(t);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		struct msg_peer_state m = {.state = STAT_GET(stats->peers[i].state)};

		memcpy(m.public_key, stats->peers[i].public_key, sizeof(m.public_key));
		if (m.state <= PEER_DOWN)
			r = worker_tell(&t->proxy, MSG_PROXY_PEER_UP, &m);
	}
	return r;
}

static int proxy_configure(void *owner, struct worker *w)
{
	struct tailnet *t = owner;
	struct msg_proxy_resolve resolve = {0};
	/* one that is taken over has clients, and a primary may be gone only for now */
	int r = proxy_send_config(t, !t->config->has_allow && !t->s->config->gateway.has_allow);

	clients_lost(t);
	if (r == 0)
		r = proxy_send_peers(t);
	if (r == 0)
		proxy_tell_node(t);
	if (r == 0 && t->veth_listener.fd >= 0)
		r = proxy_send_listener(t, &t->veth_listener, LISTEN_VETH);
	for (size_t i = 0; i < t->n_listeners && r == 0; i++)
		r = proxy_send_listener(t, &t->listeners[i], LISTEN_PRIMARY);
	if (r == 0)
		r = worker_send(w, MSG_PROXY_RESOLVE, &resolve, sizeof(resolve), &t->resolve_fd, 1);
	associate_forget(t);
	if (r == 0)
		associate_fill(t);
	return r < 0 ? r : forward_send(t);
}

static int proxy_report(void *owner, struct worker *w, const union msg *m)
{
	switch (m->h.type) {
	case MSG_PROXY_UDP_USED:
		return associate_report(owner, &m->proxy_udp_used);
	case MSG_PROXY_CLIENT:
	case MSG_PROXY_CLIENTS_END:
		return clients_report(owner, m);
	default:
		return -EBADMSG;
	}
}

static void proxy_changed(void *owner, struct worker *w)
{
	struct proxy_stats *stats = w->stats;

	if (!w->pid && stats) {
		STAT_SET(stats->clients, 0);
		STAT_SET(stats->udp.associations, 0);
		STAT_SET(stats->forward_udp.sessions, 0);
	}
	if (!w->pid)
		clients_lost(owner);
	tailnet_evaluate(owner);
}

const struct worker_ops proxy_ops = {
	.record = tailnet_record,
	.configure = proxy_configure,
	.report = proxy_report,
	.changed = proxy_changed,
};

/* ---- listeners ---- */

static int open_veth(void *arg, int *ret_fd)
{
	int fd = tcp_listen(arg, TAILNET_VETH, LISTEN_BACKLOG);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int proxy_open_veth(struct tailnet *t)
{
	struct listener *l = &t->veth_listener;

	l->at = (struct hostport){.addr = t->veth_ns, .port = TAILNET_VETH_PORT};
	int r = netns_run(t->netns_fd, open_veth, &l->at, &l->fd);

	if (r == 0)
		fdstore_put(t->name, "veth", l->fd);
	return r;
}

int proxy_remake_veth(struct tailnet *t)
{
	struct msg_proxy_listen had = {.at = t->veth_listener.at, .kind = LISTEN_VETH};
	int r;

	t->veth_listener.fd = fd_close(t->veth_listener.fd);
	fdstore_drop(t->name, "veth");
	if (t->proxy.pid)
		(void)worker_tell(&t->proxy, MSG_PROXY_UNLISTEN, &had);
	r = proxy_open_veth(t);
	t->veth_listener.udp_given = t->veth_listener.udp_used = 0;
	return r == 0 && t->proxy.pid ? proxy_send_listener(t, &t->veth_listener, LISTEN_VETH) : r;
}

/* Its place in the descriptor store. */
static const char *listener_object(const struct listener *l, char ret[FDSTORE_NAME_MAX])
{
	char at[HOSTPORT_TEXT_MAX];

	fdstore_place(&l->at, at);
	snprintf(ret, FDSTORE_NAME_MAX, "listen/%s", at);
	return ret;
}

static void listener_close(struct tailnet *t, size_t i)
{
	struct msg_proxy_listen m = {.at = t->listeners[i].at, .kind = LISTEN_PRIMARY};
	char object[FDSTORE_NAME_MAX];

	fdstore_drop(t->name, listener_object(&t->listeners[i], object));
	(void)(t->proxy.pid && worker_tell(&t->proxy, MSG_PROXY_UNLISTEN, &m));
	/* the worker still holds it, and its place may be wanted at once */
	(void)shutdown(t->listeners[i].fd, SHUT_RDWR);
	t->listeners[i].fd = fd_close(t->listeners[i].fd);
	t->listeners[i] = t->listeners[--t->n_listeners];
	t->listeners[t->n_listeners].fd = -1;
}

static void listener_say(struct tailnet *t, const struct hostport *at, const char *what)
{
	char text[HOSTPORT_TEXT_MAX];

	hostport_format(at, text);
	watch_event(t, EVENT_LISTENER, text, "%s %s", what, text);
}

static void listener_complain(struct tailnet *t)
{
	log_warning(t->name, "listener", "%s", t->listen_reason);
	watch_event(t, EVENT_LISTENER, NULL, "%s", t->listen_reason);
}

static bool listener_has(const struct tailnet *t, const struct hostport *at)
{
	for (size_t i = 0; i < t->n_listeners; i++)
		if (addr_equal(&t->listeners[i].at.addr, &at->addr) &&
			t->listeners[i].at.port == at->port)
			return true;
	return false;
}

static int listener_open(struct tailnet *t, const struct hostport *at)
{
	struct msg_proxy_listen had = {.at = *at, .kind = LISTEN_PRIMARY};
	struct listener l = {.at = *at, .fd = -1};
	char object[FDSTORE_NAME_MAX];

	if (t->n_listeners == CONTROL_LISTEN_MAX)
		return -ENOSPC;
	if (t->proxy.adopted) /* of the supervisor before us, and we have not */
		(void)worker_tell(&t->proxy, MSG_PROXY_UNLISTEN, &had);
	l.fd = tcp_listen(at, NULL, LISTEN_BACKLOG);
	if (l.fd < 0)
		return l.fd;
	t->listeners[t->n_listeners++] = l;
	listener_say(t, at, "listens on");
	fdstore_put(t->name, listener_object(&l, object), l.fd);
	return t->proxy.pid ? proxy_send_listener(t, &l, LISTEN_PRIMARY) : 0;
}

static int listen_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->listen_timer = sd_event_source_disable_unref(t->listen_timer);
	proxy_update_listeners(t);
	publish_update(t);
	tailnet_evaluate(t);
	return 0;
}

/* Has somebody said who may come in? */
static bool may_be_public(const struct tailnet *t)
{
	return t->s->config->gateway.has_allow || t->config->has_allow || t->config->users_path;
}

void proxy_retry_listeners(struct tailnet *t)
{
	if (!t->listen_timer)
		(void)sd_event_add_time_relative(t->s->event, &t->listen_timer, CLOCK_MONOTONIC,
			LISTEN_RETRY_MS * 1000, 100000, listen_on_timer, t);
}

void proxy_update_listeners(struct tailnet *t)
{
	char before[sizeof(t->listen_reason)], text[HOSTPORT_TEXT_MAX];
	struct expose e;

	memcpy(before, t->listen_reason, sizeof(before));
	expose_find(&t->s->config->gateway, t->s->addresses, t->s->n_addresses, &e);
	for (size_t i = t->n_listeners; i-- > 0;) {
		bool keep = t->listeners[i].at.port == t->config->port;
		bool there = expose_has(&e, &t->listeners[i].at.addr);

		if (!keep || !there ||
			(addr_is_public(&t->listeners[i].at.addr) && !may_be_public(t))) {
			listener_say(t, &t->listeners[i].at, "no longer listens on");
			listener_close(t, i);
		}
	}
	forward_close_stale(t, &e);
	snprintf(t->listen_reason, sizeof(t->listen_reason), "%s", e.missing);
	for (size_t k = 0; k < e.n; k++) {
		struct hostport at = {.addr = e.addrs[k], .port = t->config->port};
		int r;

		if (addr_is_public(&at.addr) && !may_be_public(t)) {
			snprintf(t->listen_reason, sizeof(t->listen_reason),
				"no listener on %s: a public address needs allow or users-file",
				addr_format(&at.addr, text));
			continue;
		}
		r = listener_has(t, &at) ? 0 : listener_open(t, &at);

		if (r == 0)
			continue;
		snprintf(t->listen_reason, sizeof(t->listen_reason), "listener %s: %s",
			hostport_format(&at, text), strerror(-r));
		proxy_retry_listeners(t);
	}
	listeners_sort(t->listeners, t->n_listeners, &e);
	associate_fill(t);
	forward_open_missing(t, &e);
	if (*t->listen_reason && strcmp(before, t->listen_reason))
		listener_complain(t);
}

void proxy_close_listeners(struct tailnet *t)
{
	while (t->n_listeners)
		listener_close(t, t->n_listeners - 1);
	t->veth_listener.fd = fd_close(t->veth_listener.fd);
	t->listen_reason[0] = '\0';
}
