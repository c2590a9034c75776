// SPDX-License-Identifier: MIT
// The encrypted side's system calls: receiving in batches with UDP_GRO, sending trains with UDP_SEGMENT,
// and every way in which a kernel or a route can refuse them.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "common/log.h"
#include "common/offload.h"

#define UDPIO_SENTINEL_LEAST 8
#define UDPIO_SLOT_BYTES     65536
#define UDPIO_SLOTS	     64 /* messages of one receive at most; their memory is touched as needed */
#define UDPIO_SLOTS_TRAINS   8 /* as long as they may be trains */

union udpio_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Our own side of a path: the address that the peer's packets came to. An interface is named only
 * with a link-local address: an IPv4 route that must use an interface on which the destination is
 * no longer reachable would be taken for a direct one. */
struct udpio_source {
	uint8_t family;	  /* 0 = the kernel chooses; 4 or 6 */
	uint32_t ifindex; /* 0 = any */
	uint32_t arrived; /* by which interface they came; 0 = not known */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
};

/* Where a peer is, and from which address it shall be spoken to. */
struct udpio_path {
	union udpio_sockaddr to; /* sa_family 0 = unknown */
	struct udpio_source source;
};

/* So that tests can fail them. They return -errno. */
struct udpio_calls {
	int (*recvmmsg)(int fd, struct mmsghdr *msgs, unsigned n, int flags);
	ssize_t (*sendmsg)(int fd, const struct msghdr *msg, int flags);
	int (*sendmmsg)(int fd, struct mmsghdr *msgs, unsigned n, int flags);
	int (*poll_out)(int fd, int timeout_ms); /* 1 writable, 0 not yet */
};

/* ---- receiving ---- */

/* One received message: a datagram, or several of equal length (the last may be shorter) that the
 * kernel joined. What the control messages said holds for each of them. */
struct udpio_message {
	uint8_t *data; /* in the receiver's memory until the next receive */
	uint32_t len;
	uint32_t segment; /* length of each but the last; == len: just one */
	union udpio_sockaddr
		from; /* v4-mapped addresses do not occur: the IPv6 socket is IPv6 only */
	struct udpio_source to;
	uint8_t ecn; /* of the outer header, 0…3 */
};

struct udpio_rx;

/* CALLS NULL: the real ones. NULL without memory. */
struct udpio_rx *udpio_rx_new(const struct udpio_calls *calls);
void udpio_rx_free(struct udpio_rx *rx);
/* Takes some of what has arrived on FD, without blocking: no more than some 512 datagrams. Returns the number of messages at *ret (valid
 * until the next call), 0 if none, -errno if the socket is broken. A datagram larger than a slot
 * is left out. */
int udpio_receive(struct udpio_rx *rx, int fd, struct udpio_message **ret);
/* Reads one message's control data; pure. */
void udpio_parse_control(const struct msghdr *msg, struct udpio_message *m);

/* ---- sending ---- */

/* A socket and what is known about it. */
struct udpio_socket {
	int fd;		  /* -1 = there is none */
	uint8_t gso;	  /* UDP_SEGMENT works, as far as is known; udpio_socket_init() sets it */
	uint8_t insist;	  /* try on after a refusal */
	uint8_t sentinel; /* see udpio_socket_mode() */
};

struct udpio_counters {
	uint64_t calls;
	uint64_t dropped; /* datagrams */
	uint64_t gso_failed;
};

/* Of one thread. */
struct udpio_tx {
	const struct udpio_calls *calls; /* NULL = the real ones */
	struct udpio_counters counters;
	struct log_limit refused; /* lines about sends that were not permitted */
	struct udpio_socket v4, v6;
};

void udpio_socket_init(struct udpio_socket *s, int fd, bool gso);
/* ON: trains, also after a refusal. SENTINEL: only trains of UDPIO_SENTINEL_LEAST and more, and never all
 * of equal length: a datagram of one byte, which WireGuard drops in silence, makes the last one shorter.
 * AUTO is what udpio_socket_init() has chosen. */
void udpio_socket_mode(struct udpio_socket *s, enum offload mode);

/* What the outer header says of the packets inside. */
struct udpio_marks {
	uint8_t tos;  /* an ECN alone: 0…3 */
	uint8_t hops; /* hop limit, 0 = the system's */
};

/* Sends datagrams that lie in a row: N of WIRE bytes each, the last LAST bytes with
 * MARKS on each. PATH->source is cleared if the kernel does not accept
 * it any more. 0, or -errno if none or not all could be sent; they are dropped and counted then.
 * Never blocks longer than some milliseconds. -EDESTADDRREQ the path is unknown -EAFNOSUPPORT
 * no socket of that family */
int udpio_send(struct udpio_tx *tx, struct udpio_path *path, struct udpio_marks marks,
	const uint8_t *data, unsigned n, size_t wire, size_t last);

/* hostport <-> sockaddr of a path. A path to nowhere if H is NULL or empty; the source is cleared. */
void udpio_path_set(struct udpio_path *path, const struct hostport *h);
struct hostport udpio_hostport(const union udpio_sockaddr *sa);
/* The path back to the sender of M; true if *path was another one. */
bool udpio_path_from(struct udpio_path *path, const struct udpio_message *m);
/* Both came from the same sender to the same address of ours, and with the same ECN. */
bool udpio_same_way(const struct udpio_message *a, const struct udpio_message *b);
