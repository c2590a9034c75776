// SPDX-License-Identifier: MIT
// The control sockets: one for each tailnet, one for the front, all with the same words.
#pragma once

#include "ipc/msg.h"
#include "supervisor/supervisor.h"

struct control;

int control_new(struct supervisor *s, struct control **ret);
void control_free(struct control *c);
/* RUN/NAME/control.sock, or RUN/front.sock for NAME NULL. Our lock on the object says that a file
 * that lies there is stale. */
int control_listen(struct control *c, const char *name);
void control_unlisten(struct control *c, const char *name);
/* Answers the clients that wait for a state. */
void control_settle(struct control *c);
/* For clients.c: one record for ASKER; the end of its page (ASKER NULL: it has left), with MORE behind it. */
void control_clients_one(void *asker, const char *tailnet, const struct msg_client *m);
void control_clients_end(struct control *c, void *asker, bool more);
