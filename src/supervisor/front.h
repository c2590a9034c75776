// SPDX-License-Identifier: MIT
// The front services: one DNS responder and one page for the whole gateway.
#pragma once

#include <stdbool.h>

#include "config/expose.h"
#include "supervisor/collect.h"
#include "supervisor/fdstore.h"
#include "supervisor/frontlinks.h"
#include "supervisor/frontweb.h"
#include "supervisor/supervisor.h"
#include "supervisor/worker.h"

struct front_listener {
	struct hostport at;
	int udp_fd, tcp_fd;
};

#define FRONT_NAME \
	"-" /* in the worker's arguments and the descriptor store; no tailnet can be called so */

struct front {
	struct supervisor *s;
	int lock_fd;
	struct worker dns;
	struct made made;
	struct collector *collected; /* what is known of all tailnets, whoever runs them */
	struct front_listener listeners[EXPOSE_MAX];
	size_t n_listeners;
	char reason[256];
	sd_event_source *listen_timer;
	struct frontlinks links;
	size_t n_not_enabled; /* tailnets that are served because somebody runs them */
	struct frontweb web;
	bool left;   /* everything stays for the next supervisor */
	int list_fd; /* who waits for the list of all; -1 = nobody */
};

/* Is enough of its configuration known for that? */
bool front_may_serve(const struct tailnet_config *t);
/* Does DNS answer for this tailnet? It need not run in this process, nor at all. */
bool front_serves(const struct tailnet_config *t);
/* The same; one that is not enabled counts while somebody runs it. */
bool front_serves_now(const struct front *f, const struct tailnet_config *t);
/* Is there a resolver inside the tailnet that knows more names? */
bool front_asks(const struct tailnet_config *t);
/* Would the DNS worker be told something else? */
bool front_differs(const struct config *old, const struct config *new);

/* Takes RUN/front.lock; -EAGAIN after having logged who has it. */
int front_new(struct supervisor *s, struct front **ret);
/* Starts the workers that the configuration wants. */
void front_start(struct front *f);
/* The configuration changed: zones and listeners follow. */
void front_reload(struct front *f);
void front_addresses_changed(struct front *f);
/* Lets go of everything, alive, for the next supervisor. */
void front_leave(struct front *f);
/* The worker of the supervisor before us goes on if it can; a new one takes its sockets if not. */
void front_resume(struct front *f);
int front_record(void *owner); /* worker_ops.record */
/* Opens missing listeners, closes superfluous ones. */
void front_update_listeners(struct front *f);
/* Its place in the descriptor store: "dns.udp/127.0.0.1_53". */
const char *front_object(const struct hostport *at, const char *kind, char ret[FDSTORE_NAME_MAX]);
/* The I-th record of what the responder has counted: its own, then that of each tailnet that is served
 * here. False behind the last, and for F NULL. */
bool front_dns_counts(const struct front *f, size_t i, struct control_dns *ret);
/* frontlist.c: takes the connection FD, and answers a LIST on it. -EBUSY, -ENOENT (F is NULL): it stays the caller's. */
int front_list(struct front *f, int fd);
void front_listed(void *owner);
void front_free(struct front *f);
