// SPDX-License-Identifier: MIT
// The way out as the tailnet's namespace sees it: policy rules, the tables 77 and 78, and one nftables table.
//
//     mark 0x80000 ──► table 77 ──► up0, or veth0 with uplink = veth      the node's own packets
//     uid of tailscaled, port 53 of its resolvers ──► table 77            its look-ups, which it does not mark
//     from the TUN to an advertised network ──► table 78 ──► veth0        what peers ask of our network
//
// A rule is not enough to hold others back: a socket that is bound to a link leaves by it without any route
// (the kernel takes its target to be on the link), and everybody may bind. So the chain "leave" drops what has
// no mark. The other way round, rp_filter stays on: what comes in by the outgoing link is marked on arrival, so
// that the look for the way back (src_valid_mark) finds table 77.
#include "supervisor/uplink.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/policy.h"
#include "supervisor/tailnet.h"

#define INSIDE_VETH "veth0"
#define INSIDE_TUN  "tailscale0"

static const struct prefix everything = {.addr = {.family = 4}};

static bool inside_by_veth(const struct tailnet *t)
{
	return t->config->uplink == UPLINK_VETH;
}

static const char *inside_out(const struct tailnet *t)
{
	return inside_by_veth(t) ? INSIDE_VETH : UPLINK_LINK;
}

/* Is there an uplink in this very namespace? */
static bool inside_has_uplink(const struct tailnet *t)
{
	switch (t->config->uplink) {
	case UPLINK_PASTA:
	case UPLINK_VETH:
		return true;
	case UPLINK_MACVLAN:
		return tailnet_is_stock(t->config);
	default:
		return false;
	}
}

/* The address that the encrypted side has as source. */
static struct addr inside_source(const struct tailnet *t)
{
	return t->config->uplink == UPLINK_MACVLAN ? t->config->uplink_address.addr : t->veth_ns;
}

/* ---- rules ---- */

static int inside_rule_dns(struct tailnet *t)
{
	struct addr servers[UPLINK_RESOLVERS_MAX];
	size_t n = uplink_resolvers(t->config, servers);
	const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	int r = 0;

	for (size_t i = 0; i < n * ELEMENTSOF(protocols) && r == 0; i++) {
		const struct policy_rule rule = {.pref = UPLINK_PREF_DNS,
			.family = servers[i / 2].family,
			.table = UPLINK_TABLE,
			.to = prefix_of_addr(&servers[i / 2]),
			.has_uid = true,
			.uid = uplink_node_uid(t),
			.protocol = protocols[i % 2],
			.port = 53};

		r = policy_add_rule(t->links, &rule);
	}
	return r;
}

/* Who asks by ARP for the address is asked back for by rp_filter, which then looks for a way to him: without one
 * the question is dropped, and the address is lost to the network as soon as others forget it. What leaves
 * without the mark still meets the filter. */
static int inside_rule_macvlan(struct tailnet *t)
{
	const struct addr *own = &t->config->uplink_address.addr;
	const struct policy_rule rule = {.pref = UPLINK_PREF,
		.family = own->family,
		.table = UPLINK_TABLE,
		.from = prefix_of_addr(own)};

	return t->uplink.has_macvlan ? policy_add_rule(t->links, &rule) : 0;
}

