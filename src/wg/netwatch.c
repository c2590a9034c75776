// SPDX-License-Identifier: MIT
// What a node that stands alone hears from netlink: where its TUN is, the MTU there, and its own routes.
//
// People make the node in one network namespace and move its device to another one, whose netlink is not
// ours to hear by default. The kernel tells of other namespaces if they have a number in ours and the
// socket was made with CAP_NET_BROADCAST (NETLINK_LISTEN_ALL_NSID); it also answers questions about them
// (IFLA_TARGET_NETNSID) to who has CAP_NET_ADMIN. Which one the device is in, the TUN itself knows.
//
// The encrypted side stays where the node was started. Its own address towards a peer is the one that the peer
// calls, until the route to the peer leads through another interface than the peer's packets come in by.
#include "wg/netwatch.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif
#define MESSAGE_BYTES 16384

/* A question: header, fixed part, attributes. */
struct question {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct rtgenmsg ns;
		struct rtmsg route;
	};
	uint8_t attributes[64];
};

static int netlink_open(int flags, bool all)
{
	struct sockaddr_nl local = {.nl_family = AF_NETLINK,
		.nl_groups = all ? RTMGRP_LINK | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE : 0};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
	int on = 1;

	if (fd < 0)
		return -errno;
	if (all) /* without the right to: then of our own namespace only */
		(void)setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0 ? -errno : take_fd(fd);
}

int netwatch_open(struct netwatch *w, int tun_fd)
{
	struct stat st;

	*w = (struct netwatch){.tun_fd = tun_fd, .events_fd = -1, .ask_fd = -1, .nsid = -1};
	if (stat("/proc/self/ns/net", &st) == 0)
		w->own_net = st.st_ino;
	w->events_fd = netlink_open(SOCK_NONBLOCK, true);
	if (w->events_fd < 0)
		return w->events_fd;
	w->ask_fd = netlink_open(0, false);
	return w->ask_fd < 0 ? w->ask_fd : 0;
}

void netwatch_close(struct netwatch *w)
{
	w->events_fd = fd_close(w->events_fd);
	w->ask_fd = fd_close(w->ask_fd);
}

/* ---- questions ---- */

