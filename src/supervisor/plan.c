// SPDX-License-Identifier: MIT
// Old configuration, new configuration -> the ordered steps between them; said, or done.
#include "supervisor/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/expose.h"
#include "supervisor/front.h"
#include "supervisor/tailnet.h"

/* Where the lines go, and what they are about. */
struct teller {
	const struct supervisor *s;
	const struct config *config;
	const struct tailnet_config *t;
	struct prefix_list *used;  /* what the host has, then the /30s of earlier steps */
	struct prefix_list *taken; /* what tailnets remember */
	void (*say)(void *arg, const char *name, const char *line);
	void *arg;
};

static void tell(const struct teller *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void tell(const struct teller *to, const char *fmt, ...)
{
	char line[1024];
	const char *name = to->t ? to->t->name : NULL;
	size_t len = (size_t)snprintf(line, sizeof(line), "%s: ", name ? name : "front");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	to->say(to->arg, name, line);
}

/* ---- one function a part, in the order of tailnet_parts ---- */

static void say_namespace(const struct teller *to)
{
	tell(to, "make network namespace tsgw-%s, forwarding off, pinned at /run/netns/tsgw-%s",
		to->t->name, to->t->name);
}

/* The /30 that a start would choose: neither the host nor an earlier step has it. */
static int plan_veth(const struct teller *to, struct prefix *ret)
{
	int r = store_pool_plan(&to->s->store, to->t->name, &to->config->gateway.veth_pool,
		to->used, to->taken, ret);

	if (r == 0)
		to->used->items[to->used->n++] = *ret; /* has room for every tailnet */
	return r;
}

static void say_link(const struct teller *to)
{
	char link[LINK_NAME_MAX], host[ADDR_TEXT_MAX], ns[ADDR_TEXT_MAX];
	struct prefix veth;
	struct addr a;

	names_link(to->t->name, link);
	if (plan_veth(to, &veth) < 0) {
		tell(to, "make veth pair %s and veth0: no free /30 in veth-pool", link);
		return;
	}
	a = addr_v4(addr_v4_host(&veth.addr) + 1);
	addr_format(&a, host);
	a = addr_v4(addr_v4_host(&veth.addr) + 2);
	addr_format(&a, ns);
	tell(to, "make veth pair %s (%s/30) and veth0 (%s/30) in the namespace", link, host, ns);
}

static void say_tun(const struct teller *to)
{
	if (!tailnet_is_stock(to->t))
		tell(to, "make TUN wg0 in the namespace, MTU %u", tailnet_mtu(to->t));
}

static void say_addresses(const struct teller *to)
{
	const struct wg_config *wg = to->t->wg;
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; wg && i < wg->addresses.n; i++)
		tell(to, "add address %s to wg0", prefix_format(&wg->addresses.items[i], text));
}

static void say_routes(const struct teller *to)
{
	_cleanup_free_ struct prefix *items = NULL;
	struct prefix_list l = {0};
	char text[PREFIX_TEXT_MAX];

	if (!to->t->wg || to->t->wg->table_off || config_routes(to->t, &l) < 0)
		return;
	items = l.items;
	for (size_t i = 0; i < l.n && i < 16; i++)
		tell(to, "add route %s dev wg0", prefix_format(&l.items[i], text));
	if (l.n > 16)
		tell(to, "add %zu more routes dev wg0", l.n - 16);
}

static void say_resolv_conf(const struct teller *to)
{
	tell(to, "write /etc/netns/tsgw-%s/resolv.conf", to->t->name);
}

static void say_line(void *arg, const char *line)
{
	tell(arg, "%s", line);
}

static void say_uplink(const struct teller *to)
{
	uplink_say(to->t, say_line, (void *)to);
}

static void say_sockets(const struct teller *to)
{
	char port[16] = "any port";

	if (tailnet_is_stock(to->t))
		return;
	if (to->t->wg->listen_port)
		snprintf(port, sizeof(port), "port %u", to->t->wg->listen_port);
	tell(to, "open the encrypted UDP sockets in the %s namespace, %s",
		to->t->uplink == UPLINK_VETH		  ? "tailnet's"
			: to->t->uplink == UPLINK_MACVLAN ? "uplink's"
							  : "host's",
		port);
}

