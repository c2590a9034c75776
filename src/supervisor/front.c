// SPDX-License-Identifier: MIT
// The front services: one DNS responder for the whole gateway.
//
// It is configured from the INI alone and so needs no word with the tailnets, which may run under
// supervisors of their own. What only a tailnet knows, the worker asks it itself (frontlinks.c).
#include "supervisor/front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/sockets.h"
#include "ipc/stats.h"
#include "supervisor/fdstore.h"
#include "supervisor/recover.h"
#include "supervisor/tailnet.h"

#define DNS_BACKLOG  256
#define DNS_RETRY_MS 800

/* What a credential says of a tailnet its own supervisor tells, as what a netmap says. */
bool front_may_serve(const struct tailnet_config *t)
{
	return !t->broken || t->awaits_credential;
}

bool front_serves(const struct tailnet_config *t)
{
	return t->enabled && front_may_serve(t);
}

bool front_asks(const struct tailnet_config *t)
{
	return !t->wg || t->wg->n_dns || t->dns_server.family;
}

static bool zone_differs(const struct tailnet_config *a, const struct tailnet_config *b)
{
	return strcmp(a->name, b->name) || a->enabled != b->enabled ||
		a->has_allow != b->has_allow || !prefix_list_equal(&a->allow, &b->allow) ||
		!wg_config_equal(a->wg, b->wg) || front_asks(a) != front_asks(b) ||
		tailnet_suffixes_differ(a, b) || tailnet_hosts_differ(a, b);
}

/* Also one that is not enabled: somebody may run it all the same. */
static const struct tailnet_config *next_served(const struct config *c, size_t *at)
{
	while (*at < c->n_tailnets)
		if (front_may_serve(c->tailnets[(*at)++]))
			return c->tailnets[*at - 1];
	return NULL;
}

bool front_differs(const struct config *old, const struct config *new)
{
	const struct gateway_config *a = &old->gateway, *b = &new->gateway;
	size_t i = 0, k = 0;

	if (a->dns_port != b->dns_port || a->has_allow != b->has_allow ||
		!prefix_list_equal(&a->allow, &b->allow) || expose_differs(a, b) ||
		frontweb_differs(a, b))
		return true;
	for (;;) {
		const struct tailnet_config *x = next_served(old, &i), *y = next_served(new, &k);

		if (!x && !y)
			return false;
		if (!x || !y || zone_differs(x, y))
			return true;
	}
}

static int front_send_host(struct front *f, const char *name, const struct addr *a)
{
	struct msg_host m = {.addr = *a};

	snprintf(m.name, sizeof(m.name), "%s", name);
	return worker_tell(&f->dns, MSG_DNS_HOST, &m);
}

/* [hosts] comes first; a peer's name that is there too adds no address to it. */
static bool is_fixed(const struct tailnet_config *t, const char *name)
{
	for (size_t i = 0; i < t->n_hosts; i++)
		if (!strcasecmp(t->hosts[i].name, name))
			return true;
	return false;
}

static int front_send_names(
	struct front *f, const struct tailnet_config *t, const struct told *facts)
{
	int r = 0;

	for (size_t i = 0; i < t->n_suffixes && r == 0; i++) {
		struct msg_dns_suffix m = {0};

		snprintf(m.suffix, sizeof(m.suffix), "%s", t->suffixes[i]);
		r = worker_tell(&f->dns, MSG_DNS_SUFFIX, &m);
	}
	for (size_t i = 0; i < t->n_hosts && r == 0; i++)
		r = front_send_host(f, t->hosts[i].name, &t->hosts[i].addr);
	for (size_t i = 0; facts && i < facts->n_names && r == 0; i++)
		if (!is_fixed(t, facts->names[i].name))
			r = front_send_host(f, facts->names[i].name, &facts->names[i].addr);
	return r;
}

/* What a netmap says, wherever its node runs; NULL where a wg-quick file says all. */
static const struct told *front_facts(const struct front *f, const struct tailnet_config *t)
{
	const struct collected *c = t->wg ? NULL : collect_find(f->collected, t->name);

	return c && c->has_facts ? &c->facts : NULL;
}

static int front_send_routes(
	struct front *f, const struct tailnet_config *t, const struct told *facts)
{
	_cleanup_free_ struct prefix *items = NULL;
	struct prefix_list routes = {0};
	int r;

