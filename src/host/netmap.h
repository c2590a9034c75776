// SPDX-License-Identifier: MIT
// What the supervisor was last told of the netmap, and what of a new one it has to be told.
#pragma once

#include "host/ipn.h"

/* Of a node's routes, those that we use: subnets only with ACCEPT_ROUTES, everything only by our exit
 * node. */
bool netmap_uses(const struct ipn_peer *p, const struct prefix *route, bool accept_routes);
/* Tells what is new. Takes over S. */
void netmap_tell(struct ipn_status *s, const struct ipn_dns *dns, bool accept_routes,
	void (*report)(enum msg_type type, void *m, size_t size));
/* The supervisor knows nothing (any more). */
void netmap_forget(void);
