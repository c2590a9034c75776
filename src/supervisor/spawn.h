// SPDX-License-Identifier: MIT
// A child at a price that does not grow with us: on a small stack of its own, in our memory, while we wait.
#pragma once

#include <sys/types.h>

/* Where a worker finds its channel: kept for spawn_worker() from the start of the process. */
int spawn_reserve(void);

/* Runs FN(ARG) in a child that shares our memory, and with FLAGS CLONE_FILES our descriptors; comes back when
 * FN has returned or a program was executed. RET_PIDFD may be NULL. Returns the pid (to be waited for), or
 * -errno. Everything else that a child may change is its own: namespaces, credentials, signals, umask. */
pid_t spawn_task(int (*fn)(void *arg), void *arg, int flags, int *ret_pidfd);

#define SPAWN_EXIT_GONE	   127 /* there is no such program */
#define SPAWN_EXIT_NO_EXEC 126 /* it may not be run, or is no program */

/* Executes PATH with CHANNEL at its place and no other descriptor but stdio, in the namespace NETNS_FD (-1: in
 * ours). Returns the pid, or -errno. */
pid_t spawn_worker(const char *path, char *const argv[], int channel, int netns_fd, int *ret_pidfd);
