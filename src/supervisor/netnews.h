// SPDX-License-Identifier: MIT
// What watchers hear of a tailnet with engine tailscale: its nodes, the ways to them, its own node's key.
#pragma once

#include "supervisor/tailnet.h"

#define NETNEWS_EXPIRY_NEAR_S (7 * 86400) /* so long before its end a key is spoken of */

struct netmap;
struct netmap_peer;

/* NEW is about to take the place of OLD; of a first one (OLD is NULL) nothing is news. */
void netnews_netmap(struct tailnet *t, const struct netmap *old, struct netmap *new);
/* P's .live is other than it was. Is it up or down, other than what was said? */
bool netnews_live(struct tailnet *t, struct netmap_peer *p);
/* The node has spoken: does its key end soon, has it ended, is there another? */
void netnews_key(struct tailnet *t);
