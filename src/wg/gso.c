// SPDX-License-Identifier: MIT
// Outgoing: splits large packets of the TUN device into trains of packets that are ready to be sealed.
//
// What the kernel would do in software (tcp_gso_segment() and its like) is done here, while copying: each
// packet gets the headers of the large one with its own length, IPv4 identification, sequence number,
// flags and checksums. virtio_net_hdr says where the TCP or UDP header begins (csum_start) and how
// much payload a packet has. Its hdr_len is not used: for forwarded packets it may cover the whole first
// packet. The length of the headers comes from the TCP header itself.
#include "wg/gso.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <string.h>

#include "common/cleanup.h"
#include "wg/checksum.h"
#include "wg/nested.h"

#define TCP_SUM	  16
#define UDP_SUM	  6
#define TCP_FIN	  0x01
#define TCP_PSH	  0x08
#define TCP_CWR	  0x80
#define TCP_FLAGS 13

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}
static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}
static inline void put_sum(uint8_t *p, uint64_t sum)
{
	uint16_t v = (uint16_t)~checksum_fold(sum);

	memcpy(p, &v, sizeof(v));
}

/* Version, length and ECN of the packet at g->ip; the bytes behind its end are cut off. *ret_header is
 * the length of the IP header without extensions. */
static int begin_ip(struct gso *g, unsigned *ret_header)
{
	uint32_t total;

	if (g->len < 20)
		return -EBADMSG;
	g->version = g->ip[0] >> 4;
	if (g->version == 4) {
		*ret_header = (g->ip[0] & 15u) * 4;
		total = get16(g->ip + 2);
		g->ecn = g->ip[1] & 3;
	} else if (g->version == 6 && g->len >= 40) {
		*ret_header = 40;
		total = 40u + get16(g->ip + 4);
		g->ecn = g->ip[1] >> 4 & 3;
	} else {
		return -EBADMSG;
	}
	if (*ret_header < 20 || total < *ret_header || total > g->len)
		return -EBADMSG;
	g->len = total;
	return 0;
}

static int begin_segments(struct gso *g, const struct virtio_net_hdr *h, unsigned ip_header)
{
	const uint8_t *l4 = g->ip + h->csum_start;
	uint8_t protocol = g->version == 4 ? g->ip[9] : g->ip[6];
	uint32_t payload, headers;

	g->tcp = (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != GSO_TYPE_UDP_L4;
	if (!g->needs_sum || !h->gso_size || h->csum_offset != (g->tcp ? TCP_SUM : UDP_SUM))
		return -EBADMSG;
	/* IPv6 may have extension headers in between */
	if (h->csum_start == ip_header && protocol != (g->tcp ? IPPROTO_TCP : IPPROTO_UDP))
		return -EBADMSG;
	if (g->version == 4 && h->csum_start != ip_header)
		return -EBADMSG;
	headers = h->csum_start + 8u;
	if (g->tcp) {
		if (h->csum_start + 20u > g->len || l4[12] >> 4 < 5)
			return -EBADMSG;
		headers = h->csum_start + (l4[12] >> 4) * 4u;
	}
	if (headers >= g->len || headers > UINT16_MAX) /* before it is cut to 16 bits */
		return -EBADMSG;
	g->headers = (uint16_t)headers;
	payload = g->len - g->headers;
	g->size = h->gso_size;
	g->left = (payload + g->size - 1) / g->size;
	return g->headers + MIN(payload, (uint32_t)g->size) > TRAIN_MTU_MAX ? -EMSGSIZE : 0;
}

static int begin_one(struct gso *g)
{
	g->left = 1;
	return g->len > TRAIN_MTU_MAX ? -EMSGSIZE : 0;
}

int gso_begin(struct gso *g, const uint8_t *frame, size_t len, bool vnet)
{
	struct virtio_net_hdr h = {0};
	unsigned ip_header;
	int r;

	_Static_assert(sizeof(h) == GSO_VNET_HDR, "virtio_net_hdr");
	if (vnet) {
		if (len < sizeof(h))
			return -EBADMSG;
		memcpy(&h, frame, sizeof(h));
		frame += sizeof(h);
		len -= sizeof(h);
	}
	if (len > 65535)
		return -EBADMSG;
	*g = (struct gso){.ip = frame, .len = (uint32_t)len};
	r = begin_ip(g, &ip_header);
	if (r == 0)
		r = nested_hops(g->ip, g->len);
	if (r < 0)
		return r;
	g->hops = (uint8_t)r;
	if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		if (h.csum_start < ip_header || h.csum_start + h.csum_offset + 2u > g->len)
			return -EBADMSG;
		g->needs_sum = 1;
		g->sum_start = h.csum_start;
		g->sum_offset = h.csum_offset;
	}
	switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return begin_one(g);
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return g->version == 4 ? begin_segments(g, &h, ip_header) : -EBADMSG;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return g->version == 6 ? begin_segments(g, &h, ip_header) : -EBADMSG;
	case GSO_TYPE_UDP_L4:
		return begin_segments(g, &h, ip_header);
	default:
		return -EBADMSG;
	}
}

