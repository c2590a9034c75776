// SPDX-License-Identifier: MIT
// The netmap of a tailnet with engine tailscale: what its node reports, checked like a configuration.
//
// The worker that reports it reads what a control server says, so it is believed as little as a file that
// a stranger wrote: every name is a name, every address one that a tailnet may have, every table has its
// end. What only the configuration may decide (subnets, an exit node) is decided here once more.
#include "supervisor/netmap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define PEER_ALL  (PEER_EXIT_NODE | PEER_OFFERS_EXIT | PEER_SUBNET_ROUTER | PEER_EXPIRED)
#define SESSION_S 180 /* a WireGuard session: who had one of late answers */

struct netmap *netmap_new(uint32_t generation)
{
	struct netmap *m = calloc(1, sizeof(*m));

	if (m)
		m->generation = generation;
	return m;
}

void netmap_free(struct netmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_peers; i++)
		free(m->peers[i].routes.items);
	free(m->peers);
	for (size_t i = 0; i < m->n_search; i++)
		free(m->search[i]);
	free(m->search);
	free(m->splits);
	free(m->addresses.items);
	free(m);
}

/* Room for one more than N items of SIZE bytes: 4, 8, 16, … */
static bool grow(void *items_ptr, size_t n, size_t size)
{
	void **items = items_ptr, *more;

	if (n && (n < 4 || (n & (n - 1))))
		return true;
	more = reallocarray(*items, n ? n * 2 : 4, size);
	if (more)
		*items = more;
	return more != NULL;
}

static bool good_family(const struct addr *a)
{
	return a->family == 4 || a->family == 6;
}

/* A name, or none, with its end; as the worker has to write it. */
static bool good_domain(const char name[MSG_DOMAIN_MAX])
{
	if (!memchr(name, '\0', MSG_DOMAIN_MAX))
		return false;
	for (const char *p = name; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			return false;
	return !*name || parse_is_dns_name(name);
}

/* An address that a node of a tailnet may have. */
static bool usable(const struct netmap_rules *rules, const struct addr *a)
{
	return !addr_is_never_proxied(a) && !prefix_contains(&rules->pool, a);
}

static int take_resolvers(const struct addr *servers, uint32_t n, struct addr *ret, uint32_t *ret_n)
{
	if (n > MSG_SERVERS)
		return -EBADMSG;
	*ret_n = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!good_family(&servers[i]))
			return -EBADMSG;
		if (!addr_is_never_proxied(&servers[i]))
			ret[(*ret_n)++] = servers[i];
	}
	return 0;
}

static int take_self(
	struct netmap *m, const struct netmap_rules *rules, const struct msg_netmap_self *s)
{
	uint32_t n;
	int r;

	if (m->has_self || s->n_addresses > NETMAP_ADDRS_MAX || !good_domain(s->name) ||
		!good_domain(s->domain))
		return -EBADMSG;
	m->has_self = true;
	m->addresses.items = calloc(s->n_addresses + 1, sizeof(*m->addresses.items));
	if (!m->addresses.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_addresses; i++) {
		if (!good_family(&s->addresses[i]))
			return -EBADMSG;
		if (usable(rules, &s->addresses[i]))
			m->addresses.items[m->addresses.n++] = prefix_of_addr(&s->addresses[i]);
	}
	r = take_resolvers(s->servers, s->n_servers, m->dns, &n);
	if (r < 0)
		return r;
	m->n_dns = n;
	memcpy(m->name, s->name, sizeof(m->name));
	memcpy(m->domain, s->domain, sizeof(m->domain));
	m->key_expiry_s = s->key_expiry_s;
	return 0;
}

static int add_route(struct netmap *m, struct netmap_peer *p, const struct prefix *route)
{
	if (m->n_routes == NETMAP_ROUTES_MAX)
		return -ENOSPC;
	if (!grow(&p->routes.items, p->routes.n, sizeof(*route)))
		return -ENOMEM;
	p->routes.items[p->routes.n++] = *route;
	m->n_routes++;
	return 0;
}

