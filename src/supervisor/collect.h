// SPDX-License-Identifier: MIT
// What the front knows of all tailnets, whoever runs them: it watches every control socket there is.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "ipc/control.h"
#include "supervisor/told.h"

struct supervisor;
struct collector;

struct collected {
	char name[MSG_NAME_MAX];
	bool known; /* somebody runs it, and .record is what it said last */
	pid_t pid;  /* who; 0 = unknown */
	struct control_tailnet record;
	/* what was told last, even if nobody runs it any more, so that names do not come and go
	 * with every restart */
	bool has_facts;
	struct told facts;
};

struct collect_ops {
	/* .known or .record of C is new. */
	void (*record)(void *owner, const struct collected *c);
	/* .facts are new. */
	void (*facts)(void *owner, const struct collected *c);
	/* Every supervisor has answered collect_fresh(), or has had its time. */
	void (*fresh)(void *owner);
	/* The same of collect_list(). */
	void (*listed)(void *owner);
};

/* Connects to every control socket of a tailnet that is configured, now and whenever one appears. */
int collect_new(
	struct supervisor *s, const struct collect_ops *ops, void *owner, struct collector **ret);
void collect_free(struct collector *c);
/* Other tailnets may be configured. */
void collect_reload(struct collector *c);
/* NULL: not configured. */
const struct collected *collect_find(const struct collector *c, const char *name);
/* The I-th, in the order of the configuration, or NULL. */
const struct collected *collect_at(const struct collector *c, size_t i);
/* Asks for records with the counters and the memory of now; .fresh is called later, exactly once. A
 * question that is under way already is not asked again. */
void collect_fresh(struct collector *c);
/* Asks all other processes, with less patience and not for memory; .listed is called later, exactly once. -EBUSY:
 * a question is under way. */
int collect_list(struct collector *c);
/* Within .listed: gives EACH the records of those who have answered, until it is not 0. */
int collect_each_listed(const struct collector *c,
	int (*each)(void *arg, const struct control_tailnet *t), void *arg);
