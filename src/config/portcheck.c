// SPDX-License-Identifier: MIT
// Who listens where in the host's namespace: no port twice, of listeners, forwards, DNS, page and nodes;
// and whether a forward's destination is one of its tailnet.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "config/keys.h"

#define PORTS 65536

/* Which tailnet has a port of all primary addresses; the encrypted sides' UDP ports of all addresses. */
struct ports {
	const struct tailnet_config **tcp, **udp, **listen;
};

static void take_port(struct loader *l, const struct ports *p, const struct where *w,
	const struct tailnet_config *t, uint16_t port, bool udp)
{
	const struct gateway_config *g = &l->c->gateway;
	const struct tailnet_config **used = udp ? p->udp : p->tcp;
	bool dns = port == g->dns_port;

	if (dns || (!udp && port == g->web_port))
		problem(l, w, "%u is the gateway's %s", port, dns ? "dns-port" : "web-port");
	if (udp && p->listen[port])
		problem(l, w, "%u is the ListenPort of [tailnet %s]", port, p->listen[port]->name);
	if (used[port])
		problem(l, w, "%u is used by [tailnet %s] too", port, used[port]->name);
	else
		used[port] = t;
}

static struct where map_where(const struct section *s, const struct port_map *m, const char *key)
{
	return (struct where){s->file, m->line, s->title, key, s->tailnet};
}

static void check_listen_ports(struct loader *l, const struct ports *p)
{
	for (size_t i = 0; i < l->c->n_tailnets; i++) {
		struct tailnet_config *t = l->c->tailnets[i];
		struct where w = {l->wg[i].file, l->wg[i].listen_port_line, "Interface",
			"ListenPort", t->name};
		uint16_t port = t->wg && t->enabled ? t->wg->listen_port : 0;

		if (port && p->listen[port])
			problem(l, &w, "%u is used by [tailnet %s] too", port,
				p->listen[port]->name);
		else if (port)
			p->listen[port] = t;
	}
}

static void check_ports(struct loader *l, const struct ports *p)
{
	const struct key *port = key_find(SECTION_TAILNET, "port");

	for (size_t i = 0; i < l->n_sections; i++) {
		const struct section *s = l->sections[i];

		if (s->kind == SECTION_TAILNET && s->t->port) {
			struct where w = key_where(s, port);

			take_port(l, p, &w, s->t, s->t->port, false);
		}
	}
	for (size_t i = 0; i < l->n_sections; i++) {
		const struct section *s = l->sections[i];

		for (size_t k = 0; s->kind == SECTION_TAILNET && k < s->t->forwards.n; k++) {
			const struct port_map *m = &s->t->forwards.items[k];
			struct where w = map_where(s, m, "forward");

			take_port(l, p, &w, s->t, m->port, m->udp);
		}
	}
}

/* ---- destinations ---- */

static bool is_own(const struct tailnet_config *t, const struct addr *a)
{
	for (size_t i = 0; i < t->wg->addresses.n; i++)
		if (addr_equal(&t->wg->addresses.items[i].addr, a))
			return true;
	return false;
}

/* The tailnet whose suffix is the longest that NAME is under, or NULL. */
static const struct tailnet_config *owner_of(const struct config *c, const char *name)
{
	const struct tailnet_config *best = NULL;
	size_t len = strlen(name), longest = 0;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		for (size_t k = 0; k < c->tailnets[i]->n_suffixes; k++) {
			const char *suffix = c->tailnets[i]->suffixes[k];
			size_t n = strlen(suffix);

			if (n <= longest || n > len || strcasecmp(name + len - n, suffix) ||
				(n < len && name[len - n - 1] != '.'))
				continue;
			longest = n;
			best = c->tailnets[i];
		}
	}
	return best;
}

static void check_destination(struct loader *l, const struct tailnet_config *t,
	const struct wg_places *at, const struct port_map *m, const struct where *w)
{
	const struct tailnet_config *owner = m->name ? owner_of(l->c, m->name) : NULL;
	char text[ADDR_TEXT_MAX];

	if (owner && owner != t)
		warning(l, w, "%s is a name of [tailnet %s]", m->name, owner->name);
	if (m->name || !t->wg)
		return;
	addr_format(&m->to.addr, text);
	if (is_own(t, &m->to.addr))
		warning(l, w, "%s is the tailnet's own address", text);
	else if (!wg_places_route(at, &m->to.addr))
		warning(l, w, "the tailnet does not route %s", text);
}

static void check_destinations(struct loader *l)
{
	size_t n = 0; /* tailnets and their places are in the order of the sections */

	for (size_t i = 0; i < l->n_sections; i++) {
		const struct section *s = l->sections[i];

		if (s->kind != SECTION_TAILNET)
			continue;
		for (size_t k = 0; k < s->t->forwards.n; k++) {
			struct where w = map_where(s, &s->t->forwards.items[k], "forward");

			check_destination(l, s->t, &l->wg[n], &s->t->forwards.items[k], &w);
		}
		n++;
	}
}

void portcheck(struct loader *l)
{
	_cleanup_free_ const struct tailnet_config **used = calloc(3 * PORTS, sizeof(*used));
	struct ports p = {used, used ? used + PORTS : NULL, used ? used + 2 * PORTS : NULL};

	if (!used) {
		l->oom = true;
		return;
	}
	check_listen_ports(l, &p);
	check_ports(l, &p);
	check_destinations(l);
}