static bool good_live(const struct peer_live *l)
{
	return memchr(l->relay, '\0', sizeof(l->relay)) &&
		(!l->endpoint.addr.family || good_family(&l->endpoint.addr));
}

static int take_peer(
	struct netmap *m, const struct netmap_rules *rules, const struct msg_netmap_peer *s)
{
	static const uint8_t none[WG_KEY];
	struct netmap_peer *p;
	int r = 0;

	if (!m->has_self || s->n_addresses > NETMAP_ADDRS_MAX || !good_domain(s->name) ||
		s->flags & ~PEER_ALL || !memcmp(s->public_key, none, WG_KEY) ||
		!good_live(&s->live))
		return -EBADMSG;
	if (m->n_peers == NETMAP_PEERS_MAX)
		return -ENOSPC;
	if (!grow(&m->peers, m->n_peers, sizeof(*p)))
		return -ENOMEM;
	p = &m->peers[m->n_peers++];
	*p = (struct netmap_peer){.flags = s->flags, .live = s->live};
	memcpy(p->key, s->public_key, WG_KEY);
	memcpy(p->name, s->name, sizeof(p->name));
	for (uint32_t i = 0; i < s->n_addresses && r == 0; i++) {
		struct prefix route;

		if (!good_family(&s->addresses[i]))
			return -EBADMSG;
		if (!usable(rules, &s->addresses[i]))
			continue;
		route = prefix_of_addr(&s->addresses[i]);
		p->addresses[p->n_addresses++] = s->addresses[i];
		r = add_route(m, p, &route);
	}
	return r;
}

/* Everything goes to the exit node alone; nothing that every host has for itself goes anywhere. A wide
 * subnet may hold the veth pool: the proxy refuses that part of it. */
static bool allowed(
	const struct netmap_rules *rules, const struct netmap_peer *p, const struct prefix *route)
{
	if (!route->len)
		return rules->exit_node && p->flags & PEER_EXIT_NODE;
	if (!rules->accept_routes || addr_is_never_proxied(&route->addr))
		return false;
	return !(prefix_contains(&rules->pool, &route->addr) && route->len >= rules->pool.len);
}

static int take_routes(
	struct netmap *m, const struct netmap_rules *rules, const struct msg_prefixes *s)
{
	struct netmap_peer *p = m->n_peers ? &m->peers[m->n_peers - 1] : NULL;
	int r = 0;

	if (!p || s->n > MSG_PREFIXES)
		return -EBADMSG;
	for (uint32_t i = 0; i < s->n && r == 0; i++) {
		const struct prefix *route = &s->prefixes[i];
		struct prefix plain;

		if (!good_family(&route->addr) || route->len > addr_bits(&route->addr))
			return -EBADMSG;
		plain = prefix_canonical(route);
		if (!prefix_equal(&plain, route))
			return -EBADMSG;
		if (allowed(rules, p, route))
			r = add_route(m, p, route);
	}
	return r;
}

static int take_search(struct netmap *m, const struct msg_proxy_search *s)
{
	char *copy;

	if (!good_domain(s->domain) || !*s->domain || m->n_search == MSG_SEARCH_MAX)
		return -EBADMSG;
	copy = strdup(s->domain);
	if (!copy || !grow(&m->search, m->n_search, sizeof(copy))) {
		free(copy);
		return -ENOMEM;
	}
	m->search[m->n_search++] = copy;
	return 0;
}

static int take_split(struct netmap *m, const struct msg_proxy_split *s)
{
	struct netmap_split *p;
	uint32_t n;

	if (!good_domain(s->domain) || !*s->domain || m->n_splits > NETMAP_SPLITS_MAX)
		return -EBADMSG;
	if (!grow(&m->splits, m->n_splits, sizeof(*p)))
		return -ENOMEM;
	p = &m->splits[m->n_splits];
	*p = (struct netmap_split){0};
	memcpy(p->domain, s->domain, sizeof(p->domain));
	if (take_resolvers(s->servers, s->n, p->servers, &n) < 0)
		return -EBADMSG;
	p->n_servers = n;
	p->nobody = !n && (s->n || s->nobody);
	m->n_splits++;
	return 0;
}

