// SPDX-License-Identifier: MIT
// Root without its capabilities over others' files and processes: somebody else for one system call.
#pragma once

#include <sys/types.h>

/* The effective uid is UID's from now on; ours stay the real and the saved one, so the processes of UID
 * cannot signal us. 0, or -EPERM for uid 0 and without CAP_SETUID. become_root() ends it. */
int become(uid_t uid, int *ret_dumpable);

/* Root again, as dumpable as before; errno stays. Aborts if that is refused. */
void become_root(int dumpable);
