// SPDX-License-Identifier: MIT
// Published ports: sockets that were made in the tailnet's namespace, and what is behind them here.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

/* Takes over FD; a port at the same place gets the new target. 0 or -errno (FD is the caller's then). */
int publish_add(const struct msg_port *m, int fd);
/* Connections go on, UDP sessions end with their port. */
void publish_remove(const struct msg_port *m);
void publish_remove_all(void);
bool publish_any(void);
/* How many descriptors the process may have. */
void publish_set_descriptors(unsigned n);