static void say_uapi(const struct teller *to)
{
	char link[LINK_NAME_MAX];

	if (tailnet_is_stock(to->t))
		return;
	names_link(to->t->name, link);
	tell(to, "serve wg(8) at /run/wireguard/%s.sock", link);
}

static void say_veth_listener(const struct teller *to)
{
	tell(to, "listen on the namespace's veth0, port %d, for the host alone", TAILNET_VETH_PORT);
}

static void say_stock_node(const struct teller *to)
{
	const struct tailnet_config *t = to->t;
	char text[PREFIX_TEXT_MAX];

	tell(to, "start %s in the namespace, on the TUN tailscale0, socket %s/%s/tailscaled.sock",
		t->tailscaled_path ? t->tailscaled_path : "tailscaled", to->s->store.run_dir,
		t->name);
	tell(to, "join %s as %s%s%s", t->login_server ? t->login_server : "Tailscale",
		t->hostname ? t->hostname : "this host's name", t->ephemeral ? ", ephemeral" : "",
		t->auth_key ? ", with the auth key if it is not registered" : "");
	if (t->accept_routes)
		tell(to, "accept the subnets that other nodes route");
	if (t->exit_node)
		tell(to, "use %s as exit node", t->exit_node);
	for (size_t i = 0; i < t->advertise_routes.n; i++)
		tell(to, "offer the tailnet a route to %s",
			prefix_format(&t->advertise_routes.items[i], text));
}

static void say_node(const struct teller *to)
{
	if (tailnet_is_stock(to->t)) {
		say_stock_node(to);
		return;
	}
	tell(to, "start tsgw-wg with %zu peer%s", to->t->wg->n_peers,
		to->t->wg->n_peers == 1 ? "" : "s");
}

static void say_proxy(const struct teller *to)
{
	tell(to, "start tsgw-proxy in the namespace");
}

static void say_listeners(const struct teller *to)
{
	char text[HOSTPORT_TEXT_MAX], target[PORT_TARGET_MAX];
	struct expose e;

	expose_find(&to->config->gateway, to->s->addresses, to->s->n_addresses, &e);
	for (size_t i = 0; i < e.n; i++) {
		struct hostport at = {.addr = e.addrs[i], .port = to->t->port};

		tell(to, "listen on %s", hostport_format(&at, text));
	}
	for (size_t i = 0; i < to->t->forwards.n * e.n; i++) {
		const struct port_map *m = &to->t->forwards.items[i / e.n];
		struct hostport at = {.addr = e.addrs[i % e.n], .port = m->port};

		tell(to, "forward %s%s to %s in the tailnet", hostport_format(&at, text),
			m->udp ? "/udp" : "", port_map_target(m, target));
	}
	if (*e.missing)
		tell(to, "listen on port %u when it comes: %s", to->t->port, e.missing);
}

static void say_published(const struct teller *to)
{
	char at[HOSTPORT_TEXT_MAX], target[PORT_TARGET_MAX];

	for (size_t i = 0; i < to->t->publishes.n; i++) {
		const struct port_map *m = &to->t->publishes.items[i];

		if (!to->t->wg)
			tell(to,
				"publish port %u%s of the node's addresses, which leads to %s here",
				m->port, m->udp ? "/udp" : "", port_map_target(m, target));
		for (size_t k = 0; to->t->wg && k < to->t->wg->addresses.n; k++) {
			struct hostport h = {
				.addr = to->t->wg->addresses.items[k].addr, .port = m->port};

			tell(to, "publish %s%s, which leads to %s here", hostport_format(&h, at),
				m->udp ? "/udp" : "", port_map_target(m, target));
		}
	}
}

static void (*const say_part[])(const struct teller *to) = {
	say_namespace,
	say_link,
	say_tun,
	say_addresses,
	say_routes,
	say_resolv_conf,
	say_uplink,
	say_sockets,
	say_uapi,
	say_veth_listener,
	say_node,
	say_proxy,
	say_listeners,
	say_published,
};

