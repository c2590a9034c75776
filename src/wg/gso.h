// SPDX-License-Identifier: MIT
// Outgoing: splits what the TUN device hands out (up to 64 KiB, checksums missing) into a train of
// packets, each written where it will be sealed and sent from.
//
// A train is a row of datagrams of equal length, only the last may be shorter: exactly what one send
// with UDP_SEGMENT takes. Each has room for WireGuard's header before and for the tag behind:
//
//     | header 16 | inner packet, padded | tag 16 | header 16 | inner packet, padded | tag 16 | …
//     |<------------- wire ------------------->|<------------ wire or less ------------->|
//
//     gso_begin(&g, frame, len, true);		 look at g.ip, find the peer
//     train_reset(&t, mtu);
//     while (g.left) {
//		gso_append(&g, &t);
//		if (g.left)			 the train is full, or cannot take this packet
//			seal, send, train_reset(&t, mtu);
//     }
//     …  more frames for the same peer may be appended, then seal and send
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAIN_HEADER	  16 /* bytes before each packet: struct noise_data */
#define TRAIN_TAG	  16
#define TRAIN_PACKETS_MAX 64	/* UDP_SEGMENT's limit on older kernels */
#define TRAIN_BYTES_MAX	  65507 /* the largest UDP payload over IPv4 */
#define TRAIN_MTU_MAX	  (TRAIN_BYTES_MAX - TRAIN_HEADER - TRAIN_TAG)
#define GSO_VNET_HDR	  10
#define GSO_FRAME_MAX	  (GSO_VNET_HDR + 65535) /* read() from the TUN with this much room */

/* What Debian 12's headers do not have yet. */
#define GSO_TYPE_UDP_L4 5

struct train {
	uint8_t *buf; /* TRAIN_BYTES_MAX bytes, the owner's */
	uint16_t mtu; /* padding goes up to this */
	uint16_t n;
	uint16_t wire;	      /* length of each datagram but the last */
	uint16_t last;	      /* length of the last */
	uint8_t closed;	      /* the last one is shorter: nothing can follow */
	uint8_t ecn;	      /* of all inner packets, for the outer header (RFC 6040) */
	uint8_t hops;	      /* for the outer header, 0 = the system's (nested.h) */
	uint64_t inner_bytes; /* of the packets without padding */
};

static inline void train_reset(struct train *t, uint16_t mtu)
{
	t->mtu = mtu;
	t->n = t->wire = t->last = 0;
	t->closed = t->ecn = t->hops = 0;
	t->inner_bytes = 0;
}
/* The I-th datagram, beginning with its header, and its whole length. */
static inline uint8_t *train_datagram(const struct train *t, unsigned i)
{
	return t->buf + (size_t)i * t->wire;
}
static inline uint16_t train_length(const struct train *t, unsigned i)
{
	return i + 1 == t->n ? t->last : t->wire;
}
static inline size_t train_bytes(const struct train *t)
{
	return t->n ? (size_t)(t->n - 1) * t->wire + t->last : 0;
}

/* A frame on its way to become packets. */
struct gso {
	const uint8_t *ip; /* the packet as the TUN gave it: its addresses are those of all */
	uint32_t len;
	uint32_t left;	     /* packets that are still to be appended */
	uint32_t done;	     /* payload bytes that have been */
	uint16_t size;	     /* payload of each packet; 0 = the frame is one packet */
	uint16_t headers;    /* with .size: length of the IP and TCP or UDP header */
	uint16_t sum_start;  /* with .size: the TCP or UDP header */
	uint16_t sum_offset; /* of the checksum from there */
	uint8_t version;     /* 4 or 6 */
	uint8_t tcp;	     /* else UDP, with .size */
	uint8_t needs_sum;
	uint8_t ecn;
	uint8_t hops;
};

/* Looks at what read() gave; FRAME must stay as it is until .left is 0. With VNET a virtio_net_hdr
 * comes first. Believes nothing that LEN does not bound. 0 with .left of at least 1, or, for what
 * is to be dropped, -EBADMSG or -EMSGSIZE (above TRAIN_MTU_MAX) or
 * -ELOOP (nested too deeply). */
int gso_begin(struct gso *g, const uint8_t *frame, size_t len, bool vnet);

/* Appends as many packets as the train takes, and takes them off .left. The header's 16 bytes are
 * not touched. Returns how many: 0 if the train is closed, full, of another ECN or of another
 * length. An empty train always takes one. */
int gso_append(struct gso *g, struct train *t);
