// SPDX-License-Identifier: MIT
// Who watches the tailnets of this process: everything that is there, then every change.
#pragma once

#include <sys/types.h>

#include "ipc/control.h"

struct supervisor;
struct tailnet;
struct watch;

int watch_new(struct supervisor *s, struct watch **ret);
void watch_free(struct watch *w);

/* Takes the connection FD, on which Q asked for it; it is closed when that is over. -EBUSY: there are
 * too many; FD stays the caller's then. */
int watch_add(struct watch *w, const struct control_request *q, uid_t uid, int fd);

/* Of what is worth a new record; counters are not, they always change. */
uint64_t watch_digest(const struct control_tailnet *r);
/* Something may be new: what is, is told soon, from the event loop. */
void watch_look(struct supervisor *s);
/* The facts of T are new. */
void watch_facts(struct tailnet *t);
/* Something has happened to T, or to SUBJECT (may be NULL) of it. */
void watch_event(struct tailnet *t, enum event_kind kind, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
