// SPDX-License-Identifier: MIT
// Links and addresses over rtnetlink, in the host's namespace or a tailnet's.
//
// A netlink socket stays in the namespace in which it was made, so one is made by a short child and
// kept. Requests name their link; nothing is cached, nothing is dumped but by links_addresses() and
// links_routes(), so the cost of a tailnet does not grow with the number of tailnets.
#include "supervisor/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "supervisor/netns.h"
#include "supervisor/rtnl.h"

#define LINKS_PREFIX "tsgw-" /* of links of ours */

/* By ioctl, which netlink sockets know as any other: a question over netlink waits for the lock of all changes. */
int links_find_index(struct links *l, const char *name)
{
	struct ifreq ifr = {0};

	if (!*name || strlen(name) >= sizeof(ifr.ifr_name))
		return -EINVAL;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(links_watch_fd(l), SIOCGIFINDEX, &ifr) < 0 ? -errno : ifr.ifr_ifindex;
}

/* A RTM_SETLINK or RTM_DELLINK for the link NAME, to which attributes can be added. */
static int links_message(uint16_t type, const char *name, uint32_t flags, struct nl_msg **ret)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_flags = flags, .ifi_change = flags};

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -EINVAL;
	return rtnl_message(type, 0, &ifi, sizeof(ifi), ret)
		?: rtnl_put_string(*ret, IFLA_IFNAME, name);
}

static void links_parse(struct nlmsghdr *h, struct link_info *ret)
{
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *ifi = nlmsg_data(h);

	*ret = (struct link_info){.ifindex = ifi->ifi_index, .up = ifi->ifi_flags & IFF_UP};
	if (nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return;
	if (tb[IFLA_IFNAME])
		nla_strlcpy(ret->name, tb[IFLA_IFNAME], sizeof(ret->name));
	if (tb[IFLA_IFALIAS])
		nla_strlcpy(ret->alias, tb[IFLA_IFALIAS], sizeof(ret->alias));
	if (tb[IFLA_GROUP])
		ret->group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_MTU])
		ret->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_LINKINFO] && !nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) &&
		info[IFLA_INFO_KIND])
		nla_strlcpy(ret->kind, info[IFLA_INFO_KIND], sizeof(ret->kind));
}

static int links_found(struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWLINK)
		links_parse(h, arg);
	return 0;
}

int links_find(struct links *l, const char *name, struct link_info *ret)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	struct link_info info = {0};
	int r = links_message(RTM_GETLINK, name, 0, &msg);

	if (r == 0)
		r = rtnl_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (r == 0)
		r = rtnl_talk(l, msg, links_found, &info);
	if (r < 0)
		return r;
	if (!info.ifindex)
		return -ENODEV;
	*ret = info;
	return 0;
}

/* ---- veth ---- */

/* The host's end is made in the host's namespace at once: moving a link there costs 20 ms of
 * waiting for other CPUs. A new link cannot have an alias, but it can be in a group: that marks it
 * until it has. */
static int links_make_pair(struct links *l, const char *ns_name, int host_netns_fd,
	const char *host_name, uint32_t group)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *info, *data, *peer;
	int r = rtnl_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), &msg);

	if (r == 0)
		r = rtnl_put_string(msg, IFLA_IFNAME, ns_name);
	if (r < 0)
		return r;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || rtnl_put_string(msg, IFLA_INFO_KIND, "veth") < 0)
		return -ENOMEM;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	peer = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (!peer || nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
		rtnl_put_string(msg, IFLA_IFNAME, host_name) < 0 ||
		rtnl_put_u32(msg, IFLA_GROUP, group) < 0 ||
		rtnl_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)host_netns_fd) < 0)
		return -ENOMEM;
	nla_nest_end(msg, peer);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return rtnl_talk(l, msg, NULL, NULL);
}

/* No link-local address, so no duplicate address detection, no solicitation of routers, no multicast groups: our
 * /30 is IPv4's. */
static int links_put_no_ipv6(struct nl_msg *msg)
{
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *spec = nla_nest_start(msg, IFLA_AF_SPEC), *inet6;

	inet6 = spec ? nla_nest_start(msg, AF_INET6) : NULL;
	if (!inet6 || rtnl_put(msg, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none)) < 0)
		return -ENOMEM;
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return 0;
}

int links_no_link_local(struct links *l, const char *name)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_SETLINK, name, 0, &msg);

	if (r == 0)
		r = links_put_no_ipv6(msg);
	if (r == 0)
		r = rtnl_talk(l, msg, NULL, NULL);
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -EINVAL ? 0 : r;
}

static int links_mark(struct links *l, const char *name, const char *alias, bool no_ipv6)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_SETLINK, name, 0, &msg);

	if (r == 0)
		r = rtnl_put(msg, IFLA_IFALIAS, alias, strlen(alias));
	if (r == 0 && no_ipv6)
		r = links_put_no_ipv6(msg);
	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

