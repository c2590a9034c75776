// SPDX-License-Identifier: MIT
// Joining received packets: split(join(x)) = x for random traffic, the rules one by one, refusing kernels.
#include "test.h"

#include <errno.h>
#include <linux/virtio_net.h>

#include "common/log.h"
#include "wg-packets.h"
#include "wg/gro.h"
#include "wg/gso.h"

#define WRITES_MAX 600
#define PACKET_MAX 1600

/* What was written. */
static struct {
	struct virtio_net_hdr h;
	uint8_t data[65536];
	size_t len;
} * writes;
static unsigned n_writes;
static int fail_joined, fail_all, fail_times; /* errno to answer with */
static bool plain;

static ssize_t fake_writev(int fd, const struct iovec *iov, int n)
{
	size_t len = 0, whole = 0;
	bool joined;

	CHECK(fd == 77 && n <= GRO_JOIN_MAX + 1);
	for (int i = 0; i < n; i++)
		whole += iov[i].iov_len;
	if (fail_times) {
		fail_times--;
		return -EINTR;
	}
	if (fail_all)
		return -fail_all;
	if (!plain) {
		memcpy(&writes[n_writes].h, iov[0].iov_base, sizeof(writes[n_writes].h));
		CHECK_EQ(iov[0].iov_len, sizeof(writes[n_writes].h));
		iov++;
		n--;
	}
	joined = !plain && writes[n_writes].h.gso_type != VIRTIO_NET_HDR_GSO_NONE;
	CHECK_EQ(joined, n > 1);
	if (joined && fail_joined)
		return -fail_joined;
	for (int i = 0; i < n; len += iov[i++].iov_len)
		memcpy(writes[n_writes].data + len, iov[i].iov_base, iov[i].iov_len);
	writes[n_writes++].len = len;
	CHECK(n_writes < WRITES_MAX);
	return (ssize_t)whole;
}

static const struct gro_calls calls = {.writev = fake_writev};

static struct gro *fresh(bool vnet, bool tcp, bool udp)
{
	struct gro *g = gro_new(&calls);

	gro_set_tun(g, 77, vnet, tcp, udp);
	plain = !vnet;
	n_writes = 0;
	fail_joined = fail_all = fail_times = 0;
	return g;
}

/* ---- random traffic ---- */

struct arrival {
	uint8_t data[PACKET_MAX]; /* is changed by joining */
	uint8_t copy[PACKET_MAX];
	size_t len;
	unsigned flow;
	bool bad; /* checksum */
	bool seen;
};
static struct arrival *arrivals;
static unsigned n_arrivals;

/* The IPv4 identification of a packet that may not be cut means nothing (RFC 6864). */
static void normalise(uint8_t *ip)
{
	if (ip[0] >> 4 == 4 && (ip[6] & 0x40)) {
		packets_put16(ip + 4, 0);
		packets_put16(ip + 10, 0);
	}
}

static bool same_packet(const uint8_t *a, const uint8_t *b, size_t len)
{
	static uint8_t x[PACKET_MAX], y[PACKET_MAX];

	memcpy(x, a, len);
	memcpy(y, b, len);
	normalise(x);
	normalise(y);
	return !memcmp(x, y, len);
}

/* Which one came out? The oldest that looks so and has not been seen. */
static int find_arrival(const uint8_t *ip, size_t len)
{
	for (unsigned i = 0; i < n_arrivals; i++)
		if (!arrivals[i].seen && arrivals[i].len == len &&
			same_packet(arrivals[i].copy, ip, len)) {
			arrivals[i].seen = true;
			return (int)i;
		}
	return -1;
}

static void arrive(const struct packet_spec *s, unsigned flow, size_t payload, bool bad)
{
	struct arrival *a = &arrivals[n_arrivals++];

	a->len = packets_make(a->data, s, payload);
	a->flow = flow;
	a->bad = bad;
	a->seen = false;
	if (bad) /* a bit of the payload, or of the header of a packet without */
		a->data[a->len - 1] ^= 0x10;
	memcpy(a->copy, a->data, a->len);
}

