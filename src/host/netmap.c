// SPDX-License-Identifier: MIT
// What the supervisor was last told of the netmap, and what of a new one it has to be told.
//
// A netmap goes as a whole, when anything of it is new that names, routes or the policy rest on. What
// changes all the time (counters, paths) goes by itself, for the peers that it is new of.
#include "host/netmap.h"

#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* MagicDNS of the node itself (also the only one that knows extra records). */
static const struct addr magic_dns = {.family = 4, .bytes = {100, 100, 100, 100}};

static struct {
	bool any, accept_routes;
	uint32_t generation;
	struct ipn_status status;
	struct ipn_dns dns;
} told;

bool netmap_uses(const struct ipn_peer *p, const struct prefix *route, bool accept_routes)
{
	return route->len ? accept_routes : (p->flags & PEER_EXIT_NODE) != 0;
}

static bool addrs_equal(const struct addr *a, uint32_t n, const struct addr *b, uint32_t m)
{
	if (n != m)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!addr_equal(&a[i], &b[i]))
			return false;
	return true;
}

static bool peer_equal(const struct ipn_peer *a, const struct ipn_peer *b)
{
	if (memcmp(a->key, b->key, WG_KEY) != 0 || strcmp(a->name, b->name) != 0 ||
		a->flags != b->flags || a->n_routes != b->n_routes ||
		!addrs_equal(a->addresses, a->n_addresses, b->addresses, b->n_addresses))
		return false;
	for (uint32_t i = 0; i < a->n_routes; i++)
		if (!prefix_equal(&a->routes[i], &b->routes[i]))
			return false;
	return true;
}

static bool status_equal(const struct ipn_status *a, const struct ipn_status *b)
{
	if (strcmp(a->name, b->name) != 0 || strcmp(a->domain, b->domain) != 0 ||
		a->key_expiry_s != b->key_expiry_s || a->n_peers != b->n_peers ||
		!addrs_equal(a->addresses, a->n_addresses, b->addresses, b->n_addresses))
		return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (!peer_equal(&a->peers[i], &b->peers[i]))
			return false;
	return true;
}

static void tell_self(const struct ipn_status *s, const struct ipn_dns *dns,
	void (*report)(enum msg_type type, void *m, size_t size))
{
	struct msg_netmap_self m = {.key_expiry_s = s->key_expiry_s, .n_addresses = s->n_addresses};

	memcpy(m.name, s->name, sizeof(m.name));
	memcpy(m.domain, s->domain, sizeof(m.domain));
	memcpy(m.addresses, s->addresses, sizeof(s->addresses));
	memcpy(m.servers, dns->servers, sizeof(m.servers));
	m.n_servers = dns->n_servers;
	report(MSG_NETMAP_SELF, &m, sizeof(m));
}

static void tell_routes(const struct ipn_peer *p, bool accept_routes,
	void (*report)(enum msg_type type, void *m, size_t size))
{
	struct msg_prefixes m = {0};

	for (uint32_t i = 0; i < p->n_routes; i++) {
		if (netmap_uses(p, &p->routes[i], accept_routes))
			m.prefixes[m.n++] = p->routes[i];
		if (m.n < MSG_PREFIXES && (i + 1 < p->n_routes || !m.n))
			continue;
		report(MSG_NETMAP_ROUTES, &m, sizeof(m));
		m = (struct msg_prefixes){0};
	}
}

static void tell_peer(const struct ipn_peer *p, bool accept_routes,
	void (*report)(enum msg_type type, void *m, size_t size))
{
	struct msg_netmap_peer m = {
		.flags = p->flags, .n_addresses = p->n_addresses, .live = p->live};

	memcpy(m.public_key, p->key, sizeof(m.public_key));
	memcpy(m.name, p->name, sizeof(m.name));
	memcpy(m.addresses, p->addresses, sizeof(m.addresses));
	report(MSG_NETMAP_PEER, &m, sizeof(m));
	tell_routes(p, accept_routes, report);
}

