// SPDX-License-Identifier: MIT
// Splitting what the TUN device hands out: each packet against one that was made by hand, and bad input.
#include "test.h"

#include <errno.h>
#include <linux/virtio_net.h>

#include "wg-packets.h"
#include "wg/checksum.h"
#include "wg/gso.h"

static uint8_t frame[GSO_FRAME_MAX + 64];
static uint8_t train_buf[TRAIN_BYTES_MAX];

/* A large packet as the kernel gives it: the checksum field holds the sum of the pseudo header. */
static size_t make_frame(const struct packet_spec *s, size_t payload, uint16_t size)
{
	uint8_t *ip = frame + GSO_VNET_HDR;
	size_t len = packets_make(ip, s, payload), l4 = s->v6 ? 40 : 20;
	struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = !size ? VIRTIO_NET_HDR_GSO_NONE
			: !s->tcp ? GSO_TYPE_UDP_L4
			: s->v6	  ? VIRTIO_NET_HDR_GSO_TCPV6
				  : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = (uint16_t)len, /* as on the forward path: useless */
		.gso_size = size,
		.csum_start = (uint16_t)l4,
		.csum_offset = s->tcp ? 16 : 6};

	packets_put16(ip + l4 + (s->tcp ? 16 : 6),
		packets_pseudo(ip, (uint32_t)(len - l4), s->tcp ? 6 : 17));
	memcpy(frame, &h, sizeof(h));
	return len + GSO_VNET_HDR;
}

static struct virtio_net_hdr get_header(void)
{
	struct virtio_net_hdr h;

	memcpy(&h, frame, sizeof(h));
	return h;
}

/* Checks packet INDEX of COUNT against one that is made by the rules. */
static void check_packet(const struct packet_spec *s, const uint8_t *got, size_t index,
	size_t count, uint16_t size, size_t payload)
{
	static uint8_t want[65536];
	struct packet_spec one = *s;
	size_t piece = index + 1 < count ? size : payload - (count - 1) * size, len;

	one.id = (uint16_t)(s->id + index);
	one.seq = s->seq + (uint32_t)(index * size);
	if (index + 1 < count)
		one.flags &= (uint8_t)~0x09;
	if (index)
		one.flags &= (uint8_t)~0x80;
	len = packets_make(want, &one, piece);
	if (!s->tcp) /* the contents go on where the sequence number would */
		for (size_t i = 0; i < piece; i++)
			want[packets_headers(&one) + i] =
				(uint8_t)((s->seq + index * size + i) * 31 >> 3);
	packets_finish(want, len);
	CHECK_MEM(got, want, len);
}

static void split_and_check(
	const struct packet_spec *s, size_t payload, uint16_t size, uint16_t mtu)
{
	size_t count = (payload + size - 1) / size, done = 0, trains = 0;
	struct train t = {.buf = train_buf};
	struct gso g;

	CHECK_EQ(gso_begin(&g, frame, make_frame(s, payload, size), true), 0);
	CHECK_EQ(g.left, count);
	CHECK_EQ(g.ecn, s->tos & 3);
	while (g.left && trains++ < 2000) {
		train_reset(&t, mtu);
		CHECK(gso_append(&g, &t) > 0);
		CHECK(t.n <= TRAIN_PACKETS_MAX && train_bytes(&t) <= TRAIN_BYTES_MAX);
		CHECK_EQ(t.ecn, s->tos & 3);
		for (unsigned i = 0; i < t.n; i++, done++) {
			size_t len = train_length(&t, i) - TRAIN_HEADER - TRAIN_TAG;
			size_t piece = done + 1 < count ? size : payload - (count - 1) * size;
			size_t inner = packets_headers(s) + piece;
			const uint8_t *ip = train_datagram(&t, i) + TRAIN_HEADER;

			CHECK(len >= inner && len < inner + 16);
			CHECK(len % 16 == 0 || len == mtu || len == inner);
			for (size_t j = inner; j < len; j++)
				CHECK_EQ(ip[j], 0);
			check_packet(s, ip, done, count, size, payload);
		}
	}
	CHECK_EQ(done, count);
}

static struct packet_spec random_spec(void)
{
	struct packet_spec s = {
		.v6 = packets_random(2),
		.tcp = packets_random(3) > 0,
		.tos = (uint8_t)packets_random(256),
		.ttl = (uint8_t)packets_random(256),
		.flags = (uint8_t)(0x10 | packets_random(256)),
		.df = packets_random(2),
		.id = (uint16_t)packets_random(65536),
		.sport = (uint16_t)packets_random(65536),
		.dport = (uint16_t)packets_random(65536),
		.window = (uint16_t)packets_random(65536),
		.seq = packets_random(4) ? packets_random(UINT32_MAX) : 0xfffff000,
		.ack = packets_random(UINT32_MAX),
		.option_fill = 1,
		.host = (uint8_t)packets_random(256),
	};

	s.options = s.tcp ? (uint8_t)(packets_random(11) * 4) : 0;
	return s;
}

