// SPDX-License-Identifier: MIT
// One client's connection from accept to close, and what its parts (greet, dial, forward) share.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/stats.h"
#include "relay/clients.h"
#include "relay/flow.h"
#include "proxy/http.h"
#include "proxy/reply.h"
#include "proxy/trail.h"
#include "relay/timers.h"

#define CONN_LINGER_MS	  2000 /* for the client to read an error before the close */
#define CONN_FAILED_MS	  5000 /* for the rest of the bytes behind a reset */
#define CONN_LINGER_BYTES (1u << 20)

enum conn_state {
	CONN_GREETING, /* reading a greeting or a request: greet.c */
	CONN_LOGIN,    /* its password is being checked: login.c */
	CONN_DIALING,  /* the outgoing connection is being made: dial.c */
	CONN_TUNNEL,   /* bytes go both ways */
	CONN_UDP,      /* stands for a UDP association: assoc.c */
	CONN_FORWARD,  /* an HTTP exchange is under way: forward.c */
	CONN_LINGER,   /* an answer was the last word; what still comes is thrown away */
	CONN_CLOSED,   /* buried at the end of the round */
};

enum conn_protocol {
	CONN_UNKNOWN,
	CONN_SOCKS5_GREETING,
	CONN_SOCKS5_LOGIN, /* user name and password are awaited */
	CONN_SOCKS5,
	CONN_SOCKS4,
	CONN_HTTP, /* head not read yet, or a request with an absolute URI */
	CONN_HTTP_CONNECT,
	CONN_FIXED, /* no protocol: a port of forward */
};

struct dial;
struct login;
struct listener_target;
struct forward;
struct assoc;

struct conn {
	struct sock client, origin;
	struct flow up, down; /* client -> origin, origin -> client */
	struct timer timer;
	struct task task;
	struct conn *prev, *next; /* all that dial */
	struct dial *dial;
	struct login *login;
	struct forward *forward;
	struct assoc *assoc;
	uint64_t last_ms; /* something moved */
	struct http_scan scan;
	uint32_t lingered;   /* bytes thrown away */
	struct addr address; /* of the client */
	struct trail trail;
	uint8_t state, protocol;
	bool heard;	   /* its first bytes have come, and are acknowledged */
	bool hurried;	   /* the deadline of this request's head is set */
	bool trusted;	   /* came by the veth listener: no password is asked for */
	bool logged_in;	   /* HTTP: the request at hand may go on, */
	bool refused;	   /* or not */
	bool kept;	   /* HTTP: something was answered, and another request may come */
	bool html;	   /* HTTP: the client reads HTML */
	bool head_request; /* HEAD: no body even in an error */
	bool answered;	   /* bytes of a response went out: no error can be told any more */
	bool accounting;   /* what is being moved is this one's */
	bool counted;	   /* the result of this connection has been counted */
};

/* Takes over FD of a client that was admitted; TRUSTED: it needs no password; TARGET (may be NULL): it
 * came to a port of forward. */
void conn_accept(
	int fd, const struct hostport *client, bool trusted, const struct listener_target *target);
/* Does whatever can be done now. */
void conn_advance(struct conn *c);
/* Tells the client why not, in its protocol, and ends the connection. */
void conn_fail(struct conn *c, const struct reply_cause *cause);
void conn_fail_result(struct conn *c, enum proxy_result result);
/* Counts RESULT, the first one of each connection or request only. */
void conn_count(struct conn *c, enum proxy_result result);
/* Ends it; RESET passes a reset on to both sides. */
void conn_close(struct conn *c, bool reset);
/* Sends what is waiting for the client. False if the connection is gone. */
bool conn_flush(struct conn *c);
/* The outgoing socket is connected: dial.c calls it. */
void conn_connected(struct conn *c);
/* From now on bytes go both ways. */
void conn_tunnel(struct conn *c);
/* By when a greeting or request that begins now has to be complete. */
uint64_t conn_greeting_deadline(void);
/* Sets the deadline of an idle connection anew; HALF: one direction has ended. */
void conn_idle_timer(struct conn *c, bool half);
/* A socket has failed: only CONN_FAILED_MS are left for what is still to be delivered. */
void conn_hurry(struct conn *c);
/* All is said: delivers what waits, then ends the connection so that the client can read it. */
void conn_linger(struct conn *c);
/* How many each address has. */
extern struct clients conn_clients;
/* How many there are now. */
uint32_t conn_total(void);
