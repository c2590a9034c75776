// SPDX-License-Identifier: MIT
// The running node: its descriptors, its two threads, its events.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/offload.h"
#include "ipc/stats.h"
#include "wg/device.h"

struct node;

/* aead_init() must have been called, before any sandbox. 0 or -errno. */
int node_new(struct wg_stats *stats, struct node **ret);
struct device *node_device(struct node *n);

/* All take the descriptors over. Sockets and the UAPI listener may be given again; -1 = none. */
int node_set_tun(struct node *n, int fd, uint16_t mtu, bool vnet_hdr, bool uso);
int node_set_sockets(struct node *n, int fd4, int fd6, uint16_t port, uint32_t fwmark);
/* The owner has no sockets like that (ERROR: -errno); those that are there stay. */
void node_sockets_refused(struct node *n, uint16_t port, uint32_t fwmark, int error);
int node_set_uapi(struct node *n, int listen_fd);
/* Take effect at once; AUTO at first. SENTINEL is for UDP only. */
void node_set_udp_gso(struct node *n, enum offload mode);
void node_set_tun_offload(struct node *n, enum offload mode);
/* The TUN's MTU is another one now: padding goes up to it. */
void node_set_mtu(struct node *n, uint16_t mtu);
/* CALL is called when FD is readable; not 0 ends node_run() with that result. */
int node_watch(struct node *n, int fd, int (*call)(void *arg), void *arg);
/* Never called again; FD stays the caller's. */
void node_unwatch(struct node *n, int fd);

/* Works until something ends it: -ENODEV when the TUN device is gone, or what a watcher returned. */
int node_run(struct node *n);
/* Wipes all keys. The threads must be at an end, or the process about to be. */
void node_free(struct node *n);
