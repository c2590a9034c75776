// SPDX-License-Identifier: MIT
// What holds across keys, sections and files: things used once, things that fit together.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/load.h"

#define WORKERS_PER_SLOT 8 /* uid-base + 8*slot + kind; slot 0 is the front's */
#define RESOLVERS_MAX	 8 /* as MSG_SERVERS of ipc/msg.h, which this folder does not know */
#define UID_LIMIT	 4294967294u /* the next one is (uid_t)-1 */

/* ---- [gateway] ---- */

static uint32_t pool_slots(const struct prefix *pool)
{
	return pool->addr.family == 4 ? 1u << (30 - pool->len) : 0;
}

static void check_gateway(struct loader *l)
{
	const struct gateway_config *g = &l->c->gateway;
	struct where dns = section_where(l->gateway, "dns-port");
	struct where web = section_where(l->gateway, "web-port");
	struct where uid = section_where(l->gateway, "uid-base");
	struct where pool = section_where(l->gateway, "veth-pool");
	uint64_t last =
		g->uid_base + (uint64_t)WORKERS_PER_SLOT * (pool_slots(&g->veth_pool) + 1) - 1;
	size_t running = 0;

	if (g->dns_port && g->dns_port == g->web_port)
		problem(l, web.line > dns.line ? &web : &dns, "%u is used by %s too", g->dns_port,
			web.line > dns.line ? "dns-port" : "web-port");
	if (last > UID_LIMIT)
		problem(l, &uid, "%u is too high: the veth-pool's workers need ids up to %llu",
			g->uid_base, (unsigned long long)last);
	for (size_t i = 0; i < l->c->n_tailnets; i++)
		running += l->c->tailnets[i]->enabled;
	if (g->veth_pool.addr.family && running > pool_slots(&g->veth_pool))
		warning(l, &pool, "the pool has room for %u tailnets, and %zu are enabled",
			pool_slots(&g->veth_pool), running);
}

/* Who may use a listener that the whole Internet can reach must have been said. Interfaces are judged
 * by the supervisor, as their addresses come. */
static void check_public(struct loader *l)
{
	const struct gateway_config *g = &l->c->gateway;
	struct where w = section_where(l->gateway, "primary");
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < g->n_primaries; i++) {
		if (!addr_is_public(&g->primaries[i].addr) || g->has_allow)
			continue;
		for (size_t k = 0; k < l->c->n_tailnets; k++) {
			const struct tailnet_config *t = l->c->tailnets[k];

			w.tailnet = t->name;
			if (!t->has_allow && t->users_path && t->forwards.n)
				problem(l, &w,
					"%s is public: the forwards of [tailnet %s] need allow",
					addr_format(&g->primaries[i].addr, text), t->name);
			if (!t->has_allow && !t->users_path)
				problem(l, &w,
					"%s is public: [tailnet %s] needs allow or users-file",
					addr_format(&g->primaries[i].addr, text), t->name);
		}
	}
}

/* ---- suffixes ---- */

struct suffix_of {
	const char *suffix;
	const struct section *section;
	size_t order;
};

static int compare_suffixes(const void *a, const void *b)
{
	const struct suffix_of *x = a, *y = b;
	int order = strcmp(x->suffix, y->suffix);

	return order ? order : x->order < y->order ? -1 : 1;
}

static void check_suffixes(struct loader *l)
{
	_cleanup_free_ struct suffix_of *all = NULL;
	size_t n = 0, first = 0;

	for (size_t i = 0; i < l->n_sections; i++) {
		const struct section *s = l->sections[i];

		for (size_t j = 0; s->kind == SECTION_TAILNET && j < s->t->n_suffixes; j++) {
			if (!load_room(l, &all, n, sizeof(*all)))
				return;
			all[n] = (struct suffix_of){s->t->suffixes[j], s, n};
			n++;
		}
	}
	if (n)
		qsort(all, n, sizeof(*all), compare_suffixes);
	for (size_t i = 1; i < n; i++) {
		struct where w;

		if (strcmp(all[i].suffix, all[first].suffix)) {
			first = i;
			continue;
		}
		w = section_where(all[i].section, "suffix");
		problem(l, &w, "%s is used by [tailnet %s] too", all[i].suffix,
			all[first].section->tailnet);
	}
}

/* ---- [hosts NAME] ---- */

static int compare_hosts(const void *a, const void *b)
{
	const struct host_line *x = a, *y = b;
	int order = strcmp(x->entry.name, y->entry.name);

	if (!order)
		order = (int)x->entry.addr.family - (int)y->entry.addr.family;
	return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static struct where host_where(const struct section *s, const struct host_line *h)
{
	return (struct where){s->file, h->line, s->title, h->entry.name, s->tailnet};
}

/* One IPv4 and one IPv6 address for each name. */
static void check_repeated_hosts(struct loader *l, const struct section *s)
{
	for (size_t i = 1; i < s->n_hosts; i++) {
		const struct host_line *h = &s->hosts[i], *last = h - 1;
		struct where w = host_where(s, h);

		if (!strcmp(h->entry.name, last->entry.name) &&
			h->entry.addr.family == last->entry.addr.family)
			problem(l, &w, "has an IPv%u address already, in line %u",
				h->entry.addr.family, last->line);
	}
}

static void check_routed_hosts(
	struct loader *l, const struct section *s, const struct wg_places *at)
{
	char text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < s->n_hosts; i++) {
		const struct host_line *h = &s->hosts[i];
		struct where w = host_where(s, h);

		if (addr_is_never_proxied(&h->entry.addr))
			warning(l, &w, "%s cannot be reached through a tailnet",
				addr_format(&h->entry.addr, text));
		else if (s->t->wg && !wg_places_route(at, &h->entry.addr))
			warning(l, &w, "the tailnet does not route %s",
				addr_format(&h->entry.addr, text));
	}
}