	if (!t->wg)
		return facts ? worker_tell_prefixes(
				       &f->dns, MSG_DNS_ROUTE, facts->routes.items, facts->routes.n)
			     : 0;
	r = config_routes(t, &routes);
	items = routes.items;
	return r < 0 ? r : worker_tell_prefixes(&f->dns, MSG_DNS_ROUTE, routes.items, routes.n);
}

static int front_send_zone(struct front *f, const struct tailnet_config *t)
{
	const struct supervisor *s = f->s;
	const struct told *facts = front_facts(f, t);
	_cleanup_free_ struct prefix *allowed = NULL;
	struct prefix_list allow = {0};
	struct msg_dns_zone zone = {.asks = front_asks(t), .unsure = !t->wg && !facts};
	int r;

	snprintf(zone.tailnet, sizeof(zone.tailnet), "%s", t->name);
	r = worker_tell(&f->dns, MSG_DNS_ZONE, &zone);
	if (r == 0)
		r = front_send_names(f, t, facts);
	if (r == 0)
		r = front_send_routes(f, t, facts);
	if (r == 0)
		r = expose_allow(&s->config->gateway, t, s->addresses, s->n_addresses, &allow);
	allowed = allow.items;
	return r < 0 ? r : worker_tell_prefixes(&f->dns, MSG_DNS_ALLOW, allow.items, allow.n);
}

static int front_send_config(struct front *f)
{
	const struct config *c = f->s->config;
	int r = worker_begin(&f->dns);

	for (size_t i = 0; i < c->n_tailnets && r == 0; i++)
		if (front_serves_now(f, c->tailnets[i]))
			r = front_send_zone(f, c->tailnets[i]);
	return r < 0 ? r : worker_commit(&f->dns);
}

static int front_send_listener(struct front *f, const struct front_listener *l)
{
	struct msg_dns_listen m = {.at = l->at};
	const int fds[2] = {l->udp_fd, l->tcp_fd};

	return worker_send(&f->dns, MSG_DNS_LISTEN, &m, sizeof(m), fds, 2);
}

int front_record(void *owner)
{
	struct front *f = owner;
	struct made_process *p = f->made.processes;

	memset(p, 0, sizeof(*p));
	(void)worker_describe(&f->dns, &p[0]);
	/* without one, front_resume() has somebody else's here */
	if (f->web.worker.pid)
		(void)worker_describe(&f->web.worker, &p[1]);
	return store_made_write(&f->s->store, NULL, &f->made);
}

static int front_configure(void *owner, struct worker *w)
{
	struct front *f = owner;
	int r = front_send_config(f);

	for (size_t i = 0; i < f->n_listeners && r == 0; i++)
		r = front_send_listener(f, &f->listeners[i]);
	if (r == 0)
		frontlinks_update(f, true);
	return r;
}

static int front_report(void *owner, struct worker *w, const union msg *m)
{
	return m->h.type == MSG_DNS_LINK_LOST ? frontlinks_lost(owner, &m->dns_link) : -EBADMSG;
}

static void front_changed(void *owner, struct worker *w)
{
	supervisor_changed(((struct front *)owner)->s);
}

static const struct worker_ops front_ops = {
	.record = front_record,
	.configure = front_configure,
	.report = front_report,
	.changed = front_changed,
};

/* ---- listeners ---- */

const char *front_object(const struct hostport *at, const char *kind, char ret[FDSTORE_NAME_MAX])
{
	char place[HOSTPORT_TEXT_MAX];

	fdstore_place(at, place);
	snprintf(ret, FDSTORE_NAME_MAX, "%s/%s", kind, place);
	return ret;
}

static void front_close(struct front *f, size_t i)
{
	struct msg_dns_listen m = {.at = f->listeners[i].at};
	char object[FDSTORE_NAME_MAX];

	(void)(f->dns.pid && worker_tell(&f->dns, MSG_DNS_UNLISTEN, &m));
	fdstore_drop(FRONT_NAME, front_object(&f->listeners[i].at, "dns.udp", object));
	fdstore_drop(FRONT_NAME, front_object(&f->listeners[i].at, "dns.tcp", object));
	fd_close(f->listeners[i].udp_fd);
	fd_close(f->listeners[i].tcp_fd);
	f->listeners[i] = f->listeners[--f->n_listeners];
}

