// SPDX-License-Identifier: MIT
// Sending and receiving with a kernel that refuses: every datagram leaves once, or is counted as lost.
#include "test.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "wg/udpio.h"

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define WIRE 100
#define N    40

static uint8_t data[64 * 1500];

/* ---- the kernel's part ---- */

static struct kernel {
	int train_error;  /* for messages with UDP_SEGMENT */
	int source_error; /* for messages with our own address */
	int error;	  /* for all, ERROR_TIMES times (-1: always) */
	int error_times;
	int bad_at; /* sendmmsg: this datagram fails with .bad_error */
	int bad_error;
	unsigned partial; /* sendmmsg takes at most this many */
	int writable;
	/* what happened */
	unsigned calls, trains, polls;
	unsigned sent[64]; /* how often each datagram left */
	unsigned sentinels, segments_most;
	bool equal; /* a train of nothing but equal datagrams */
	int tos, hops, segment;
	bool had_source;
} k;

static void look_at_control(const struct msghdr *msg)
{
	k.segment = 0;
	k.had_source = false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT) {
			uint16_t v;

			CHECK_EQ(c->cmsg_len, CMSG_LEN(2));
			memcpy(&v, CMSG_DATA(c), 2);
			k.segment = v;
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO)) {
			k.had_source = true;
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS)) {
			memcpy(&k.tos, CMSG_DATA(c), sizeof(k.tos));
		} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
			(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)) {
			memcpy(&k.hops, CMSG_DATA(c), sizeof(k.hops));
		} else {
			CHECK(!"an unknown control message");
		}
	}
}

static int refuse(const struct msghdr *msg)
{
	look_at_control(msg);
	if (k.error && k.error_times) {
		k.error_times -= k.error_times > 0;
		return -k.error;
	}
	if (k.had_source && k.source_error)
		return -k.source_error;
	return k.segment && k.train_error ? -k.train_error : 0;
}

static unsigned index_of(const struct msghdr *msg)
{
	return (unsigned)((uint8_t *)msg->msg_iov[0].iov_base - data) / WIRE;
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	int r = refuse(msg);
	size_t len = msg->msg_iov[0].iov_len;

	CHECK(fd == 4 || fd == 6);
	k.calls++;
	if (r < 0)
		return r;
	k.trains += k.segment != 0;
	CHECK(k.segment || len <= WIRE);
	if (msg->msg_iovlen == 2) {
		CHECK_EQ(msg->msg_iov[1].iov_len, 1);
		CHECK_EQ(len % WIRE, 0); /* else it would not begin a datagram of its own */
		k.sentinels++;
	}
	k.equal |= k.segment && len % WIRE == 0 && msg->msg_iovlen == 1;
	if ((len + WIRE - 1) / WIRE + msg->msg_iovlen - 1 > k.segments_most)
		k.segments_most = (unsigned)((len + WIRE - 1) / WIRE + msg->msg_iovlen - 1);
	for (size_t at = 0; at < len; at += WIRE)
		k.sent[index_of(msg) + at / WIRE]++;
	return (ssize_t)len;
}

static int fake_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	unsigned done = 0;

	CHECK(fd == 4 || fd == 6);
	k.calls++;
	for (; done < n; done++) {
		unsigned i = index_of(&msgs[done].msg_hdr);
		int r = refuse(&msgs[done].msg_hdr);

		CHECK_EQ(k.segment, 0);
		if (r == 0 && k.bad_error && (int)i == k.bad_at)
			r = -k.bad_error;
		if (r < 0)
			return done ? (int)done : r;
		if (k.partial && done == k.partial)
			return (int)done;
		k.sent[i]++;
	}
	return (int)done;
}

static int fake_poll(int fd, int timeout_ms)
{
	CHECK(timeout_ms > 0 && timeout_ms <= 10);
	k.polls++;
	return k.writable;
}

static int fake_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
static const struct udpio_calls calls = {.recvmmsg = fake_recvmmsg,
	.sendmsg = fake_sendmsg,
	.sendmmsg = fake_sendmmsg,
	.poll_out = fake_poll};

static struct udpio_tx tx;
static struct udpio_path path;

