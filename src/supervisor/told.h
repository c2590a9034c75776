// SPDX-License-Identifier: MIT
// What watchers are told of a tailnet's network: its routes and its peers' names.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "ipc/record.h"

struct tailnet;

struct told_name {
	char name[MSG_DOMAIN_MAX]; /* relative to the suffix, lower case */
	struct addr addr;
};

struct told {
	struct prefix_list routes;
	struct told_name *names;
	size_t n_names;
};

void told_free(struct told *f);
/* Looks at the facts again: called when the configuration or the netmap has changed. Watchers are told
 * if something is new. 0 or -ENOMEM. */
int told_update(struct tailnet *t);

/* The AT-th record about T's facts, which are record 0 (FACTS) to the last one (FACTS with .end):
 * the size of *RET, or 0 behind the last. */
size_t told_record(const struct tailnet *t, size_t at, union control_any *ret);
