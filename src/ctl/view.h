// SPDX-License-Identifier: MIT
// The tailnets as seen from outside: what the configuration names, joined with what supervisors
// say.
#pragma once

#include <stddef.h>

#include "common/byname.h"
#include "ctl/command.h"
#include "report/entry.h"

struct view {
	struct config *config;
	struct byname
		table; /* of struct entry: in the order of the configuration, then what else is owned */
	size_t supervisors;	       /* that answered */
	int first_error;	       /* of a supervisor that did not; 0 = none */
	char error_name[MSG_NAME_MAX]; /* its tailnet, "" = the front */
};

/* Reads the configuration and asks every supervisor below the run directory. Errors of either
 * are in the result. 0 or -ENOMEM. */
int view_load(const struct args *a, struct view *ret);
/* The same, less what the wg-quick files of those say whose supervisor has answered: a thousand files. */
int view_load_list(const struct args *a, struct view *ret);
void view_free(struct view *v);
static inline struct entry *view_at(const struct view *v, size_t i)
{
	return (struct entry *)v->table.items + i;
}

struct entry *view_find(const struct view *v, const char *name);