static void fresh(void)
{
	struct hostport h = {.addr = {.family = 4, .bytes = {127, 0, 0, 1}}, .port = 9};

	memset(&k, 0, sizeof(k));
	k.bad_at = -1;
	tx = (struct udpio_tx){.calls = &calls};
	udpio_socket_init(&tx.v4, 4, true);
	udpio_socket_init(&tx.v6, 6, true);
	udpio_path_set(&path, &h);
}

static int go(void)
{
	return udpio_send(&tx, &path, (struct udpio_marks){0}, data, N, WIRE, 60);
}

static unsigned sent_once(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 64; i++) {
		CHECK(k.sent[i] <= 1);
		n += k.sent[i] == 1;
	}
	return n;
}

/* ---- sending ---- */

static void one_call_for_a_train(void)
{
	fresh();
	CHECK_EQ(go(), 0);
	CHECK_EQ(k.calls, 1);
	CHECK_EQ(k.segment, WIRE);
	CHECK_EQ(sent_once(), N);
	fresh();
	CHECK_EQ(udpio_send(&tx, &path, (struct udpio_marks){.tos = 2}, data, 1, WIRE, 33), 0);
	CHECK_EQ(k.segment, 0);
	CHECK_EQ(k.tos, 2);
	CHECK_EQ(sent_once(), 1);
	CHECK_EQ(udpio_send(&tx, &path, (struct udpio_marks){0}, data, 0, WIRE, 0), 0);
	CHECK_EQ(k.calls, 1);
}

/* The longest control message: everything at once, over IPv6. */
static void all_marks(void)
{
	struct hostport h = {.addr.family = 6, .addr.bytes[15] = 1, .port = 9};

	fresh();
	udpio_path_set(&path, &h);
	path.source = (struct udpio_source){.family = 6, .ifindex = 1};
	CHECK_EQ(udpio_send(
			 &tx, &path, (struct udpio_marks){.tos = 3, .hops = 99}, data, N, WIRE, 60),
		0);
	CHECK_EQ(k.calls, 1);
	CHECK_EQ(k.tos, 3);
	CHECK_EQ(k.hops, 99);
	CHECK_EQ(k.segment, WIRE);
	CHECK(k.had_source);
}

static void no_segmentation(void)
{
	static const int errors[] = {EIO, EINVAL, ENOPROTOOPT, EOPNOTSUPP};

	for (unsigned i = 0; i < 4; i++) {
		fresh();
		k.train_error = errors[i];
		CHECK_EQ(go(), 0);
		CHECK_EQ(sent_once(), N);
		CHECK_EQ(k.calls, 2);
		CHECK_EQ(tx.v4.gso, 0);
		CHECK_EQ(tx.v6.gso, 1);
		CHECK_EQ(tx.counters.dropped, 0);
		CHECK_EQ(go(), 0); /* not tried again */
		CHECK_EQ(k.calls, 3);
	}
}

/* Who insists gets a train tried each time, and every datagram once all the same. */
static void insists(void)
{
	fresh();
	udpio_socket_mode(&tx.v4, OFFLOAD_ON);
	k.train_error = EIO;
	for (int i = 1; i <= 3; i++) {
		memset(k.sent, 0, sizeof(k.sent));
		CHECK_EQ(go(), 0);
		CHECK_EQ(sent_once(), N);
		CHECK_EQ(tx.counters.gso_failed, i);
	}
	k.train_error = 0;
	memset(k.sent, 0, sizeof(k.sent));
	CHECK_EQ(go(), 0);
	CHECK_EQ(k.trains, 1);
	CHECK_EQ(sent_once(), N);
}

static void modes(void)
{
	fresh();
	udpio_socket_mode(&tx.v4, OFFLOAD_OFF);
	CHECK_EQ(go(), 0);
	CHECK_EQ(k.trains, 0);
	CHECK_EQ(sent_once(), N);
	fresh();
	udpio_socket_mode(&tx.v4, OFFLOAD_AUTO);
	CHECK_EQ(go(), 0);
	CHECK_EQ(k.trains, 1);
	CHECK_EQ(k.sentinels, 0);
}

