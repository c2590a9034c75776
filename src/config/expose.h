// SPDX-License-Identifier: MIT
// Where the gateway is reachable: the primaries' addresses as they are now, and the networks behind
// the default of `allow`.
#pragma once

#include "config/config.h"

#define EXPOSE_MAX 32 /* addresses of all primaries; more are not served, and the log says so */

struct link_address { /* of the host */
	int ifindex;
	char ifname[16];
	struct prefix prefix; /* with host bits */
	bool usable;	      /* not tentative, not dadfailed, link up */
};

struct expose {
	struct addr addrs[EXPOSE_MAX];
	size_t n;
	char missing
		[256]; /* "waiting for interface tailscale0", "" if every primary has an address */
};

/* Pure: which addresses of the host are exposed. Link-local IPv6 addresses are not. */
void expose_find(
	const struct gateway_config *g, const struct link_address *a, size_t n, struct expose *ret);

bool expose_has(const struct expose *e, const struct addr *a);
/* Do the two name other primaries? */
bool expose_differs(const struct gateway_config *a, const struct gateway_config *b);

/* Who may connect where nothing is configured: the networks of the primaries' own addresses and
 * loopback. A host address out of Tailscale's ranges stands for the whole range. Fresh memory. */
int expose_default_allow(const struct gateway_config *g, const struct link_address *a, size_t n,
	struct prefix_list *ret);
/* `allow` of a tailnet: its own, else the gateway's, else the default. Fresh memory. */
int expose_allow(const struct gateway_config *g, const struct tailnet_config *t,
	const struct link_address *a, size_t n, struct prefix_list *ret);