static int inside_rules(struct tailnet *t)
{
	const struct prefix_list *l = &t->config->advertise_routes;
	const struct policy_rule lan = {.pref = UPLINK_PREF_LAN,
		.family = 4,
		.table = UPLINK_LAN_TABLE,
		.mark = UPLINK_LAN_MARK,
		.mask = UPLINK_MASK};
	struct policy_rule rule = {.pref = UPLINK_PREF,
		.table = UPLINK_TABLE,
		.mark = UPLINK_MARK,
		.mask = UPLINK_MASK};
	int r = 0;

	for (rule.family = 4; inside_has_uplink(t) && rule.family <= 6 && r == 0;
		rule.family += 2) {
		r = policy_add_rule(t->links, &rule);
		if (rule.family == 6 && (r == -EAFNOSUPPORT || r == -EOPNOTSUPP))
			r = 0;
	}
	/* tailscaled's own table comes before the main one, and a peer may offer a network that holds the /30 */
	if (r == 0 && tailnet_is_stock(t->config))
		r = policy_add_rule(t->links,
			&(struct policy_rule){.pref = UPLINK_PREF_VETH,
				.family = 4,
				.table = RT_TABLE_MAIN,
				.to = t->veth});
	if (r == 0 && inside_has_uplink(t) && tailnet_is_stock(t->config))
		r = inside_rule_dns(t);
	if (r == 0 && inside_has_uplink(t))
		r = inside_rule_macvlan(t);
	if (r == 0 && l->n)
		r = policy_add_rule(t->links, &lan);
	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct policy_rule to = {.pref = UPLINK_PREF_ROUTE,
			.family = l->items[i].addr.family,
			.table = UPLINK_LAN_TABLE,
			.iif = INSIDE_TUN,
			.to = prefix_canonical(&l->items[i])};

		if (to.family == 4)
			r = policy_add_rule(t->links, &to);
	}
	return r;
}

/* ---- routes ---- */

static int inside_routes_macvlan(struct tailnet *t)
{
	const struct tailnet_config *c = t->config;
	const struct prefix all = {.addr = {.family = c->uplink_address.addr.family}};
	const struct policy_route network = {.table = UPLINK_TABLE,
		.to = c->uplink_address,
		.ifname = UPLINK_LINK,
		.source = c->uplink_address.addr};
	const struct policy_route far = {.table = UPLINK_TABLE,
		.to = all,
		.ifname = UPLINK_LINK,
		.via = c->uplink_gateway,
		.source = c->uplink_address.addr};
	int r;

	if (!t->uplink.has_macvlan)
		return 0;
	r = policy_add_route(t->links, &network);
	return r < 0 || !c->uplink_gateway.family ? r : policy_add_route(t->links, &far);
}

static int inside_routes_out(struct tailnet *t)
{
	const struct policy_route far = {.table = UPLINK_TABLE,
		.to = everything,
		.ifname = inside_out(t),
		.via = t->veth_host,
		.source = t->veth_ns};
	const struct policy_route near = {
		.table = UPLINK_TABLE, .to = t->veth, .ifname = INSIDE_VETH, .source = t->veth_ns};
	int r;

	if (!inside_has_uplink(t))
		return 0;
	if (t->config->uplink == UPLINK_MACVLAN)
		return inside_routes_macvlan(t);
	r = policy_add_route(t->links, &far);
	if (r == 0 && inside_by_veth(t))
		r = policy_add_route(t->links, &near);
	return r < 0 ? r : uplink_ipv6_route(t, inside_out(t));
}

/* Answers to peers must never be led back, however much is advertised. */
static int inside_routes_lan(struct tailnet *t)
{
	const struct prefix_list *l = &t->config->advertise_routes;
	struct policy_route peers = {
		.table = UPLINK_LAN_TABLE, .to = {.addr = addr_v4(0x64400000), .len = 10}};
	int r = l->n ? policy_add_route(t->links, &peers) : 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		const struct policy_route to = {.table = UPLINK_LAN_TABLE,
			.to = prefix_canonical(&l->items[i]),
			.ifname = INSIDE_VETH,
			.via = t->veth_host,
			.source = t->veth_ns};

		if (to.to.addr.family == 4)
			r = policy_add_route(t->links, &to);
	}
	return r;
}

static int inside_clear(struct tailnet *t)
{
	const uint32_t prefs[] = {
		UPLINK_PREF, UPLINK_PREF_DNS, UPLINK_PREF_LAN, UPLINK_PREF_VETH, UPLINK_PREF_ROUTE};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(prefs) && r == 0; i++)
		r = policy_clear_rules(t->links, prefs[i]);
	if (r == 0)
		r = policy_clear_table(t->links, UPLINK_TABLE);
	return r < 0 ? r : policy_clear_table(t->links, UPLINK_LAN_TABLE);
}

/* ---- the filter ---- */

