// SPDX-License-Identifier: MIT
// What is known of a tailnet, wherever it comes from: the wg-quick file (engine wireguard) or the netmap
// that its node reports (engine tailscale; nothing at all before there is one).
#pragma once

#include "supervisor/netmap.h"
#include "supervisor/tailnet.h"

/* Everything that is given by pointer is borrowed: it holds until the next reload or netmap. */
struct fact_peer {
	const uint8_t *public_key;
	const struct prefix_list *routes;
	const struct netmap_peer *node; /* NULL with engine wireguard */
};

/* Our own addresses in the tailnet. */
const struct prefix_list *facts_addresses(const struct tailnet *t);
size_t facts_peers(const struct tailnet *t);
struct fact_peer facts_peer(const struct tailnet *t, size_t i);
/* The tailnet's resolvers, or the one of dns-server; returns how many. */
size_t facts_resolvers(const struct tailnet *t, const struct addr **ret);
/* Domains with resolvers of their own; of dns-server it is the node's own domain alone. */
bool facts_split(const struct tailnet *t, size_t i, struct msg_proxy_split *ret);
size_t facts_splits(const struct tailnet *t);
size_t facts_search(const struct tailnet *t, char *const **ret);
/* All prefixes that the tailnet routes. Fresh memory. */
int facts_routes(const struct tailnet *t, struct prefix_list *ret);
/* The tunnel has an IPv6 address and an IPv6 route. */
bool facts_has_ipv6(const struct tailnet *t);
