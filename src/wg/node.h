// SPDX-License-Identifier: MIT
// The node's inside, for the files that make up its edge: loop.c, send.c, receive.c.
#pragma once

#include <pthread.h>

#include "wg/aead.h"
#include "wg/gro.h"
#include "wg/gso.h"
#include "wg/icmp.h"
#include "wg/loop.h"
#include "wg/state.h"
#include "wg/uapi.h"
#include "wg/udpio.h"
#include "wg/work.h"

#define NODE_WATCHES_MAX 4
#define NODE_STACK_BYTES (256 * 1024)

struct node_watch {
	int fd;
	int (*call)(void *arg);
	void *arg;
};

/* What is between the TUN and the peers. One thread at a time works with it: node.busy says which. */
struct sender {
	struct aead *aead;
	struct udpio_tx tx;
	struct train train;
	uint8_t *frame;		 /* GSO_FRAME_MAX, as read from the TUN */
	struct keypair *keypair; /* of the open train, with a reference; NULL: none is open */
	struct udpio_path path;	 /* of its peer */
	uint32_t sockets_generation;
	struct icmp_limit unreachable;
	unsigned found; /* packets, in the main thread's last turn */
};

struct receiver {
	struct aead *aead;
	struct udpio_rx *rx;
	struct gro *gro;
	struct udpio_tx tx; /* for handshakes */
	unsigned answered;  /* how often an answer was there at once, lately */
	unsigned unlooked;  /* lone packets behind which nobody looked for one */
};

struct node {
	struct device *device;
	int epoll_fd, timer_fd, main_wake_fd, sender_wake_fd;
	int tun_fd;
	bool vnet_hdr, uso;
	uint16_t mtu;	     /* atomic */
	uint8_t tun_gone;    /* atomic */
	uint8_t sender_work; /* atomic: there is something on the device's tx_list */
	/* atomic: whose the TUN and .sender are. 0: the main thread's, which alone sets it to 1; 1: the
	 * sending thread's, which alone sets it to 0. */
	uint8_t busy;
	bool tun_watched; /* it is in the main thread's epoll */
	struct work work; /* of whoever has the TUN */

	int fds[2];		     /* IPv4, IPv6; a number once taken stays */
	bool has[2];		     /* L: whether there is a socket behind it */
	uint32_t sockets_generation; /* L */
	enum offload udp_gso;	     /* L */
	uint64_t armed_ns;	     /* L: what the timer is set to */
	bool timer_refused;	     /* atomic: it could not be set */

	struct uapi *uapi;
	struct node_watch watches[NODE_WATCHES_MAX];
	unsigned n_watches;
	struct sender sender;
	struct receiver receiver;
	pthread_t thread;
	bool sending; /* there is a .thread */
};

/* ---- loop.c ---- */
/* The main thread has sent so many. If it cannot do everything, the sending thread is called, and started
 * the first time; from then on the TUN is not the caller's any more (n->busy). */
void node_count_sent(struct node *n, unsigned packets, uint64_t now_ns);

/* ---- send.c ---- */
#define SEND_TURN_PACKETS \
	352 /* the main thread takes, roughly, before it looks at the other side */
/* The main thread's turn, while the TUN is its own; MORE: short frames may come in a row, as after a
 * batch was received. 0; -ENODEV if the TUN is gone. */
int send_ready(struct node *n, bool more);
/* The sending thread's main function; ARG is the node. */
void *send_run(void *arg);
/* Its steps, for tests under another clock: one frame as read from the TUN, what others asked for,
 * and sending the open train. */
void send_frame(struct node *n, const uint8_t *frame, size_t len, uint64_t now_ns);
void send_requests(struct node *n, uint64_t now_ns);
void send_flush(struct node *n, uint64_t now_ns);

/* ---- receive.c ---- */
/* Takes what has arrived on FD. 0; -ENODEV if the TUN is gone. */
int receive_ready(struct node *n, int fd);
/* All datagrams of GOT messages; what is for the TUN waits for gro_flush(). */
void receive_messages(
	struct node *n, const struct udpio_message *messages, unsigned got, uint64_t now_ns);