/* No train is all of equal length, none is short, none has more than 64 datagrams; each leaves once. */
static void sentinel(void)
{
	static const unsigned lengths[] = {2, 7, 8, 9, 40, 63, 64};
	static const size_t lasts[] = {60, WIRE};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (size_t l = 0; l < 2; l++) {
			unsigned n = lengths[i];
			bool train = n >= UDPIO_SENTINEL_LEAST;

			fresh();
			udpio_socket_mode(&tx.v4, OFFLOAD_SENTINEL);
			CHECK_EQ(udpio_send(&tx, &path, (struct udpio_marks){0}, data, n, WIRE,
					 lasts[l]),
				0);
			CHECK_EQ(sent_once(), n);
			CHECK_EQ(k.trains, train);
			CHECK_EQ(k.sentinels, train && lasts[l] == WIRE);
			CHECK(!k.equal && k.segments_most <= 64);
			CHECK_EQ(tx.counters.dropped, 0);
		}
	/* refused, it ends as any train does */
	fresh();
	udpio_socket_mode(&tx.v4, OFFLOAD_SENTINEL);
	k.train_error = EIO;
	CHECK_EQ(udpio_send(&tx, &path, (struct udpio_marks){0}, data, N, WIRE, WIRE), 0);
	CHECK_EQ(sent_once(), N);
	CHECK_EQ(tx.v4.gso, 0);
}

/* The reason is another one: the socket keeps its trains. */
static void everything_is_invalid(void)
{
	fresh();
	k.error = EINVAL;
	k.error_times = -1;
	CHECK_EQ(go(), -EINVAL);
	CHECK_EQ(sent_once(), 0);
	CHECK_EQ(tx.counters.dropped, N);
	CHECK_EQ(tx.v4.gso, 1);
	CHECK(k.calls <= 5);
}

static void route_mtu_shrinks(void)
{
	fresh();
	k.train_error = EMSGSIZE;
	CHECK_EQ(go(), 0);
	CHECK_EQ(sent_once(), N);
	CHECK_EQ(tx.v4.gso, 1); /* it may grow again */
	k.train_error = 0;
	memset(k.sent, 0, sizeof(k.sent));
	CHECK_EQ(go(), 0);
	CHECK_EQ(sent_once(), N);
	CHECK_EQ(k.trains, 1);
}

static void buffers_are_full(void)
{
	static const int errors[] = {ENOBUFS, EAGAIN};

	for (unsigned i = 0; i < 2; i++) {
		fresh();
		k.error = errors[i];
		k.error_times = 1;
		k.writable = 1;
		CHECK_EQ(go(), 0);
		CHECK_EQ(sent_once(), N);
		CHECK_EQ(k.polls, 1);
		fresh();
		k.error = errors[i];
		k.error_times = -1;
		k.writable = 1;
		CHECK_EQ(go(), -errors[i]);
		CHECK_EQ(k.polls, 1); /* waits once, no more */
		CHECK_EQ(tx.counters.dropped, N);
		CHECK_EQ(sent_once(), 0);
		fresh();
		k.error = errors[i];
		k.error_times = -1;
		CHECK_EQ(go(), -errors[i]);
		CHECK_EQ(k.calls, 1);
	}
}

static void interrupted(void)
{
	fresh();
	k.error = EINTR;
	k.error_times = 3;
	CHECK_EQ(go(), 0);
	CHECK_EQ(sent_once(), N);
}

static void partial_batches(void)
{
	for (unsigned partial = 1; partial <= N; partial++) {
		fresh();
		udpio_socket_init(&tx.v4, 4, false);
		k.partial = partial;
		CHECK_EQ(go(), 0);
		CHECK_EQ(sent_once(), N);
		CHECK_EQ(k.calls, (N + partial - 1) / partial);
	}
}

/* One datagram that a firewall does not let through takes no other with it. */
static void one_is_refused(void)
{
	static const int errors[] = {EPERM, EMSGSIZE, ENOBUFS};

	for (unsigned e = 0; e < 3; e++)
		for (int at = 0; at < N; at++) {
			fresh();
			udpio_socket_init(&tx.v4, 4, false);
			k.bad_at = at;
			k.bad_error = errors[e];
			CHECK_EQ(go(), -errors[e]);
			CHECK_EQ(sent_once(), N - 1);
			CHECK_EQ(k.sent[at], 0);
			CHECK_EQ(tx.counters.dropped, 1);
		}
}

