// SPDX-License-Identifier: MIT
// Old configuration, new configuration -> the ordered steps between them; said, or done.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/supervisor.h"

enum step_kind {
	STEP_START,  /* a tailnet from nothing: every part */
	STEP_STOP,   /* everything of it is removed */
	STEP_CHANGE, /* one part follows the new configuration */
	STEP_FRONT,  /* the front services follow */
};

struct step {
	enum step_kind kind;
	struct tailnet_config *old, *new;
	size_t part;  /* STEP_CHANGE: index in tailnet_parts */
	bool by_hand; /* STEP_CHANGE: wg(8) has changed it, the configuration has not */
};

struct plan {
	struct step *steps;
	size_t n;
};

/* Fills *RET with what leads from OLD (NULL: nothing runs) to NEW. Tailnets that the process was
 * not asked to run are left out. 0 or -ENOMEM. */
int plan_make(const struct supervisor *s, const struct config *old, const struct config *new,
	struct plan *ret);
void plan_free(struct plan *p);
/* Calls SAY for each line: what is made, changed or removed, in order. NAME is whose step it is, NULL = the front's;
 * LINE begins with that and ": ". */
void plan_say(const struct supervisor *s, const struct plan *p, const struct config *new,
	void (*say)(void *arg, const char *name, const char *line), void *arg);