static int front_open(struct front *f, const struct hostport *at)
{
	struct front_listener l = {.at = *at, .udp_fd = -1, .tcp_fd = -1};
	struct msg_dns_listen had = {.at = *at};
	char object[FDSTORE_NAME_MAX];

	if (f->dns.adopted) /* of the supervisor before us, and we have not */
		(void)worker_tell(&f->dns, MSG_DNS_UNLISTEN, &had);
	l.udp_fd = udp_serve(at, NULL);
	if (l.udp_fd < 0)
		return l.udp_fd;
	l.tcp_fd = tcp_listen(at, NULL, DNS_BACKLOG);
	if (l.tcp_fd < 0) {
		fd_close(l.udp_fd);
		return l.tcp_fd;
	}
	f->listeners[f->n_listeners++] = l;
	fdstore_put(FRONT_NAME, front_object(at, "dns.udp", object), l.udp_fd);
	fdstore_put(FRONT_NAME, front_object(at, "dns.tcp", object), l.tcp_fd);
	return f->dns.pid ? front_send_listener(f, &l) : 0;
}

static bool front_has(const struct front *f, const struct hostport *at)
{
	for (size_t i = 0; i < f->n_listeners; i++)
		if (addr_equal(&f->listeners[i].at.addr, &at->addr) &&
			f->listeners[i].at.port == at->port)
			return true;
	return false;
}

static int front_on_timer(sd_event_source *s, uint64_t usec, void *userdata);

void front_update_listeners(struct front *f)
{
	uint16_t port = f->s->config->gateway.dns_port;
	char before[sizeof(f->reason)], text[HOSTPORT_TEXT_MAX];
	struct expose e = {0};

	memcpy(before, f->reason, sizeof(before));
	if (port)
		expose_find(&f->s->config->gateway, f->s->addresses, f->s->n_addresses, &e);
	for (size_t i = f->n_listeners; i-- > 0;) {
		bool there = expose_has(&e, &f->listeners[i].at.addr);

		if (!there || f->listeners[i].at.port != port)
			front_close(f, i);
	}
	snprintf(f->reason, sizeof(f->reason), "%s", e.missing);
	f->listen_timer = sd_event_source_disable_unref(f->listen_timer);
	for (size_t k = 0; k < e.n; k++) {
		struct hostport at = {.addr = e.addrs[k], .port = port};
		int r = front_has(f, &at) ? 0 : front_open(f, &at);

		if (r == 0)
			continue;
		snprintf(f->reason, sizeof(f->reason), "DNS on %s: %s", hostport_format(&at, text),
			strerror(-r));
		if (!f->listen_timer)
			(void)sd_event_add_time_relative(f->s->event, &f->listen_timer,
				CLOCK_MONOTONIC, DNS_RETRY_MS * 1000, 100000, front_on_timer, f);
	}
	if (*f->reason && strcmp(before, f->reason))
		log_warning(NULL, "front", "%s", f->reason);
}

static int front_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct front *f = userdata;

	f->listen_timer = sd_event_source_disable_unref(f->listen_timer);
	front_update_listeners(f);
	return 0;
}

/* ---- what is known of the tailnets ---- */

/* A tailnet that is not enabled has its names while somebody runs it. */
static void front_follow(struct front *f)
{
	const struct config *c = f->s->config;
	size_t n = 0;

	for (size_t i = 0; i < c->n_tailnets; i++)
		n += !c->tailnets[i]->enabled && front_serves_now(f, c->tailnets[i]);
	if (n == f->n_not_enabled)
		return;
	f->n_not_enabled = n;
	if (!f->dns.pid)
		return; /* the next one is told so by itself */
	(void)front_send_config(f);
	frontlinks_update(f, false);
}

static void front_on_record(void *owner, const struct collected *c)
{
	struct front *f = owner;
	const struct tailnet_config *t = config_find(f->s->config, c->name);

	log_debug(c->name, "front", "is %s",
		c->known ? tailnet_state_name(c->record.state) : "run by nobody");
	frontweb_record(owner, c);
	if (t && !t->enabled)
		front_follow(f);
}

