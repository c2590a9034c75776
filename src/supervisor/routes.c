// SPDX-License-Identifier: MIT
// Routes: a tailnet's allowed-ips as device routes, and what the host routes already.
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "supervisor/links.h"
#include "supervisor/rtnl.h"

static int routes_append(
	struct rtnl_batch *b, uint16_t type, int flags, uint32_t ifindex, const struct prefix *p)
{
	struct prefix c = prefix_canonical(p); /* the kernel refuses host bits */
	struct rtmsg rtm = {
		.rtm_family = c.addr.family == 4 ? AF_INET : AF_INET6,
		.rtm_dst_len = c.len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = c.addr.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	struct rtnl_attribute attributes[] = {
		{RTA_OIF, &ifindex, sizeof(ifindex)},
		{RTA_DST, c.addr.bytes, addr_len(&c.addr)},
	};

	return rtnl_batch_add(b, type, flags, &rtm, sizeof(rtm), attributes, c.len ? 2 : 1);
}

static int routes_change(struct links *l, uint16_t type, int flags, int ignore, const char *name,
	const struct prefix *p, size_t n)
{
	_cleanup_free_ struct rtnl_batch *b = NULL;
	int ifindex, r = 0;

	if (!n)
		return 0;
	ifindex = links_find_index(l, name);
	if (ifindex < 0)
		return ifindex;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->links = l;
	b->ignore = ignore;
	for (size_t i = 0; i < n && r == 0; i++)
		r = routes_append(b, type, flags, (uint32_t)ifindex, &p[i]);
	return r < 0 ? r : rtnl_batch_end(b);
}

int links_add_routes(struct links *l, const char *name, const struct prefix *p, size_t n)
{
	return routes_change(l, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, EEXIST, name, p, n);
}

int links_add_route(struct links *l, const char *name, const struct prefix *p)
{
	return links_add_routes(l, name, p, 1);
}

int links_del_route(struct links *l, const char *name, const struct prefix *p)
{
	return routes_change(l, RTM_DELROUTE, 0, ESRCH, name, p, 1);
}

struct routes_table {
	struct prefix *items;
	size_t n, size;
	const int *except; /* ifindices whose routes do not count */
	size_t n_except;
	int only; /* ifindex whose routes count */
};

static int routes_collect(struct nlmsghdr *h, void *arg)
{
	struct routes_table *t = arg;
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];

