// SPDX-License-Identifier: MIT
// Sending trains of datagrams, whatever the kernel refuses.
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
#include <sys/uio.h>

#include "common/cleanup.h"
#include "common/clock.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define SEGMENTS_MAX 64
#define PAYLOAD_MAX  65507
#define WAIT_MS	     5
#define BATCH	     64
#define FAILURES_MAX 3 /* in one batch, then the rest is dropped as well */
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
static int real_poll_out(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, timeout_ms) > 0;
}

static const struct udpio_calls real_calls = {
	.sendmsg = real_sendmsg,
	.sendmmsg = real_sendmmsg,
	.poll_out = real_poll_out,
};

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