/* A host without IPv6 does not know the second half. */
static int links_set_alias(struct links *l, const char *name, const char *alias)
{
	int r = links_mark(l, name, alias, true);

	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP || r == -EINVAL
		? links_mark(l, name, alias, false)
		: r;
}

uint32_t links_group(const char *alias)
{
	uint32_t h = 0x811c9dc5; /* FNV-1a */

	for (; *alias; alias++)
		h = (h ^ (unsigned char)*alias) * 0x01000193;
	return h & 0x7fffffff ?: 1; /* 0 is everybody's */
}

/* A socket in the namespace NETNS_FD; no child is needed where that is our own. */
static int links_open_host(int netns_fd, struct links **ret)
{
	struct netns_id want, own;
	_cleanup_close_ int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	bool same = fd >= 0 && netns_identify(fd, &own) == 0 &&
		netns_identify(netns_fd, &want) == 0 && own.ino == want.ino && own.dev == want.dev;

	return links_open(same ? -1 : netns_fd, ret);
}

int links_veth(struct links *l, int host_netns_fd, const char *host_name, const char *ns_name,
	const char *alias)
{
	struct links *host;
	int r;

	if (!*host_name || strlen(host_name) >= IFNAMSIZ || !*ns_name ||
		strlen(ns_name) >= IFNAMSIZ)
		return -EINVAL;
	r = links_open_host(host_netns_fd, &host);
	if (r < 0)
		return r;
	r = links_make_pair(l, ns_name, host_netns_fd, host_name, links_group(alias));
	if (r == 0) {
		r = links_set_alias(host, host_name, alias);
		if (r < 0)
			(void)links_delete(l, ns_name);
	}
	links_close(host);
	return r;
}

/* ---- one link ---- */

int links_delete(struct links *l, const char *name)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_DELLINK, name, 0, &msg);

	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

int links_set_up(struct links *l, const char *name)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_SETLINK, name, IFF_UP, &msg);

	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

int links_set_up_with_mtu(struct links *l, const char *name, uint32_t mtu)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_SETLINK, name, IFF_UP, &msg);

	if (r == 0)
		r = rtnl_put_u32(msg, IFLA_MTU, mtu);
	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

static int links_set_u32(struct links *l, const char *name, int attribute, uint32_t value)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	int r = links_message(RTM_SETLINK, name, 0, &msg);

	if (r == 0)
		r = rtnl_put_u32(msg, attribute, value);
	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

int links_set_group(struct links *l, const char *name, uint32_t group)
{
	return links_set_u32(l, name, IFLA_GROUP, group);
}

int links_delete_group(struct links *l, uint32_t group)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	int r = group ? rtnl_message(RTM_DELLINK, 0, &ifi, sizeof(ifi), &msg) : -EINVAL;

	if (r == 0)
		r = rtnl_put_u32(msg, IFLA_GROUP, group);
	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

int links_set_mtu(struct links *l, const char *name, uint32_t mtu)
{
	return links_set_u32(l, name, IFLA_MTU, mtu);
}

int links_set_gso_max(struct links *l, const char *name, uint32_t bytes)
{
	/* up to 65536 this sets IPv4's own limit of newer kernels as well (netif_set_gso_max_size) */
	int r = links_set_u32(l, name, IFLA_GSO_MAX_SIZE, bytes);

	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r;
}

/* ---- addresses ---- */

static int links_address(
	struct links *l, uint16_t type, int flags, const char *name, const struct prefix *p)
{
	_cleanup_msg_ struct nl_msg *msg = NULL;
	struct ifaddrmsg ifa = {
		.ifa_family = p->addr.family == 4 ? AF_INET : AF_INET6,
		.ifa_prefixlen = p->len,
		.ifa_flags = p->addr.family == 6 ? IFA_F_NODAD : 0,
	};
	int r = links_find_index(l, name);

	if (r < 0)
		return r;
	ifa.ifa_index = (uint32_t)r;
	r = rtnl_message(type, flags, &ifa, sizeof(ifa), &msg);
	if (r == 0)
		r = rtnl_put(msg, IFA_LOCAL, p->addr.bytes, addr_len(&p->addr));
	if (r == 0)
		r = rtnl_put(msg, IFA_ADDRESS, p->addr.bytes, addr_len(&p->addr));
	return r < 0 ? r : rtnl_talk(l, msg, NULL, NULL);
}

int links_add_address(struct links *l, const char *name, const struct prefix *p)
{
	int r = links_address(l, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, name, p);

	return r == -EEXIST ? 0 : r;
}