static void make_traffic(void)
{
	struct packet_spec flows[6];
	unsigned n = 1 + packets_random(6), size[6];

	for (unsigned f = 0; f < n; f++) {
		flows[f] = (struct packet_spec){.v6 = packets_random(2),
			.tcp = packets_random(4) > 0,
			.tos = (uint8_t)packets_random(4),
			.ttl = 64,
			.flags = 0x10,
			.df = packets_random(2),
			.id = (uint16_t)packets_random(65536),
			.sport = (uint16_t)(1000 + f),
			.dport = 80,
			.window = 500,
			.seq = packets_random(3) ? packets_random(UINT32_MAX) : UINT32_MAX - 3000,
			.ack = 77,
			.options = (uint8_t)(packets_random(2) * 12),
			.option_fill = 1,
			.host = (uint8_t)f};
		if (!flows[f].tcp)
			flows[f].options = 0;
		size[f] = 1 + packets_random(1300);
	}
	for (n_arrivals = 0; n_arrivals < 200;) {
		unsigned f = packets_random(n), what = packets_random(100);
		struct packet_spec *s = &flows[f], one = *s;
		size_t payload = size[f];

		if (what < 4)
			one.flags |= 0x08; /* PSH */
		else if (what < 6)
			payload = 1 + packets_random((uint32_t)payload);
		else if (what < 8)
			payload += 100;
		else if (what == 8)
			one.flags |= 0x01; /* FIN */
		else if (what == 9)
			payload = 0;
		else if (what == 10)
			s->ack++;
		else if (what == 11)
			s->window++;
		else if (what == 12)
			s->tos ^= 3;
		else if (what == 13)
			s->option_fill ^= 2;
		else if (what == 14)
			s->ttl--;
		else if (what == 15)
			one.seq -= (uint32_t)payload; /* again */
		arrive(&one, f, payload, what == 20);
		s->id++;
		if (what != 15)
			s->seq += (uint32_t)payload;
		if (what >= 90 && n_arrivals > 1) { /* two change places */
			struct arrival t = arrivals[n_arrivals - 1];

			arrivals[n_arrivals - 1] = arrivals[n_arrivals - 2];
			arrivals[n_arrivals - 2] = t;
		}
	}
}

/* Per flow, each write takes the next ones in order of arrival, if not in that order among themselves. */
static void check_order(unsigned flow, const int *which, unsigned n, unsigned *next)
{
	unsigned position = 0, low = n_arrivals, high = 0;

	for (unsigned i = 0; i < n; i++) {
		position = 0;
		for (int j = 0; j < which[i]; j++)
			position += arrivals[j].flow == flow;
		low = position < low ? position : low;
		high = position > high ? position : high;
	}
	CHECK_EQ(low, *next);
	CHECK_EQ(high - low + 1, n);
	*next = high + 1;
}

static unsigned check_writes(void)
{
	static uint8_t frame[GSO_FRAME_MAX], out[TRAIN_BYTES_MAX];
	unsigned next[8] = {0}, joined = 0;

	for (unsigned w = 0; w < n_writes; w++) {
		int which[GRO_JOIN_MAX] = {0};
		struct train t = {.buf = out};
		unsigned n = 0, flow = 0;
		struct gso g;

		memcpy(frame, &writes[w].h, GSO_VNET_HDR);
		memcpy(frame + GSO_VNET_HDR, writes[w].data, writes[w].len);
		CHECK_EQ(gso_begin(&g, frame, writes[w].len + GSO_VNET_HDR, true), 0);
		joined += g.left > 1;
		while (g.left) {
			train_reset(&t, 0);
			CHECK(gso_append(&g, &t) > 0);
			for (unsigned i = 0; i < t.n && n < GRO_JOIN_MAX; i++) {
				uint8_t *ip = train_datagram(&t, i) + TRAIN_HEADER;
				size_t len = ip[0] >> 4 == 4 ? packets_get16(ip + 2)
							     : packets_get16(ip + 4) + 40u;
				int found = find_arrival(ip, len);

				CHECK(found >= 0);
				if (found < 0)
					return joined;
				CHECK(!arrivals[found].bad || writes[w].h.gso_type == 0);
				flow = arrivals[found].flow;
				which[n++] = found;
			}
		}
		check_order(flow, which, n, &next[flow]);
	}
	for (unsigned i = 0; i < n_arrivals; i++)
		CHECK(arrivals[i].seen);
	return joined;
}

static void split_of_joined_is_the_same(void)
{
	unsigned joined = 0;

	for (int round = 0; round < 150; round++) {
		struct gro *g = fresh(true, true, packets_random(4) > 0);

		make_traffic();
		for (unsigned i = 0; i < n_arrivals; i++)
			gro_add(g, arrivals[i].data, arrivals[i].len);
		CHECK_EQ(gro_flush(g), 0);
		joined += check_writes();
		gro_free(g);
	}
	CHECK(joined > 1000); /* it does happen */
}

/* ---- the rules ---- */

