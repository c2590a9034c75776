// SPDX-License-Identifier: MIT
// One rtnetlink socket: requests with their true errno, dumps, batches, events.
#include "supervisor/rtnl.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisor/netns.h"

#define RTNL_TIMEOUT_S	   30 /* the kernel answers at once, but may wait for its lock */
#define RTNL_RECEIVE_BYTES (1 << 20)
#define RTNL_MESSAGE_BYTES (32 << 10) /* a dump's part is no larger, and one link's far smaller */
#define RTNL_DUMP_TRIES	   8

struct links {
	struct nl_sock *sock;
	uint32_t seq;
};

/* ---- socket ---- */

/* Runs in a child inside the namespace. The kernel chooses the port, so no two sockets clash. */
static int rtnl_open_fd(void *arg, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};

	if (fd < 0 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static void rtnl_tune(int fd)
{
	struct timeval patience = {.tv_sec = RTNL_TIMEOUT_S};
	int size = RTNL_RECEIVE_BYTES, on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* errors without a copy of the request, dumps filtered by their header */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

int links_open(int netns_fd, struct links **ret)
{
	_cleanup_close_ int fd = -1;
	struct links *l;
	int r;

	r = netns_fd < 0 ? rtnl_open_fd(NULL, &fd) : netns_run(netns_fd, rtnl_open_fd, NULL, &fd);
	if (r < 0)
		return r;
	rtnl_tune(fd);
	l = calloc(1, sizeof(*l));
	if (l)
		l->sock = nl_socket_alloc();
	if (!l || !l->sock || nl_socket_set_fd(l->sock, NETLINK_ROUTE, fd) < 0) {
		links_close(l);
		return -ENOMEM;
	}
	(void)take_fd(fd);
	nl_socket_disable_auto_ack(l->sock);
	*ret = l;
	return 0;
}

void links_close(struct links *l)
{
	if (!l)
		return;
	if (l->sock)
		nl_socket_free(l->sock);
	free(l);
}

/* ---- messages ---- */

int rtnl_message(uint16_t type, int flags, const void *header, size_t size, struct nl_msg **ret)
{
	_cleanup_msg_ struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (!m || nlmsg_append(m, (void *)header, size, NLMSG_ALIGNTO) < 0)
		return -ENOMEM;
	*ret = take_ptr(m);
	return 0;
}

int rtnl_put(struct nl_msg *m, int attribute, const void *data, size_t len)
{
	return nla_put(m, attribute, (int)len, data) < 0 ? -ENOMEM : 0;
}

int rtnl_put_u32(struct nl_msg *m, int attribute, uint32_t value)
{
	return rtnl_put(m, attribute, &value, sizeof(value));
}

int rtnl_put_string(struct nl_msg *m, int attribute, const char *text)
{
	return rtnl_put(m, attribute, text, strlen(text) + 1);
}

int rtnl_get_prefix(int family, const struct nlattr *a, uint8_t len, struct prefix *ret)
{
	struct prefix p = {.len = len};

	if (family != AF_INET && family != AF_INET6)
		return -EINVAL;
	p.addr.family = family == AF_INET ? 4 : 6;
	if (len > addr_bits(&p.addr) || (a && (size_t)nla_len(a) != addr_len(&p.addr)))
		return -EINVAL;
	if (a)
		memcpy(p.addr.bytes, nla_data(a), addr_len(&p.addr));
	*ret = p;
	return 0;
}

int rtnl_grow(void **items, size_t *size, size_t n, size_t item_size)
{
	size_t more = *size ? *size * 2 : 16;
	void *p;

	if (n < *size)
		return 0;
	p = reallocarray(*items, more, item_size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*size = more;
	return 0;
}

/* ---- answers ---- */

struct rtnl_wait {
	uint32_t first, last; /* sequence numbers that were sent; the answer to LAST ends it */
	int ignore;	      /* an -errno that is none */
	int error;	      /* the first one */
	bool done, interrupted;
	int (*each)(struct nlmsghdr *h, void *arg);
	void *arg;
};

static void rtnl_note(struct rtnl_wait *w, uint32_t seq, int error)
{
	if (seq - w->first > w->last - w->first)
		return; /* a late answer to what was given up */
	if (error && error != w->ignore && !w->error)
		w->error = error;
	w->done = seq == w->last;
}

static int rtnl_error_of(const struct nlmsghdr *h)
{
	int error = 0;

	/* NLMSG_DONE has one, too, of a dump that failed half-way */
	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(error)))
		memcpy(&error, NLMSG_DATA(h), sizeof(error));
	return MIN(error, 0);
}

static void rtnl_on_message(struct rtnl_wait *w, struct nlmsghdr *h)
{
	if (h->nlmsg_type == NLMSG_NOOP || h->nlmsg_seq - w->first > w->last - w->first)
		return;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		w->interrupted = true;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
		rtnl_note(w, h->nlmsg_seq, rtnl_error_of(h));
	else if (w->each && !w->error)
		w->error = w->each(h, w->arg);
}

/* Not by nl_recvmsgs(), which makes a copy of each message: a dump may have thousands. */
static int rtnl_receive(struct links *l, struct rtnl_wait *w)
{
	char bytes[RTNL_MESSAGE_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from = {0};
	struct iovec iov = {bytes, sizeof(bytes)};

	while (!w->done) {
		struct msghdr m = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1};
		int n = (int)recvmsg(links_watch_fd(l), &m, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : errno == ENOBUFS ? -ENOBUFS : -EIO;
		if (n == 0 || m.msg_flags & MSG_TRUNC)
			return -EIO;
		if (from.nl_pid) /* not the kernel */
			continue;
		for (struct nlmsghdr *h = (struct nlmsghdr *)(void *)bytes;
			nlmsg_ok(h, n) && !w->done; h = nlmsg_next(h, &n))
			rtnl_on_message(w, h);
	}
	return w->error;
}

static int rtnl_send(struct links *l, void *data, size_t len)
{
	int r = nl_sendto(l->sock, data, len);

	return r < 0 ? (r == -NLE_NOMEM ? -ENOBUFS : -EIO) : 0;
}

int rtnl_talk(
	struct links *l, struct nl_msg *msg, int (*each)(struct nlmsghdr *h, void *arg), void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct rtnl_wait w = {.each = each, .arg = arg};
	int r;

	w.first = w.last = h->nlmsg_seq = ++l->seq;
	if ((h->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) /* half of its bits is NLM_F_EXCL */
		h->nlmsg_flags |= NLM_F_ACK;
	r = rtnl_send(l, h, h->nlmsg_len);
	if (r == 0)
		r = rtnl_receive(l, &w);
	return r == 0 && w.interrupted ? -EINTR : r;
}

static int rtnl_dump_of(struct links *l, uint16_t type, int family, int ifindex,
	int (*each)(struct nlmsghdr *h, void *arg), void *arg, size_t *n)
{
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	} header = {0};
	size_t size = type == RTM_GETLINK ? sizeof(header.link)
		: type == RTM_GETADDR	  ? sizeof(header.address)
					  : sizeof(header.route);
	int r = -EINTR;

	header.link.ifi_family = (unsigned char)family;
	if (type == RTM_GETADDR)
		header.address.ifa_index = (uint32_t)ifindex;
	for (int i = 0; i < RTNL_DUMP_TRIES && r == -EINTR; i++) {
		_cleanup_msg_ struct nl_msg *msg = NULL;

		*n = 0;
		r = rtnl_message(type, NLM_F_DUMP, &header, size, &msg);
		if (r == 0 && type == RTM_GETLINK)
			r = rtnl_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		if (r == 0)
			r = rtnl_talk(l, msg, each, arg);
	}
	return r;
}

int rtnl_dump(struct links *l, uint16_t type, int family,
	int (*each)(struct nlmsghdr *h, void *arg), void *arg, size_t *n)
{
	return rtnl_dump_of(l, type, family, 0, each, arg, n);
}

int rtnl_dump_addresses(struct links *l, int family, int ifindex,
	int (*each)(struct nlmsghdr *h, void *arg), void *arg, size_t *n)
{
	return rtnl_dump_of(l, RTM_GETADDR, family, ifindex, each, arg, n);
}

/* ---- batches ---- */

static int rtnl_batch_flush(struct rtnl_batch *b)
{
	struct rtnl_wait w = {.ignore = -b->ignore};
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)b->bytes;
	int r, left = (int)b->len;

	if (!b->n)
		return 0;
	w.first = b->links->seq + 1;
	for (size_t i = 0; i < b->n; i++) {
		h->nlmsg_seq = ++b->links->seq;
		if (i + 1 == b->n)
			h->nlmsg_flags |= NLM_F_ACK;
		h = nlmsg_next(h, &left);
	}
	w.last = b->links->seq;
	r = rtnl_send(b->links, b->bytes, b->len);
	if (r == 0)
		r = rtnl_receive(b->links, &w);
	b->n = b->len = 0;
	if (r < 0 && !b->error)
		b->error = r;
	return b->error;
}

int rtnl_batch_add(struct rtnl_batch *b, uint16_t type, int flags, const void *header, size_t size,
	const struct rtnl_attribute *attributes, size_t n)
{
	size_t need = NLMSG_HDRLEN + NLMSG_ALIGN(size);
	struct nlmsghdr *h;
	char *p;

	for (size_t i = 0; i < n; i++)
		need += NLA_HDRLEN + NLA_ALIGN(attributes[i].len);
	if (need > sizeof(b->bytes))
		return -EMSGSIZE;
	if ((b->n == RTNL_BATCH_MESSAGES || b->len + need > sizeof(b->bytes)) &&
		rtnl_batch_flush(b) < 0)
		return b->error;
	p = b->bytes + b->len;
	memset(p, 0, need);
	h = (struct nlmsghdr *)(void *)p;
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	h->nlmsg_len = (uint32_t)need;
	p += NLMSG_HDRLEN;
	memcpy(p, header, size);
	p += NLMSG_ALIGN(size);
	for (size_t i = 0; i < n; i++) {
		struct nlattr a = {.nla_type = (uint16_t)attributes[i].type,
			.nla_len = (uint16_t)(NLA_HDRLEN + attributes[i].len)};

		memcpy(p, &a, sizeof(a));
		memcpy(p + NLA_HDRLEN, attributes[i].data, attributes[i].len);
		p += NLA_HDRLEN + NLA_ALIGN(attributes[i].len);
	}
	b->len += need;
	b->n++;
	return 0;
}

int rtnl_batch_end(struct rtnl_batch *b)
{
	return rtnl_batch_flush(b);
}

/* ---- events ---- */

/* All groups at once: each time the kernel goes through all who listen, wherever. */
int links_watch_groups(int netns_fd, const int *groups, size_t n, struct links **ret)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct links *l;
	int r = links_open(netns_fd, &l);

	if (r < 0)
		return r;
	nl.nl_pid = nl_socket_get_local_port(l->sock);
	for (size_t i = 0; i < n; i++)
		nl.nl_groups |= 1u << (groups[i] - 1); /* all are among the first 32 */
	if (bind(links_watch_fd(l), (struct sockaddr *)&nl, sizeof(nl)) < 0) {
		links_close(l);
		return -EPERM;
	}
	*ret = l;
	return 0;
}

