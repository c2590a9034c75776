// SPDX-License-Identifier: MIT
// `tsgwd --check`: is the configuration good, and what would a start do?
#pragma once

#include "supervisor/supervisor.h"

/* Prints problems to stderr, or the configuration with every default and the steps of a start to
 * stdout. Needs no privilege. Returns the exit code, 0 or 2. */
int check_run(const struct options *o);
