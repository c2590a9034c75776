// SPDX-License-Identifier: MIT
// Who talks over which UDP port: one session for each port and client, bounded and forgotten in time.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define SESSIONS_MAX	    16384 /* of one worker */
#define SESSIONS_PER_CLIENT 1024  /* of one address: its least recently used one makes room */
#define SESSION_SINGLE_MS   30000 /* nothing, or one question and its answer, has passed */
#define SESSION_STREAM_MS   180000

struct sessions_client;

struct session { /* a part of its owner's struct */
	struct session *chain;
	struct session *older, *newer; /* of the same client, by their last datagram */
	struct sessions_client *client;
	const void *port; /* any pointer that tells ports apart */
	struct hostport from;
	uint64_t last_ms;
	uint32_t sent, received; /* datagrams from and to the client */
};

struct sessions { /* zero-initialised = empty */
	struct session **buckets;
	struct sessions_client **clients;
	uint32_t n, max; /* max 0 = SESSIONS_MAX */
	uint64_t seed;
};

struct session *sessions_find(
	const struct sessions *t, const void *port, const struct hostport *from);
/* Enters S, which .port and .from are set of. *ret_oldest is the session that S replaces, and which
 * the caller must end, or NULL. 0, -ENOSPC, -ENOMEM. */
int sessions_add(
	struct sessions *t, struct session *s, uint64_t now_ms, struct session **ret_oldest);
/* A datagram has passed: SENT by the client, or to it. */
void sessions_touch(struct session *s, bool sent, uint64_t now_ms);
void sessions_remove(struct sessions *t, struct session *s);
/* When S is over if nothing passes. */
uint64_t session_expires(const struct session *s);