/* Neighbours are found by ICMPv6, which has no mark; nobody but the kernel and who has CAP_NET_RAW makes it. */
static void inside_filter_neighbours(struct tailnet *t, struct nft_batch *b, bool arrive)
{
	for (uint8_t type = ND_NEIGHBOR_SOLICIT; type <= ND_NEIGHBOR_ADVERT; type++) {
		nft_rule(b, arrive ? "arrive" : "leave");
		if (arrive)
			nft_iif(b, inside_out(t));
		else
			nft_oif(b, inside_out(t));
		nft_icmpv6(b, type);
		nft_accept(b);
	}
}

/* IPV6: it is what a macvlan was configured for. */
static void inside_filter_arrive6(struct tailnet *t, struct nft_batch *b, bool ipv6)
{
	const struct addr source = uplink_ipv6_of(&t->veth_ns);
	const struct prefix own = prefix_of_addr(&source);

	if (t->uplink.ipv6 || ipv6)
		inside_filter_neighbours(t, b, true);
	if (ipv6)
		return;
	nft_rule(b, "arrive");
	nft_iif(b, inside_out(t));
	if (t->uplink.ipv6)
		nft_target(b, &own, false);
	else
		nft_family(b, 6);
	nft_drop(b);
}

static void inside_filter_arrive(struct tailnet *t, struct nft_batch *b)
{
	const struct prefix_list *l = &t->config->advertise_routes;
	const struct addr source = inside_source(t);
	const struct prefix own = prefix_of_addr(&source), host = prefix_of_addr(&t->veth_host);

	nft_chain(b, "arrive", "filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW);
	/* whatever a peer is allowed to send to: the namespace's own links are none of it */
	nft_rule(b, "arrive");
	nft_iif(b, INSIDE_TUN);
	nft_target(b, &t->veth, true);
	nft_drop(b);
	nft_rule(b, "arrive");
	nft_iif(b, INSIDE_TUN);
	nft_target(b, &uplink_ipv6_pool, true);
	nft_drop(b);
	if (inside_by_veth(t)) { /* the host itself comes by this link, too */
		nft_rule(b, "arrive");
		nft_iif(b, INSIDE_VETH);
		nft_source(b, &host, true);
		nft_accept(b);
	}
	/* before the uplink's: with its mark the answer would go out again instead of to the peer */
	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].addr.family != 4)
			continue;
		nft_rule(b, "arrive");
		nft_iif(b, INSIDE_VETH);
		nft_source(b, &l->items[i], true);
		nft_mark(b, UPLINK_LAN_MARK);
		nft_accept(b);
	}
	if (inside_has_uplink(t)) {
		inside_filter_arrive6(t, b, source.family == 6);
		nft_rule(b, "arrive");
		nft_iif(b, inside_out(t));
		nft_target(b, &own, false);
		nft_drop(b);
		nft_rule(b, "arrive");
		nft_iif(b, inside_out(t));
		nft_syn(b);
		nft_drop(b);
		nft_rule(b, "arrive");
		nft_iif(b, inside_out(t));
		nft_mark(b, UPLINK_MARK);
		nft_accept(b);
	}
}

static void inside_filter_leave(struct tailnet *t, struct nft_batch *b)
{
	const struct prefix host = prefix_of_addr(&t->veth_host);
	struct addr servers[UPLINK_RESOLVERS_MAX];
	size_t n = tailnet_is_stock(t->config) ? uplink_resolvers(t->config, servers) : 0;
	const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};

	nft_chain(b, "leave", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER);
	for (size_t i = 0; i < n * ELEMENTSOF(protocols); i++) {
		const struct prefix to = prefix_of_addr(&servers[i / 2]);

		nft_rule(b, "leave");
		nft_oif(b, inside_out(t));
		nft_uid(b, uplink_node_uid(t));
		nft_target(b, &to, true);
		nft_protocol(b, protocols[i % 2]);
		nft_target_port(b, 53);
		nft_mark(b, UPLINK_MARK);
		nft_accept(b);
	}
	nft_rule(b, "leave");
	nft_oif(b, INSIDE_VETH);
	nft_target(b, &host, true);
	nft_accept(b);
	if (!inside_by_veth(t)) {
		nft_rule(b, "leave");
		nft_oif(b, INSIDE_VETH);
		nft_unmarked(
			b, UPLINK_LAN_MARK, UPLINK_MASK); /* all but the probe of the firewall */
		nft_drop(b);
	}
	if (!inside_has_uplink(t))
		return;
	if (t->uplink.ipv6 || inside_source(t).family == 6)
		inside_filter_neighbours(t, b, false);
	nft_rule(b, "leave");
	nft_oif(b, inside_out(t));
	nft_unmarked(b, UPLINK_MARK, UPLINK_MASK);
	nft_drop(b);
}

