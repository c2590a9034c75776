// SPDX-License-Identifier: MIT
// One name to addresses, as the host's own resolver sees it.
#pragma once

#include "ipc/msg.h"

/* Fills in everything of *RET but its header. Blocks as long as getaddrinfo(3) does. Addresses
 * that no WireGuard endpoint can have (unspecified, multicast, broadcast) are left out. */
void lookup_name(const struct msg_host_lookup *q, struct msg_host_answer *ret);
