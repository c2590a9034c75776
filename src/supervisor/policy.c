// SPDX-License-Identifier: MIT
// Policy routing (ip-rule(8)), routes by a gateway in tables of their own, and the settings of one link.
#include "supervisor/policy.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "supervisor/rtnl.h"

#define POLICY_RULES_MAX 4096 /* of one preference; a bound for the loop that removes them */

static unsigned char policy_family(uint8_t family)
{
	return family == 4 ? AF_INET : AF_INET6;
}

/* ---- rules ---- */

static int policy_put_match(struct nl_msg *m, const struct policy_rule *rule)
{
	const struct fib_rule_uid_range uids = {rule->uid, rule->uid};
	const struct fib_rule_port_range ports = {rule->port, rule->port};
	int r = 0;

	if (rule->mask)
		r = rtnl_put_u32(m, FRA_FWMARK, rule->mark)
			?: rtnl_put_u32(m, FRA_FWMASK, rule->mask);
	if (r == 0 && rule->iif)
		r = rtnl_put_string(m, FRA_IIFNAME, rule->iif);
	if (r == 0 && rule->from.len)
		r = rtnl_put(m, FRA_SRC, rule->from.addr.bytes, addr_len(&rule->from.addr));
	if (r == 0 && rule->to.len)
		r = rtnl_put(m, FRA_DST, rule->to.addr.bytes, addr_len(&rule->to.addr));
	if (r == 0 && rule->has_uid)
		r = rtnl_put(m, FRA_UID_RANGE, &uids, sizeof(uids));
	if (r == 0 && rule->protocol)
		r = rtnl_put(m, FRA_IP_PROTO, &rule->protocol, sizeof(rule->protocol));
	if (r == 0 && rule->port)
		r = rtnl_put(m, FRA_DPORT_RANGE, &ports, sizeof(ports));
	return r;
}

int policy_add_rule(struct links *l, const struct policy_rule *rule)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct fib_rule_hdr h = {.family = policy_family(rule->family),
		.src_len = rule->from.len,
		.dst_len = rule->to.len,
		.table = rule->table < 256 ? (uint8_t)rule->table : RT_TABLE_UNSPEC,
		.action = FR_ACT_TO_TBL};
	int r = rtnl_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &h, sizeof(h), &m);

	if (r == 0)
		r = rtnl_put_u32(m, FRA_PRIORITY, rule->pref);
	if (r == 0)
		r = rtnl_put_u32(m, FRA_TABLE, rule->table);
	if (r == 0)
		r = policy_put_match(m, rule);
	if (r == 0)
		r = rtnl_talk(l, m, NULL, NULL);
	return r == -EEXIST ? 0 : r;
}

/* The kernel compares what a request names, so a preference alone names the next rule that has it. */
static int policy_clear_family(struct links *l, uint32_t pref, uint8_t family)
{
	int r = 0;

	for (int i = 0; i < POLICY_RULES_MAX && r == 0; i++) {
		_cleanup_msg_ struct nl_msg *m = NULL;
		struct fib_rule_hdr h = {.family = policy_family(family)};

		r = rtnl_message(RTM_DELRULE, 0, &h, sizeof(h), &m);
		if (r == 0)
			r = rtnl_put_u32(m, FRA_PRIORITY, pref);
		if (r == 0)
			r = rtnl_talk(l, m, NULL, NULL);
	}
	return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

int policy_clear_rules(struct links *l, uint32_t pref)
{
	int r = policy_clear_family(l, pref, 4);

	return r < 0 ? r : policy_clear_family(l, pref, 6);
}

/* ---- routes ---- */

static int policy_ifindex(struct links *l, const char *ifname, uint32_t *ret)
{
	struct link_info info;
	int r = links_find(l, ifname, &info);

	if (r == 0)
		*ret = (uint32_t)info.ifindex;
	return r;
}

int policy_add_route(struct links *l, const struct policy_route *route)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	const struct prefix to = prefix_canonical(&route->to);
	const bool v4 = to.addr.family == 4;
	struct rtmsg rtm = {
		.rtm_family = policy_family(to.addr.family),
		.rtm_dst_len = to.len,
		.rtm_table = route->table < 256 ? (uint8_t)route->table : RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = v4 && route->ifname && !route->via.family ? RT_SCOPE_LINK
								       : RT_SCOPE_UNIVERSE,
		.rtm_type = route->ifname ? RTN_UNICAST : RTN_THROW,
		.rtm_flags = route->via.family ? RTNH_F_ONLINK : 0,
	};
	uint32_t ifindex = 0;
	int r = route->ifname ? policy_ifindex(l, route->ifname, &ifindex) : 0;

	if (r == 0)
		r = rtnl_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &rtm, sizeof(rtm), &m);
	if (r == 0)
		r = rtnl_put_u32(m, RTA_TABLE, route->table);
	if (r == 0 && to.len)
		r = rtnl_put(m, RTA_DST, to.addr.bytes, addr_len(&to.addr));
	if (r == 0 && route->ifname)
		r = rtnl_put_u32(m, RTA_OIF, ifindex);
	if (r == 0 && route->via.family)
		r = rtnl_put(m, RTA_GATEWAY, route->via.bytes, addr_len(&route->via));
	if (r == 0 && route->source.family)
		r = rtnl_put(m, RTA_PREFSRC, route->source.bytes, addr_len(&route->source));
	return r < 0 ? r : rtnl_talk(l, m, NULL, NULL);
}

