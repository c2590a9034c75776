// SPDX-License-Identifier: MIT
// The outgoing half: from a destination as asked to a connected socket inside the tailnet.
#pragma once

#include "proxy/conn.h"
#include "proxy/peers.h"

/* Resolves and judges TEXT (any bytes) and PORT; PROXY_OK: c->dial is ready for dial_go().
 * Otherwise the client has been told, and the result is returned. */
enum proxy_result dial_prepare(struct conn *c, const char *text, size_t len, uint16_t port);
/* Starts connecting. */
void dial_go(struct conn *c);
/* The origin's socket has an event; the deadline of this attempt is over. */
void dial_event(struct conn *c);
void dial_timeout(struct conn *c);
void dial_free(struct conn *c);

/* Live facts for all that are dialing. */
void dial_peer_changed(const struct peer *p);
void dial_node_down(void);
