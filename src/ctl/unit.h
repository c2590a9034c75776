// SPDX-License-Identifier: MIT
// tsgw@NAME.service, spoken to over D-Bus.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum unit_verb { UNIT_START, UNIT_STOP, UNIT_RESTART };

/* systemd is PID 1 here. */
bool unit_available(void);
struct unit_state {
	bool exists;  /* there is such a unit file */
	bool enabled; /* starts at boot */
	bool active;  /* runs, or starts or stops just now */
	bool failed;
};
/* UNIT: its whole name. 0 or -errno. */
int unit_query(const char *unit, struct unit_state *ret);
/* Process PID belongs to the unit of tailnet NAME. */
bool unit_owns(const char *name, pid_t pid);
/* systemctl enable, disable. Returns the exit code, after one line where it failed. */
int unit_enable(const char *name, bool enable);
/* Starts, stops or restarts the unit of NAME and waits for the end of that job.
 * Returns the exit code, after one line where it failed. */
int unit_act(enum unit_verb verb, const char *name);
