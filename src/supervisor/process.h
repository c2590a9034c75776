// SPDX-License-Identifier: MIT
// Signals to processes of ours that run as other uids, without CAP_KILL.
#pragma once

#include <sys/types.h>

/* To the process behind PIDFD. 0, -ESRCH if it has ended, or -errno. */
int process_signal(int pidfd, int number);
/* To a child that has not been waited for: so PID is nobody else's. */
int process_signal_child(pid_t pid, int number);