int links_del_address(struct links *l, const char *name, const struct prefix *p)
{
	int r = links_address(l, RTM_DELADDR, 0, name, p);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

struct links_addresses {
	struct link_address *items;
	size_t n, size;
	int family;
	int only; /* ifindex; 0 = all */
};

/* The label of an IPv4 address is the name of its link, and follows it, unless somebody has chosen it. Ours nobody
 * does: so no question is needed for their links, of which there may be thousands. */
static bool links_label_is_name(const char *label)
{
	return !strncmp(label, LINKS_PREFIX, strlen(LINKS_PREFIX));
}

static int links_collect_address(struct nlmsghdr *h, void *arg)
{
	struct links_addresses *t = arg;
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	struct nlattr *tb[IFA_MAX + 1], *a;
	struct link_address *e;
	uint32_t flags;

	if (h->nlmsg_type != RTM_NEWADDR || nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return 0;
	a = tb[IFA_LOCAL] ?: tb[IFA_ADDRESS];
	/* a kernel that has not the family, or cannot look at one link, tells of all */
	if (!a || ifa->ifa_family != t->family || (t->only && (int)ifa->ifa_index != t->only))
		return 0;
	if (rtnl_grow((void **)&t->items, &t->size, t->n, sizeof(t->items[0])) < 0)
		return -ENOMEM;
	e = &t->items[t->n];
	*e = (struct link_address){.ifindex = (int)ifa->ifa_index};
	if (rtnl_get_prefix(ifa->ifa_family, a, ifa->ifa_prefixlen, &e->prefix) < 0)
		return 0;
	flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	e->usable = !(flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED));
	if (tb[IFA_LABEL])
		nla_strlcpy(e->ifname, tb[IFA_LABEL], sizeof(e->ifname));
	if (!links_label_is_name(e->ifname))
		e->ifname[0] = '\0';
	t->n++;
	return 0;
}

static int links_by_index(struct links *l, int ifindex, struct link_info *ret)
{
	struct ifreq ifr = {.ifr_ifindex = ifindex};
	struct link_info info = {.ifindex = ifindex};

	if (ioctl(links_watch_fd(l), SIOCGIFNAME, &ifr) < 0)
		return -errno;
	memcpy(info.name, ifr.ifr_name, sizeof(info.name));
	if (ioctl(links_watch_fd(l), SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	info.up = ifr.ifr_flags & IFF_UP;
	*ret = info;
	return 0;
}

/* Who has no name yet gets it; what is gone meanwhile is left out: an event follows. A dump of all links would be
 * simpler, but for each veth the kernel looks for its peer's namespace among all that it knows. */
static int links_name_addresses(struct links *l, struct links_addresses *t)
{
	struct link_info info = {0};
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct link_address *e = &t->items[i];

		if (!*e->ifname && e->ifindex != info.ifindex) {
			info = (struct link_info){.ifindex = e->ifindex};
			r = links_by_index(l, e->ifindex, &info);
			if (r < 0 && r != -ENODEV)
				return r;
		}
		if (!*e->ifname && !*info.name)
			continue;
		if (!*e->ifname) {
			memcpy(e->ifname, info.name, sizeof(e->ifname));
			e->usable &= info.up;
		}
		t->items[n++] = *e;
	}
	t->n = n;
	return 0;
}

/* Each family on its own: for both at once the kernel takes the lock of all changes. */
static int links_add_ipv6(struct links *l, struct links_addresses *t)
{
	struct links_addresses more = {.family = AF_INET6, .only = t->only};
	int r = rtnl_dump_addresses(l, AF_INET6, t->only, links_collect_address, &more, &more.n);

	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
		r = 0;
	for (size_t i = 0; i < more.n && r == 0; i++) {
		r = rtnl_grow((void **)&t->items, &t->size, t->n, sizeof(t->items[0]));
		if (r == 0)
			t->items[t->n++] = more.items[i];
	}
	free(more.items);
	return r;
}

static int links_list_addresses(struct links *l, int only, struct link_address **ret, size_t *ret_n)
{
	struct links_addresses t = {.family = AF_INET, .only = only};
	int r = rtnl_dump_addresses(l, AF_INET, only, links_collect_address, &t, &t.n);

	if (r == 0)
		r = links_add_ipv6(l, &t);
	if (r == 0)
		r = links_name_addresses(l, &t);
	if (r < 0) {
		free(t.items);
		return r;
	}
	*ret = t.items;
	*ret_n = t.n;
	return 0;
}

int links_addresses(struct links *l, struct link_address **ret, size_t *ret_n)
{
	return links_list_addresses(l, 0, ret, ret_n);
}

int links_addresses_of(struct links *l, const char *name, struct link_address **ret, size_t *ret_n)
{
	int r = links_find_index(l, name);

	if (r > 0)
		r = links_list_addresses(l, r, ret, ret_n);
	if (r == -ENODEV) { /* the kernel says so of an index, too */
		*ret = NULL;
		*ret_n = 0;
		r = 0;
	}
	return r;
}
