// SPDX-License-Identifier: MIT
// What fits to a tailnet's engine: its node, its uplink, and the keys that would say nothing there.
#include <string.h>

#include "common/cleanup.h"
#include "config/keys.h"

static void check_idle_keys(struct loader *l, const struct section *s)
{
	for (uint64_t left = s->given; left; left &= left - 1) {
		const struct key *k = &config_keys[__builtin_ctzll(left)];
		struct where w;

		if (key_counts(k, s->t))
			continue;
		w = section_where(s, k->name);
		if (k->flags & KEY_MACVLAN && s->t->uplink != UPLINK_MACVLAN)
			warning(l, &w, "says nothing without uplink = macvlan:IFACE");
		else
			warning(l, &w, "says nothing with engine = %s",
				s->t->engine == ENGINE_TAILSCALE ? "tailscale" : "wireguard");
	}
}

/* What may carry the encrypted side of each kind of node. */
static void check_uplink(struct loader *l, const struct section *s)
{
	struct tailnet_config *t = s->t;
	bool stock = t->engine == ENGINE_TAILSCALE && t->node == NODE_STOCK;
	struct where w;

	if (t->uplink == UPLINK_DEFAULT) {
		t->uplink = stock ? UPLINK_PASTA : UPLINK_HOST;
		return;
	}
	w = section_where(s, "uplink");
	if (stock && t->uplink == UPLINK_HOST)
		problem(l, &w,
			"host is for nodes of our own: node = stock needs pasta, veth or "
			"macvlan:IFACE");
	else if (!stock && t->uplink == UPLINK_PASTA)
		problem(l, &w, "pasta is for node = stock alone");
}

static void check_macvlan(struct loader *l, const struct section *s)
{
	const struct tailnet_config *t = s->t;
	char a[ADDR_TEXT_MAX], p[PREFIX_TEXT_MAX];
	struct where at, gateway;
	struct prefix network;

	if (t->uplink != UPLINK_MACVLAN)
		return;
	at = section_where(s, "uplink-address");
	gateway = section_where(s, "uplink-gateway");
	network = prefix_canonical(&t->uplink_address);
	if (!t->uplink_address.addr.family)
		problem(l, &at, "is required with uplink = macvlan:%s", t->uplink_ifname);
	if (!t->uplink_gateway.family)
		problem(l, &gateway, "is required with uplink = macvlan:%s", t->uplink_ifname);
	if (!t->uplink_address.addr.family || !t->uplink_gateway.family)
		return;
	if (!prefix_contains(&network, &t->uplink_gateway))
		problem(l, &gateway, "%s is not in the network of uplink-address, %s",
			addr_format(&t->uplink_gateway, a), prefix_format(&network, p));
	else if (addr_equal(&t->uplink_gateway, &t->uplink_address.addr))
		problem(l, &gateway, "%s is the uplink-address itself",
			addr_format(&t->uplink_gateway, a));
}

static void check_advertised(struct loader *l, const struct section *s)
{
	const struct prefix *pool = &l->c->gateway.veth_pool;
	const struct prefix_list *list = &s->t->advertise_routes;
	struct where w = list->n ? section_where(s, "advertise-routes") : (struct where){0};
	char a[PREFIX_TEXT_MAX], b[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < list->n; i++) {
		if (prefix_overlaps(&list->items[i], pool))
			problem(l, &w, "%s overlaps the gateway's veth-pool %s",
				prefix_format(&list->items[i], a), prefix_format(pool, b));
		if (list->items[i].addr.family == 6)
			warning(l, &w, "%s is not routed: only IPv4 networks are",
				prefix_format(&list->items[i], a));
	}
}

void enginecheck(struct loader *l, struct section *s)
{
	struct tailnet_config *t = s->t;

	if (t->engine == ENGINE_TAILSCALE && t->node == NODE_OWN) {
		struct where node = section_where(s, "node");

		problem(l, &node, "own is not in this version: set node = stock");
	} else {
		check_uplink(l, s);
	}
	if (t->uplink == UPLINK_DEFAULT)
		t->uplink = UPLINK_HOST;
	check_idle_keys(l, s);
	check_macvlan(l, s);
	check_advertised(l, s);
}