static void all_are_refused(void)
{
	fresh();
	k.error = EPERM;
	k.error_times = -1;
	CHECK_EQ(go(), -EPERM);
	CHECK_EQ(k.calls, 1);
	CHECK_EQ(tx.counters.dropped, N);
	udpio_socket_init(&tx.v4, 4, false);
	k.calls = 0;
	CHECK_EQ(go(), -EPERM);
	CHECK_EQ(k.calls, 3); /* not once for each datagram */
	CHECK_EQ(tx.counters.dropped, 2 * N);
}

static void source_address_vanishes(void)
{
	static const int errors[] = {EINVAL, ENETUNREACH, EADDRNOTAVAIL, ENODEV};

	for (unsigned i = 0; i < 4; i++)
		for (int gso = 0; gso < 2; gso++) {
			fresh();
			udpio_socket_init(&tx.v4, 4, gso);
			path.source = (struct udpio_source){.family = 4, .v4.s_addr = 1};
			k.source_error = errors[i];
			CHECK_EQ(go(), 0);
			CHECK_EQ(sent_once(), N);
			CHECK_EQ(path.source.family, 0);
			CHECK_EQ(tx.v4.gso, gso);
		}
	fresh();
	path.source = (struct udpio_source){.family = 4, .v4.s_addr = 1};
	CHECK_EQ(go(), 0);
	CHECK(k.had_source && path.source.family == 4);
}

static void nowhere_to_send(void)
{
	fresh();
	udpio_path_set(&path, NULL);
	CHECK_EQ(go(), -EDESTADDRREQ);
	fresh();
	udpio_socket_init(&tx.v4, -1, true);
	CHECK_EQ(go(), -EAFNOSUPPORT);
	CHECK_EQ(tx.counters.dropped, N);
	CHECK_EQ(k.calls, 0);
}

/* ---- receiving ---- */

static int receive_error, receive_count;
static uint32_t receive_len;
static int receive_flags;
static unsigned receive_wanted; /* by the last one */

static size_t put_control(uint8_t *to, int level, int type, const void *value, size_t len)
{
	struct cmsghdr c = {.cmsg_len = CMSG_LEN(len), .cmsg_level = level, .cmsg_type = type};

	memset(to, 0, CMSG_SPACE(len));
	memcpy(to, &c, sizeof(c));
	memcpy(to + CMSG_LEN(0), value, len);
	return CMSG_SPACE(len);
}

static int fake_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	receive_wanted = n;
	CHECK(flags & MSG_DONTWAIT);
	if (receive_error)
		return -receive_error;
	for (int i = 0; i < MIN(receive_count, (int)n); i++) {
		struct msghdr *h = &msgs[i].msg_hdr;
		struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(65535)};
		struct in_pktinfo info = {.ipi_ifindex = 3, .ipi_spec_dst.s_addr = 7};
		int segment = 100;
		uint8_t tos = 0xb9, *p = h->msg_control;
		size_t at = 0;

		CHECK_EQ(h->msg_iov[0].iov_len, UDPIO_SLOT_BYTES);
		CHECK(h->msg_controllen >= 100 && h->msg_namelen >= sizeof(struct sockaddr_in6));
		memcpy(h->msg_name, &from, sizeof(from));
		h->msg_namelen = sizeof(from);
		at += put_control(p + at, IPPROTO_IP, IP_TOS, &tos, 1);
		at += put_control(p + at, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		at += put_control(p + at, IPPROTO_UDP, UDP_GRO, &segment, sizeof(segment));
		h->msg_controllen = at;
		h->msg_flags = receive_flags;
		msgs[i].msg_len = receive_len;
	}
	return MIN(receive_count, (int)n);
}