static void random_frames(void)
{
	for (int i = 0; i < 400; i++) {
		struct packet_spec s = random_spec();
		size_t most = 65535 - packets_headers(&s);
		size_t payload = 1 + packets_random((uint32_t)(packets_random(2) ? most : 3000));
		uint16_t size = (uint16_t)(packets_random(8) ? 500 + packets_random(1400)
							     : 1 + packets_random(300));

		split_and_check(&s, payload, size,
			(uint16_t)(packets_random(4) ? 1420 : packets_random(9000)));
	}
}

static void full_train_is_45_packets(void)
{
	struct packet_spec s = {.tcp = true, .flags = 0x18, .options = 12, .ttl = 64};
	struct train t = {.buf = train_buf};
	struct gso g;

	CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 47 * 1368, 1368), true), 0);
	train_reset(&t, 1420);
	CHECK_EQ(gso_append(&g, &t), 45);
	CHECK_EQ(t.wire, 1452);
	CHECK_EQ(train_bytes(&t), 45 * 1452);
	CHECK_EQ(g.left, 2);
	CHECK_EQ(gso_append(&g, &t), 0);
}

/* Frames follow each other in one train as long as only the last packet is shorter. */
static void trains_go_on(void)
{
	struct packet_spec s = {.tcp = true, .flags = 0x10, .ttl = 64};
	struct train t = {.buf = train_buf};
	struct gso g;

	train_reset(&t, 1420);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 3 * 1380, 1380), true), 0);
		CHECK_EQ(gso_append(&g, &t), 3);
	}
	CHECK_EQ(t.n, 9);
	/* another ECN waits for the next train */
	s.tos = 1;
	CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 1380, 0), true), 0);
	CHECK_EQ(gso_append(&g, &t), 0);
	CHECK_EQ(g.left, 1);
	s.tos = 0;
	/* a longer one, too */
	CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 2000, 0), true), 0);
	CHECK_EQ(gso_append(&g, &t), 0);
	/* a shorter one is the last */
	CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 100, 0), true), 0);
	CHECK_EQ(gso_append(&g, &t), 1);
	CHECK_EQ(t.n, 10);
	CHECK(t.closed && t.last < t.wire);
	CHECK_EQ(gso_begin(&g, frame, make_frame(&s, 100, 0), true), 0);
	CHECK_EQ(gso_append(&g, &t), 0);
	CHECK_EQ(t.inner_bytes, 9 * 1420 + 140);
}

static void single_packets(void)
{
	struct train t = {.buf = train_buf};
	struct gso g;

	for (int i = 0; i < 300; i++) {
		struct packet_spec s = random_spec();
		size_t len = make_frame(&s, packets_random(1400), 0) - GSO_VNET_HDR;

		CHECK_EQ(gso_begin(&g, frame, len + GSO_VNET_HDR, true), 0);
		CHECK_EQ(g.left, 1);
		train_reset(&t, 1500);
		CHECK_EQ(gso_append(&g, &t), 1);
		CHECK(packets_valid(train_buf + TRAIN_HEADER, len));
		CHECK(train_bytes(&t) >= len + 32 && train_bytes(&t) < len + 48);
	}
}

/* A checksum that comes out as zero is written as 0xffff for UDP only. */
static void udp_zero_checksum(void)
{
	struct packet_spec s = {.ttl = 64};
	struct train t = {.buf = train_buf};
	unsigned seen = 0;
	struct gso g;

	for (uint32_t port = 0; port < 65536; port++) {
		size_t len;

		s.sport = (uint16_t)port;
		len = make_frame(&s, 2, 0);
		CHECK_EQ(gso_begin(&g, frame, len, true), 0);
		train_reset(&t, 1500);
		gso_append(&g, &t);
		CHECK(packets_get16(train_buf + TRAIN_HEADER + 26) != 0);
		seen += packets_get16(train_buf + TRAIN_HEADER + 26) == 0xffff;
	}
	CHECK_EQ(seen, 1);
}

static void without_vnet_header(void)
{
	struct packet_spec s = {.tcp = true, .ttl = 64, .flags = 2};
	struct train t = {.buf = train_buf};
	struct gso g;
	size_t len = packets_make(frame, &s, 33);

	CHECK_EQ(gso_begin(&g, frame, len, false), 0);
	train_reset(&t, 1420);
	CHECK_EQ(gso_append(&g, &t), 1);
	CHECK_MEM(train_buf + TRAIN_HEADER, frame, len);
	/* what hangs behind the packet is not part of it */
	CHECK_EQ(gso_begin(&g, frame, len + 20, false), 0);
	CHECK_EQ(g.len, len);
}

