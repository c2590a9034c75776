// SPDX-License-Identifier: MIT
// Within the collector (collect.c, collecting.c): its connections and what they have told.
#pragma once

#include <systemd/sd-event.h>

#include "ipc/record.h"
#include "supervisor/collect.h"

#define COLLECT_SLOTS_MAX (2 * CONFIG_TAILNETS_MAX)

struct connection { /* to one supervisor */
	struct collector *c;
	int fd;
	pid_t pid;
	bool asked;	   /* for fresh records, and waited for */
	bool owes;	   /* an answer, perhaps to an earlier question */
	bool told;	   /* it has answered the last question */
	struct slot *last; /* that it told of */
};

struct slot {
	struct collected is;
	struct connection *by; /* who told .is */
	uint64_t digest;       /* of the record that was passed on */
	struct told staged;    /* between the two marks */
	bool staging;
	int dir_watch; /* on RUN/NAME, -1 = none */
	unsigned tries;
	sd_event_source *retry;
	struct collector *c;
};

struct collector {
	struct supervisor *s;
	const struct collect_ops *ops;
	void *owner;
	struct slot **slots; /* in the order of the configuration, then what is not configured */
	size_t n, n_configured;
	struct connection *connections[CONFIG_TAILNETS_MAX + 1];
	size_t n_connections;
	int inotify_fd, epoll_fd; /* the latter of all connections */
	sd_event_source *inotify_source, *epoll_source, *fresh_timer, *start, *again;
	size_t n_asked; /* connections */
	bool wants_fresh, listing;
};

struct slot *collecting_slot(const struct collector *c, const char *name);
struct slot *collecting_new(struct collector *c, const char *name);
void collecting_free(struct slot *l); /* NULL is fine */

/* Takes one record that K has told. 0, or -errno: K is not to be trusted. */
int collecting_take(struct connection *k, const union control_any *m);
/* All who were asked for fresh records have answered, are gone, or have had their time. */
void collecting_done(struct collector *c);
/* Asks for fresh records (collect.c). */
void collect_ask(struct collector *c);
