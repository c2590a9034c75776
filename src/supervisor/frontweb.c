// SPDX-License-Identifier: MIT
// The web worker of the front: its listeners, what it is told, the records that it asks for.
//
// Nothing is asked of a tailnet before somebody looks at the page: then the worker reports that it wants
// newer records, and it gets them from the collector, at most one answer for each question.
#include "supervisor/frontweb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/sockets.h"
#include "ipc/stats.h"
#include "supervisor/front.h"
#include "supervisor/hostnames.h"
#include "supervisor/memory.h"

#define WEB_BACKLOG  128
#define WEB_RETRY_MS 800

_Static_assert(sizeof(struct control_tailnet) <= MSG_RECORD_MAX, "a record fits into its message");

static bool names_differ(const struct gateway_config *a, const struct gateway_config *b)
{
	if (a->n_web_names != b->n_web_names)
		return true;
	for (size_t i = 0; i < a->n_web_names; i++)
		if (strcmp(a->web_names[i], b->web_names[i]) != 0)
			return true;
	return false;
}

bool frontweb_differs(const struct gateway_config *a, const struct gateway_config *b)
{
	return a->web_port != b->web_port || a->has_web_allow != b->has_web_allow ||
		!prefix_list_equal(&a->web_allow, &b->web_allow) || names_differ(a, b);
}

/* ---- what it is told ---- */

static struct worker *worker_of(struct front *f)
{
	return &f->web.worker;
}

static int send_names(struct front *f)
{
	const struct gateway_config *g = &f->s->config->gateway;
	struct msg_web_config m = {.dns_port = g->dns_port, .web_port = g->web_port};
	int r;

	hostnames_get(m.hostname, m.fqdn);
	r = worker_tell(worker_of(f), MSG_WEB_CONFIG, &m);
	for (size_t i = 0; i < g->n_web_names && r == 0; i++) {
		struct msg_web_name n = {0};

		snprintf(n.name, sizeof(n.name), "%s", g->web_names[i]);
		r = worker_tell(worker_of(f), MSG_WEB_NAME, &n);
	}
	return r;
}

/* The networks of T (NULL: of the page). */
static int send_allow(struct front *f, enum msg_type type, const struct tailnet_config *t)
{
	const struct supervisor *s = f->s;
	const struct gateway_config *g = &s->config->gateway;
	const struct tailnet_config page = {.allow = g->web_allow, .has_allow = g->has_web_allow};
	_cleanup_free_ struct prefix *items = NULL;
	struct prefix_list allow = {0};
	int r = expose_allow(g, t ? t : &page, s->addresses, s->n_addresses, &allow);

	items = allow.items;
	return r < 0 ? r : worker_tell_prefixes(worker_of(f), type, allow.items, allow.n);
}

static int send_routes(struct front *f, const struct tailnet_config *t)
{
	const struct collected *c = collect_find(f->collected, t->name);
	_cleanup_free_ struct prefix *items = NULL;
	struct prefix_list routes = {0};
	int r;

	if (!t->wg && (!c || !c->has_facts))
		return 0;
	if (!t->wg)
		return worker_tell_prefixes(
			worker_of(f), MSG_WEB_ROUTE, c->facts.routes.items, c->facts.routes.n);
	r = config_routes(t, &routes);
	items = routes.items;
	return r < 0 ? r
		     : worker_tell_prefixes(worker_of(f), MSG_WEB_ROUTE, routes.items, routes.n);
}

static int send_ports(struct front *f, const struct port_maps *maps, bool publish)
{
	char text[ADDR_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < maps->n && r == 0; i++) {
		const struct port_map *p = &maps->items[i];
		struct msg_port m = {
			.at.port = p->port, .port = p->to.port, .udp = p->udp, .local = publish};

		snprintf(m.host, sizeof(m.host), "%s",
			p->name ? p->name : addr_format(&p->to.addr, text));
		r = worker_tell(worker_of(f), MSG_WEB_PORT, &m);
	}
	return r;
}

static int send_tailnet(struct front *f, const struct tailnet_config *t)
{
	struct msg_web_tailnet m = {
		.enabled = t->enabled, .engine = (uint8_t)t->engine, .port = t->port};
	int r;

	snprintf(m.name, sizeof(m.name), "%s", t->name);
	snprintf(m.broken, sizeof(m.broken), "%s", t->broken ? t->broken : "");
	r = worker_tell(worker_of(f), MSG_WEB_TAILNET, &m);
	for (size_t i = 0; i < t->n_suffixes && r == 0; i++) {
		struct msg_dns_suffix s = {0};

		snprintf(s.suffix, sizeof(s.suffix), "%s", t->suffixes[i]);
		r = worker_tell(worker_of(f), MSG_WEB_SUFFIX, &s);
	}
	if (r == 0)
		r = send_allow(f, MSG_WEB_SEES, t);
	if (r == 0)
		r = send_routes(f, t);
	if (r == 0 && t->wg)
		r = worker_tell_prefixes(
			worker_of(f), MSG_WEB_ADDRESS, t->wg->addresses.items, t->wg->addresses.n);
	if (r == 0)
		r = send_ports(f, &t->forwards, false);
	return r < 0 ? r : send_ports(f, &t->publishes, true);
}

