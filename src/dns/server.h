// SPDX-License-Identifier: MIT
// The answering side: UDP in batches, TCP connections (dns/tcp.h), the zones they ask.
#pragma once

#include <stdint.h>

#include "common/addr.h"
#include "dns/cache.h"
#include "dns/cookie.h"
#include "dns/link.h"
#include "dns/loop.h"
#include "dns/pending.h"
#include "dns/tcp.h"
#include "dns/zone.h"
#include "ipc/stats.h"

#define SERVER_LISTENERS_MAX 256

struct listener;

struct server {
	struct loop loop;
	struct dns_stats *stats;
	struct zone_set *zones; /* never NULL after server_init() */
	struct listener *listeners[SERVER_LISTENERS_MAX];
	unsigned n_listeners;
	struct tcp tcp;
	struct links links;
	struct pending pending;
	struct cache cache;
	void (*on_lost)(struct server *s, const char *tailnet); /* a link has ended; may be NULL */
	void *on_lost_arg;
	uint8_t secret[COOKIE_SECRET];
};

/* An address that is served: one UDP socket, one accepting TCP socket. Starts with its UDP event. */
struct listener {
	struct loop_event udp_event;
	struct tcp_acceptor acceptor;
	struct server *server;
	struct hostport at;
	int udp_fd;
};

/* 0 or -errno. */
int server_init(struct server *s, struct dns_stats *stats);
/* Takes both descriptors over, also on failure. A second one for the same address replaces the
 * first. */
int server_listen(struct server *s, const struct hostport *at, int udp_fd, int tcp_fd);
void server_unlisten(struct server *s, const struct hostport *at);
/* From now on ZONES, which are taken over, are what is served. 0, or -errno: they are not. */
int server_swap(struct server *s, struct zone_set *zones);
/* One round of the loop. 0 or -errno. */
int server_round(struct server *s);

#define SERVER_LATER (-1)
/* One message of A: counted, answered into OUT (see answer.h). Returns the answer's length, 0 if none is
 * due, or SERVER_LATER: server_reply() will come. */
int server_answer(
	struct server *s, const uint8_t *p, size_t len, const struct asker *a, uint8_t *out);
/* What W waited for: L has answered the question K with F. W is unlinked already. */
void server_reply(struct server *s, const struct waiter *w, const struct link *l,
	const struct cache_key *k, const struct found *f);
void server_count_answer(const struct link *l, const struct resolve_answer *m);
void server_count_timeout(const struct link *l);
