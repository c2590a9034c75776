// SPDX-License-Identifier: MIT
// Which addresses a client may reach through this tailnet: what it routes, less what nobody may reach.
#pragma once

#include "proxy/prefixset.h"

#define POLICY_ROUTES_MAX 262144
#define POLICY_DENY_MAX	  4096
#define POLICY_ALLOW_MAX  4096

struct policy {
	struct prefixset routes; /* value: the peer's index */
	struct prefixset deny;
	struct prefixset allow; /* clients */
	bool has_ipv6;		/* the tunnel has an IPv6 address */
};

enum policy_verdict {
	POLICY_OK,
	POLICY_NEVER,  /* loopback, link-local, multicast, …, in any spelling */
	POLICY_DENIED, /* the veth pool, the tailnet's own addresses */
	POLICY_NO_IPV6,
	POLICY_NOT_ROUTED,
};

/* Looks at nothing but the tailnet's own prefixes: an address that the host or another tailnet has
 * too is none of its business. *ret_peer is set with POLICY_OK. */
enum policy_verdict policy_check(const struct policy *p, const struct addr *a, uint32_t *ret_peer);
/* May CLIENT use the listener? */
bool policy_admits(const struct policy *p, const struct addr *client);
/* Before the first question. */
void policy_seal(struct policy *p);
void policy_free(struct policy *p);
