// SPDX-License-Identifier: MIT
// The tailnet that a command names: its owner's socket, or why there is none.
#pragma once

#include <sys/types.h>

#include "ctl/client.h"

/* Connects to the owner of A->name. CTL_DONE and *ret_fd, *ret_pid (may be NULL); else the exit
 * code, after one clear line: 3 where neither configuration nor a supervisor knows the name, 4
 * where its supervisor is not running. QUIET_ABSENT: without a line for 4. */
int target_open(const struct args *a, bool quiet_absent, int *ret_fd, pid_t *ret_pid);

/* Asks the owner for the record of A->name. CTL_DONE and *ret, or the exit code after one line. */
int target_status(const struct args *a, struct control_tailnet *ret, pid_t *ret_pid);

/* Is A->name configured? CTL_DONE, or CTL_NO_TAILNET after one line with the nearest name. An
 * unreadable configuration counts as yes. */
int target_configured(const struct args *a);