static void say_dns(const struct teller *to, const struct expose *e)
{
	const struct config *c = to->config;
	char text[HOSTPORT_TEXT_MAX];
	size_t zones = 0;

	for (size_t i = 0; i < c->n_tailnets; i++)
		zones += front_serves(c->tailnets[i]);
	tell(to, "%s tsgw-dns for %zu tailnet%s", to->s->front ? "configure" : "start", zones,
		zones == 1 ? "" : "s");
	for (size_t i = 0; i < e->n; i++) {
		struct hostport at = {.addr = e->addrs[i], .port = c->gateway.dns_port};

		tell(to, "answer DNS on %s, UDP and TCP", hostport_format(&at, text));
	}
	if (*e->missing)
		tell(to, "answer DNS when it comes: %s", e->missing);
}

static void say_page(const struct teller *to, const struct expose *e)
{
	const struct gateway_config *g = &to->config->gateway;
	char text[HOSTPORT_TEXT_MAX];

	tell(to, "%s tsgw-web", to->s->front ? "configure" : "start");
	for (size_t i = 0; i < e->n; i++) {
		struct hostport at = {.addr = e->addrs[i], .port = g->web_port};

		tell(to, "serve the page on %s", hostport_format(&at, text));
	}
	if (*e->missing)
		tell(to, "serve the page when it comes: %s", e->missing);
}

static void say_front(const struct teller *to)
{
	const struct gateway_config *g = &to->config->gateway;
	struct expose e;

	expose_find(g, to->s->addresses, to->s->n_addresses, &e);
	if (g->dns_port)
		say_dns(to, &e);
	else
		tell(to, "no DNS (dns-port = 0)");
	if (g->web_port)
		say_page(to, &e);
	else
		tell(to, "no page (web-port = 0)");
}

/* ---- making the plan ---- */

