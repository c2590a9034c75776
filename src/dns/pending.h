// SPDX-License-Identifier: MIT
// Questions that a tailnet has been asked, and the clients that wait for the answers.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/addr.h"
#include "dns/cache.h"
#include "dns/packet.h"
#include "ipc/resolve.h"

#define PENDING_QUESTIONS_MAX 1024 /* different ones under way, in all */
#define PENDING_LINK_MAX      256  /* of these of one tailnet; below RESOLVE_PENDING_MAX */
#define PENDING_WAITERS_MAX   4096
#define PENDING_CLIENT_MAX    256  /* waiters of one client's address, IPv6: /64 */
#define PENDING_WAIT_MS	      1800 /* then SERVFAIL */
#define PENDING_KEEP_MS	      5500 /* a late answer is still worth keeping */

struct link;
struct listener;
struct server;
struct tcp_conn;
struct question;

/* Who asked, how, and what, byte for byte. */
struct waiter {
	struct waiter *next;	       /* with the same question */
	struct waiter *after, *before; /* in the order of their deadlines */
	struct question *question;
	uint64_t deadline_ms;
	struct addr client, asked;
	struct listener *listener; /* by UDP */
	struct tcp_conn *conn;	   /* or by TCP */
	struct sockaddr_storage from;
	socklen_t from_len;
	uint16_t load; /* the client's counter */
	uint16_t len;
	uint8_t query[];
};

/* Where an answer goes to. */
struct asker {
	struct listener *listener;
	struct tcp_conn *conn;
	const struct sockaddr_storage *from; /* by UDP */
	socklen_t from_len;
	struct addr client, asked;
};

struct pending {
	struct question *slots[PENDING_QUESTIONS_MAX];
	struct question *buckets[PENDING_QUESTIONS_MAX];
	struct question *first_question, *last_question; /* in the order of their ends */
	struct waiter *first, *last;
	unsigned n_questions, n_waiters, next_slot;
	uint32_t generation;
	uint16_t load[PENDING_QUESTIONS_MAX]; /* waiters by hash of their client */
};

/* Asks L what K says, or joins who asks that already; A waits. APEX: label at which the suffix starts, or
 * RESOLVE_REVERSE. 0, or -errno if there is nothing to wait for. */
int pending_ask(struct server *s, struct link *l, const struct cache_key *k, unsigned apex,
	const struct asker *a, const uint8_t *query, size_t len);
void pending_answer(struct server *s, struct link *l, const struct resolve_answer *m);
/* Nothing will be answered by L any more: its waiters are told. */
void pending_fail(struct server *s, struct link *l);
/* These askers are gone. */
void pending_leave(struct server *s, const struct listener *l, const struct tcp_conn *c);
/* Tells those who have waited long enough; milliseconds until the next one has, -1 = none. */
int pending_expire(struct server *s, uint64_t now_ms);