static void receives_with_control(void)
{
	struct udpio_rx *rx = udpio_rx_new(&calls);
	struct udpio_message *m;

	receive_error = 0;
	receive_flags = 0;
	receive_count = UDPIO_SLOTS;
	receive_len = 450;
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS_TRAINS);
	for (int i = 0; i < UDPIO_SLOTS_TRAINS; i++) {
		CHECK_EQ(m[i].len, 450);
		CHECK_EQ(m[i].segment, 100);
		CHECK_EQ(m[i].ecn, 1);
		CHECK_EQ(m[i].to.family, 4);
		CHECK_EQ(m[i].to.ifindex, 3);
		CHECK_EQ(m[i].to.v4.s_addr, 7);
		CHECK_EQ(udpio_hostport(&m[i].from).port, 65535);
		CHECK(i == 0 || m[i].data >= m[i - 1].data + UDPIO_SLOT_BYTES);
		m[i].data[0] = m[i].data[UDPIO_SLOT_BYTES - 1] = 1;
	}
	CHECK(udpio_path_from(&path, &m[0]));
	CHECK(!udpio_path_from(&path, &m[0]));
	CHECK_EQ(path.source.v4.s_addr, 7);
	CHECK_EQ(path.source.ifindex, 0);
	receive_len = 90; /* alone */
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS_TRAINS);
	CHECK_EQ(m[0].segment, 90);
	udpio_rx_free(rx);
}

/* Datagrams that nobody joins get many slots; the first train takes that back. */
static void receives_many_singles(void)
{
	struct udpio_rx *rx = udpio_rx_new(&calls);
	struct udpio_message *m;

	receive_error = receive_flags = 0;
	receive_len = 90;
	receive_count = UDPIO_SLOTS_TRAINS - 1; /* no sign of more */
	CHECK_EQ(udpio_receive(rx, 4, &m), receive_count);
	CHECK_EQ(udpio_receive(rx, 4, &m), receive_count);
	CHECK_EQ(receive_wanted, UDPIO_SLOTS_TRAINS);
	receive_count = UDPIO_SLOTS;
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS_TRAINS);
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS);
	for (int i = 0; i < UDPIO_SLOTS; i++) {
		CHECK_EQ(m[i].segment, 90);
		CHECK(i == 0 || m[i].data >= m[i - 1].data + UDPIO_SLOT_BYTES);
		m[i].data[0] = m[i].data[UDPIO_SLOT_BYTES - 1] = 1;
	}
	receive_count = 1; /* it stays so */
	CHECK_EQ(udpio_receive(rx, 4, &m), 1);
	CHECK_EQ(receive_wanted, UDPIO_SLOTS);
	receive_len = 450;
	receive_count = UDPIO_SLOTS;
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS);
	CHECK_EQ(m[0].segment, 100);
	m[UDPIO_SLOTS - 1].data[0] = 1; /* still there */
	CHECK_EQ(udpio_receive(rx, 4, &m), UDPIO_SLOTS_TRAINS);
	CHECK_EQ(receive_wanted, UDPIO_SLOTS_TRAINS);
	udpio_rx_free(rx);
}

static void tells_ways_apart(void)
{
	struct udpio_message a = {.from.v4 = {.sin_family = AF_INET, .sin_port = 1},
		.to = {.family = 4, .v4.s_addr = 7}};
	struct udpio_message b = a;

	b.len = b.segment = 5; /* says nothing about the way */
	CHECK(udpio_same_way(&a, &b));
	b.ecn = 1;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.from.v4.sin_port = 2;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.from.v4.sin_addr.s_addr = 3;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.to.v4.s_addr = 8;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.to.ifindex = 2;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.to.family = 0;
	CHECK(!udpio_same_way(&a, &b));
	a = (struct udpio_message){
		.from.v6 = {.sin6_family = AF_INET6, .sin6_port = 1}, .to = {.family = 6}};
	b = a;
	CHECK(udpio_same_way(&a, &b));
	b.to.v6.s6_addr[15] = 1;
	CHECK(!udpio_same_way(&a, &b));
	b = a;
	b.from.v6.sin6_addr.s6_addr[15] = 1;
	CHECK(!udpio_same_way(&a, &b));
}