static int plan_add(struct plan *p, struct step step)
{
	struct step *more = reallocarray(p->steps, p->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	p->steps = more;
	p->steps[p->n++] = step;
	return 0;
}

static bool runs(const struct supervisor *s, const struct tailnet_config *t)
{
	return t && !t->broken && supervisor_wants(s, t);
}

/* What changed beside the tailnet's own section and concerns its parts all the same. */
struct around {
	bool primaries; /* listeners follow */
	bool allow;	/* the default for all: the proxy is told */
	bool suffixes;	/* of the other tailnets: the proxy names the right listener */
};

static bool part_is(size_t part, const char *name)
{
	return !strcmp(tailnet_parts[part].name, name);
}

static bool part_concerned(size_t part, const struct around *around, const struct tailnet_config *t)
{
	if (part_is(part, "listeners"))
		return around->primaries;
	return part_is(part, "proxy") && (around->suffixes || (around->allow && !t->has_allow));
}

static struct around plan_around(const struct config *old, const struct config *new)
{
	const struct gateway_config *a = &old->gateway, *b = &new->gateway;
	struct around r = {
		.primaries = expose_differs(a, b),
		.allow = a->has_allow != b->has_allow || !prefix_list_equal(&a->allow, &b->allow),
		.suffixes = old->n_tailnets != new->n_tailnets,
	};

	r.allow |= r.primaries && !b->has_allow;
	for (size_t i = 0; i < new->n_tailnets && !r.suffixes; i++)
		r.suffixes = tailnet_names_differ(old->tailnets[i], new->tailnets[i]);
	return r;
}

/* What wg(8) has set in the running node holds until the next reload. */
static bool part_by_hand(const struct supervisor *s, size_t part, const struct tailnet_config *c)
{
	const struct tailnet *t = tailnet_is_stock(c) ? NULL : supervisor_find(s, c->name);

	if (!t)
		return false;
	return part_is(part, "sockets") ? node_sockets_by_hand(t)
					: part_is(part, "node") && node_set_by_hand(t);
}

static int plan_tailnet(const struct supervisor *s, struct plan *p, struct tailnet_config *old,
	struct tailnet_config *new, const struct around *around)
{
	int r = 0;

	if (!runs(s, old))
		return runs(s, new)
			? plan_add(p, (struct step){.kind = STEP_START, .old = old, .new = new})
			: 0;
	if (!runs(s, new))
		return plan_add(p, (struct step){.kind = STEP_STOP, .old = old, .new = new});
	if (old->engine != new->engine || old->node != new->node || !uplink_equal(old, new))
		return plan_add(p, (struct step){.kind = STEP_STOP, .old = old, .new = new})
			?: plan_add(p, (struct step){.kind = STEP_START, .old = old, .new = new});
	for (size_t i = 0; i < tailnet_n_parts && r == 0; i++) {
		struct step step = {.kind = STEP_CHANGE, .old = old, .new = new, .part = i};

		if (!tailnet_parts[i].differs(old, new) && !part_concerned(i, around, new)) {
			step.by_hand = part_by_hand(s, i, new);
			if (!step.by_hand)
				continue;
		}
		r = plan_add(p, step);
	}
	return r;
}

int plan_make(const struct supervisor *s, const struct config *old, const struct config *new,
	struct plan *ret)
{
	struct around around = {0};
	struct plan p = {0};
	int r = 0;

	if (old)
		around = plan_around(old, new);
	/* what goes, goes first: its port or suffix may be wanted by what comes */
	for (size_t i = 0; old && i < old->n_tailnets && r == 0; i++)
		if (!config_find(new, old->tailnets[i]->name))
			r = plan_tailnet(s, &p, old->tailnets[i], NULL, &around);
	for (size_t i = 0; i < new->n_tailnets &&r == 0; i++)
		r = plan_tailnet(s, &p, old ? config_find(old, new->tailnets[i]->name) : NULL,
			new->tailnets[i], &around);
	if (r == 0 && s->options->front && (!old || front_differs(old, new)))
		r = plan_add(&p, (struct step){.kind = STEP_FRONT});
	if (r < 0) {
		plan_free(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	free(p->steps);
	*p = (struct plan){0};
}

/* A worker is told in place; of the others the new whole is said. */
static void say_change(const struct teller *to, size_t part, bool by_hand)
{
	if (by_hand) {
		tell(to, "put back what wg(8) has set: %s", tailnet_parts[part].name);
		return;
	}
	if (part_is(part, "proxy") || (part_is(part, "node") && !tailnet_is_stock(to->t))) {
		tell(to, "tell tsgw-%s its new configuration",
			part_is(part, "node") ? "wg" : "proxy");
		return;
	}
	tell(to, "change %s:", tailnet_parts[part].name);
	say_part[part](to);
}

static bool is_configured(void *arg, const char *ifname)
{
	const struct config *c = arg;
	char link[LINK_NAME_MAX];

	for (size_t i = 0; !strncmp(ifname, "tsgw-", 5) && i < c->n_tailnets; i++) {
		names_link(c->tailnets[i]->name, link);
		if (!strcmp(link, ifname))
			return true;
	}
	return false;
}

/* Looked up once for all steps, with room for N more. */
static int plan_used(
	const struct supervisor *s, const struct config *new, size_t n, struct prefix_list *ret)
{
	struct prefix_list l = {0};
	struct prefix *more;

	if (s->host)
		(void)links_used_but(s->host, s->addresses, s->n_addresses, is_configured,
			(void *)new, &l.items, &l.n);
	more = reallocarray(l.items, l.n + n + 1, sizeof(*more));
	if (!more) {
		free(l.items);
		return -ENOMEM;
	}
	l.items = more;
	*ret = l;
	return 0;
}

void plan_say(const struct supervisor *s, const struct plan *p, const struct config *new,
	void (*say)(void *arg, const char *name, const char *line), void *arg)
{
	struct prefix_list used = {0}, taken = {0};
	struct teller to = {
		.s = s, .config = new, .say = say, .arg = arg, .used = &used, .taken = &taken};
	int r = plan_used(s, new, p->n, &used);

	if (r == 0)
		r = store_pool_all(&s->store, &taken);
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct step *step = &p->steps[i];

		to.t = step->kind == STEP_STOP ? step->old : step->new;
		if (step->kind == STEP_FRONT)
			say_front(&to);
		else if (step->kind == STEP_STOP)
			tell(&to, "stop: listeners, workers, links and namespace are removed");
		else if (step->kind == STEP_CHANGE)
			say_change(&to, step->part, step->by_hand);
		else
			for (size_t k = 0; k < tailnet_n_parts; k++)
				say_part[k](&to);
	}
	free(used.items);
	free(taken.items);
}