struct policy_routes {
	uint32_t table;
	struct policy_found {
		struct prefix to;
		uint8_t type;
	} * items;
	size_t n, size;
};

static int policy_collect(struct nlmsghdr *h, void *arg)
{
	struct policy_routes *t = arg;
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct policy_found *e;
	uint32_t table = rtm->rtm_table;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return 0;
	if (tb[RTA_TABLE])
		table = nla_get_u32(tb[RTA_TABLE]);
	if (table != t->table)
		return 0;
	if (rtnl_grow((void **)&t->items, &t->size, t->n, sizeof(t->items[0])) < 0)
		return -ENOMEM;
	e = &t->items[t->n];
	e->type = rtm->rtm_type;
	if (rtnl_get_prefix(rtm->rtm_family, tb[RTA_DST], rtm->rtm_dst_len, &e->to) == 0)
		t->n++;
	return 0;
}

static int policy_del_route(struct links *l, uint32_t table, const struct policy_found *e)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct rtmsg rtm = {.rtm_family = policy_family(e->to.addr.family),
		.rtm_dst_len = e->to.len,
		.rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_UNSPEC,
		.rtm_scope = RT_SCOPE_NOWHERE,
		.rtm_type = e->type};
	int r = rtnl_message(RTM_DELROUTE, 0, &rtm, sizeof(rtm), &m);

	if (r == 0)
		r = rtnl_put_u32(m, RTA_TABLE, table);
	if (r == 0 && e->to.len)
		r = rtnl_put(m, RTA_DST, e->to.addr.bytes, addr_len(&e->to.addr));
	if (r == 0)
		r = rtnl_talk(l, m, NULL, NULL);
	return r == -ESRCH ? 0 : r;
}

int policy_clear_table(struct links *l, uint32_t table)
{
	const int families[] = {AF_INET, AF_INET6};
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(families) && r == 0; i++) {
		struct policy_routes t = {.table = table};

		r = rtnl_dump(l, RTM_GETROUTE, families[i], policy_collect, &t, &t.n);
		if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
			r = 0;
		for (size_t k = 0; k < t.n && r == 0; k++)
			r = policy_del_route(l, table, &t.items[k]);
		free(t.items);
	}
	return r;
}

struct policy_answer {
	uint8_t type;
	uint32_t oif;
	struct addr source;
};

static int policy_on_way(struct nlmsghdr *h, void *arg)
{
	struct policy_answer *a = arg;
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct prefix source;

	if (h->nlmsg_type != RTM_NEWROUTE || nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return 0;
	a->type = rtm->rtm_type;
	if (tb[RTA_OIF])
		a->oif = nla_get_u32(tb[RTA_OIF]);
	if (tb[RTA_PREFSRC] &&
		rtnl_get_prefix(rtm->rtm_family, tb[RTA_PREFSRC],
			rtm->rtm_family == AF_INET ? 32 : 128, &source) == 0)
		a->source = source.addr;
	return 0;
}

int policy_way(struct links *l, const struct addr *to, char ret_ifname[16], struct addr *ret_source)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct rtmsg rtm = {.rtm_family = policy_family(to->family),
		.rtm_dst_len = (unsigned char)addr_bits(to)};
	struct policy_answer a = {0};
	char name[IF_NAMESIZE];
	int r = rtnl_message(RTM_GETROUTE, 0, &rtm, sizeof(rtm), &m);

	if (r == 0)
		r = rtnl_put(m, RTA_DST, to->bytes, addr_len(to));
	if (r == 0)
		r = rtnl_talk(l, m, policy_on_way, &a);
	if (r < 0)
		return r;
	if (a.type == RTN_LOCAL)
		return -EADDRNOTAVAIL;
	if (a.type != RTN_UNICAST || !a.oif)
		return -ENETUNREACH;
	if (!if_indextoname(a.oif, name)) /* our own namespace: the only one that is asked */
		return -ENODEV;
	memcpy(ret_ifname, name, sizeof(name));
	if (ret_source)
		*ret_source = a.source;
	return 0;
}