int netmap_take(struct netmap *m, const struct netmap_rules *rules, const union msg *item)
{
	switch (item->h.type) {
	case MSG_NETMAP_SELF:
		return take_self(m, rules, &item->netmap_self);
	case MSG_NETMAP_PEER:
		return take_peer(m, rules, &item->netmap_peer);
	case MSG_NETMAP_ROUTES:
		return take_routes(m, rules, &item->prefixes);
	case MSG_NETMAP_SEARCH:
		return take_search(m, &item->proxy_search);
	case MSG_NETMAP_SPLIT:
		return take_split(m, &item->proxy_split);
	default:
		return -EBADMSG;
	}
}

static int compare_peers(const void *a, const void *b)
{
	return memcmp(
		((const struct netmap_peer *)a)->key, ((const struct netmap_peer *)b)->key, WG_KEY);
}

static int compare_routes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int order = addr_compare(&x->addr, &y->addr);

	return order ? order : (int)x->len - (int)y->len;
}

int netmap_seal(struct netmap *m, uint32_t generation)
{
	if (!m->has_self || m->generation != generation)
		return -EBADMSG;
	if (m->n_peers)
		qsort(m->peers, m->n_peers, sizeof(*m->peers), compare_peers);
	for (size_t i = 0; i < m->n_peers; i++) {
		struct prefix_list *routes = &m->peers[i].routes;

		if (i && !compare_peers(&m->peers[i - 1], &m->peers[i]))
			return -EBADMSG;
		if (routes->n)
			qsort(routes->items, routes->n, sizeof(*routes->items), compare_routes);
	}
	return 0;
}

static bool peer_equal(const struct netmap_peer *a, const struct netmap_peer *b)
{
	return !memcmp(a->key, b->key, WG_KEY) && !strcmp(a->name, b->name) &&
		a->flags == b->flags && prefix_list_equal(&a->routes, &b->routes);
}

static bool split_equal(const struct netmap_split *a, const struct netmap_split *b)
{
	return !strcmp(a->domain, b->domain) && a->n_servers == b->n_servers &&
		a->nobody == b->nobody && !memcmp(a->servers, b->servers, sizeof(a->servers));
}

bool netmap_equal(const struct netmap *a, const struct netmap *b)
{
	if (!a || !b || strcmp(a->name, b->name) != 0 || strcmp(a->domain, b->domain) != 0 ||
		!prefix_list_equal(&a->addresses, &b->addresses) || a->n_peers != b->n_peers ||
		a->n_dns != b->n_dns || memcmp(a->dns, b->dns, sizeof(a->dns)) != 0 ||
		a->n_search != b->n_search || a->n_splits != b->n_splits)
		return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (!peer_equal(&a->peers[i], &b->peers[i]))
			return false;
	for (size_t i = 0; i < a->n_search; i++)
		if (strcmp(a->search[i], b->search[i]) != 0)
			return false;
	for (size_t i = 0; i < a->n_splits; i++)
		if (!split_equal(&a->splits[i], &b->splits[i]))
			return false;
	return true;
}

struct netmap_peer *netmap_find(const struct netmap *m, const uint8_t key[WG_KEY])
{
	size_t low = 0, high = m ? m->n_peers : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(m->peers[middle].key, key, WG_KEY);

		if (order == 0)
			return &m->peers[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void netmap_relative_name(const struct netmap *m, const char *name, char ret[MSG_DOMAIN_MAX])
{
	size_t n = strlen(name), d = strlen(m->domain);

	if (d && n > d + 1 && name[n - d - 1] == '.' && !strcmp(name + n - d, m->domain))
		n -= d + 1;
	snprintf(ret, MSG_DOMAIN_MAX, "%.*s", (int)n, name);
}

enum peer_state netmap_peer_state(const struct netmap_peer *p, uint64_t real_s)
{
	if (p->flags & PEER_EXPIRED)
		return PEER_DOWN;
	if (p->live.online ||
		(p->live.last_handshake_s && p->live.last_handshake_s <= real_s &&
			real_s - p->live.last_handshake_s < SESSION_S))
		return PEER_UP;
	return PEER_DOWN;
}