static const struct packet_spec base = {.tcp = true,
	.ttl = 64,
	.flags = 0x10,
	.df = true,
	.sport = 1,
	.dport = 2,
	.window = 9,
	.seq = 1000,
	.ack = 5,
	.options = 12,
	.option_fill = 1,
	.id = 7};

static uint8_t first[PACKET_MAX], second[PACKET_MAX];

/* Writes after two packets, the second one changed. */
static unsigned pair_of(
	const struct packet_spec *a, size_t a_len, const struct packet_spec *b, size_t b_len)
{
	struct gro *g = fresh(true, true, true);

	gro_add(g, first, packets_make(first, a, a_len));
	gro_add(g, second, packets_make(second, b, b_len));
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->packets, 2);
	gro_free(g);
	return n_writes;
}

static void what_must_be_equal(void)
{
	struct packet_spec b = base;

#define NEXT(change) (b = base, b.seq += 100, b.id++, (change), pair_of(&base, 100, &b, 100))
	CHECK_EQ(NEXT((void)0), 1);
	CHECK_EQ(NEXT(b.flags |= 8), 1);
	CHECK_EQ(NEXT(b.ack++), 2);
	CHECK_EQ(NEXT(b.tos = 4), 2);
	CHECK_EQ(NEXT(b.tos = 3), 2);
	CHECK_EQ(NEXT(b.ttl--), 2);
	CHECK_EQ(NEXT(b.df = false), 2);
	CHECK_EQ(NEXT(b.sport++), 2);
	CHECK_EQ(NEXT(b.dport++), 2);
	CHECK_EQ(NEXT(b.host++), 2);
	CHECK_EQ(NEXT(b.options = 8), 2);
	CHECK_EQ(NEXT(b.option_fill = 2), 2);
	CHECK_EQ(NEXT(b.window++), 2);
	CHECK_EQ(NEXT(b.seq++), 2);
	CHECK_EQ(NEXT(b.flags = 0x11), 2);
	CHECK_EQ(NEXT(b.flags = 0x12), 2);
	CHECK_EQ(NEXT(b.flags = 0x14), 2);
	CHECK_EQ(NEXT(b.flags = 0x30), 2);
	CHECK_EQ(NEXT(b.flags = 0x50), 2);
	CHECK_EQ(NEXT(b.flags = 0x90), 2);
	CHECK_EQ(NEXT(b.flags = 0x00), 2);
	CHECK_EQ(NEXT(b.v6 = true), 2);
	CHECK_EQ(NEXT(b.tcp = false), 2);
#undef NEXT
}

static void lengths_and_places(void)
{
	struct packet_spec a = base, b = base;

	b.seq = a.seq + 100;
	CHECK_EQ(pair_of(&a, 100, &b, 40), 1);	/* a shorter last one */
	CHECK_EQ(pair_of(&a, 100, &b, 101), 2); /* a longer one */
	CHECK_EQ(pair_of(&a, 100, &b, 0), 2);	/* a pure ACK */
	CHECK_EQ(pair_of(&b, 100, &a, 100), 1); /* changed places */
	CHECK_EQ(writes[0].h.gso_size, 100);
	CHECK_EQ(pair_of(&b, 40, &a, 100), 1);
	CHECK_EQ(writes[0].h.gso_size, 100);
	CHECK_EQ(pair_of(&b, 140, &a, 100), 2);
	a.flags |= 8;
	CHECK_EQ(pair_of(&a, 100, &b, 100), 2); /* PSH ends a group */
	CHECK_EQ(pair_of(&b, 100, &a, 100), 2); /* and cannot be in its midst */
	a = b = base;
	a.df = b.df = false;
	b.seq += 100;
	CHECK_EQ(pair_of(&a, 100, &b, 100), 2); /* identifications must count on */
	b.id++;
	CHECK_EQ(pair_of(&a, 100, &b, 100), 1);
	CHECK_EQ(pair_of(&b, 100, &a, 100), 1);
	a = b = (struct packet_spec){.ttl = 1, .df = true};
	CHECK_EQ(pair_of(&a, 100, &b, 100), 1); /* UDP */
	CHECK_EQ(writes[0].h.gso_type, GSO_TYPE_UDP_L4);
	CHECK_EQ(writes[0].h.csum_offset, 6);
	CHECK_EQ(pair_of(&a, 100, &b, 101), 2);
	CHECK_EQ(pair_of(&a, 0, &b, 0), 2);
}

