// SPDX-License-Identifier: MIT
// Threads that ask the host's resolver, which blocks: one for endpoints, a few for published services,
// so that neither keeps the other waiting, and nothing that is relayed.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

#define ASKER_SERVICE_THREADS 4

enum asker_lane { ASKER_ENDPOINTS, ASKER_SERVICES, ASKER_LANES };

/* ANSWERED is called from the loop for every question that was taken. 0 or -errno. */
int asker_open(void (*answered)(enum asker_lane lane, const struct msg_host_answer *a));
/* False if too many wait already. A name that waits already keeps its place and gets the new id. */
bool asker_ask(enum asker_lane lane, const struct msg_host_lookup *q);
