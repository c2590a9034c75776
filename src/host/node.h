// SPDX-License-Identifier: MIT
// A stock node: brought to what the configuration says by its LocalAPI, watched, and reported.
#pragma once

#include "ipc/msg.h"

/* REPORT sends a message to the supervisor. */
void node_setup(void (*report)(enum msg_type type, void *m, size_t size));
/* Messages MSG_ENGINE_*; with FD, if one came. 0 or -EBADMSG. */
int node_told(const union msg *m, int *fd);
/* BEGIN and COMMIT of the worker's configuration. */
void node_begin(void);
void node_commit(void);
