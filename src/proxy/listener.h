// SPDX-License-Identifier: MIT
// The accepting sockets: who may come in, and how many.
#pragma once

#include "ipc/msg.h"

#define LISTENERS_MAX 4096 /* also those of forward: 64 ports on 32 addresses */

struct listener_target { /* of a forward */
	char host[MSG_DOMAIN_MAX];
	uint16_t port;
};

/* Takes over FD; one at the same address is replaced. Clients choose where they go, unless TARGET is
 * given. 0 or -errno (FD is the caller's then). */
int listener_add(const struct msg_proxy_listen *m, const struct listener_target *target, int fd);
void listener_remove(const struct hostport *at);
void listener_remove_all(void);
/* Accept nobody until a descriptor is freed (or, as others may hold them, a second has passed). */
void listener_pause(void);
void listener_descriptors_freed(void);
/* How many descriptors the process may have. */
void listener_set_descriptors(unsigned n);
