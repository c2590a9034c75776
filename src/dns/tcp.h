// SPDX-License-Identifier: MIT
// DNS over TCP (RFC 7766): pipelined questions, bounded in number, memory and time.
#pragma once

#include <stdint.h>

#include "common/addr.h"
#include "dns/loop.h"

#define TCP_CONNS_MAX	     512
#define TCP_CONNS_PER_CLIENT 16
#define TCP_IDLE_MS	     10000 /* from one whole question to the next; single bytes do not count */
#define TCP_MESSAGE_MAX	     4096
#define TCP_WAITING_MAX	     64	  /* questions of one connection that tailnets are being asked */
#define TCP_PAUSE_MS	     1000 /* of accepting, when the system has no room */

struct server;
struct tcp_conn;

struct tcp { /* connections, the one longest without a question first */
	struct tcp_conn *first, *last;
	unsigned n;
	uint64_t paused_until_ms; /* 0 = accepting */
};

struct tcp_acceptor {
	struct loop_event event;
	struct server *server;
	int fd;
};

/* Takes FD over, also on failure. 0 or -errno. */
int tcp_open(struct server *s, struct tcp_acceptor *a, int fd);
void tcp_close(struct tcp_acceptor *a);
/* Closes what has been idle too long; milliseconds until the next one may be, -1 = none. */
int tcp_expire(struct server *s);

/* An answer that C has waited for (SERVER_LATER). C may be gone then. */
void tcp_reply(struct tcp_conn *c, const uint8_t *p, size_t len);

/* The pure part: the next whole message in P of LEN bytes. 1 and its place, 0 not there yet,
 * -EBADMSG if it is none that anybody would send us. */
int tcp_next_message(const uint8_t *p, size_t len, size_t at, size_t *ret_at, size_t *ret_len);
