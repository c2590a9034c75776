// SPDX-License-Identifier: MIT
// Incoming: joins packets of a flow, so that the kernel handles one of 64 KiB instead of 47.
//
// Packets wait in groups until the batch is over. A group is a run of packets of one flow, linked in
// sequence; the newest group of each flow can be found by a hash and may grow at its end, or, if two
// packets have changed places, at its front. Anything else of the same flow (a FIN, a pure ACK, other
// options, a bad checksum) starts a group of its own and so ends the one before: groups are written in
// the order in which they began, hence no packet overtakes one of its own flow.
//
// A checksum is verified when a packet is about to be joined, never later: joined packets get a
// checksum of their own from the kernel, which must not make a damaged packet a good one. Packets that
// stay alone go out exactly as they came.
//
// Where the kernel takes the flags but refuses the write (EINVAL; seen on vendor kernels), the packets
// of the group are written one by one, and nothing is joined from then on.
#include "wg/gro.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "wg/candidate.h"
#include "wg/checksum.h"
#include "wg/gso.h"

#define NONE	     0xffffu
#define BUCKETS	     64
#define HEADERS_MAX  100 /* IPv6 and TCP with all options */
#define IP_BYTES_MAX 65535

struct gro_packet {
	uint8_t *data;
	uint16_t len;
	uint16_t next;
};

struct gro_group {
	uint32_t hash;
	uint16_t first, last; /* packets */
	uint16_t n;
	uint16_t bucket_next; /* older group in the same bucket */
	uint16_t size;	      /* payload of each packet but the last */
	uint16_t headers;
	uint8_t l4;	  /* offset of the TCP or UDP header */
	uint8_t protocol; /* 0: never joined */
	bool full;	  /* nothing may be appended: PSH, or a shorter packet */
	bool verified;	  /* the checksum of its first packet; later ones always are */
	bool bad;	  /* that checksum is wrong: stays alone */
	uint32_t seq, next_seq;
	uint32_t payload; /* of all */
};

