// SPDX-License-Identifier: MIT
// HTTP requests with an absolute URI: one exchange after the other, each to its own server.
#pragma once

#include "proxy/conn.h"
#include "proxy/http.h"

/* A request's head stands at the start of c->up.in, taken apart: sends it on its way. */
void forward_request(struct conn *c, const struct http_head *h, const struct http_target *t);
/* The server is connected. */
void forward_connected(struct conn *c);
/* State CONN_FORWARD. */
void forward_advance(struct conn *c);
void forward_free(struct conn *c);
