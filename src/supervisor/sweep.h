// SPDX-License-Identifier: MIT
// tsgwd --sweep: what a supervisor that is gone for good has left is removed.
#pragma once

#include "supervisor/supervisor.h"

/* Returns the exit code: 0, 1 or 2. */
int sweep_run(const struct options *o);
/* Removes what the record of NAME (NULL: the front) says, if nobody has its lock. */
int sweep_one(const struct store *store, struct links *host, const char *name);