/* Peers reach the advertised networks and nothing else; the LAN sees the gateway, which masquerades. */
static void inside_filter_forward(struct tailnet *t, struct nft_batch *b)
{
	const struct prefix_list *l = &t->config->advertise_routes;
	const struct prefix own = prefix_of_addr(&t->veth_ns);

	nft_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	for (size_t i = 0; i < l->n; i++) {
		nft_rule(b, "forward");
		nft_iif(b, INSIDE_TUN);
		nft_oif(b, INSIDE_VETH);
		nft_target(b, &l->items[i], true);
		nft_accept(b);
	}
	nft_rule(b, "forward");
	nft_iif(b, INSIDE_VETH);
	nft_oif(b, INSIDE_TUN);
	nft_answers(b);
	nft_accept(b);
	nft_rule(b, "forward");
	nft_drop(b);
	nft_chain(b, "nat", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	nft_rule(b, "nat");
	nft_oif(b, INSIDE_VETH);
	nft_source(b, &own, false);
	nft_masquerade(b);
}

static int inside_filter(struct tailnet *t)
{
	bool wanted = inside_has_uplink(t) || t->config->advertise_routes.n;
	struct nft_batch *b;
	struct nft *nft;
	int r;

	r = nft_open(t->netns_fd, 0, &nft);
	if (r < 0)
		return r;
	b = nft_batch_new(t->pin);
	nft_replace(b, NULL);
	if (!wanted)
		nft_remove(b);
	if (wanted)
		inside_filter_arrive(t, b);
	if (wanted)
		inside_filter_leave(t, b);
	if (t->config->advertise_routes.n)
		inside_filter_forward(t, b);
	r = nft_commit(nft, b);
	nft_close(nft);
	return r;
}

/* ---- forwarding ---- */

void inside_forward(struct tailnet *t)
{
	static const char *const both[] = {INSIDE_TUN, INSIDE_VETH};
	const uint32_t on = t->config->advertise_routes.n != 0;

	for (size_t i = 0; i < ELEMENTSOF(both); i++) {
		uint32_t now;
		int r = policy_get(t->links, both[i], IPV4_DEVCONF_FORWARDING, &now);

		if (r == 0 && now != on)
			r = policy_set(t->links, both[i], IPV4_DEVCONF_FORWARDING, on);
		if (r < 0 && r != -ENODEV)
			log_warning(t->name, both[i], "forwarding cannot be set: %s", strerror(-r));
	}
}

int inside_make(struct tailnet *t)
{
	int r = inside_clear(t);

	/* first the filter, then the way */
	if (r == 0)
		r = inside_filter(t);
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -ENOENT)
		snprintf(t->uplink.reason, sizeof(t->uplink.reason),
			"this kernel has no nftables (nf_tables, nft_masq, nft_ct)");
	if (r == 0 && inside_has_uplink(t) &&
		(t->config->uplink != UPLINK_MACVLAN || t->uplink.has_macvlan))
		r = policy_set(t->links, inside_out(t), IPV4_DEVCONF_SRC_VMARK, 1);
	if (r == 0 && t->config->advertise_routes.n)
		r = policy_set(t->links, INSIDE_VETH, IPV4_DEVCONF_SRC_VMARK, 1);
	if (r == 0)
		r = inside_routes_out(t);
	if (r == 0)
		r = inside_routes_lan(t);
	if (r == 0)
		r = inside_rules(t);
	if (r == 0)
		inside_forward(t);
	return r;
}
