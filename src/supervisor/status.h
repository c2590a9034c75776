// SPDX-License-Identifier: MIT
// A tailnet's records for tsgwctl, read off its counters page.
#pragma once

#include "supervisor/tailnet.h"

void status_tailnet(const struct tailnet *t, struct control_tailnet *ret);
/* Fills in .memory_* of RET, which costs a look at each process' page tables. */
void status_memory(const struct tailnet *t, struct control_tailnet *ret);
/* The I-th peer of the node, or false. */
bool status_peer(const struct tailnet *t, uint32_t i, struct control_peer *ret);

/* One record after the other, by SEND until it fails. NAME "": of every tailnet. */
typedef int (*status_send)(void *arg, enum control_record record, void *what, size_t size);
void status_tell_tailnets(
	const struct supervisor *s, const char *name, bool memory, status_send send, void *arg);
void status_tell_peers(const struct tailnet *t, status_send send, void *arg);
