// SPDX-License-Identifier: MIT
// The configuration in force, as the supervisor sent it between BEGIN and COMMIT.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "ipc/stats.h"
#include "proxy/policy.h"
#include "proxy/resolve.h"
#include "proxy/search.h"
#include "proxy/split.h"
#include "proxy/users.h"

struct setup {
	uint32_t generation;
	struct msg_proxy_config config;
	struct policy policy;
	struct resolve_names names;
	struct users users;
	struct splits splits; /* the resolvers */
	struct search search;
	void *suffixes; /* mapped, of all tailnets; or NULL */
	size_t suffixes_bytes;
	uint64_t digest; /* of what answers to tsgw-dns depend on */
};

/* Never NULL; before the first COMMIT it admits nobody and routes nothing. Do not keep the
 * pointer. */
const struct setup *setup_now(void);
/* Applies one message of a configuration. 1 = COMMIT, and it is in force; 0; -EBADMSG and others:
 * the supervisor has broken the rules of msg.h, *ret_why tells how. FDS stay the caller's. */
int setup_message(const union msg *m, const int *fds, const char **ret_why);

/* This worker's own: */
extern struct proxy_stats *setup_stats;
extern const char *setup_tailnet;
