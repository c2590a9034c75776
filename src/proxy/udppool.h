// SPDX-License-Identifier: MIT
// The host-side UDP sockets that the supervisor hands over: a few are always ready for each listener,
// and every one goes back after its use.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct udppool_place;

/* Who waits for a socket. */
struct udppool_wait {
	struct udppool_wait *next, *prev;
	struct udppool_place *place; /* NULL = does not wait */
	/* FD is yours; -1: the listener is gone. W waits no more. */
	void (*ready)(struct udppool_wait *w, int fd);
};

/* A listener has come, or gone: then its idle sockets are closed, and those in use when they are
 * given back. 0, -ENOSPC, -ENOMEM. */
int udppool_open(const struct hostport *at);
void udppool_close(const struct hostport *at);
/* The supervisor has sent FD for the listener AT. */
void udppool_give(const struct hostport *at, int fd);

/* A socket of the listener AT, *ret_place says where it is to be given back; -EAGAIN: W will be
 * told; -ENOENT: no such listener. */
int udppool_take(const struct hostport *at, struct udppool_wait *w, uint32_t *ret_place);
void udppool_cancel(struct udppool_wait *w);
void udppool_put(uint32_t place, int fd);

/* Descriptors that are here or were asked for. */
unsigned udppool_descriptors(void);