static int send_config(struct front *f)
{
	const struct config *c = f->s->config;
	int r = worker_begin(worker_of(f));

	if (r == 0)
		r = send_names(f);
	if (r == 0)
		r = send_allow(f, MSG_WEB_ALLOW, NULL);
	for (size_t i = 0; i < c->n_tailnets && r == 0; i++)
		r = send_tailnet(f, c->tailnets[i]);
	return r < 0 ? r : worker_commit(worker_of(f));
}

static int send_record(struct front *f, const struct collected *c)
{
	struct msg_web_record m = {
		.known = c->known, .pid = c->pid, .n = (uint32_t)sizeof(c->record)};

	memcpy(m.tailnet, c->name, sizeof(m.tailnet));
	memcpy(m.record, &c->record, sizeof(c->record));
	return worker_tell(worker_of(f), MSG_WEB_RECORD, &m);
}

static int send_counters(struct front *f)
{
	struct process_memory self, names, page;
	struct control_dns d;
	int r;
	struct msg_web_front m = {
		.restarts_dns = f->dns.restarts, .restarts_web = worker_of(f)->restarts};

	memory_of(getpid(), &self);
	memory_of(f->dns.pid, &names);
	memory_of(worker_of(f)->pid, &page);
	m.resident_supervisor = self.resident;
	m.resident_dns = names.resident;
	m.resident_web = page.resident;
	m.proportional_supervisor = self.proportional;
	m.proportional_dns = names.proportional;
	m.proportional_web = page.proportional;
	m.has_dns = front_dns_counts(f, 0, &d);
	r = worker_tell(worker_of(f), MSG_WEB_FRONT, &m);
	for (size_t i = 0; r == 0 && front_dns_counts(f, i, &d); i++) {
		struct msg_web_dns dns = {.all = d.all, .zone = d.zone};

		memcpy(dns.tailnet, d.tailnet, sizeof(dns.tailnet));
		r = worker_tell(worker_of(f), MSG_WEB_DNS, &dns);
	}
	return r;
}

static int send_listener(struct front *f, size_t i)
{
	struct msg_dns_listen m = {.at = f->web.listeners[i].at};

	return worker_send(worker_of(f), MSG_WEB_LISTEN, &m, sizeof(m), &f->web.listeners[i].fd, 1);
}

static int web_configure(void *owner, struct worker *w)
{
	struct front *f = owner;
	const struct collected *c;
	int r = send_config(f);

	f->web.wanted = false;
	for (size_t i = 0; r == 0 && (c = collect_at(f->collected, i)); i++)
		r = send_record(f, c);
	if (r == 0)
		r = send_counters(f);
	for (size_t i = 0; i < f->web.n_listeners && r == 0; i++)
		r = send_listener(f, i);
	return r;
}

static int web_report(void *owner, struct worker *w, const union msg *m)
{
	struct front *f = owner;

	if (m->h.type != MSG_WEB_WANTED || f->web.wanted)
		return -EBADMSG; /* it has one answer to come at most */
	f->web.wanted = true;
	collect_fresh(f->collected);
	return 0;
}

static int web_record(void *owner)
{
	return front_record(owner);
}

static void web_changed(void *owner, struct worker *w)
{
	supervisor_changed(((struct front *)owner)->s);
}

static const struct worker_ops web_ops = {
	.record = web_record,
	.configure = web_configure,
	.report = web_report,
	.changed = web_changed,
};

/* ---- news ---- */

void frontweb_record(struct front *f, const struct collected *c)
{
	if (worker_of(f)->pid)
		(void)send_record(f, c);
}

void frontweb_facts(struct front *f)
{
	if (worker_of(f)->pid)
		(void)send_config(f);
}

void frontweb_fresh(struct front *f)
{
	struct msg_empty m = {0};

	if (!f->web.wanted)
		return; /* the one that asked is gone */
	f->web.wanted = false;
	if (worker_of(f)->pid && send_counters(f) == 0)
		(void)worker_tell(worker_of(f), MSG_WEB_FRESH, &m);
}

/* ---- listeners ---- */