static void tell_names(
	const struct ipn_dns *dns, void (*report)(enum msg_type type, void *m, size_t size))
{
	for (uint32_t i = 0; i < dns->n_search; i++) {
		struct msg_proxy_search m = {0};

		memcpy(m.domain, dns->search[i], sizeof(m.domain));
		report(MSG_NETMAP_SEARCH, &m, sizeof(m));
	}
	for (uint32_t i = 0; i < dns->n_splits; i++) {
		struct msg_proxy_split m = {.n = dns->splits[i].n, .nobody = dns->splits[i].nobody};

		memcpy(m.domain, dns->splits[i].domain, sizeof(m.domain));
		memcpy(m.servers, dns->splits[i].servers, sizeof(m.servers));
		report(MSG_NETMAP_SPLIT, &m, sizeof(m));
	}
}

/* The tailnet's own domain is asked of the node, which answers without asking anybody. */
static void tell_magic(
	const struct ipn_status *s, void (*report)(enum msg_type type, void *m, size_t size))
{
	struct msg_proxy_split m = {.n = 1};

	if (!*s->domain)
		return;
	memcpy(m.domain, s->domain, sizeof(m.domain));
	m.servers[0] = magic_dns;
	report(MSG_NETMAP_SPLIT, &m, sizeof(m));
}

static void tell_whole(const struct ipn_status *s, const struct ipn_dns *dns, bool accept_routes,
	void (*report)(enum msg_type type, void *m, size_t size))
{
	struct msg_generation g = {.generation = ++told.generation};

	report(MSG_NETMAP_BEGIN, &g, sizeof(g));
	tell_self(s, dns, report);
	for (size_t i = 0; i < s->n_peers; i++)
		tell_peer(&s->peers[i], accept_routes, report);
	tell_names(dns, report);
	tell_magic(s, report);
	report(MSG_NETMAP_COMMIT, &g, sizeof(g));
}

static bool live_equal(const struct peer_live *a, const struct peer_live *b)
{
	return a->rx_bytes == b->rx_bytes && a->tx_bytes == b->tx_bytes &&
		a->last_handshake_s == b->last_handshake_s && a->last_seen_s == b->last_seen_s &&
		addr_equal(&a->endpoint.addr, &b->endpoint.addr) &&
		a->endpoint.port == b->endpoint.port && !strcmp(a->relay, b->relay) &&
		a->online == b->online && a->active == b->active;
}

static bool dns_equal(const struct ipn_dns *a, const struct ipn_dns *b)
{
	bool equal = addrs_equal(a->servers, a->n_servers, b->servers, b->n_servers) &&
		a->n_search == b->n_search && a->n_splits == b->n_splits;

	for (uint32_t i = 0; equal && i < a->n_search; i++)
		equal = !strcmp(a->search[i], b->search[i]);
	for (uint32_t i = 0; equal && i < a->n_splits; i++) {
		const struct ipn_split *x = &a->splits[i], *y = &b->splits[i];

		equal = !strcmp(x->domain, y->domain) && x->nobody == y->nobody &&
			addrs_equal(x->servers, x->n, y->servers, y->n);
	}
	return equal;
}

static void tell_live(
	const struct ipn_status *s, void (*report)(enum msg_type type, void *m, size_t size))
{
	for (size_t i = 0; i < s->n_peers; i++) {
		struct msg_netmap_live m = {.live = s->peers[i].live};

		if (live_equal(&m.live, &told.status.peers[i].live))
			continue;
		memcpy(m.public_key, s->peers[i].key, sizeof(m.public_key));
		report(MSG_NETMAP_LIVE, &m, sizeof(m));
	}
}

void netmap_tell(struct ipn_status *s, const struct ipn_dns *dns, bool accept_routes,
	void (*report)(enum msg_type type, void *m, size_t size))
{
	if (told.any && told.accept_routes == accept_routes && status_equal(s, &told.status) &&
		dns_equal(dns, &told.dns))
		tell_live(s, report);
	else
		tell_whole(s, dns, accept_routes, report);
	ipn_status_free(&told.status);
	told.status = *s;
	*s = (struct ipn_status){0};
	told.dns = *dns;
	told.accept_routes = accept_routes;
	told.any = true;
}

void netmap_forget(void)
{
	ipn_status_free(&told.status);
	told.any = false;
}
