// SPDX-License-Identifier: MIT
// Who went where: what `tsgwctl clients` shows of a connection while it lives, and one line of the log
// when it ends.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "ipc/stats.h"

struct trail {
	struct trail *older, *newer; /* all of them, by .number */
	uint64_t number;
	uint64_t begin_ms;
	struct hostport client;
	struct hostport resolved; /* family 0 = none yet */
	char *user;		  /* NULL = none */
	char *asked;		  /* as the client named it, printable; NULL = nothing yet */
	uint16_t asked_port;
	uint8_t protocol;  /* enum client_protocol, where the connection's own does not tell */
	uint8_t result;	   /* enum proxy_result, PROXY_RESULTS = it came to nothing */
	uint32_t requests; /* HTTP, answered one after the other */
	uint64_t up_bytes, down_bytes;
};

void trail_begin(struct trail *t, const struct hostport *client);
/* The oldest one; the others by .newer. */
struct trail *trail_first(void);
/* Is not shown any more. */
void trail_end(struct trail *t);
/* Logs it if the configuration says so, and frees what it holds. */
void trail_free(struct trail *t);
void trail_user(struct trail *t, const char *user, size_t len);
/* What the client asks for, any bytes. */
void trail_asked(struct trail *t, const char *text, size_t len, uint16_t port);
/* Sends the first MSG_CLIENTS_PAGE connections behind number M->after, oldest first, and an end. */
void trail_report(int channel, const struct msg_clients_wanted *m);
