// SPDX-License-Identifier: MIT
// Incoming: joins decrypted packets of one TCP or UDP flow into large ones and writes them to the TUN.
//
// Packets are collected while one batch of datagrams is handled and stay where they were decrypted; a
// joined one goes out by writev(2): virtio_net_hdr, the first packet whole, the payload of the others.
// The rules are those of the kernel's own GRO: same addresses, ports, acknowledgement and options, ToS
// and TTL; adjacent sequence numbers; only ACK and PSH; valid checksums. A packet that does not qualify
// goes out alone, unchanged, and never overtakes a packet of its flow.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GRO_PACKETS_MAX 256 /* waiting at most, in all groups; one more writes them out first */
#define GRO_GROUPS_MAX	64
#define GRO_JOIN_MAX	64 /* packets in one group */

struct gro;

/* So that tests can fail it; NULL = the real one. Returns -errno. */
struct gro_calls {
	ssize_t (*writev)(int fd, const struct iovec *iov, int n);
};

struct gro_counters {
	uint64_t packets;   /* added */
	uint64_t writes;    /* system calls */
	uint64_t dropped;   /* packets that the kernel would not take */
	uint64_t bad_write; /* errno of the last failed write */
};

/* VNET: the TUN wants a virtio_net_hdr before each packet (else nothing is joined). TCP, UDP: what
 * may be joined. NULL without memory. */
struct gro *gro_new(const struct gro_calls *calls);
void gro_free(struct gro *g);
void gro_set_tun(struct gro *g, int fd, bool vnet, bool tcp, bool udp);
/* What may be joined from now on. INSIST: again and again, even where the kernel refuses it. */
void gro_set_offload(struct gro *g, bool tcp, bool udp, bool insist);

/* PACKET: LEN bytes that are an IP packet of exactly that length (20 or 40…65535 bytes; the caller
 * has cut the padding off). It must stay there, and may be changed, until gro_flush(). */
void gro_add(struct gro *g, uint8_t *packet, size_t len);
/* Writes out everything. 0; -EBADFD if the device is gone for ever. Other errors only count. */
int gro_flush(struct gro *g);
const struct gro_counters *gro_counters(const struct gro *g);
