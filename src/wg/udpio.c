// SPDX-License-Identifier: MIT
// Receiving datagrams in batches, and sending trains of them, whatever the kernel refuses.
//
// A received message may hold up to 64 KiB: the datagrams of one flow that arrived together (UDP_GRO).
// What its control data says (length of each, our address, ECN) holds for all of them. The slots are
// large, but only pages that packets have filled are memory.
//
// Where nobody joins them (a veth without GRO; a sender that makes no trains) each datagram takes a slot of
// its own: as long as that goes on there are many slots, so that the work of one batch (keys, locks, writes to
// the TUN) is not done for eight packets alone. Trains take eight slots, and what they have filled of the
// others is given back.
//
// A train goes out in one message. What can come back, and what follows:
//
//     EIO, EINVAL, ENOPROTOOPT, EOPNOTSUPP   the device or the kernel cannot: no trains on this socket
//     EMSGSIZE				      the route's MTU has become smaller: this train one by one,
//					      without the control message, so that IP may fragment
//     ENOBUFS, EAGAIN			      wait a few milliseconds, once; then drop
//     EPERM				      a firewall: drop, and say so
//     EINVAL, ENETUNREACH, EADDRNOTAVAIL, …  with our own address given: perhaps it is gone, choose anew
//
// A train is sent whole or not at all, and sendmmsg() says how many it sent: so nothing goes out twice.
#include "wg/udpio.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define SEGMENTS_MAX	 64
#define PAYLOAD_MAX	 65507
#define WAIT_MS		 5
#define RX_CONTROL_BYTES 160
#define BATCH		 64
#define SLOT_STRIDE	 (UDPIO_SLOT_BYTES + 21 * 64) /* else all would begin in the same cache lines */
#define FAILURES_MAX	 3 /* in one batch, then the rest is dropped as well */
#define CONTROL_BYTES                                                           \
	(CMSG_SPACE(sizeof(struct in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int)) + \
		CMSG_SPACE(sizeof(uint16_t)))

static ssize_t real_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t r = sendmsg(fd, msg, flags);

	return r < 0 ? -errno : r;
}
static int real_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	int r = sendmmsg(fd, msgs, n, flags);

	return r < 0 ? -errno : r;
}
static int real_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	int r = recvmmsg(fd, msgs, n, flags, NULL);

	return r < 0 ? -errno : r;
}
static int real_poll_out(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, timeout_ms) > 0;
}

static const struct udpio_calls real_calls = {
	.recvmmsg = real_recvmmsg,
	.sendmsg = real_sendmsg,
	.sendmmsg = real_sendmmsg,
	.poll_out = real_poll_out,
};

/* ---- receiving ---- */

union rx_control {
	struct cmsghdr align;
	uint8_t bytes[RX_CONTROL_BYTES];
};

struct udpio_rx {
	int (*recvmmsg)(int fd, struct mmsghdr *msgs, unsigned n, int flags);
	uint8_t *slots;
	unsigned wanted;  /* messages of the next receive */
	unsigned changed; /* by the last one */
	bool trim;	  /* before the next one */
	struct mmsghdr msgs[UDPIO_SLOTS];
	struct iovec iov[UDPIO_SLOTS];
	union udpio_sockaddr from[UDPIO_SLOTS];
	union rx_control control[UDPIO_SLOTS];
	struct udpio_message messages[UDPIO_SLOTS];
};

struct udpio_rx *udpio_rx_new(const struct udpio_calls *calls)
{
	struct udpio_rx *rx = calloc(1, sizeof(*rx));

	if (!rx)
		return NULL;
	rx->recvmmsg = calls && calls->recvmmsg ? calls->recvmmsg : real_calls.recvmmsg;
	rx->wanted = UDPIO_SLOTS_TRAINS;
	rx->changed = UDPIO_SLOTS;
	rx->slots = mmap(NULL, (size_t)UDPIO_SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rx->slots == MAP_FAILED) {
		free(rx);
		return NULL;
	}
	for (unsigned i = 0; i < UDPIO_SLOTS; i++) {
		rx->iov[i].iov_base = rx->slots + (size_t)i * SLOT_STRIDE;
		rx->iov[i].iov_len = UDPIO_SLOT_BYTES;
		rx->msgs[i].msg_hdr.msg_name = &rx->from[i];
		rx->msgs[i].msg_hdr.msg_iov = &rx->iov[i];
		rx->msgs[i].msg_hdr.msg_iovlen = 1;
		rx->msgs[i].msg_hdr.msg_control = &rx->control[i];
	}
	return rx;
}

