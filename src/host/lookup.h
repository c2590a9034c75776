// SPDX-License-Identifier: MIT
// One name to addresses, as the host's own resolver sees it.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

/* Fills in everything of *RET but its header. Blocks as long as getaddrinfo(3) does. Addresses
 * that no endpoint and no service can have (unspecified, multicast, broadcast) are left out; so are,
 * but for a SERVICE, which may be on this very host, those of a family that the host does not use. */
void lookup_name(const struct msg_host_lookup *q, bool service, struct msg_host_answer *ret);
