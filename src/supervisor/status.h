// SPDX-License-Identifier: MIT
// A tailnet's records for tsgwctl, read off its counters page.
#pragma once

#include "supervisor/tailnet.h"

void status_tailnet(const struct tailnet *t, struct control_tailnet *ret);
/* Fills in .memory_* of RET, which costs a look at each process' page tables. */
void status_memory(const struct tailnet *t, struct control_tailnet *ret);
/* The I-th peer of the node, or false. */
bool status_peer(const struct tailnet *t, uint32_t i, struct control_peer *ret);
