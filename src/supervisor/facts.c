// SPDX-License-Identifier: MIT
// What is known of a tailnet, wherever it comes from: the wg-quick file or the netmap.
#include "supervisor/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static const struct prefix_list no_prefixes;

const struct prefix_list *facts_addresses(const struct tailnet *t)
{
	if (t->config->wg)
		return &t->config->wg->addresses;
	return t->netmap ? &t->netmap->addresses : &no_prefixes;
}

size_t facts_peers(const struct tailnet *t)
{
	if (t->config->wg)
		return t->config->wg->n_peers;
	return t->netmap ? t->netmap->n_peers : 0;
}

struct fact_peer facts_peer(const struct tailnet *t, size_t i)
{
	if (t->config->wg) {
		const struct wg_peer_config *p = &t->config->wg->peers[i];

		return (struct fact_peer){p->public_key, &p->allowed, NULL};
	}
	const struct netmap_peer *p = &t->netmap->peers[i];

	return (struct fact_peer){p->key, &p->routes, p};
}

size_t facts_resolvers(const struct tailnet *t, const struct addr **ret)
{
	*ret = NULL;
	if (t->config->dns_server.family) {
		*ret = &t->config->dns_server;
		return 1;
	}
	if (t->config->wg) {
		*ret = t->config->wg->dns;
		return t->config->wg->n_dns;
	}
	if (!t->netmap)
		return 0;
	*ret = t->netmap->dns;
	return t->netmap->n_dns;
}

size_t facts_splits(const struct tailnet *t)
{
	return t->config->wg || !t->netmap ? 0 : t->netmap->n_splits;
}

/* Who sets dns-server has everything asked there but the names that only the node knows. */
bool facts_split(const struct tailnet *t, size_t i, struct msg_proxy_split *ret)
{
	const struct netmap_split *s = &t->netmap->splits[i];

	if (t->config->dns_server.family && strcmp(s->domain, t->netmap->domain) != 0)
		return false;
	*ret = (struct msg_proxy_split){.n = s->n_servers, .nobody = s->nobody};
	memcpy(ret->domain, s->domain, sizeof(ret->domain));
	memcpy(ret->servers, s->servers, sizeof(ret->servers));
	return true;
}

size_t facts_search(const struct tailnet *t, char *const **ret)
{
	*ret = NULL;
	if (t->config->wg) {
		*ret = t->config->wg->dns_search;
		return t->config->wg->n_dns_search;
	}
	if (!t->netmap)
		return 0;
	*ret = t->netmap->search;
	return t->netmap->n_search;
}

int facts_routes(const struct tailnet *t, struct prefix_list *ret)
{
	struct prefix_list all = {0};
	size_t n = 0;

	for (size_t i = 0; i < facts_peers(t); i++)
		n += facts_peer(t, i).routes->n;
	all.items = calloc(n + 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; i < facts_peers(t); i++) {
		const struct prefix_list *routes = facts_peer(t, i).routes;

		if (routes->n)
			memcpy(all.items + all.n, routes->items, routes->n * sizeof(*all.items));
		all.n += routes->n;
	}
	*ret = all;
	return 0;
}

bool facts_has_ipv6(const struct tailnet *t)
{
	const struct prefix_list *own = facts_addresses(t);
	bool address = false;

	for (size_t i = 0; i < own->n; i++)
		address |= own->items[i].addr.family == 6;
	for (size_t i = 0; address && i < facts_peers(t); i++) {
		const struct prefix_list *routes = facts_peer(t, i).routes;

		for (size_t k = 0; k < routes->n; k++)
			if (routes->items[k].addr.family == 6)
				return true;
	}
	return false;
}