/* What cannot be padded to 16 within the MTU, or is above it (the MTU has just shrunk), is not padded at all. */
static void padding(void)
{
	static const struct {
		uint16_t len, mtu, want;
	} cases[] = {
		{1420, 1420, 1420},
		{1419, 1420, 1419},
		{1409, 1420, 1409},
		{1408, 1420, 1408},
		{40, 1420, 48},
		{48, 1420, 48},
		{49, 1420, 64},
		{1500, 1420, 1500},
		{49, 0, 64},
		{49, 50, 49},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct packet_spec s = {.tcp = true, .ttl = 1};
		struct train t = {.buf = train_buf};
		struct gso g;
		size_t len = packets_make(frame, &s, cases[i].len - 40u);

		CHECK_EQ(gso_begin(&g, frame, len, false), 0);
		train_reset(&t, cases[i].mtu);
		CHECK_EQ(gso_append(&g, &t), 1);
		CHECK_EQ(t.wire, cases[i].want + 32);
	}
}

static int begin_with(const struct virtio_net_hdr *h, size_t len)
{
	struct gso g;

	memcpy(frame, h, sizeof(*h));
	return gso_begin(&g, frame, len, true);
}

static void bad_headers(void)
{
	struct packet_spec s = {.tcp = true, .flags = 0x10, .ttl = 64};
	size_t len = make_frame(&s, 4000, 1000);
	const struct virtio_net_hdr good = get_header();
	struct virtio_net_hdr h = good;

	CHECK_EQ(begin_with(&h, len), 0);
#define BAD(change)                                      \
	do {                                             \
		h = good;                                \
		change;                                  \
		CHECK_EQ(begin_with(&h, len), -EBADMSG); \
	} while (0)
	BAD(h.gso_size = 0);
	BAD(h.flags = 0);
	BAD(h.csum_start = 0);
	BAD(h.csum_start = 24);
	BAD(h.csum_start = 65535);
	BAD(h.csum_offset = 6);
	BAD(h.csum_offset = 65535);
	BAD(h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6);
	BAD(h.gso_type = GSO_TYPE_UDP_L4);
	BAD(h.gso_type = VIRTIO_NET_HDR_GSO_UDP);
	BAD(h.gso_type = 77);
#undef BAD
	/* a SYN with ECN: CWR on the first packet only, and the type says so */
	h = good;
	h.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	CHECK_EQ(begin_with(&h, len), 0);
	frame[GSO_VNET_HDR + 20 + 12] = 0x40; /* TCP header of 16 bytes */
	CHECK_EQ(begin_with(&good, len), -EBADMSG);
	frame[GSO_VNET_HDR + 20 + 12] = 0xf0;
	CHECK_EQ(begin_with(&good, len), 0);
	packets_put16(frame + GSO_VNET_HDR + 2, 70); /* the options reach beyond the end */
	CHECK_EQ(begin_with(&good, len), -EBADMSG);
}

static void bad_packets(void)
{
	struct packet_spec s = {.tcp = true, .ttl = 64};
	size_t len = packets_make(frame, &s, 100);
	struct gso g;

	for (size_t i = 0; i < len; i++)
		CHECK(gso_begin(&g, frame, i, false) < 0);
	CHECK_EQ(gso_begin(&g, frame, len, false), 0);
	for (unsigned version = 0; version < 16; version++) {
		frame[0] = (uint8_t)(version << 4 | 5);
		CHECK(version == 4 || version == 6 || gso_begin(&g, frame, len, false) == -EBADMSG);
	}
	frame[0] = 0x44;
	CHECK_EQ(gso_begin(&g, frame, len, false), -EBADMSG);
	frame[0] = 0x45;
	packets_put16(frame + 2, 19);
	CHECK_EQ(gso_begin(&g, frame, len, false), -EBADMSG);
	CHECK_EQ(gso_begin(&g, frame, 65536, false), -EBADMSG);
	packets_put16(frame + 2, 65535);
	CHECK_EQ(gso_begin(&g, frame, 65535, false), -EMSGSIZE);
	packets_put16(frame + 2, TRAIN_MTU_MAX);
	CHECK_EQ(gso_begin(&g, frame, 65535, false), 0);
}

static void checksums_equal_the_slow_way(void)
{
	static uint8_t from[4200], to[4200];

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)packets_random(256);
	for (size_t len = 0; len < 2100; len++) {
		size_t at = packets_random(64);
		uint16_t fast = checksum_fold(checksum_add(0, from + at, len)), copied;
		uint8_t bytes[2];

		copied = checksum_fold(checksum_copy(0, to + 7, from + at, len));
		memcpy(bytes, &fast, 2);
		CHECK_EQ(packets_get16(bytes), packets_sum(0, from + at, len));
		CHECK_EQ(copied, fast);
		CHECK_MEM(to + 7, from + at, len);
	}
	memset(from, 0xff, sizeof(from));
	CHECK_EQ(checksum_fold(checksum_add(UINT64_MAX, from, 4096)), 0xffff);
	CHECK_EQ(checksum_fold(0), 0);
}

int main(void)
{
	RUN(checksums_equal_the_slow_way);
	RUN(random_frames);
	RUN(full_train_is_45_packets);
	RUN(trains_go_on);
	RUN(single_packets);
	RUN(udp_zero_checksum);
	RUN(without_vnet_header);
	RUN(padding);
	RUN(bad_headers);
	RUN(bad_packets);
	return TEST_END();
}
