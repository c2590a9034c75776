// SPDX-License-Identifier: MIT
// What clients are told when it does not work: codes of each protocol, and a page that people can read.
#pragma once

#include "ipc/stats.h"
#include "relay/buf.h"
#include "proxy/resolve.h"

struct reply_cause {
	enum proxy_result result;
	int status;	  /* HTTP: 0 = the usual one of RESULT */
	const char *why;  /* HTTP: constant text, NULL = the usual one of RESULT */
	const char *dest; /* as the client named it, checked or canonical text; may be NULL */
	uint16_t port;
	const struct resolve_suffix *foreign; /* the tailnet that the name belongs to; or NULL */
};

/* RFC 1928 section 6. */
uint8_t reply_socks5_code(enum proxy_result result);
/* Appends a whole response that says TAILNET, hop and cause and ends the connection; HEAD: without
 * a body. 0 or -ENOMEM. */
int reply_http(struct buf *out, const char *tailnet, const struct reply_cause *c, bool head);
/* Short name for logs. */
const char *reply_result_text(enum proxy_result result);
