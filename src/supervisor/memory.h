// SPDX-License-Identifier: MIT
// How much memory a process takes.
#pragma once

#include <sys/types.h>

#include "ipc/control.h"

/* Of PID (0 = none): what the kernel does not tell is 0. */
void memory_of(pid_t pid, struct process_memory *ret);
