// SPDX-License-Identifier: MIT
// Datagrams by the batch: many in one system call, and trains of equal ones as one super-packet
// through the kernel (UDP_GRO, UDP_SEGMENT).
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "ipc/stats.h"

#define DATAGRAMS_READ 32  /* buffers of 64 KiB of one read; a train fills one */
#define DATAGRAMS_SEND 512 /* datagrams of one write */

/* Received: one datagram, or with .train > 0 several of that size one after the other, the last one
 * perhaps shorter. */
struct datagrams {
	uint8_t *data;
	size_t len;
	size_t train;
	struct hostport from;
};

/* Into ret[DATAGRAMS_READ]: their number, or -errno. What lies behind .data is good until the next
 * call. Datagrams that did not fit are left out. */
int datagrams_receive(int fd, struct datagrams *ret);
/* Asks the kernel for trains. */
void datagrams_want_trains(int fd);

/* What a socket has proved to take as a train; 0 = nothing is known yet. */
struct datagrams_path {
	uint16_t too_long; /* of this size none */
};

struct datagrams_sent {
	uint64_t n, bytes; /* payload */
	uint64_t *dropped; /* [PROXY_UDP_DROPS] */
};

/* Starts a batch for FD, whose results are added to SENT. One batch at a time for each SIDE. */
struct outgoing *outgoing_begin(
	int side, int fd, struct datagrams_path *path, struct datagrams_sent *sent);
/* One more datagram: HEAD and PAYLOAD one after the other, to TO (NULL: the socket is connected).
 * All of it must stay where it is until outgoing_end(), but HEAD, which is copied. */
void outgoing_add(struct outgoing *o, const struct hostport *to, const uint8_t *head,
	size_t head_len, const uint8_t *payload, size_t len);
/* Sends what waits. */
void outgoing_end(struct outgoing *o);
