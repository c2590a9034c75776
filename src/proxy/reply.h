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
	struct resolve_foreign foreign; /* the tailnet that the name belongs to */
};

struct reply_form {
	bool head; /* the request was HEAD: no body */
	bool html; /* the client reads HTML; else plain text */
	bool keep; /* the connection goes on: another request may come */
};

/* RFC 1928 section 6. */
uint8_t reply_socks5_code(enum proxy_result result);
/* Appends a whole response that says TAILNET, hop and cause. 0 or -ENOMEM. */
int reply_http(struct buf *out, const char *tailnet, const struct reply_cause *c,
	const struct reply_form *form);
/* Short name for logs. */
const char *reply_result_text(enum proxy_result result);
