// SPDX-License-Identifier: MIT
// A connection from the tailnet to a published port, and its other leg on the host's side.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"
#include "ipc/stats.h"

#define LINKS_MAX	   4096
#define LINKS_PER_PEER_MAX 1024 /* from one address of the tailnet */

struct target { /* HOST:PORT of a published port */
	char host[MSG_DOMAIN_MAX];
	struct hostport at; /* .addr.family 0: .host is a name */
};

/* Takes over FD, which FROM has connected. */
void link_open(int fd, const struct hostport *from, const struct target *to);
uint32_t links_now(void);
/* Called when a link has given its descriptors back. */
extern void (*links_freed)(void);

/* Of this worker: */
extern struct host_stats *host_stats;
extern struct msg_host_config host_config;