int links_watch_open(struct links **ret)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR};

	return links_watch_groups(-1, groups, ELEMENTSOF(groups), ret);
}

int links_watch_fd(const struct links *l)
{
	return nl_socket_get_fd(l->sock);
}

/* The index stands at the same place in events of links and of addresses. */
int links_watch_drain_but(struct links *l, int own)
{
	union {
		struct nlmsghdr h;
		char bytes[NLMSG_LENGTH(sizeof(struct ifaddrmsg))];
	} event = {0};
	const struct ifaddrmsg *ifa = NLMSG_DATA(&event.h);
	int changed = 0;

	_Static_assert(
		offsetof(struct ifaddrmsg, ifa_index) == offsetof(struct ifinfomsg, ifi_index),
		"one look fits both");
	for (;;) {
		ssize_t n = recv(links_watch_fd(l), &event, sizeof(event), MSG_DONTWAIT);

		if (n < 0 && errno == EAGAIN)
			return changed;
		if (n < 0 && errno != EINTR && errno != ENOBUFS)
			return -errno;
		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(event) || (int)ifa->ifa_index != own)
			changed = 1;
		else if (!changed)
			changed = 2;
	}
}

int links_watch_drain(struct links *l)
{
	int r = links_watch_drain_but(l, -1); /* no link has that index */

	return r > 0 ? 1 : r;
}
