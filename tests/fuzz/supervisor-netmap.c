// SPDX-License-Identifier: MIT
// A worker's netmap, any messages: what is taken is what a tailnet may have.
#include "supervisor/netmap.h"

#include <stdlib.h>
#include <string.h>

#include "common/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void judge(const struct netmap *m, const struct netmap_rules *rules)
{
	size_t routes = 0;

	must(m->n_peers <= NETMAP_PEERS_MAX && m->n_search <= MSG_SEARCH_MAX &&
		m->n_dns <= MSG_SERVERS);
	must(!*m->name || parse_is_dns_name(m->name));
	for (size_t i = 0; i < m->n_peers; i++) {
		const struct netmap_peer *p = &m->peers[i];

		routes += p->routes.n;
		must(p->n_addresses <= NETMAP_ADDRS_MAX &&
			(!*p->name || parse_is_dns_name(p->name)));
		for (size_t k = 0; k < p->routes.n; k++) {
			const struct prefix *r = &p->routes.items[k];

			must(r->len <= addr_bits(&r->addr));
			must(r->len ? !addr_is_never_proxied(&r->addr)
				    : rules->exit_node && p->flags & PEER_EXIT_NODE);
		}
	}
	must(routes == m->n_routes && routes <= NETMAP_ROUTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		uint16_t type;
		size_t size;
	} kinds[] = {{MSG_NETMAP_SELF, sizeof(struct msg_netmap_self)},
		{MSG_NETMAP_PEER, sizeof(struct msg_netmap_peer)},
		{MSG_NETMAP_ROUTES, sizeof(struct msg_prefixes)},
		{MSG_NETMAP_SEARCH, sizeof(struct msg_proxy_search)},
		{MSG_NETMAP_SPLIT, sizeof(struct msg_proxy_split)}};
	struct netmap_rules rules = {0};
	struct netmap *m = netmap_new(1);
	union msg *item;
	int r = 0;

	if (!m || prefix_parse("10.200.0.0/16", &rules.pool) < 0)
		return 0;
	rules.accept_routes = size && data[0] & 1;
	rules.exit_node = size && data[0] & 2;
	for (size_t at = 1; at + 2 <= size && r == 0;) {
		size_t kind = data[at] % 5, n = (size_t)data[at + 1] * 4;

		/* its own block, so that what is read behind it is seen */
		item = calloc(1, kinds[kind].size);
		if (!item)
			break;
		at += 2;
		n = n < size - at ? n : size - at;
		n = n < kinds[kind].size - sizeof(item->h) ? n : kinds[kind].size - sizeof(item->h);
		memcpy((uint8_t *)item + sizeof(item->h), data + at, n);
		item->h.type = kinds[kind].type;
		at += n;
		r = netmap_take(m, &rules, item);
		free(item);
	}
	if (netmap_seal(m, 1) == 0 && r == 0)
		judge(m, &rules);
	netmap_free(m);
	return 0;
}