void udpio_rx_free(struct udpio_rx *rx)
{
	if (!rx)
		return;
	munmap(rx->slots, (size_t)UDPIO_SLOTS * SLOT_STRIDE);
	free(rx);
}

static void parse_ip(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	struct in_pktinfo info;

	if (c->cmsg_type == IP_PKTINFO && len >= sizeof(info)) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		m->to = (struct udpio_source){.family = 4,
			.ifindex = (uint32_t)info.ipi_ifindex,
			.v4 = info.ipi_spec_dst};
	} else if (c->cmsg_type == IP_TOS && len >= 1) {
		m->ecn = *CMSG_DATA(c) & 3;
	}
}

static void parse_ipv6(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	struct in6_pktinfo info;
	int class;

	if (c->cmsg_type == IPV6_PKTINFO && len >= sizeof(info)) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		m->to = (struct udpio_source){
			.family = 6, .ifindex = (uint32_t)info.ipi6_ifindex, .v6 = info.ipi6_addr};
	} else if (c->cmsg_type == IPV6_TCLASS && len >= sizeof(class)) {
		memcpy(&class, CMSG_DATA(c), sizeof(class));
		m->ecn = class & 3;
	}
}

static void parse_udp(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	int segment;

	if (c->cmsg_type != UDP_GRO || len < sizeof(segment))
		return;
	memcpy(&segment, CMSG_DATA(c), sizeof(segment));
	if (segment > 0 && (uint32_t)segment < m->len)
		m->segment = (uint32_t)segment;
}

void udpio_parse_control(const struct msghdr *msg, struct udpio_message *m)
{
	const uint8_t *p = msg->msg_control;
	size_t left = p ? msg->msg_controllen : 0;

	m->segment = m->len;
	while (left >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *c = (const void *)p;
		size_t step;

		if (c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > left)
			return;
		if (c->cmsg_level == IPPROTO_IP)
			parse_ip(c, c->cmsg_len - CMSG_LEN(0), m);
		else if (c->cmsg_level == IPPROTO_IPV6)
			parse_ipv6(c, c->cmsg_len - CMSG_LEN(0), m);
		else if (c->cmsg_level == IPPROTO_UDP)
			parse_udp(c, c->cmsg_len - CMSG_LEN(0), m);
		step = MIN((size_t)CMSG_ALIGN(c->cmsg_len), left);
		p += step;
		left -= step;
	}
}

/* What says nothing about the socket: another receive may work. */
static bool passing(int error)
{
	return error != -EBADF && error != -ENOTSOCK && error != -EFAULT && error != -EINVAL;
}

/* Trains came to slots that are not for them: the memory goes when they have been worked off. */
static void trim(struct udpio_rx *rx)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uint8_t *from = rx->slots + (size_t)UDPIO_SLOTS_TRAINS * SLOT_STRIDE;
	uint8_t *end = rx->slots + (size_t)UDPIO_SLOTS * SLOT_STRIDE;

	from += -(uintptr_t)from & page;
	(void)madvise(from, (size_t)(end - from), MADV_DONTNEED);
	rx->trim = false;
}

/* How many the next receive takes, after GOT of which some were TRAINS. */
static void adapt(struct udpio_rx *rx, unsigned got, bool trains)
{
	rx->trim = trains && got > UDPIO_SLOTS_TRAINS;
	if (trains)
		rx->wanted = UDPIO_SLOTS_TRAINS;
	else if (got == UDPIO_SLOTS_TRAINS)
		rx->wanted = UDPIO_SLOTS;
}

int udpio_receive(struct udpio_rx *rx, int fd, struct udpio_message **ret)
{
	bool trains = false;
	int got, n = 0;

	if (rx->trim)
		trim(rx);
	for (unsigned i = 0; i < rx->changed; i++) {
		rx->msgs[i].msg_hdr.msg_namelen = sizeof(rx->from[i]);
		rx->msgs[i].msg_hdr.msg_controllen = sizeof(rx->control[i]);
		rx->msgs[i].msg_hdr.msg_flags = 0;
	}
	got = rx->recvmmsg(fd, rx->msgs, rx->wanted, MSG_DONTWAIT);
	*ret = rx->messages;
	rx->changed = got < 0 ? 1 : (unsigned)got;
	if (got < 0)
		return passing(got) ? 0 : got;
	for (int i = 0; i < got; i++) {
		struct udpio_message *m = &rx->messages[n];
		const struct msghdr *h = &rx->msgs[i].msg_hdr;

		if (h->msg_flags & MSG_TRUNC || h->msg_namelen < sizeof(struct sockaddr_in))
			continue;
		*m = (struct udpio_message){.data = rx->iov[i].iov_base,
			.len = rx->msgs[i].msg_len,
			.from = rx->from[i]};
		udpio_parse_control(h, m);
		trains |= m->segment != m->len;
		n++;
	}
	adapt(rx, (unsigned)got, trains);
	return n;
}

