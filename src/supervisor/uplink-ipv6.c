// SPDX-License-Identifier: MIT
// IPv6 by an uplink with translation (pasta, veth): whether this host offers it, and the addresses for it.
//
// The namespace has no IPv6 address but the tunnel's. For this it gets one of fdb5:4c2e:7a31::/96, whose end is the
// address that it has in the veth pool, so no two tailnets of a host have the same. Nobody routes these: like the
// pool itself they are refused by the proxy, and dropped where they come out of the tunnel.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/forwarding.h"
#include "supervisor/policy.h"
#include "supervisor/tailnet.h"
#include "supervisor/uplink.h"

const struct prefix uplink_ipv6_pool = {
	.addr = {.family = 6, .bytes = {0xfd, 0xb5, 0x4c, 0x2e, 0x7a, 0x31}}, .len = 96};
/* any far address: nothing is sent there */
const struct addr uplink_ipv6_far = {
	.family = 6, .bytes = {0x20, 0x01, 0x05, 0x03, 0xba, 0x3e, [13] = 2, [15] = 0x30}};

struct addr uplink_ipv6_of(const struct addr *v4)
{
	struct addr a = uplink_ipv6_pool.addr;

	memcpy(a.bytes + 12, v4->bytes, 4);
	return a;
}

static const char *why_not(const struct tailnet *t)
{
	const enum uplink kind = t->config->uplink;
	char ifname[16];

	if (policy_way(t->s->host, &uplink_ipv6_far, ifname, NULL) < 0)
		return "this host has no IPv6 route";
	if (kind == UPLINK_VETH && !forwarding_has_ipv6(t->s->host))
		return "this host does not forward IPv6, and its kernel has no force_forwarding";
	if (kind == UPLINK_VETH && t->uplink.ipv6_blocked)
		return "the firewall of this host drops it";
	return "";
}

bool uplink_ipv6_decide(struct tailnet *t)
{
	const enum uplink kind = t->config->uplink;
	bool before = t->uplink.ipv6;

	if (kind != UPLINK_PASTA && kind != UPLINK_VETH)
		return false;
	t->uplink.ipv6_why = why_not(t);
	t->uplink.ipv6 = !*t->uplink.ipv6_why;
	return before != t->uplink.ipv6;
}

/* The address and the way, in table 77 alone. The kernel keeps a host's own address in the main table, too. */
int uplink_ipv6_route(struct tailnet *t, const char *ifname)
{
	const struct addr own = uplink_ipv6_of(&t->veth_ns),
			  gateway = uplink_ipv6_of(&t->veth_host);
	const struct prefix address = prefix_of_addr(&own);
	const struct policy_route near = {.table = UPLINK_TABLE,
		.to = prefix_of_addr(&gateway),
		.ifname = ifname,
		.source = own};
	const struct policy_route far = {.table = UPLINK_TABLE,
		.to = {.addr = {.family = 6}},
		.ifname = ifname,
		.via = gateway,
		.source = own};
	int r;

	if (!t->uplink.ipv6) {
		r = links_del_address(t->links, ifname, &address);
		return r == -EADDRNOTAVAIL || r == -ENODEV ? 0 : r;
	}
	r = links_add_address(t->links, ifname, &address);
	if (r == 0)
		r = policy_add_route(t->links, &near);
	return r < 0 ? r : policy_add_route(t->links, &far);
}

/* Ours on the host's side of the veth. */
int uplink_ipv6_host(struct tailnet *t)
{
	const struct prefix address = {.addr = uplink_ipv6_of(&t->veth_host), .len = 126};
	struct made_forward f = {.family = 6, .old = policy_forwards_all(t->s->host, 6)};
	int r;

	if (!t->uplink.ipv6) {
		r = links_del_address(t->s->host, t->link, &address);
		return r == -EADDRNOTAVAIL || r == -ENODEV ? 0 : r;
	}
	snprintf(f.ifname, sizeof(f.ifname), "%s", t->link);
	r = links_add_address(t->s->host, t->link, &address);
	return r < 0 ? r : forwarding_on(t->s->host, &f);
}

const char *uplink_ipv6_words(const struct tailnet *t, char *buf, size_t size)
{
	const struct uplink_state *u = &t->uplink;

	if (u->ipv6)
		return ", IPv4 and IPv6";
	snprintf(buf, size, u->ipv6_why && *u->ipv6_why ? ", IPv4 only (%s)" : ", IPv4 only",
		u->ipv6_why);
	return buf;
}
