// SPDX-License-Identifier: MIT
// Heads as the proxy passes them on: origin-form, Host from the URI, without the fields that are
// meant for one hop only (RFC 9110 7.6.1).
#pragma once

#include "relay/buf.h"
#include "proxy/http.h"

/* Appends the request for the server. UPGRADE: keep Upgrade. 0 or -ENOMEM. */
int rewrite_request(
	struct buf *out, const struct http_head *h, const struct http_target *t, bool upgrade);
/* Appends the response for the client. CLOSE: say that the connection ends with it. */
int rewrite_response(struct buf *out, const struct http_head *h, bool close);
/* Does the request ask for a protocol that we carry (not h2c, whose settings are hop-by-hop)? */
bool rewrite_wants_upgrade(const struct http_head *h);