static size_t tailnet_index(const struct loader *l, const struct tailnet_config *t)
{
	size_t i = 0;

	while (l->c->tailnets[i] != t)
		i++;
	return i;
}

static void give_hosts(struct loader *l, struct section *s)
{
	struct tailnet_config *t = s->t;

	t->hosts = calloc(s->n_hosts + 1, sizeof(*t->hosts));
	if (!t->hosts) {
		l->oom = true;
		return;
	}
	for (size_t i = 0; i < s->n_hosts; i++)
		t->hosts[t->n_hosts++] = (struct host_entry){
			take_ptr(s->hosts[i].entry.name), s->hosts[i].entry.addr};
}

static void check_hosts(struct loader *l)
{
	for (size_t i = 0; i < l->n_sections && !l->oom; i++) {
		struct section *s = l->sections[i], *of;
		struct where w = {s->file, s->line, s->title, NULL, s->tailnet};

		if (s->kind != SECTION_HOSTS)
			continue;
		of = titles_section(&l->titles, "tailnet", s->tailnet);
		if (!of) {
			problem(l, &w, "there is no [tailnet %s]", s->tailnet);
			continue;
		}
		s->t = of->t;
		if (!s->t->broken)
			s->t->broken = take_ptr(s->broken);
		if (s->n_hosts)
			qsort(s->hosts, s->n_hosts, sizeof(*s->hosts), compare_hosts);
		check_repeated_hosts(l, s);
		check_routed_hosts(l, s, &l->wg[tailnet_index(l, s->t)]);
		give_hosts(l, s);
	}
}

/* ---- a tailnet and its wg-quick file ---- */

static void check_pool(struct loader *l, const struct tailnet_config *t, const struct wg_places *at)
{
	const struct prefix *pool = &l->c->gateway.veth_pool;
	const struct allowed_line *first = NULL;
	char a[PREFIX_TEXT_MAX], b[PREFIX_TEXT_MAX];
	struct where w = {at->file, at->address_line, "Interface", "Address", t->name};

	for (size_t i = 0; i < t->wg->addresses.n; i++)
		if (prefix_contains(pool, &t->wg->addresses.items[i].addr))
			warning(l, &w, "%s is inside the gateway's veth-pool %s",
				prefix_format(&t->wg->addresses.items[i], a),
				prefix_format(pool, b));
	/* 0.0.0.0/0 overlaps everything, and nobody means the pool by it */
	for (size_t i = 0; i < at->n_allowed; i++)
		if (at->allowed[i].prefix.len && prefix_overlaps(&at->allowed[i].prefix, pool) &&
			(!first || at->allowed[i].line < first->line))
			first = &at->allowed[i];
	if (!first)
		return;
	w = (struct where){at->file, first->line, "Peer", "AllowedIPs", t->name};
	warning(l, &w, "%s overlaps the gateway's veth-pool %s, which tailnets do not reach",
		prefix_format(&first->prefix, a), prefix_format(pool, b));
}

/* The proxy asks the resolvers through the tailnet, so it must route them. */
static void check_resolvers(struct loader *l, const struct section *s, const struct wg_places *at)
{
	const struct wg_config *wg = s->t->wg;
	struct where own = section_where(s, "dns-server");
	struct where w = {at->file, at->dns_line, "Interface", "DNS", s->t->name};
	char text[ADDR_TEXT_MAX];

	if (s->t->dns_server.family) {
		if (!wg_places_route(at, &s->t->dns_server))
			warning(l, &own, "the tailnet does not route %s, so no name can be asked",
				addr_format(&s->t->dns_server, text));
		return;
	}
	for (size_t i = 0; i < wg->n_dns; i++)
		if (!wg_places_route(at, &wg->dns[i]))
			warning(l, &w, "the tailnet does not route %s, so it is not asked",
				addr_format(&wg->dns[i], text));
	if (wg->n_dns > RESOLVERS_MAX)
		warning(l, &w, "only the first %d servers are asked", RESOLVERS_MAX);
}

static void check_tailnets(struct loader *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_sections; i++) {
		const struct section *s = l->sections[i];

		if (s->kind != SECTION_TAILNET)
			continue;
		enginecheck(l, l->sections[i]);
		if (s->t->wg) {
			check_pool(l, s->t, &l->wg[n]);
			check_resolvers(l, s, &l->wg[n]);
		}
		n++;
	}
}

void check_all(struct loader *l)
{
	check_gateway(l);
	check_public(l);
	portcheck(l);
	check_suffixes(l);
	check_hosts(l);
	check_tailnets(l);
}
