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

enum netmap_path { NETMAP_NO_PATH, NETMAP_DIRECT, NETMAP_RELAYED };

struct netmap_peer {
	uint8_t key[WG_KEY];
	char name
		[MSG_DOMAIN_MAX]; /* gpu1.tail1234.ts.net, lower case, without a dot at its end; "" = none */
	struct prefix_list
		routes; /* its own addresses and the subnets that it routes for us, sorted */
	struct addr addresses[NETMAP_ADDRS_MAX];
	uint32_t n_addresses;
	uint32_t flags; /* PEER_* of ipc/msg.h */
	struct peer_live live;
	enum peer_state said;  /* as watchers were told */
	enum netmap_path path; /* the last one that was used, as they were told */
};

struct netmap_split { /* names under .domain are asked of these resolvers */
	char domain[MSG_DOMAIN_MAX];
	struct addr servers[MSG_SERVERS];
	uint32_t n_servers;
	bool nobody; /* there are none that could be asked */
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
	bool has_self; /* while it is told */
	uint32_t generation;
};

/* Who judges what is told: what the configuration allows it to be. */
struct netmap_rules {
	bool accept_routes, exit_node;
	struct prefix pool; /* the veth pool */
};

void netmap_free(struct netmap *m); /* NULL is fine */
/* BEGIN. NULL without memory. */
struct netmap *netmap_new(uint32_t generation);
/* An item: 0; -EBADMSG what no honest worker says; -ENOSPC, -ENOMEM. What the rules forbid, or what no
 * tailnet may route, is left out. */
int netmap_take(struct netmap *m, const struct netmap_rules *rules, const union msg *item);
/* COMMIT: 0 or -EBADMSG. */
int netmap_seal(struct netmap *m, uint32_t generation);
/* Names, addresses, routes and resolvers are the same: nobody has to be told. */
bool netmap_equal(const struct netmap *a, const struct netmap *b);
/* The peer with KEY, or NULL. */
struct netmap_peer *netmap_find(const struct netmap *m, const uint8_t key[WG_KEY]);
/* gpu1 of gpu1.tail1234.ts.net; a peer that another network shares keeps its whole name. */
void netmap_relative_name(const struct netmap *m, const char *name, char ret[MSG_DOMAIN_MAX]);
/* How the proxy sees a peer: who is known to the control server, or has just been heard of. */
enum peer_state netmap_peer_state(const struct netmap_peer *p, uint64_t real_s);
