// SPDX-License-Identifier: MIT
// Fixed ports into the tailnet (key forward): what arrives there goes to one destination.
#pragma once

#include "ipc/msg.h"

/* Takes over FD; a port at the same address gets the new destination. 0 or -errno (FD is the
 * caller's then). */
int fixed_add(const struct msg_port *m, int fd);
/* Connections go on, UDP sessions end with their port. */
void fixed_remove(const struct msg_port *m);
/* Ends the UDP sessions whose clients are not allowed any more, and tells how many. */
unsigned fixed_revoke(void);
void fixed_remove_all(void); /* of UDP; those of TCP are listeners */