static void add_attribute(struct question *q, uint16_t type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)((uint8_t *)q + NLMSG_ALIGN(q->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	q->h.nlmsg_len = NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

static struct question question(struct netwatch *w, uint16_t type, size_t fixed)
{
	return (struct question){.h.nlmsg_type = type,
		.h.nlmsg_flags = NLM_F_REQUEST | (type == RTM_NEWNSID ? NLM_F_ACK : 0),
		.h.nlmsg_len = (uint32_t)NLMSG_LENGTH(fixed),
		.h.nlmsg_seq = ++w->seq};
}

/* The kernel answers before send() returns. The answer's length; -errno; 0: done. */
static int ask(struct netwatch *w, struct question *q, void *answer, size_t size)
{
	struct nlmsghdr *h = answer;
	ssize_t n;

	if (send(w->ask_fd, q, q->h.nlmsg_len, 0) < 0)
		return -errno;
	do {
		n = recv(w->ask_fd, answer, size, MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0)
			return -errno;
		if ((size_t)n > size || !NLMSG_OK(h, (size_t)n))
			return -EBADMSG;
	} while (h->nlmsg_seq != w->seq);
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
	return (int)n;
}

static const struct rtattr *attribute(
	const struct nlmsghdr *h, size_t fixed, uint16_t type, size_t least)
{
	const struct rtattr *a =
		(const struct rtattr *)((const uint8_t *)NLMSG_DATA(h) + NLMSG_ALIGN(fixed));
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(fixed);

	for (; left > 0 && RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == type && RTA_PAYLOAD(a) >= least)
			return a;
	return NULL;
}

static int link_mtu(const struct nlmsghdr *h)
{
	const struct rtattr *a = attribute(h, sizeof(struct ifinfomsg), IFLA_MTU, sizeof(uint32_t));
	uint32_t mtu;

	if (!a)
		return 0;
	memcpy(&mtu, RTA_DATA(a), sizeof(mtu));
	return (int)MIN(mtu, 65535u);
}

/* The number of NETNS in our namespace, given to it if it has none yet. -errno */
static int number_of(struct netwatch *w, int netns, int32_t *ret)
{
	_Alignas(struct nlmsghdr) uint8_t answer[1024];
	struct question q = question(w, RTM_NEWNSID, sizeof(struct rtgenmsg));
	const struct rtattr *a;
	int32_t any = -1;
	int r;

	add_attribute(&q, NETNSA_NSID, &any, sizeof(any));
	add_attribute(&q, NETNSA_FD, &netns, sizeof(netns));
	r = ask(w, &q, answer, sizeof(answer));
	if (r < 0 && r != -EEXIST)
		return r;
	q = question(w, RTM_GETNSID, sizeof(struct rtgenmsg));
	add_attribute(&q, NETNSA_FD, &netns, sizeof(netns));
	r = ask(w, &q, answer, sizeof(answer));
	if (r < 0)
		return r;
	a = attribute(
		(struct nlmsghdr *)answer, sizeof(struct rtgenmsg), NETNSA_NSID, sizeof(*ret));
	if (r == 0 || !a)
		return -ENOENT;
	memcpy(ret, RTA_DATA(a), sizeof(*ret));
	return 0;
}

static int ask_link(struct netwatch *w)
{
	_Alignas(struct nlmsghdr) uint8_t answer[MESSAGE_BYTES];
	struct question q = question(w, RTM_GETLINK, sizeof(struct ifinfomsg));
	struct ifreq ifr = {0};
	int r;

	if (ioctl(w->tun_fd, TUNGETIFF, &ifr) < 0)
		return -errno;
	if (w->foreign)
		add_attribute(&q, IFLA_TARGET_NETNSID, &w->nsid, sizeof(w->nsid));
	add_attribute(
		&q, IFLA_IFNAME, ifr.ifr_name, strnlen(ifr.ifr_name, sizeof(ifr.ifr_name) - 1) + 1);
	r = ask(w, &q, answer, sizeof(answer));
	if (r <= 0)
		return r < 0 ? r : -ENODEV;
	w->ifindex =
		(uint32_t)((struct ifinfomsg *)NLMSG_DATA((struct nlmsghdr *)answer))->ifi_index;
	return link_mtu((struct nlmsghdr *)answer);
}

int netwatch_locate(struct netwatch *w)
{
	_cleanup_close_ int netns = ioctl(w->tun_fd, TUNGETDEVNETNS, 0);
	struct stat st;
	int r = 0;

	w->foreign = false;
	w->ifindex = 0;
	/* a kernel that cannot say it (before 5.1): then it is where we are */
	if (netns >= 0 && fstat(netns, &st) == 0 && st.st_ino != w->own_net) {
		r = number_of(w, netns, &w->nsid);
		w->foreign = true;
	}
	return r < 0 ? r : ask_link(w);
}

uint32_t netwatch_interface_to(
	struct netwatch *w, const struct addr *from, const struct addr *to, uint32_t fwmark)
{
	_Alignas(struct nlmsghdr) uint8_t answer[1024];
	struct question q = question(w, RTM_GETROUTE, sizeof(struct rtmsg));
	const struct rtattr *a;
	uint32_t ifindex;

	q.route.rtm_family = to->family == 4 ? AF_INET : AF_INET6;
	q.route.rtm_dst_len = q.route.rtm_src_len = (uint8_t)addr_bits(to);
	add_attribute(&q, RTA_DST, to->bytes, addr_len(to));
	add_attribute(&q, RTA_SRC, from->bytes, addr_len(to));
	if (fwmark)
		add_attribute(&q, RTA_MARK, &fwmark, sizeof(fwmark));
	if (ask(w, &q, answer, sizeof(answer)) <= 0)
		return 0;
	a = attribute((struct nlmsghdr *)answer, sizeof(struct rtmsg), RTA_OIF, sizeof(ifindex));
	if (!a)
		return 0;
	memcpy(&ifindex, RTA_DATA(a), sizeof(ifindex));
	return ifindex;
}

/* ---- events ---- */

/* Which namespace a message is from: true and its number, or false: ours. */
static bool origin(struct msghdr *mh, int32_t *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c))
		if (c->cmsg_level == SOL_NETLINK && c->cmsg_type == NETLINK_LISTEN_ALL_NSID) {
			memcpy(ret, CMSG_DATA(c), sizeof(*ret));
			return *ret >= 0;
		}
	return false;
}

static int link_event(struct netwatch *w, const struct nlmsghdr *h, bool foreign, int32_t nsid)
{
	const struct ifinfomsg *info = NLMSG_DATA(h);

	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
		h->nlmsg_len < NLMSG_LENGTH(sizeof(*info)) ||
		(uint32_t)info->ifi_index != w->ifindex || foreign != w->foreign ||
		(foreign && nsid != w->nsid))
		return 0;
	return h->nlmsg_type == RTM_NEWLINK ? link_mtu(h) : netwatch_locate(w);
}

int netwatch_read(struct netwatch *w)
{
	_Alignas(struct nlmsghdr) uint8_t buf[MESSAGE_BYTES];
	int mtu = 0;

	for (;;) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int32_t))];
		} control;
		struct iovec iov = {.iov_base = buf, .iov_len = sizeof(buf)};
		struct msghdr mh = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(w->events_fd, &mh, 0);
		int32_t nsid = -1;
		bool foreign;
		unsigned left;

		if (n < 0 && errno == ENOBUFS) { /* some were lost, perhaps ours */
			mtu = netwatch_locate(w);
			w->routes_changed = true;
		}
		if (n <= 0 && errno != ENOBUFS)
			return MAX(mtu, 0);
		if (n <= 0)
			continue;
		foreign = origin(&mh, &nsid);
		left = (unsigned)n;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, left);
			h = NLMSG_NEXT(h, left)) {
			int now = link_event(w, h, foreign, nsid);

			w->routes_changed |= !foreign &&
				(h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE);
			mtu = now > 0 ? now : mtu;
		}
	}
}
