// SPDX-License-Identifier: MIT
// The netmap of a tailnet with engine tailscale: what its node reports, checked like a configuration.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "ipc/msg.h"

#define NETMAP_PEERS_MAX  8192
#define NETMAP_ROUTES_MAX 65536 /* of all peers together */
#define NETMAP_ADDRS_MAX  16	/* of one node */
#define NETMAP_SPLITS_MAX 128

struct netmap_peer {
	uint8_t key[WG_KEY];
	char name
		[MSG_DOMAIN_MAX]; /* gpu1.tail1234.ts.net, lower case, without a dot at its end; "" = none */
	struct prefix_list
		routes; /* its own addresses and the subnets that it routes for us, sorted */
	struct addr addresses[NETMAP_ADDRS_MAX];
	uint32_t n_addresses;
	bool online, exit_node, offers_exit, subnet_router, expired;
};

struct netmap_split { /* names under .domain are asked of these resolvers */
	char domain[MSG_DOMAIN_MAX];
	struct addr servers[MSG_SERVERS];
	uint32_t n_servers;
};

struct netmap {
	struct prefix_list addresses; /* our own, as host prefixes */
	char name[MSG_DOMAIN_MAX];    /* our own, as for peers */
	char domain[MSG_DOMAIN_MAX];  /* MagicDNS: tail1234.ts.net; "" = off */
	uint64_t key_expiry_s;	      /* CLOCK_REALTIME; 0 = never */
	struct netmap_peer *peers;
	size_t n_peers;
	struct addr dns[MSG_SERVERS];
	size_t n_dns;
	char **search;
	size_t n_search;
	struct netmap_split *splits;
	size_t n_splits;
	size_t n_routes;
};

void netmap_free(struct netmap *m); /* NULL is fine */
