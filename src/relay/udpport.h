// SPDX-License-Identifier: MIT
// A UDP port whose clients are each relayed to one destination, by a socket of their own.
#pragma once

#include "ipc/stats.h"
#include "relay/loop.h"
#include "relay/sessions.h"
#include "relay/timers.h"

#define UDPPORT_WAITING_BYTES 4096	 /* of one session, while its destination is looked up */
#define UDPPORT_WAITING_MAX   (1u << 20) /* of all */

struct udpport;
struct udpport_session;

struct udpport_ops {
	/* May FROM use the port? Asked for the first datagram of a session only. */
	bool (*admits)(struct udpport *p, const struct addr *from);
	/* A new session needs its destination: udpport_connect() or udpport_end(), now or later. */
	void (*wanted)(struct udpport_session *s);
	/* S is over: forget it. */
	void (*gone)(struct udpport_session *s);
};

struct udpport {
	struct source source; /* on which clients send */
	const struct udpport_ops *ops;
	struct udpport_session *first;
	struct task task;
};

struct udpport_session {
	struct session base;
	struct source source; /* towards the destination; .fd -1: not yet */
	struct timer timer;
	struct task task;
	struct udpport *port;
	struct udpport_session *prev, *next; /* of the port */
	uint8_t *waiting;		     /* length (2 bytes), bytes, … */
	uint32_t n_waiting;
	bool over;
	void *owner; /* for the ops */
};

/* Where the counters of all ports are; MAX sessions (fewer descriptors than usual) at most. */
void udpport_setup(struct udp_stats *stats, uint32_t max);
/* Takes over FD. NULL: no memory, and FD is the caller's. */
struct udpport *udpport_open(int fd, const struct udpport_ops *ops);
/* Ends its sessions; memory goes at the end of the loop's round. */
void udpport_close(struct udpport *p);
/* From now on S talks with TO. 0, or -errno after S was ended. */
int udpport_connect(struct udpport_session *s, const struct hostport *to);
void udpport_end(struct udpport_session *s);
/* Sessions there are now: as many descriptors. */
uint32_t udpport_sessions(void);