static void receives_oddities(void)
{
	static const int passing[] = {EAGAIN, EINTR, ECONNREFUSED, ENOBUFS, ENOMEM};
	struct udpio_rx *rx = udpio_rx_new(&calls);
	struct udpio_message *m;

	receive_count = 3;
	receive_flags = MSG_TRUNC; /* larger than a slot: not for us, and no harm */
	CHECK_EQ(udpio_receive(rx, 4, &m), 0);
	receive_flags = 0;
	receive_len = 0;
	CHECK_EQ(udpio_receive(rx, 4, &m), 3);
	CHECK_EQ(m[0].len, 0);
	for (unsigned i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		receive_error = passing[i];
		CHECK_EQ(udpio_receive(rx, 4, &m), 0);
	}
	receive_error = EBADF;
	CHECK_EQ(udpio_receive(rx, 4, &m), -EBADF);
	udpio_rx_free(rx);
}

static struct udpio_message parse(const uint8_t *control, size_t len)
{
	struct udpio_message m = {.len = 1000};
	struct msghdr h = {.msg_control = (void *)(uintptr_t)control, .msg_controllen = len};

	udpio_parse_control(&h, &m);
	return m;
}

static void control_messages(void)
{
	_Alignas(struct cmsghdr) uint8_t buf[256];
	struct in6_pktinfo info6 = {.ipi6_ifindex = 9, .ipi6_addr.s6_addr = {0xfe, 0x80}};
	int v = 0xff;
	size_t at = put_control(buf, IPPROTO_IPV6, IPV6_TCLASS, &v, sizeof(v));
	struct udpio_message m;

	at += put_control(buf + at, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof(info6));
	m = parse(buf, at);
	CHECK_EQ(m.ecn, 3);
	CHECK_EQ(m.to.family, 6);
	CHECK_EQ(m.segment, 1000);
	m.from.v6.sin6_family = AF_INET6;
	udpio_path_from(&path, &m);
	CHECK_EQ(path.source.ifindex, 9); /* link-local */
	for (int size = -2; size <= 1001; size += 1003 / 3) {
		at = put_control(buf, IPPROTO_UDP, UDP_GRO, &size, sizeof(size));
		m = parse(buf, at);
		CHECK(m.segment > 0 && m.segment <= m.len);
	}
	/* cut at every byte, and lengths that lie */
	v = 700;
	at = put_control(buf, IPPROTO_UDP, UDP_GRO, &v, sizeof(v));
	for (size_t len = 0; len < at; len++)
		CHECK_EQ(parse(buf, len).segment, len >= CMSG_LEN(sizeof(v)) ? 700 : 1000);
	for (size_t lie = 0; lie < 40; lie++) {
		memcpy(buf, &lie, sizeof(lie));
		m = parse(buf, at);
		CHECK(m.segment == 1000 || m.segment == 700);
	}
	memset(buf, 0xff, sizeof(size_t));
	CHECK_EQ(parse(buf, at).segment, 1000);
	CHECK_EQ(parse(NULL, 0).segment, 1000);
}

static void paths(void)
{
	struct hostport h = {.addr = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
		.port = 51820,
		.scope_id = 4};
	struct udpio_path p;
	struct hostport back;

	udpio_path_set(&p, &h);
	CHECK_EQ(p.to.v6.sin6_scope_id, 4);
	CHECK_EQ(udpio_hostport(&p.to).port, 51820);
	CHECK_EQ(udpio_hostport(&p.to).scope_id, 4);
	back = udpio_hostport(&p.to);
	CHECK(addr_equal(&back.addr, &h.addr));
	h.addr.family = 0;
	udpio_path_set(&p, &h);
	CHECK_EQ(p.to.sa.sa_family, 0);
	CHECK_EQ(udpio_hostport(&p.to).addr.family, 0);
}

int main(void)
{
	log_set_level(-1);
	RUN(one_call_for_a_train);
	RUN(all_marks);
	RUN(no_segmentation);
	RUN(insists);
	RUN(modes);
	RUN(sentinel);
	RUN(everything_is_invalid);
	RUN(route_mtu_shrinks);
	RUN(buffers_are_full);
	RUN(interrupted);
	RUN(partial_batches);
	RUN(one_is_refused);
	RUN(all_are_refused);
	RUN(source_address_vanishes);
	RUN(nowhere_to_send);
	RUN(receives_with_control);
	RUN(receives_many_singles);
	RUN(tells_ways_apart);
	RUN(receives_oddities);
	RUN(control_messages);
	RUN(paths);
	return TEST_END();
}