	/* halves of everything (0.0.0.0/1) are how some VPN clients write a default route */
	if (h->nlmsg_type != RTM_NEWROUTE || rtm->rtm_dst_len <= 1 || rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	if (nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return 0;
	for (size_t i = 0; i < t->n_except && tb[RTA_OIF]; i++)
		if ((int)nla_get_u32(tb[RTA_OIF]) == t->except[i])
			return 0;
	if (rtnl_grow((void **)&t->items, &t->size, t->n, sizeof(t->items[0])) < 0)
		return -ENOMEM;
	if (rtnl_get_prefix(rtm->rtm_family, tb[RTA_DST], rtm->rtm_dst_len, &t->items[t->n]) == 0)
		t->n++;
	return 0;
}

/* R is what the dumps gave. The tables are gone afterwards. */
static int routes_join(
	int r, struct routes_table *v4, struct routes_table *v6, struct prefix **ret, size_t *ret_n)
{
	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
		r = 0; /* no IPv6 */
	for (size_t i = 0; i < v6->n && r == 0; i++) {
		r = rtnl_grow((void **)&v4->items, &v4->size, v4->n, sizeof(v4->items[0]));
		if (r == 0)
			v4->items[v4->n++] = v6->items[i];
	}
	free(v6->items);
	if (r < 0) {
		free(v4->items);
		return r;
	}
	*ret = v4->items;
	*ret_n = v4->n;
	return 0;
}

static int routes_list(
	struct links *l, const int *except, size_t n_except, struct prefix **ret, size_t *ret_n)
{
	struct routes_table v4 = {.except = except, .n_except = n_except}, v6 = v4;
	int r = rtnl_dump(l, RTM_GETROUTE, AF_INET, routes_collect, &v4, &v4.n);

	if (r == 0)
		r = rtnl_dump(l, RTM_GETROUTE, AF_INET6, routes_collect, &v6, &v6.n);
	return routes_join(r, &v4, &v6, ret, ret_n);
}

static int routes_collect_device(struct nlmsghdr *h, void *arg)
{
	struct routes_table *t = arg;
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct prefix p = {.addr = {.family = rtm->rtm_family == AF_INET ? 4 : 6}};

	if (h->nlmsg_type != RTM_NEWROUTE || rtm->rtm_table != RT_TABLE_MAIN ||
		rtm->rtm_protocol != RTPROT_STATIC ||
		nlmsg_parse(h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0 || !tb[RTA_OIF] ||
		(int)nla_get_u32(tb[RTA_OIF]) != t->only)
		return 0;
	if (rtm->rtm_dst_len &&
		rtnl_get_prefix(rtm->rtm_family, tb[RTA_DST], rtm->rtm_dst_len, &p) < 0)
		return 0;
	if (rtnl_grow((void **)&t->items, &t->size, t->n, sizeof(t->items[0])) < 0)
		return -ENOMEM;
	t->items[t->n++] = p;
	return 0;
}

int links_device_routes(struct links *l, const char *name, struct prefix **ret, size_t *ret_n)
{
	struct routes_table v4 = {0}, v6 = {0};
	struct link_info info;
	int r = links_find(l, name, &info);

	if (r < 0)
		return r;
	v4.only = v6.only = info.ifindex;
	r = rtnl_dump(l, RTM_GETROUTE, AF_INET, routes_collect_device, &v4, &v4.n);
	if (r == 0)
		r = rtnl_dump(l, RTM_GETROUTE, AF_INET6, routes_collect_device, &v6, &v6.n);
	return routes_join(r, &v4, &v6, ret, ret_n);
}

int links_routes(struct links *l, struct prefix **ret, size_t *ret_n)
{
	return routes_list(l, NULL, 0, ret, ret_n);
}

static bool routes_is_link(void *arg, const char *ifname)
{
	return !strcmp(arg, ifname);
}

int links_used(struct links *l, const char *except, struct prefix **ret, size_t *ret_n)
{
	_cleanup_free_ struct link_address *addresses = NULL;
	size_t n;
	int r = links_addresses(l, &addresses, &n);

	return r < 0 ? r
		     : links_used_but(l, addresses, n, except ? routes_is_link : NULL,
			       (void *)except, ret, ret_n);
}

/* The links that do not count, each once. */
static size_t routes_except(const struct link_address *a, size_t n,
	bool (*except)(void *arg, const char *ifname), void *arg, int *ret)
{
	size_t n_ret = 0;

	for (size_t i = 0; i < n && except; i++)
		if ((!n_ret || ret[n_ret - 1] != a[i].ifindex) && except(arg, a[i].ifname))
			ret[n_ret++] = a[i].ifindex;
	return n_ret;
}

static bool routes_is_excepted(const int *except, size_t n, int ifindex)
{
	for (size_t i = 0; i < n; i++)
		if (except[i] == ifindex)
			return true;
	return false;
}

int links_used_but(struct links *l, const struct link_address *a, size_t n_a,
	bool (*except)(void *arg, const char *ifname), void *arg, struct prefix **ret,
	size_t *ret_n)
{
	_cleanup_free_ int *excepted = calloc(n_a + 1, sizeof(*excepted));
	struct routes_table t = {.except = excepted};
	struct prefix *more;
	int r;

	if (!excepted)
		return -ENOMEM;
	t.n_except = routes_except(a, n_a, except, arg, excepted);
	r = rtnl_dump(l, RTM_GETROUTE, AF_INET, routes_collect, &t, &t.n);
	more = r < 0 ? NULL : reallocarray(t.items, t.n + n_a + 1, sizeof(*more));
	if (!more) {
		free(t.items);
		return r < 0 ? r : -ENOMEM;
	}
	for (size_t i = 0; i < n_a; i++)
		if (a[i].prefix.addr.family == 4 &&
			!routes_is_excepted(excepted, t.n_except, a[i].ifindex))
			more[t.n++] = prefix_of_addr(&a[i].prefix.addr);
	*ret = more;
	*ret_n = t.n;
	return 0;
}