static void front_on_facts(void *owner, const struct collected *c)
{
	struct front *f = owner;
	const struct tailnet_config *t = config_find(f->s->config, c->name);

	log_debug(c->name, "front", "has %zu routes and %zu names", c->facts.routes.n,
		c->facts.n_names);
	if (t && !t->wg && front_serves_now(f, t) && f->dns.pid)
		(void)front_send_config(f);
	if (t && !t->wg)
		frontweb_facts(f);
}

static void front_on_fresh(void *owner)
{
	frontweb_fresh(owner);
}

static const struct collect_ops front_collect_ops = {
	.record = front_on_record,
	.facts = front_on_facts,
	.fresh = front_on_fresh,
	.listed = front_listed,
};

/* ---- life ---- */

int front_new(struct supervisor *s, struct front **ret)
{
	struct front *f = calloc(1, sizeof(*f));
	pid_t owner = 0;
	int r;

	if (!f) {
		log_error(NULL, "front", "out of memory");
		return -ENOMEM;
	}
	f->s = s;
	f->lock_fd = f->links.inotify_fd = f->list_fd = -1;
	f->dns = (struct worker){
		.event = s->event,
		.dir = s->worker_dir,
		.program = "tsgw-dns",
		.empty_dir = s->empty_dir,
		.tailnet = FRONT_NAME,
		.kind = SANDBOX_DNS,
		.uid = s->config->gateway.uid_base + SANDBOX_DNS, /* slot 0 is the front's */
		.netns_fd = -1,
		.ops = &front_ops,
		.owner = f,
	};
	worker_init(&f->dns, sizeof(struct dns_stats));
	frontweb_init(f);
	r = store_lock(&s->store, NULL, &f->lock_fd, &owner);
	if (r == -EAGAIN)
		log_error(NULL, "front", "runs already, under process %d", (int)owner);
	else if (r < 0)
		log_error(NULL, "front", "cannot be locked in %s: %s", s->store.run_dir,
			strerror(-r));
	if (r == 0) {
		r = collect_new(s, &front_collect_ops, f, &f->collected);
		if (r < 0)
			log_error(NULL, "front", "cannot be started: %s", strerror(-r));
	}
	if (r == 0) {
		r = frontlinks_open(f);
		if (r < 0)
			log_error(NULL, "front", "inotify: %s", strerror(-r));
	}
	if (r < 0) {
		frontlinks_close(f);
		fd_close(f->lock_fd);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static void front_start_dns(struct front *f)
{
	if (!f->s->config->gateway.dns_port || !fdstore_has(FRONT_NAME))
		(void)recover_front(&f->s->store);
	if (!f->s->config->gateway.dns_port)
		return;
	if (fdstore_has(FRONT_NAME)) {
		front_resume(f);
		return;
	}
	front_update_listeners(f);
	worker_start_now(&f->dns);
}

void front_start(struct front *f)
{
	front_start_dns(f);
	frontweb_start(f);
}

void front_leave(struct front *f)
{
	/* the page may be away for a moment */
	frontweb_free(f);
	(void)front_record(f);
	worker_leave(&f->dns);
	for (size_t i = 0; i < f->n_listeners; i++) {
		fd_close(f->listeners[i].udp_fd);
		fd_close(f->listeners[i].tcp_fd);
	}
	f->n_listeners = 0;
	f->left = true;
}

void front_reload(struct front *f)
{
	if (!f->s->config->gateway.dns_port) {
		front_update_listeners(f); /* closes them all */
		worker_stop(&f->dns);
	} else if (!f->dns.wanted) {
		front_start_dns(f);
	} else {
		front_update_listeners(f);
		if (f->dns.pid)
			(void)front_send_config(f);
		frontlinks_update(f, false);
	}
}

void front_addresses_changed(struct front *f)
{
	front_update_listeners(f);
	if (f->dns.pid && !f->s->config->gateway.has_allow)
		(void)front_send_config(f);
	frontweb_update(f);
}

void front_free(struct front *f)
{
	if (!f)
		return;
	f->listen_timer = sd_event_source_disable_unref(f->listen_timer);
	frontlinks_close(f);
	frontweb_free(f);
	while (f->n_listeners)
		front_close(f, f->n_listeners - 1);
	worker_done(&f->dns);
	collect_free(f->collected);
	fd_close(f->list_fd);
	if (!f->left)
		(void)recover_front(&f->s->store);
	fd_close(f->lock_fd);
	free(f);
}
