// SPDX-License-Identifier: MIT
// tsgw@NAME.service, spoken to over D-Bus.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum unit_verb { UNIT_START, UNIT_STOP, UNIT_RESTART };

/* systemd is PID 1 here. */
bool unit_available(void);
/* Process PID belongs to the unit of tailnet NAME. */
bool unit_owns(const char *name, pid_t pid);
/* Starts, stops or restarts the unit of NAME and waits for the end of that job.
 * Returns the exit code, after one line where it failed. */
int unit_act(enum unit_verb verb, const char *name);