static void listener_close(struct front *f, size_t i)
{
	struct frontweb *w = &f->web;
	struct msg_dns_listen m = {.at = w->listeners[i].at};

	(void)(w->worker.pid && worker_tell(&w->worker, MSG_WEB_UNLISTEN, &m));
	fd_close(w->listeners[i].fd);
	w->listeners[i] = w->listeners[--w->n_listeners];
}

static int listener_open(struct front *f, const struct hostport *at)
{
	struct frontweb *w = &f->web;
	int fd = tcp_listen(at, NULL, WEB_BACKLOG);

	if (fd < 0)
		return fd;
	w->listeners[w->n_listeners].at = *at;
	w->listeners[w->n_listeners++].fd = fd;
	return w->worker.pid ? send_listener(f, w->n_listeners - 1) : 0;
}

static bool listener_has(const struct frontweb *w, const struct hostport *at)
{
	for (size_t i = 0; i < w->n_listeners; i++)
		if (addr_equal(&w->listeners[i].at.addr, &at->addr) &&
			w->listeners[i].at.port == at->port)
			return true;
	return false;
}

/* As for the tailnets' listeners: a public address needs somebody's word on who may come. */
static bool may_serve(const struct gateway_config *g, const struct addr *a)
{
	return !addr_is_public(a) || g->has_web_allow || g->has_allow;
}

static void update_listeners(struct front *f);

static int web_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	update_listeners(userdata);
	return 0;
}

static void open_missing(struct front *f, const struct expose *e)
{
	const struct gateway_config *g = &f->s->config->gateway;
	struct frontweb *w = &f->web;
	char text[HOSTPORT_TEXT_MAX];

	for (size_t i = 0; i < e->n; i++) {
		struct hostport at = {.addr = e->addrs[i], .port = g->web_port};
		int r = listener_has(w, &at) || !may_serve(g, &at.addr) ? 0 : listener_open(f, &at);

		if (!may_serve(g, &at.addr))
			snprintf(w->reason, sizeof(w->reason),
				"no page on %s: a public address needs allow or web-allow",
				addr_format(&at.addr, text));
		if (r == 0)
			continue;
		snprintf(w->reason, sizeof(w->reason), "page on %s: %s", hostport_format(&at, text),
			strerror(-r));
		if (!w->timer)
			(void)sd_event_add_time_relative(f->s->event, &w->timer, CLOCK_MONOTONIC,
				WEB_RETRY_MS * 1000, 100000, web_on_timer, f);
	}
}

static void update_listeners(struct front *f)
{
	const struct gateway_config *g = &f->s->config->gateway;
	struct frontweb *w = &f->web;
	char before[sizeof(w->reason)];
	struct expose e = {0};

	memcpy(before, w->reason, sizeof(before));
	w->reason[0] = '\0';
	w->timer = sd_event_source_disable_unref(w->timer);
	if (g->web_port)
		expose_find(g, f->s->addresses, f->s->n_addresses, &e);
	for (size_t i = w->n_listeners; i-- > 0;)
		if (!expose_has(&e, &w->listeners[i].at.addr) ||
			w->listeners[i].at.port != g->web_port ||
			!may_serve(g, &w->listeners[i].at.addr))
			listener_close(f, i);
	open_missing(f, &e);
	if (*w->reason && strcmp(before, w->reason) != 0)
		log_warning(NULL, "front", "%s", w->reason);
}

/* ---- life ---- */

void frontweb_init(struct front *f)
{
	const struct supervisor *s = f->s;

	f->web.worker = f->dns;
	f->web.worker.program = "tsgw-web";
	f->web.worker.kind = SANDBOX_WEB;
	f->web.worker.uid = s->config->gateway.uid_base + SANDBOX_WEB;
	f->web.worker.ops = &web_ops;
	worker_init(&f->web.worker, sizeof(struct web_stats));
}

void frontweb_start(struct front *f)
{
	if (!f->s->config->gateway.web_port)
		return;
	update_listeners(f);
	worker_start_now(worker_of(f));
}

void frontweb_update(struct front *f)
{
	if (!f->s->config->gateway.web_port) {
		update_listeners(f); /* closes them all */
		worker_stop(worker_of(f));
	} else if (!worker_of(f)->wanted) {
		frontweb_start(f);
	} else {
		update_listeners(f);
		if (worker_of(f)->pid)
			(void)send_config(f);
	}
}

void frontweb_free(struct front *f)
{
	f->web.timer = sd_event_source_disable_unref(f->web.timer);
	while (f->web.n_listeners)
		listener_close(f, f->web.n_listeners - 1);
	worker_done(worker_of(f));
}
