// SPDX-License-Identifier: MIT
// The listener of a tailnet, as a client on this host gets to it.
#pragma once

#include "ctl/client.h"

#define REACH_VETH_PORT	 1080
#define REACH_PLACES_MAX (CONTROL_LISTEN_MAX + 64)
#define REACH_MS	 5000 /* for a connection to one of them */

struct places { /* where the listener may be reached, best first */
	struct hostport at[REACH_PLACES_MAX];
	size_t n;
};

/* By what the supervisor says of it. */
void places_of_live(struct places *p, const struct control_tailnet *t);
/* By the configuration, for who may not ask the supervisor. */
void places_of_config(struct places *p, const struct args *a);
/* Connects within REACH_MS; *ret_fd blocks. 0 or -errno. */
int reach_one(const struct hostport *at, int *ret_fd);
