// SPDX-License-Identifier: MIT
// The accepting sockets: who may come in, and how many.
#pragma once

#include "ipc/msg.h"

#define LISTENERS_MAX 128

/* Takes over FD; one at the same address is replaced. 0 or -errno (FD is closed then, too). */
int listener_add(const struct msg_proxy_listen *m, int fd);
void listener_remove(const struct hostport *at);
/* Accept nobody until a descriptor is freed (or, as others may hold them, a second has passed). */
void listener_pause(void);
void listener_descriptors_freed(void);
/* No delay, keep-alive: for FD, or, on an accepting socket, for all that come from it. */
void listener_socket_options(int fd);
/* How many descriptors the process may have. */
void listener_set_descriptors(unsigned n);