/* ---- sending ---- */

/* One train under way. */
struct sending {
	struct udpio_tx *tx;
	const struct udpio_calls *calls;
	struct udpio_socket *socket;
	struct udpio_path *path;
	const uint8_t *data;
	unsigned n, sent;
	size_t wire, last;
	struct udpio_marks marks;
};

union control {
	struct cmsghdr align;
	uint8_t bytes[CONTROL_BYTES];
};

void udpio_socket_init(struct udpio_socket *s, int fd, bool gso)
{
	*s = (struct udpio_socket){.fd = fd, .gso = gso};
}

void udpio_socket_mode(struct udpio_socket *s, enum offload mode)
{
	if (mode != OFFLOAD_AUTO)
		s->gso = mode != OFFLOAD_OFF;
	s->insist = mode == OFFLOAD_ON;
	s->sentinel = mode == OFFLOAD_SENTINEL;
}

static void control_put(struct msghdr *msg, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)msg->msg_control + msg->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static void control_put_source(struct msghdr *msg, const struct udpio_source *s)
{
	if (s->family == 4) {
		struct in_pktinfo info = {.ipi_ifindex = (int)s->ifindex, .ipi_spec_dst = s->v4};

		control_put(msg, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else if (s->family == 6) {
		struct in6_pktinfo info = {.ipi6_ifindex = s->ifindex, .ipi6_addr = s->v6};

		control_put(msg, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static void message_prepare(
	const struct sending *s, struct msghdr *msg, union control *control, bool train)
{
	int family = s->path->to.sa.sa_family;
	uint16_t segment = (uint16_t)s->wire;
	int tos = s->marks.tos, hops = s->marks.hops;

	memset(control, 0, sizeof(*control));
	*msg = (struct msghdr){
		.msg_name = &s->path->to,
		.msg_namelen = family == AF_INET ? sizeof(s->path->to.v4) : sizeof(s->path->to.v6),
		.msg_control = control,
	};
	if (s->path->source.family == (family == AF_INET ? 4 : 6))
		control_put_source(msg, &s->path->source);
	if (tos && family == AF_INET)
		control_put(msg, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (tos && family == AF_INET6)
		control_put(msg, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	if (hops && family == AF_INET)
		control_put(msg, IPPROTO_IP, IP_TTL, &hops, sizeof(hops));
	if (hops && family == AF_INET6)
		control_put(msg, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
	if (train)
		control_put(msg, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	if (!msg->msg_controllen)
		msg->msg_control = NULL;
}

static bool source_is_gone(struct sending *s, int error)
{
	if (!s->path->source.family)
		return false;
	if (error != -EINVAL && error != -ENETUNREACH && error != -EHOSTUNREACH &&
		error != -EADDRNOTAVAIL && error != -ENODEV && error != -ENXIO)
		return false;
	s->path->source = (struct udpio_source){0};
	return true;
}

/* True if the same may be tried once more. */
static bool worth_waiting(struct sending *s, int error, bool *waited)
{
	if (error == -EINTR)
		return true;
	if ((error != -EAGAIN && error != -ENOBUFS) || *waited)
		return false;
	*waited = true;
	return s->calls->poll_out(s->socket->fd, WAIT_MS) > 0;
}

/* The first N; SENTINEL: and one byte behind them. */
static int send_train(struct sending *s, unsigned n, bool sentinel)
{
	struct iovec iov[] = {
		{.iov_base = (void *)(uintptr_t)s->data,
			.iov_len = (n - 1) * s->wire + (n == s->n ? s->last : s->wire)},
		{.iov_base = "", .iov_len = 1}};
	union control control;
	struct msghdr msg;
	bool waited = false;
	ssize_t r;

	do {
		message_prepare(s, &msg, &control, n > 1);
		msg.msg_iov = iov;
		msg.msg_iovlen = sentinel ? 2 : 1;
		s->tx->counters.calls++;
		r = s->calls->sendmsg(s->socket->fd, &msg, 0);
	} while (r < 0 && (source_is_gone(s, (int)r) || worth_waiting(s, (int)r, &waited)));
	if (r >= 0)
		s->sent = n;
	return r < 0 ? (int)r : 0;
}

/* From the first unsent one on, one message each. What fails is left out. */
static int send_singles(struct sending *s)
{
	unsigned failures = 0, next = s->sent;
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	union control control;
	bool waited = false;
	int r, error = 0;

	while (next < s->n && failures < FAILURES_MAX) {
		unsigned n = MIN(s->n - next, (unsigned)BATCH);
		struct msghdr one;

		message_prepare(s, &one, &control, false);
		for (unsigned i = 0; i < n; i++) {
			iov[i].iov_base = (void *)(uintptr_t)(s->data + (next + i) * s->wire);
			iov[i].iov_len = next + i + 1 == s->n ? s->last : s->wire;
			msgs[i] = (struct mmsghdr){.msg_hdr = one};
			msgs[i].msg_hdr.msg_iov = &iov[i];
			msgs[i].msg_hdr.msg_iovlen = 1;
		}
		s->tx->counters.calls++;
		r = s->calls->sendmmsg(s->socket->fd, msgs, n, 0);
		if (r > 0) {
			next += (unsigned)r;
			s->sent += (unsigned)r;
		} else if (!source_is_gone(s, r) && !worth_waiting(s, r, &waited)) {
			error = r ? r : -EIO;
			failures++;
			next++;
		}
	}
	return error;
}

/* Where there is no room for the byte, the last one goes alone. */
static int send_with_sentinel(struct sending *s)
{
	size_t bytes = (s->n - 1) * s->wire + s->last;
	bool fits = s->n < SEGMENTS_MAX && bytes < PAYLOAD_MAX;
	int r;

	if (s->last < s->wire)
		return send_train(s, s->n, false);
	r = send_train(s, fits ? s->n : s->n - 1, true);
	return r == 0 && !fits ? send_singles(s) : r;
}

static bool train_is_refused(int error)
{
	return error == -EIO || error == -EINVAL || error == -ENOPROTOOPT || error == -EOPNOTSUPP;
}

/* The train was refused; it goes out one by one. */
static int send_refused(struct sending *s, int error)
{
	int r;

	s->tx->counters.gso_failed++;
	r = send_singles(s);
	/* if single datagrams are refused as well, the reason is another one */
	if (train_is_refused(error) && s->sent && !s->socket->insist) {
		s->socket->gso = 0;
		log_notice(NULL, "udp",
			"the kernel refuses segmented sends (%s): sending one by one",
			strerror(-error));
	}
	return r;
}

static void report_refused(struct udpio_tx *tx, int error)
{
	uint32_t suppressed;

	tx->refused.burst = 3;
	tx->refused.interval_ms = 60000;
	if (log_limit_ok(&tx->refused, clock_now_ms(), &suppressed))
		log_warning(NULL, "udp", "sending is not permitted: %s (%u more like this)",
			strerror(-error), suppressed);
}

int udpio_send(struct udpio_tx *tx, struct udpio_path *path, struct udpio_marks marks,
	const uint8_t *data, unsigned n, size_t wire, size_t last)
{
	struct sending s = {
		.tx = tx,
		.calls = tx->calls ? tx->calls : &real_calls,
		.socket = path->to.sa.sa_family == AF_INET6 ? &tx->v6 : &tx->v4,
		.path = path,
		.data = data,
		.n = n,
		.wire = wire,
		.last = last,
		.marks = marks,
	};
	int r;

	if (!n)
		return 0;
	if (path->to.sa.sa_family == AF_UNSPEC)
		r = -EDESTADDRREQ;
	else if (s.socket->fd < 0)
		r = -EAFNOSUPPORT;
	else if (n > 1 && (!s.socket->gso || (s.socket->sentinel && n < UDPIO_SENTINEL_LEAST)))
		r = send_singles(&s);
	else if (n > 1 && s.socket->sentinel)
		r = send_with_sentinel(&s);
	else
		r = send_train(&s, n, false);
	if (n > 1 && s.socket->gso && !s.sent && (train_is_refused(r) || r == -EMSGSIZE))
		r = send_refused(&s, r);
	tx->counters.dropped += n - s.sent;
	if (r == -EPERM || r == -EACCES)
		report_refused(tx, r);
	return r;
}
