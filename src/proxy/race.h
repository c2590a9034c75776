// SPDX-License-Identifier: MIT
// Happy eyeballs (RFC 8305): connects to one of several addresses, whichever answers first.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/stats.h"
#include "proxy/peers.h"
#include "proxy/resolve.h"
#include "relay/flow.h"

struct race;

struct attempt {	   /* to one address */
	struct sock *sock; /* the owner's, or .extra; its descriptor is -1: not under way */
	struct sock extra;
	struct race *race;
	struct addr addr;
	uint32_t peer;
	bool was_up;	   /* the peer was up when we asked, or has come up since */
	uint64_t asked_ms; /* when the peer was first asked */
};

enum race_status { RACE_ON, RACE_WON, RACE_LOST };

struct race {
	/* An attempt other than the owner's socket has changed something. */
	void (*moved)(struct race *r, enum race_status status);
	/* its own: */
	struct attempt attempts[RESOLVE_ADDRS_MAX];
	size_t n, i; /* addresses, and the next one that is to be tried */
	uint16_t port;
	bool at_once;	      /* set by the owner: there are bytes for the other side already */
	uint64_t next_ms;     /* not before then */
	uint64_t deadline_ms; /* of all */
	enum proxy_result last;
	struct hostport winner; /* RACE_WON: who answered */
};

/* One more address, at most RESOLVE_ADDRS_MAX, routed by PEER. */
void race_add(struct race *r, const struct addr *a, uint32_t peer);
/* Orders the addresses so that families take turns, beginning with that of the first one. */
void race_interleave(struct race *r);
/* Starts. MAIN, whose events the owner gets, is used first and holds the connected socket in the end;
 * RACE_LOST: r->last says why. */
enum race_status race_start(struct race *r, struct sock *main, uint16_t port, uint64_t deadline_ms);
/* MAIN has an event; the time is race_wake(); PEER has changed. */
enum race_status race_event(struct race *r);
enum race_status race_timeout(struct race *r);
enum race_status race_peer(struct race *r, const struct peer *peer);
uint64_t race_wake(const struct race *r);
/* Closes every socket but MAIN; R may be freed at the end of the round (loop_bury()). */
void race_end(struct race *r);
/* How many sockets all races have besides their owners' own. */
unsigned race_extra_sockets(void);
