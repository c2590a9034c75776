// SPDX-License-Identifier: MIT
// A peer, its sessions and what waits for them.
//
// Who may touch what: the sending thread owns nothing here. Fields marked L are read and written under
// the device's lock; the rest belongs to the main thread, which is the only one that receives, shakes
// hands and configures. What the main thread alone writes, it may read without the lock.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"
#include "ipc/stats.h"
#include "wg/aead.h"
#include "wg/allowedips.h"
#include "wg/cookie.h"
#include "wg/endpoint.h"
#include "wg/index.h"
#include "wg/keys.h"
#include "wg/noise.h"
#include "wg/replay.h"
#include "wg/timers.h"

#define REKEY_AFTER_MESSAGES (1ull << 60)
#define STAGED_PACKETS_MAX   128	     /* superpackets that wait for a handshake, per peer */
#define STAGED_BYTES_MAX     (1024u * 1024u) /* and their bytes */

/* What an index leads to. */
enum index_kind { INDEX_HANDSHAKE, INDEX_KEYPAIR };

struct keypair_keys {
	uint8_t send[AEAD_KEY];
	uint8_t receive[AEAD_KEY];
};
_Static_assert(sizeof(struct keypair_keys) <= KEYS_SLOT, "keys.h");

struct keypair {
	struct index_entry index;
	struct peer *peer;	   /* holds a reference */
	struct keypair_keys *keys; /* locked memory */
	uint64_t born_ns;
	uint64_t send_counter; /* atomic; only the sending thread writes it */
	uint32_t refs;	       /* L */
	uint32_t remote_index;
	bool initiator;
	bool receive_only; /* L */
	struct replay replay;
};

/* A packet as it was read from the TUN device, with its virtio header. */
struct staged {
	struct staged *next;
	size_t len;
	uint8_t bytes[];
};

struct peer_secret {
	struct noise_remote remote;
	struct noise_handshake handshake;
	struct cookie_maker cookie;
};
_Static_assert(sizeof(struct peer_secret) <= KEYS_SLOT, "keys.h");

struct peer {
	struct peer *hash_next;	    /* by public key */
	struct peer *next, *prev;   /* all peers, in order of creation */
	struct peer *tx_next;	    /* L: work for the sending thread */
	struct peer *hs_next;	    /* L: wants a handshake */
	struct peer_secret *secret; /* locked memory */
	uint8_t public_key[NOISE_KEY];

	struct index_entry handshake_index;
	uint8_t latest_timestamp
		[NOISE_TIMESTAMP];		 /* highest one received (replay of initiations) */
	uint8_t sent_timestamp[NOISE_TIMESTAMP]; /* highest one sent: ours never goes back */
	uint64_t last_initiation_accepted_ns;

	struct keypair *current, *previous, *next_keypair; /* L */
	struct endpoint endpoint;			   /* L */
	struct hostport configured;   /* the last endpoint that was configured */
	struct timers timers;	      /* L */
	uint32_t heap_pos;	      /* L: 0 = not in the heap */
	uint64_t heap_ns;	      /* L */
	struct allowed_owner allowed; /* L */

	struct staged *staged_first, **staged_last; /* L */
	size_t staged_packets, staged_bytes;	    /* L */
	bool tx_listed, hs_listed;		    /* L */
	bool keepalive_wanted;			    /* L */
	bool dead;				    /* L */
	bool endpoint_awaited; /* L: none yet, but its name is being looked up */
	bool rekeyed_late;     /* the one handshake before the keys run out was asked for */
	bool configuring;      /* named by the configuration being applied */
	uint32_t refs;	       /* L */

	struct wg_peer_stats *stats; /* L; in the shared page */
	uint64_t last_handshake_s;
	uint32_t last_handshake_ns;
	uint32_t state; /* enum peer_state */
};

/* One that nobody refers to yet but the caller (refs 1); its remote keys are set against S. */
struct peer *peer_new(const struct noise_static *s, const uint8_t public_key[NOISE_KEY]);
/* Under the lock, all four: */
void peer_unref(struct peer *p);
struct keypair *keypair_ref(struct keypair *k);
void keypair_unref(struct keypair *k);
void peer_drop_staged(struct peer *p);

/* COUNTER..COUNTER+N-1 may be sent with K at NOW. Under the lock. */
bool keypair_may_send(const struct keypair *k, uint64_t now_ns, uint64_t n);
bool keypair_may_receive(const struct keypair *k, uint64_t now_ns);
/* It is time for the initiator to ask for new keys. */
bool keypair_is_old(const struct keypair *k, uint64_t now_ns);