static void header_of_a_joined_one(void)
{
	struct packet_spec b = base;

	b.seq += 100;
	b.flags |= 8;
	CHECK_EQ(pair_of(&base, 100, &b, 60), 1);
	CHECK_EQ(writes[0].h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	CHECK_EQ(writes[0].h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	CHECK_EQ(writes[0].h.hdr_len, 52);
	CHECK_EQ(writes[0].h.gso_size, 100);
	CHECK_EQ(writes[0].h.csum_start, 20);
	CHECK_EQ(writes[0].h.csum_offset, 16);
	CHECK_EQ(writes[0].len, 52 + 160);
	CHECK_EQ(packets_get16(writes[0].data + 2), 212);
	CHECK_EQ(writes[0].data[33], 0x18);
	CHECK_EQ(packets_sum(0, writes[0].data, 20), 0xffff);
	CHECK_EQ(packets_get16(writes[0].data + 36), packets_pseudo(writes[0].data, 192, 6));
}

/* Nothing joins across a packet of the same flow that stays alone. */
static void nobody_overtakes(void)
{
	static uint8_t p[4][PACKET_MAX];
	struct gro *g = fresh(true, true, true);
	struct packet_spec s = base;

	for (unsigned i = 0; i < 4; i++) {
		s.flags = i == 1 ? 0x11 : 0x10;
		gro_add(g, p[i], packets_make(p[i], &s, 100));
		s.seq += 100;
	}
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 3);
	CHECK_EQ(writes[0].len, 152);
	CHECK_EQ(writes[1].data[33], 0x11);
	CHECK_EQ(writes[2].len, 252);
	gro_free(g);
}

static void damaged_packets_stay_alone(void)
{
	struct packet_spec b = base;
	uint8_t before[2][PACKET_MAX];

	b.seq += 100;
	for (int which = 0; which < 2; which++)
		for (size_t at = 0; at < 152; at++) {
			struct gro *g = fresh(true, true, true);
			uint8_t *hit = which ? second : first;

			packets_make(first, &base, 100);
			packets_make(second, &b, 100);
			hit[at] ^= 0x40;
			memcpy(before[0], first, 152);
			memcpy(before[1], second, 152);
			gro_add(g, first, 152);
			gro_add(g, second, 152);
			CHECK_EQ(gro_flush(g), 0);
			CHECK_EQ(n_writes, 2);
			CHECK_MEM(writes[0].data, before[0], 152);
			CHECK_MEM(writes[1].data, before[1], 152);
			gro_free(g);
		}
}

static void odd_packets_pass_unchanged(void)
{
	static uint8_t p[PACKET_MAX], copy[PACKET_MAX];
	struct gro *g = fresh(true, true, true);
	unsigned sent = 0;

	for (size_t len = 1; len < 120; len++)
		for (int kind = 0; kind < 4; kind++) {
			struct packet_spec s = base;

			s.v6 = kind & 1;
			s.tcp = kind & 2;
			packets_make(p, &s, 200);
			memcpy(copy, p, len);
			gro_add(g, p, len); /* shorter than it says */
			CHECK_EQ(gro_flush(g), 0);
			CHECK_EQ(n_writes, 1);
			CHECK_EQ(writes[0].len, len);
			CHECK_MEM(writes[0].data, copy, len);
			n_writes = 0;
			sent++;
		}
	CHECK_EQ(gro_counters(g)->packets, sent);
	gro_add(g, p, 0);
	CHECK_EQ(gro_counters(g)->dropped, 1);
	gro_free(g);
}

static void fragments_stay_alone(void)
{
	struct gro *g = fresh(true, true, true);
	struct packet_spec b = base;
	size_t len;

	b.seq += 100;
	for (unsigned field = 1; field <= 0x2000; field <<= 1) {
		n_writes = 0;
		len = packets_make(first, &base, 100);
		packets_make(second, &b, 100);
		for (int i = 0; i < 2; i++) {
			uint8_t *p = i ? second : first;

			packets_put16(p + 6, field);
			packets_finish(p, len);
			gro_add(g, p, len);
		}
		CHECK_EQ(gro_flush(g), 0);
		CHECK_EQ(n_writes, 2);
	}
	gro_free(g);
}

static void full_groups(void)
{
	static uint8_t p[300][PACKET_MAX];
	struct packet_spec s = base;
	struct gro *g = fresh(true, true, true);

	/* 65,535 bytes at most */
	for (unsigned i = 0; i < 50; i++, s.seq += 1400)
		gro_add(g, p[i], packets_make(p[i], &s, 1400));
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2);
	CHECK_EQ(writes[0].len, 46 * 1400 + 52);
	/* GRO_JOIN_MAX packets at most, and GRO_PACKETS_MAX wait */
	n_writes = 0;
	for (unsigned i = 0; i < 300; i++, s.seq += 10)
		gro_add(g, p[i], packets_make(p[i], &s, 10));
	CHECK_EQ(n_writes, GRO_PACKETS_MAX / GRO_JOIN_MAX);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, GRO_PACKETS_MAX / GRO_JOIN_MAX + 1);
	/* more flows than groups */
	n_writes = 0;
	for (unsigned i = 0; i < 300; i++) {
		s.sport = (uint16_t)i;
		gro_add(g, p[i], packets_make(p[i], &s, 10));
	}
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 300);
	gro_free(g);
}

