// SPDX-License-Identifier: MIT
// Sockets and the TUN device that are opened in one place and used in another: by the supervisor for
// its workers, and by tsgw-wg when it stands alone.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/offload.h"

struct tun_flags {
	bool vnet_hdr; /* a 10-byte virtio_net_hdr precedes every packet */
	bool uso;      /* the kernel knows UDP segmentation offload, too (Linux 6.2) */
};

/* Makes or attaches the TUN device NAME ("wg0", "utun%d") in the caller's network namespace, with
 * IFF_NO_PI and IFF_VNET_HDR, and, unless OFFLOAD is off, every offload that the kernel takes. The
 * descriptor is CLOEXEC and blocking. Returns it or -errno (-ENOENT: no /dev/net/tun; -EBUSY: name in use). */
int tun_open(
	const char *name, enum offload offload, struct tun_flags *ret_flags, char ret_name[16]);

/* What a TUN descriptor of ours carries; on the way its offloads are set (again): with OFF none, else all
 * that the kernel takes. 0 or -errno. */
int tun_query(int fd, enum offload offload, struct tun_flags *ret);

/* The encrypted side: a non-blocking UDP socket bound to PORT (0 = any) on every address of FAMILY
 * (4 or 6, IPv6 only), with UDP_GRO, packet info and ECN of received packets on, path MTU discovery
 * off as WireGuard has it, large buffers as far as allowed, FWMARK if not 0. *ret_port is the port
 * bound. Returns the descriptor or -errno. */
int udp_open(int family, uint16_t port, uint32_t fwmark, uint16_t *ret_port);
/* Datagrams that belong together arrive as one message, or not. A kernel without that is no error. */
void udp_set_gro(int fd, bool on);

/* A listening, non-blocking TCP socket on AT; IFNAME not NULL binds it to that device. -errno
 * else. */
int tcp_listen(const struct hostport *at, const char *ifname, int backlog);
/* A non-blocking UDP socket on AT for one correspondent, with the smallest receive buffer until it has
 * one; AT has a port, which it then keeps for good. IFNAME as above. */
int udp_relay(const struct hostport *at, const char *ifname);
/* A non-blocking UDP socket for a server on AT, with packet info on; IFNAME as above. */
int udp_serve(const struct hostport *at, const char *ifname);
