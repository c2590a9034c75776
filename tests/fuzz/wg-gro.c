// SPDX-License-Identifier: MIT
// Fuzz: packets are joined, written to a pretended TUN device and split again: the same packets.
#include <linux/virtio_net.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/wg-packets.h"
#include "common/log.h"
#include "wg/gro.h"
#include "wg/gso.h"

#define PACKETS	   96
#define PACKET_MAX 700

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	uint8_t bytes[PACKET_MAX];
	size_t len;
	bool seen;
} in[PACKETS];
static unsigned n_in, n_out;

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* RFC 6864: the identification of a packet that may not be cut means nothing. */
static void normalise(uint8_t *ip, size_t len)
{
	if (len < 20 || ip[0] >> 4 != 4 || !(ip[6] & 0x40))
		return;
	packets_put16(ip + 4, 0);
	packets_put16(ip + 10, 0);
}

static void came_out(const uint8_t *ip, size_t len)
{
	uint8_t copy[PACKET_MAX];

	require(len <= sizeof(copy));
	memcpy(copy, ip, len);
	normalise(copy, len);
	for (unsigned i = 0; i < n_in; i++)
		if (!in[i].seen && in[i].len == len && !memcmp(in[i].bytes, copy, len)) {
			in[i].seen = true;
			n_out++;
			return;
		}
	abort();
}

static ssize_t fake_writev(int fd, const struct iovec *iov, int n)
{
	static uint8_t frame[GSO_FRAME_MAX], out[TRAIN_BYTES_MAX];
	struct train t = {.buf = out};
	struct virtio_net_hdr h;
	size_t len = 0;
	struct gso g;

	for (int i = 0; i < n; len += iov[i++].iov_len) {
		require(len + iov[i].iov_len <= sizeof(frame));
		memcpy(frame + len, iov[i].iov_base, iov[i].iov_len);
	}
	memcpy(&h, frame, sizeof(h));
	if (h.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		came_out(frame + sizeof(h), len - sizeof(h));
		return (ssize_t)len;
	}
	require(gso_begin(&g, frame, len, true) == 0 && g.left > 1);
	while (g.left) {
		train_reset(&t, 0);
		require(gso_append(&g, &t) > 0);
		for (unsigned i = 0; i < t.n; i++) {
			const uint8_t *ip = train_datagram(&t, i) + TRAIN_HEADER;

			came_out(ip,
				ip[0] >> 4 == 4 ? packets_get16(ip + 2)
						: packets_get16(ip + 4) + 40u);
		}
	}
	return (ssize_t)len;
}

/* A packet from four bytes: which flow, how long, what is odd about it, where. */
static size_t make(uint8_t *ip, struct packet_spec flows[4], const uint8_t r[4])
{
	struct packet_spec *s = &flows[r[0] & 3], one;
	size_t payload = 20 + (r[1] & 0x3f), len;

	if (!s->ttl || r[2] == 0xff)
		*s = (struct packet_spec){.v6 = r[0] & 1,
			.tcp = !(r[0] & 2) || (r[0] & 0x40),
			.ttl = 64,
			.df = r[0] & 0x80,
			.flags = 0x10,
			.sport = r[0],
			.host = r[0],
			.options = r[0] & 0x40 ? 12 : 0,
			.seq = (uint32_t)r[3] << 24};
	if (!s->tcp)
		s->options = 0;
	one = *s;
	if (r[2] & 0x10)
		one.flags ^= r[3];
	if (r[2] & 0x20)
		one.seq += (uint32_t)(int8_t)r[3] * (uint32_t)payload;
	if (r[2] & 0x40)
		s->ack++;
	if (r[2] & 0x04)
		one.tos ^= r[3];
	if (r[2] & 0x02)
		one.ttl ^= r[3];
	if (r[2] & 0x01)
		one.window ^= r[3];
	len = packets_make(ip, &one, payload);
	if (r[2] & 0x08)
		ip[r[3] % len] ^= (uint8_t)(1u << (r[1] >> 6));
	s->seq += (uint32_t)payload;
	s->id++;
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gro_calls calls = {.writev = fake_writev};
	struct packet_spec flows[4] = {0};
	uint8_t *bufs[PACKETS];
	struct gro *g = gro_new(&calls);
	size_t at = 1;

	log_set_level(-1);
	n_in = n_out = 0;
	if (size)
		gro_set_tun(g, 1, true, !(data[0] & 1), !(data[0] & 2));
	while (at + 4 <= size && n_in < PACKETS) {
		uint8_t ip[PACKET_MAX];
		size_t len;

		if (data[at] & 0x20) { /* bytes as they are */
			len = data[at + 1];
			len = len < size - at - 4 ? len : size - at - 4;
			memcpy(ip, data + at + 4, len);
			at += len;
		} else {
			len = make(ip, flows, data + at);
		}
		at += 4;
		bufs[n_in] = malloc(len ? len : 1);
		memcpy(bufs[n_in], ip, len);
		memcpy(in[n_in].bytes, ip, len);
		normalise(in[n_in].bytes, len);
		in[n_in].len = len;
		in[n_in].seen = len == 0;
		n_out += len == 0;
		gro_add(g, bufs[n_in], len);
		n_in++;
	}
	(void)gro_flush(g);
	require(!size || n_out == n_in);
	for (unsigned i = 0; i < n_in; i++)
		free(bufs[i]);
	gro_free(g);
	return 0;
}