/* ---- kernels ---- */

static void two_of(struct gro *g, bool tcp)
{
	struct packet_spec s = base;

	s.tcp = tcp;
	s.options = 0;
	gro_add(g, first, packets_make(first, &s, 100));
	s.seq += 100;
	gro_add(g, second, packets_make(second, &s, 100));
}

static void a_kernel_that_refuses(void)
{
	struct gro *g = fresh(true, true, true);

	fail_joined = EINVAL;
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2); /* one by one, as they came */
	CHECK(packets_valid(writes[0].data, writes[0].len) && writes[0].len == 140);
	CHECK(packets_valid(writes[1].data, writes[1].len) && writes[1].len == 140);
	CHECK_EQ(gro_counters(g)->dropped, 0);
	CHECK_EQ(gro_counters(g)->writes, 3);
	two_of(g, true); /* TCP is not tried again, UDP is */
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->writes, 5);
	two_of(g, false);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->writes, 8);
	two_of(g, false);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->writes, 10);
	gro_free(g);
}

/* tun-offload: off, on (insisting), auto again. */
static void changed_while_it_runs(void)
{
	struct gro *g = fresh(true, true, true);

	gro_set_offload(g, false, false, false);
	two_of(g, true);
	two_of(g, false);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 4);
	gro_set_offload(g, true, true, true);
	fail_joined = EINVAL;
	for (int i = 0; i < 3; i++) {
		uint64_t before = gro_counters(g)->writes;

		two_of(g, true);
		CHECK_EQ(gro_flush(g), 0);
		CHECK_EQ(gro_counters(g)->writes - before, 3);
	}
	gro_set_offload(g, true, true, false);
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	fail_joined = 0;
	n_writes = 0;
	two_of(g, true); /* given up */
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2);
	CHECK_EQ(gro_counters(g)->dropped, 0);
	gro_free(g);
}

/* EINVAL for everything says nothing about joined packets. */
static void a_device_that_refuses(void)
{
	struct gro *g = fresh(true, true, true);

	fail_all = EINVAL;
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->dropped, 2);
	fail_all = 0;
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 1);
	fail_all = EIO; /* the link is down */
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->dropped, 4);
	CHECK_EQ(gro_counters(g)->bad_write, EIO);
	fail_all = 0;
	fail_times = 2; /* EINTR */
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2);
	fail_all = EBADFD;
	two_of(g, true);
	CHECK_EQ(gro_flush(g), -EBADFD);
	gro_free(g);
}

static void without_offload(void)
{
	struct gro *g = fresh(false, true, true);

	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2);
	CHECK_EQ(writes[0].len, 140);
	gro_free(g);
	g = fresh(true, true, false);
	two_of(g, false);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(n_writes, 2);
	gro_set_tun(g, -1, true, true, true); /* no device (yet) */
	two_of(g, true);
	CHECK_EQ(gro_flush(g), 0);
	CHECK_EQ(gro_counters(g)->dropped, 2);
	gro_free(g);
}

int main(void)
{
	log_set_level(-1);
	writes = calloc(WRITES_MAX, sizeof(*writes));
	arrivals = calloc(256, sizeof(*arrivals));
	if (!writes || !arrivals)
		return 1;
	RUN(split_of_joined_is_the_same);
	RUN(what_must_be_equal);
	RUN(lengths_and_places);
	RUN(header_of_a_joined_one);
	RUN(nobody_overtakes);
	RUN(damaged_packets_stay_alone);
	RUN(odd_packets_pass_unchanged);
	RUN(fragments_stay_alone);
	RUN(full_groups);
	RUN(a_kernel_that_refuses);
	RUN(changed_while_it_runs);
	RUN(a_device_that_refuses);
	RUN(without_offload);
	free(writes);
	free(arrivals);
	return TEST_END();
}
