// SPDX-License-Identifier: MIT
// The node's configuration: keys, peers, allowed-ips; changed by the supervisor's messages and by wg(8).
//
// Everything here is called by the main thread only (the one that receives). What the sending thread
// also reads is changed under the device's lock, taken inside.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/stats.h"

#define DEVICE_PEERS_MAX   STATS_PEERS_MAX
#define DEVICE_ALLOWED_MAX 262144 /* allowed-ips of all peers together */

struct device;
struct peer;
struct allowed_entry;

/* How the owner of the sockets is asked for others. 0: done; -EINPROGRESS: they come later, by
 * device_sockets_changed(); else -errno, and nothing has changed. */
struct device_ops {
	int (*want_sockets)(void *owner, uint16_t port, uint32_t fwmark);
	void (*peer_state)(void *owner, const uint8_t public_key[32], uint32_t state);
	void (*sockets_changed)(void *owner);
};

/* What wg(8) shows of a peer. */
struct peer_info {
	uint8_t public_key[32];
	uint8_t preshared_key[32];
	struct hostport endpoint; /* family 0 = none */
	uint64_t rx_bytes, tx_bytes;
	uint64_t last_handshake_s; /* CLOCK_REALTIME, 0 = never */
	uint32_t last_handshake_ns;
	uint16_t persistent_keepalive_s;
	uint32_t n_allowed;
};

/* STATS is memory of that size, shared or not. Needs sodium_init(). -ENOMEM. */
int device_new(struct wg_stats *stats, struct device **ret);
void device_free(struct device *d);
void device_set_ops(struct device *d, const struct device_ops *ops, void *owner);

/* Zero KEY: no key, no handshakes. A peer with our own public key is removed. If the key differs (true)
 * nothing is sent any more under the sessions that there are; what comes under them is taken until they
 * are too old, as the kernel does it, since it was meant for us. */
bool device_set_private_key(struct device *d, const uint8_t key[32]);
bool device_private_key(struct device *d, uint8_t ret[32]); /* clamped; false: none */

/* Inner packets to or from VETH are dropped; family 0: none. */
void device_set_veth(struct device *d, const struct prefix *veth);

uint16_t device_listen_port(const struct device *d);
uint32_t device_fwmark(const struct device *d);
/* Asks the owner for sockets with these; 0, -EINPROGRESS or -errno as in device_ops. */
int device_want_sockets(struct device *d, uint16_t port, uint32_t fwmark);
/* The owner tells what the sockets now are. */
void device_sockets_changed(struct device *d, uint16_t port, uint32_t fwmark);

/* Of the namespace that the encrypted side is in. Its number, or -ENODEV. */
int device_interface_index(struct device *d, const char *name);

struct peer *device_peer_get(struct device *d, const uint8_t public_key[32]);
/* -EEXIST, -ENOSPC (DEVICE_PEERS_MAX), -EINVAL (our own key), -ENOMEM. */
int device_peer_create(struct device *d, const uint8_t public_key[32], struct peer **ret);
void device_peer_remove(struct device *d, struct peer *p);
void device_peer_remove_all(struct device *d);
/* NULL first, NULL after the last; the peer may be removed after the next one was asked for. */
struct peer *device_peer_next(struct device *d, const struct peer *p);
void device_peer_info(struct device *d, const struct peer *p, struct peer_info *ret);

void device_peer_set_psk(struct device *d, struct peer *p, const uint8_t psk[32]);
void device_peer_set_endpoint(struct device *d, struct peer *p, const struct hostport *endpoint);
/* The same for one from a configuration or a name's lookup: if it is what was configured before
 * and the peer is not down, it stays where it has roamed to. */
void device_peer_configure_endpoint(
	struct device *d, struct peer *p, const struct hostport *endpoint);
/* The peer has no endpoint (yet). AWAITED: one is being looked up, so what is for it waits. */
void device_peer_await_endpoint(struct device *d, struct peer *p, bool awaited);
void device_peer_set_keepalive(struct device *d, struct peer *p, uint16_t seconds);
/* Takes the prefix away from any other peer. Host bits are ignored. -ENOSPC, -ENOMEM. */
int device_peer_add_allowed(struct device *d, struct peer *p, const struct prefix *prefix);
/* -ENOENT if the peer does not have it. */
int device_peer_del_allowed(struct device *d, struct peer *p, const struct prefix *prefix);
void device_peer_clear_allowed(struct device *d, struct peer *p);
/* The peer's entries: *cursor NULL at first, returns false after the last. */
bool device_peer_next_allowed(
	const struct peer *p, const struct allowed_entry **cursor, struct prefix *ret);

/* Shakes hands now if the peer has an endpoint. */
void device_peer_call(struct device *d, struct peer *p);

/* The routes of the encrypted side have changed: our address towards a peer is chosen anew where the way to
 * it, by INTERFACE_TO, is not the one by which its packets came. */
typedef uint32_t device_interface_to(
	void *arg, const struct addr *from, const struct addr *to, uint32_t fwmark);
void device_routes_changed(struct device *d, device_interface_to *interface_to, void *arg);

/* To be called after a change by wg(8): peers that wait for their first handshake or persistent
 * keepalive start now, and under the gateway those that nobody has tried yet. */
void device_kick(struct device *d);
/* Has wg(8) changed something since the supervisor's configuration? For the counters' page. */
void device_set_by_hand(struct device *d, bool by_hand);