/* The packet as it is, its checksum finished. */
static void write_one(const struct gso *g, uint8_t *out)
{
	uint64_t sum;

	if (!g->needs_sum) {
		memcpy(out, g->ip, g->len);
		return;
	}
	memcpy(out, g->ip, g->sum_start);
	out += g->sum_start;
	/* the field holds the sum of the pseudo header already */
	sum = checksum_copy(0, out, g->ip + g->sum_start, g->len - g->sum_start);
	put_sum(out + g->sum_offset, sum);
	if (g->sum_offset == UDP_SUM && !out[UDP_SUM] && !out[UDP_SUM + 1])
		put16(out + UDP_SUM, 0xffff); /* zero would mean: none */
}

static void write_ip_header(const struct gso *g, uint8_t *out, uint32_t index, uint32_t len)
{
	if (g->version == 6) {
		put16(out + 4, len - 40);
		return;
	}
	put16(out + 2, len);
	put16(out + 4, get16(out + 4) + index);
	put16(out + 10, 0);
	put_sum(out + 10, checksum_add(0, out, (out[0] & 15u) * 4));
}

static uint64_t pseudo_sum(const struct gso *g, uint32_t l4_len)
{
	uint8_t protocol = g->tcp ? IPPROTO_TCP : IPPROTO_UDP;

	return g->version == 4 ? checksum_pseudo4(g->ip + 12, protocol, l4_len)
			       : checksum_pseudo6(g->ip + 8, protocol, l4_len);
}

/* The packet with PIECE bytes of the payload. */
static void write_segment(const struct gso *g, uint8_t *out, uint32_t piece)
{
	uint32_t l4_len = g->headers - g->sum_start + piece;
	uint8_t *l4 = out + g->sum_start;
	uint64_t sum;

	memcpy(out, g->ip, g->headers);
	write_ip_header(g, out, g->done / g->size, g->headers + piece);
	put16(l4 + g->sum_offset, 0);
	if (g->tcp) {
		put32(l4 + 4, get32(l4 + 4) + g->done);
		if (g->left > 1)
			l4[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
		if (g->done)
			l4[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	} else {
		put16(l4 + 4, l4_len);
	}
	sum = checksum_add(pseudo_sum(g, l4_len), l4, g->headers - g->sum_start);
	/* both header lengths are even, so the payload begins at an even offset */
	sum = checksum_copy(sum, out + g->headers, g->ip + g->headers + g->done, piece);
	put_sum(l4 + g->sum_offset, sum);
	if (!g->tcp && !l4[UDP_SUM] && !l4[UDP_SUM + 1])
		put16(l4 + UDP_SUM, 0xffff);
}

/* Whitepaper §5.4.6: padded to a multiple of 16, but not beyond the MTU. Where that does not fit, not at
 * all: up to the device's MTU might be beyond that of the route, which a TUN does not tell. */
static uint32_t padded(uint32_t len, uint32_t mtu)
{
	uint32_t up = (len + 15) & ~15u;

	if (mtu && up > mtu)
		up = len;
	return MIN(up, (uint32_t)TRAIN_MTU_MAX);
}

static bool train_takes(const struct train *t, uint32_t wire, const struct gso *g)
{
	if (!t->n)
		return true;
	return !t->closed && t->ecn == g->ecn && t->hops == g->hops && wire <= t->wire &&
		t->n < TRAIN_PACKETS_MAX && (size_t)t->n * t->wire + wire <= TRAIN_BYTES_MAX;
}

int gso_append(struct gso *g, struct train *t)
{
	int n = 0;

	for (; g->left; n++) {
		uint32_t piece =
			g->size ? MIN((uint32_t)g->size, g->len - g->headers - g->done) : 0;
		uint32_t len = g->size ? g->headers + piece : g->len;
		uint32_t room = padded(len, t->mtu);
		uint32_t wire = TRAIN_HEADER + room + TRAIN_TAG;
		uint8_t *out = t->buf + (size_t)t->n * t->wire + TRAIN_HEADER;

		if (!train_takes(t, wire, g))
			break;
		if (g->size)
			write_segment(g, out, piece);
		else
			write_one(g, out);
		memset(out + len, 0, room - len);
		if (!t->n)
			t->wire = (uint16_t)wire;
		t->last = (uint16_t)wire;
		t->closed = wire < t->wire;
		t->ecn = g->ecn;
		t->hops = g->hops;
		t->inner_bytes += len;
		t->n++;
		g->done += piece;
		g->left--;
	}
	return n;
}