/* ---- settings of a link ---- */

struct policy_setting {
	int key;
	bool found;
	uint32_t value;
};

static int policy_on_link(struct nlmsghdr *h, void *arg)
{
	struct policy_setting *s = arg;
	struct nlattr *tb[IFLA_MAX + 1], *inet, *conf;
	uint32_t all[64] = {0};

	if (h->nlmsg_type != RTM_NEWLINK ||
		nlmsg_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0 ||
		!tb[IFLA_AF_SPEC])
		return 0;
	inet = nla_find(nla_data(tb[IFLA_AF_SPEC]), nla_len(tb[IFLA_AF_SPEC]), AF_INET);
	conf = inet ? nla_find(nla_data(inet), nla_len(inet), IFLA_INET_CONF) : NULL;
	if (!conf || nla_len(conf) < s->key * 4)
		return 0;
	memcpy(all, nla_data(conf), MIN((size_t)nla_len(conf), sizeof(all)));
	s->value = all[s->key - 1];
	s->found = true;
	return 0;
}

int policy_get(struct links *l, const char *ifname, int key, uint32_t *ret)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct policy_setting s = {.key = key};
	int r = rtnl_message(RTM_GETLINK, 0, &ifi, sizeof(ifi), &m);

	if (r == 0)
		r = rtnl_put_string(m, IFLA_IFNAME, ifname);
	if (r == 0)
		r = rtnl_talk(l, m, policy_on_link, &s);
	if (r < 0)
		return r;
	if (!s.found)
		return -EOPNOTSUPP;
	*ret = s.value;
	return 0;
}

int policy_set(struct links *l, const char *ifname, int key, uint32_t value)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *spec, *inet, *conf;
	int r = rtnl_message(RTM_SETLINK, 0, &ifi, sizeof(ifi), &m);

	if (r == 0)
		r = rtnl_put_string(m, IFLA_IFNAME, ifname);
	if (r < 0)
		return r;
	spec = nla_nest_start(m, IFLA_AF_SPEC);
	inet = spec ? nla_nest_start(m, AF_INET) : NULL;
	conf = inet ? nla_nest_start(m, IFLA_INET_CONF) : NULL;
	if (!conf || rtnl_put_u32(m, key, value) < 0)
		return -ENOMEM;
	nla_nest_end(m, conf);
	nla_nest_end(m, inet);
	nla_nest_end(m, spec);
	return rtnl_talk(l, m, NULL, NULL);
}

static int policy_on_netconf(struct nlmsghdr *h, void *arg)
{
	struct nlattr *tb[NETCONFA_MAX + 1];

	if (h->nlmsg_type == RTM_NEWNETCONF &&
		nlmsg_parse(h, sizeof(struct netconfmsg), tb, NETCONFA_MAX, NULL) == 0 &&
		tb[NETCONFA_FORWARDING])
		*(bool *)arg = nla_get_u32(tb[NETCONFA_FORWARDING]) != 0;
	return 0;
}

bool policy_forwards_all(struct links *l, uint8_t family)
{
	_cleanup_msg_ struct nl_msg *m = NULL;
	struct netconfmsg ncm = {.ncm_family = policy_family(family)};
	const int all = NETCONFA_IFINDEX_ALL;
	bool on = false;

	if (rtnl_message(RTM_GETNETCONF, 0, &ncm, sizeof(ncm), &m) < 0 ||
		rtnl_put(m, NETCONFA_IFINDEX, &all, sizeof(all)) < 0)
		return false;
	return rtnl_talk(l, m, policy_on_netconf, &on) == 0 && on;
}
