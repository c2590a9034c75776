// SPDX-License-Identifier: MIT
// What the two threads of a node share: the device and its lock, and how they call each other.
//
// The main thread receives, shakes hands, runs timers and configures. The sending thread reads the TUN
// device and is the only one that seals transport messages: whoever wants one sent (a keepalive, packets
// that waited for a handshake) puts the peer on tx_list and wakes it, so the packets of a peer leave in
// order. In the other direction the sending thread puts a peer that needs a handshake on hs_list.
// While there is little traffic the sending thread sleeps, or is not there at all, and the main thread
// does its part (loop.c).
#pragma once

#include <pthread.h>

#include "wg/device.h"
#include "wg/familiar.h"
#include "wg/peer.h"
#include "wg/ratelimit.h"

/* How the pure part reaches the edge. All may be called under the lock and must not take it. */
struct device_wires {
	void (*send)(void *owner, const void *msg, size_t len, const struct endpoint *to);
	void (*wake_sender)(void *owner);
	void (*wake_main)(void *owner);
	void (*arm)(void *owner, uint64_t at_ns); /* the earliest deadline became earlier */
	int (*interface_index)(void *owner, const char *name); /* main thread, without the lock */
};

struct device_secret {
	struct noise_static identity;
	struct cookie_checker checker;
};

struct device {
	pthread_mutex_t lock;
	struct device_secret *secret;
	struct wg_stats *stats;
	const struct device_ops *ops;
	void *ops_owner;
	const struct device_wires *wires;
	void *wires_owner;
	uint64_t (*wall_ns)(void); /* CLOCK_REALTIME */
	uint64_t (*boot_ns)(void); /* CLOCK_BOOTTIME */

	struct allowedips allowed; /* L */
	struct peer *peers, *last_peer;
	struct peer *hash[256];
	uint8_t hash_key[16];
	uint32_t n_peers;
	struct index_table indices;

	struct peer *tx_list; /* L */
	struct peer *hs_list; /* L */
	struct peer **heap;   /* L: 1-based binary heap by heap_ns */
	uint32_t heap_n, heap_size;

	struct load load;
	struct ratelimit ratelimit;
	struct familiar familiar; /* addresses of peers, for handshake.c */
	struct prefix veth;	  /* L; family 0 = none */
	uint16_t port;
	uint32_t fwmark;
	bool handshake_at_start;
};

/* ---- device.c ---- */
/* A peer's state for the supervisor changed (main thread, without the lock). */
void device_peer_report(struct device *d, struct peer *p, uint32_t state);

/* ---- deadlines.c ---- */
/* Under the lock: P's deadlines changed. */
void deadlines_changed(struct device *d, struct peer *p);
void deadlines_remove(struct device *d, struct peer *p);
int deadlines_reserve(struct device *d, uint32_t n_peers);
/* Main thread, without the lock: does what is due; returns the next deadline, UINT64_MAX if none. */
uint64_t deadlines_run(struct device *d, uint64_t now_ns);

/* ---- session.c ---- */
/* Under the lock: put P on a list and wake who works it off. */
void session_want_handshake(struct device *d, struct peer *p);
void session_want_sender(struct device *d, struct peer *p);
/* Main thread, without the lock: a session in no slot yet and without index. -ENOMEM. */
int session_new(struct device *d, struct peer *p, struct keypair **ret);
void session_discard(struct device *d, struct keypair *k);
/* Fills K with the keys of HS, which is wiped. */
void session_derive(
	struct device *d, struct noise_handshake *hs, struct keypair *k, uint64_t now_ns);
/* Main thread, under the lock: gives K its slot. */
void session_install(struct device *d, struct keypair *k, uint64_t now_ns);
/* Main thread, under the lock: an authentic packet came under K. True if K waited for that. */
bool session_confirm(struct device *d, struct keypair *k);
/* Main thread, under the lock: our own key has changed. Ends the handshake of P; its sessions are
 * good for receiving only, and the next handshake need not wait. */
void session_expire(struct device *d, struct peer *p);
/* Main thread, under the lock: ends all sessions and the handshake of P and wipes their keys. */
void session_forget(struct device *d, struct peer *p);

/* ---- handshake.c ---- */
/* Main thread, without the lock. Sends an initiation if there may be one now. */
void handshake_start(struct device *d, struct peer *p, uint64_t now_ns);
/* All peers on hs_list. */
void handshake_start_wanted(struct device *d, uint64_t now_ns);
/* A datagram of a handshake type, from FROM. */
void handshake_receive(struct device *d, const void *msg, size_t len, const struct endpoint *from,
	uint64_t now_ns);
/* Main thread, under the lock: the peer has shown that the new session works on both sides. */
void handshake_completed(struct device *d, struct peer *p, uint64_t now_ns);
/* Main thread, under the lock: an authentic packet came from there. */
void handshake_roam(struct device *d, struct peer *p, const struct endpoint *from);
