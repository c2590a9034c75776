// SPDX-License-Identifier: MIT
// uplink = macvlan:IFACE: a link of its own on the host's network, with an address of its own.
//
// It never appears in the host's namespace, so nothing of the host's routing, firewall or forwarding is concerned.
// A node of ours has its sockets in a namespace that holds nothing else; the stock node needs it beside its TUN, and
// reaches it by its mark alone. The hardware address is made of the tailnet's name and that of the interface:
// switches and routers see the same one after every start.
#include "supervisor/uplink.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"
#include "supervisor/policy.h"
#include "supervisor/rtnl.h"
#include "supervisor/tailnet.h"

struct parent {
	int ifindex;
	uint8_t address[6];
};

static int macvlan_on_parent(struct nlmsghdr *h, void *arg)
{
	struct parent *p = arg;
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *tb[IFLA_MAX + 1];

	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return 0;
	p->ifindex = ifi->ifi_index;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(p->address))
		memcpy(p->address, nla_data(tb[IFLA_ADDRESS]), sizeof(p->address));
	return 0;
}

static int macvlan_find_parent(struct links *host, const char *ifname, struct parent *ret)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct parent p = {0};
	int r = rtnl_message(RTM_GETLINK, 0, &ifi, sizeof(ifi), &m);

	if (r == 0)
		r = rtnl_put_string(m, IFLA_IFNAME, ifname);
	if (r == 0)
		r = rtnl_talk(host, m, macvlan_on_parent, &p);
	if (r == 0)
		*ret = p;
	return r;
}

static void macvlan_address(const struct tailnet *t, const struct parent *p, uint8_t ret[6])
{
	crypto_generichash_state h;
	uint8_t out[16];

	crypto_generichash_init(&h, NULL, 0, sizeof(out));
	crypto_generichash_update(&h, p->address, sizeof(p->address));
	crypto_generichash_update(&h, (const uint8_t *)t->name, strlen(t->name));
	crypto_generichash_final(&h, out, sizeof(out));
	memcpy(ret, out, 6);
	ret[0] = (uint8_t)((ret[0] & 0xfc) | 2); /* local, for one host */
}

static int macvlan_add(struct tailnet *t, int netns_fd, const struct parent *p)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data;
	uint8_t address[6];
	int r = rtnl_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), &m);

	macvlan_address(t, p, address);
	if (r == 0)
		r = rtnl_put_string(m, IFLA_IFNAME, UPLINK_LINK);
	if (r == 0)
		r = rtnl_put_u32(m, IFLA_LINK, (uint32_t)p->ifindex);
	if (r == 0)
		r = rtnl_put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	if (r == 0)
		r = rtnl_put(m, IFLA_ADDRESS, address, sizeof(address));
	if (r < 0)
		return r;
	info = nla_nest_start(m, IFLA_LINKINFO);
	if (!info || rtnl_put_string(m, IFLA_INFO_KIND, "macvlan") < 0)
		return -ENOMEM;
	data = nla_nest_start(m, IFLA_INFO_DATA);
	if (!data || rtnl_put_u32(m, IFLA_MACVLAN_MODE, MACVLAN_MODE_BRIDGE) < 0)
		return -ENOMEM;
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return rtnl_talk(t->s->host, m, NULL, NULL);
}

/* In a namespace of its own the address and the default route are ordinary ones. */
static int macvlan_configure(struct tailnet *t)
{
	const struct tailnet_config *c = t->config;
	struct prefix address = c->uplink_address;
	const struct policy_route network = {.table = 254,
		.to = c->uplink_address,
		.ifname = UPLINK_LINK,
		.source = address.addr};
	const struct policy_route far = {.table = 254,
		.to = {.addr = {.family = address.addr.family}},
		.ifname = UPLINK_LINK,
		.via = c->uplink_gateway,
		.source = address.addr};
	int r;

	/* as a host: the network's route is ours to place */
	address = prefix_of_addr(&address.addr);
	r = links_add_address(t->uplink.links, UPLINK_LINK, &address);
	if (r == 0)
		r = links_set_up(t->uplink.links, UPLINK_LINK);
	if (r < 0 || t->uplink.netns_fd < 0)
		return r;
	r = policy_add_route(t->uplink.links, &network);
	return r < 0 || !c->uplink_gateway.family ? r : policy_add_route(t->uplink.links, &far);
}

int macvlan_make(struct tailnet *t)
{
	const char *ifname = t->config->uplink_ifname;
	int netns_fd = t->uplink.netns_fd >= 0 ? t->uplink.netns_fd : t->netns_fd;
	struct parent p;
	int r = macvlan_find_parent(t->s->host, ifname, &p);

	if (r == 0)
		r = macvlan_add(t, netns_fd, &p);
	if (r == -ENODEV) {
		snprintf(t->uplink.reason, sizeof(t->uplink.reason),
			"uplink: waiting for the interface %s", ifname);
		return r;
	}
	if (r == 0 || r == -EEXIST)
		r = macvlan_configure(t);
	if (r == 0) {
		t->uplink.has_macvlan = true;
		*t->uplink.reason = '\0';
		return 0;
	}
	snprintf(t->uplink.reason, sizeof(t->uplink.reason), "macvlan on %s: %s", ifname,
		strerror(-r));
	return r;
}
