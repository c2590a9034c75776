// SPDX-License-Identifier: MIT
// Which addresses a client may reach through this tailnet: what it routes, less what nobody may reach.
#pragma once

#include "proxy/prefixset.h"

#define POLICY_ROUTES_MAX 262144
#define POLICY_DENY_MAX	  4096
#define POLICY_ALLOW_MAX  4096
#define POLICY_PORTS_MAX  2048

struct policy_port {
	struct hostport at;
	bool udp;
};

struct policy {
	struct prefixset routes; /* value: the peer's index */
	struct prefixset deny;
	struct prefixset allow;	       /* clients */
	struct policy_port *published; /* what may be reached of our own addresses */
	size_t n_published;
	uint32_t self; /* value of those */
	bool has_ipv6; /* the tunnel has an IPv6 address */
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
/* The same for a port: our own addresses are denied but for what is published on them. */
enum policy_verdict policy_check_port(
	const struct policy *p, const struct hostport *to, bool udp, uint32_t *ret_peer);
/* 0, -ENOSPC, -ENOMEM. */
int policy_publish(struct policy *p, const struct hostport *at, bool udp);
/* May CLIENT use the listener? */
bool policy_admits(const struct policy *p, const struct addr *client);
/* Before the first question. */
void policy_seal(struct policy *p);
void policy_free(struct policy *p);