struct gro {
	struct gro_calls calls;
	int fd;
	bool vnet, tcp, udp, insist;
	struct gro_counters counters;
	uint16_t n_packets, n_groups;
	uint16_t buckets[BUCKETS];
	struct gro_packet packets[GRO_PACKETS_MAX];
	struct gro_group groups[GRO_GROUPS_MAX];
};

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static inline void put_sum(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

enum join { JOIN_NOT, JOIN_APPEND, JOIN_PREPEND };

static enum join may_join(
	const struct gro *g, const struct gro_group *group, const struct candidate *c)
{
	const uint8_t *first = g->packets[group->first].data;
	bool tcp = c->protocol == IPPROTO_TCP;

	if (group->bad || group->n >= GRO_JOIN_MAX || group->headers != c->headers ||
		group->headers + group->payload + c->payload > IP_BYTES_MAX)
		return JOIN_NOT;
	if (!candidate_same_ip(first, c))
		return JOIN_NOT;
	if (tcp && !candidate_same_tcp(first, c))
		return JOIN_NOT;
	if (!group->full && c->payload <= group->size && (!tcp || c->seq == group->next_seq) &&
		(c->version == 6 || candidate_id_follows(first, c->data, group->n)))
		return JOIN_APPEND;
	/* to the front only what fills its place; a lone packet becomes the last, perhaps shorter, one */
	if (tcp && !c->psh && c->seq + c->payload == group->seq &&
		(group->n == 1 ? c->payload >= group->size : c->payload == group->size) &&
		(c->version == 6 || candidate_id_follows(c->data, first, 1)))
		return JOIN_PREPEND;
	return JOIN_NOT;
}

/* ---- groups ---- */

static uint16_t packet_new(struct gro *g, uint8_t *data, size_t len)
{
	g->packets[g->n_packets] =
		(struct gro_packet){.data = data, .len = (uint16_t)len, .next = NONE};
	return g->n_packets++;
}

static struct gro_group *group_new(struct gro *g, uint8_t *data, size_t len)
{
	struct gro_group *group = &g->groups[g->n_groups++];

	*group = (struct gro_group){.first = packet_new(g, data, len), .n = 1, .bucket_next = NONE};
	group->last = group->first;
	return group;
}

static void group_link(struct gro *g, struct gro_group *group, const struct candidate *c)
{
	uint16_t *bucket = &g->buckets[c->hash % BUCKETS];

	group->hash = c->hash;
	group->protocol = c->protocol;
	group->l4 = c->l4;
	group->headers = c->headers;
	group->size = c->payload;
	group->payload = c->payload;
	group->seq = c->seq;
	group->next_seq = c->seq + c->payload;
	group->full = c->psh;
	group->bucket_next = *bucket;
	*bucket = (uint16_t)(group - g->groups);
}

/* The newest group of the packet's flow. */
static struct gro_group *group_find(struct gro *g, const struct candidate *c)
{
	for (uint16_t i = g->buckets[c->hash % BUCKETS]; i != NONE; i = g->groups[i].bucket_next) {
		struct gro_group *group = &g->groups[i];

		if (group->hash == c->hash &&
			candidate_same_flow(
				g->packets[group->first].data, group->l4, group->protocol, c))
			return group;
	}
	return NULL;
}

static void group_append(struct gro *g, struct gro_group *group, const struct candidate *c)
{
	uint16_t p = packet_new(g, c->data, c->len);

	g->packets[group->last].next = p;
	group->last = p;
	group->n++;
	group->next_seq += c->payload;
	group->payload += c->payload;
	group->full = c->psh || c->payload < group->size;
}

static void group_prepend(struct gro *g, struct gro_group *group, const struct candidate *c)
{
	uint16_t p = packet_new(g, c->data, c->len);

	if (group->n == 1 && c->payload > group->size)
		group->full = true;
	g->packets[p].next = group->first;
	group->first = p;
	group->n++;
	group->size = c->payload;
	group->seq = c->seq;
	group->payload += c->payload;
}

static bool group_verified(struct gro *g, struct gro_group *group)
{
	const struct gro_packet *p = &g->packets[group->first];

	if (!group->verified)
		group->bad = !candidate_checksum_good(p->data, p->len, group->l4, group->protocol);
	group->verified = true;
	return !group->bad;
}

/* True if the packet is part of a group of its flow now. */
static bool join(struct gro *g, struct gro_group *group, const struct candidate *c)
{
	enum join how = may_join(g, group, c);

	if (how == JOIN_NOT || !group_verified(g, group) ||
		!candidate_checksum_good(c->data, c->len, c->l4, c->protocol))
		return false;
	if (how == JOIN_APPEND)
		group_append(g, group, c);
	else
		group_prepend(g, group, c);
	return true;
}

void gro_add(struct gro *g, uint8_t *packet, size_t len)
{
	struct candidate c = {.data = packet, .len = (uint16_t)len};
	struct gro_group *group;
	enum flow flow;

	g->counters.packets++;
	if (!len || len > IP_BYTES_MAX) {
		g->counters.dropped++;
		return;
	}
	if (g->n_packets == GRO_PACKETS_MAX || g->n_groups == GRO_GROUPS_MAX)
		(void)gro_flush(g);
	flow = g->vnet ? candidate_parse(&c) : FLOW_NONE;
	if (flow == FLOW_JOIN && !(c.protocol == IPPROTO_TCP ? g->tcp : g->udp))
		flow = FLOW_ALONE;
	if (flow == FLOW_JOIN) {
		group = group_find(g, &c);
		if (group && join(g, group, &c))
			return;
	}
	group = group_new(g, packet, len);
	if (flow == FLOW_NONE)
		return;
	group_link(g, group, &c);
	if (flow == FLOW_ALONE)
		group->bad =
			true; /* newest of its flow, so nothing behind it joins what is before */
}

/* ---- writing ---- */

static ssize_t real_writev(int fd, const struct iovec *iov, int n)
{
	ssize_t r = writev(fd, iov, n);

	return r < 0 ? -errno : r;
}

static int write_out(struct gro *g, const struct iovec *iov, int n)
{
	ssize_t r;

	do {
		g->counters.writes++;
		r = g->calls.writev(g->fd, iov, n);
	} while (r == -EINTR);
	if (r < 0)
		g->counters.bad_write = (uint64_t)-r;
	return r < 0 ? (int)r : 0;
}

static int write_one(struct gro *g, const struct gro_packet *p)
{
	struct virtio_net_hdr h = {0};
	struct iovec iov[2] = {
		{.iov_base = &h, .iov_len = sizeof(h)}, {.iov_base = p->data, .iov_len = p->len}};
	int r = g->vnet ? write_out(g, iov, 2) : write_out(g, iov + 1, 1);

	if (r < 0)
		g->counters.dropped++;
	return r;
}

/* Makes the first packet's headers those of the large one, and says how to cut it again. */
static void join_headers(struct gro *g, const struct gro_group *group, struct virtio_net_hdr *h)
{
	uint8_t *ip = g->packets[group->first].data, *l4 = ip + group->l4;
	uint32_t len = group->headers + group->payload, l4_len = len - group->l4;
	bool tcp = group->protocol == IPPROTO_TCP, v4 = group->l4 == 20;
	unsigned sum = tcp ? CANDIDATE_TCP_SUM : CANDIDATE_UDP_SUM;

	if (v4) {
		put16(ip + 2, len);
		put16(ip + 10, 0);
		put_sum(ip + 10, (uint16_t)~checksum_fold(checksum_add(0, ip, 20)));
	} else {
		put16(ip + 4, len - 40);
	}
	if (tcp)
		l4[13] |= g->packets[group->last].data[group->l4 + 13] & CANDIDATE_PSH;
	else
		put16(l4 + 4, l4_len);
	put_sum(l4 + sum,
		checksum_fold(v4 ? checksum_pseudo4(ip + 12, group->protocol, l4_len)
				 : checksum_pseudo6(ip + 8, group->protocol, l4_len)));
	*h = (struct virtio_net_hdr){
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = !tcp ? GSO_TYPE_UDP_L4
			: v4	 ? VIRTIO_NET_HDR_GSO_TCPV4
				 : VIRTIO_NET_HDR_GSO_TCPV6,
		.hdr_len = group->headers,
		.gso_size = group->size,
		.csum_start = group->l4,
		.csum_offset = (uint16_t)sum,
	};
}

/* The kernel does not take large packets after all. */
static void stop_joining(struct gro *g, uint8_t protocol)
{
	bool *what = protocol == IPPROTO_TCP ? &g->tcp : &g->udp;

	if (*what)
		log_notice(NULL, "tun", "the kernel refuses joined %s packets: writing one by one",
			protocol == IPPROTO_TCP ? "TCP" : "UDP");
	*what = false;
}

static int write_each(struct gro *g, const struct gro_group *group)
{
	int r = 0, good = 0;

	for (uint16_t i = group->first; i != NONE && r != -EBADFD; i = g->packets[i].next) {
		r = write_one(g, &g->packets[i]);
		good += r == 0;
	}
	if (good && group->n > 1 && !g->insist)
		stop_joining(g, group->protocol);
	return r;
}

static int write_group(struct gro *g, const struct gro_group *group)
{
	struct gro_packet *first = &g->packets[group->first];
	struct iovec iov[GRO_JOIN_MAX + 1];
	uint8_t saved[HEADERS_MAX];
	struct virtio_net_hdr h;
	int n = 2, r;

	if (group->n == 1)
		return write_one(g, first);
	memcpy(saved, first->data, group->headers);
	join_headers(g, group, &h);
	iov[0] = (struct iovec){.iov_base = &h, .iov_len = sizeof(h)};
	iov[1] = (struct iovec){.iov_base = first->data, .iov_len = first->len};
	for (uint16_t i = first->next; i != NONE; i = g->packets[i].next, n++)
		iov[n] = (struct iovec){.iov_base = g->packets[i].data + group->headers,
			.iov_len = g->packets[i].len - group->headers};
	r = write_out(g, iov, n);
	if (r == -EINVAL) {
		memcpy(first->data, saved, group->headers);
		return write_each(g, group);
	}
	if (r < 0)
		g->counters.dropped += group->n;
	return r;
}

int gro_flush(struct gro *g)
{
	int gone = 0;

	if (g->fd < 0)
		g->counters.dropped += g->n_packets;
	for (unsigned i = 0; g->fd >= 0 && i < g->n_groups && !gone; i++) {
		int r = write_group(g, &g->groups[i]);

		if (r == -EBADFD || r == -EBADF)
			gone = -EBADFD;
	}
	if (g->n_groups)
		memset(g->buckets, 0xff, sizeof(g->buckets));
	g->n_groups = g->n_packets = 0;
	return gone;
}

struct gro *gro_new(const struct gro_calls *calls)
{
	struct gro *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->calls.writev = calls ? calls->writev : real_writev;
	g->fd = -1;
	memset(g->buckets, 0xff, sizeof(g->buckets));
	return g;
}

void gro_free(struct gro *g)
{
	free(g);
}

void gro_set_tun(struct gro *g, int fd, bool vnet, bool tcp, bool udp)
{
	g->fd = fd;
	g->vnet = vnet;
	g->tcp = vnet && tcp;
	g->udp = vnet && udp;
}

void gro_set_offload(struct gro *g, bool tcp, bool udp, bool insist)
{
	g->tcp = g->vnet && tcp;
	g->udp = g->vnet && udp;
	g->insist = insist;
}

const struct gro_counters *gro_counters(const struct gro *g)
{
	return &g->counters;
}
