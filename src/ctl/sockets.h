// SPDX-License-Identifier: MIT
// All supervisors of a run directory, each once.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Calls EACH with a connection to every supervisor below RUN_DIR, the front's first. One that
 * has several sockets is met once. NAME: the tailnet whose socket it is, NULL for the front.
 * PID: the supervisor, 0 = unknown. ERROR: 0, or why there is no connection although there is a
 * socket; FD is -1 then. FD stays ours. EACH ends the walk by returning other than 0, which is
 * returned. SKIP (may be NULL): tailnets that need no asking. BEGIN (may be NULL) asks FD without
 * waiting for the answer, 0 or the ERROR for EACH: it is called for some more supervisors before
 * EACH is called for the first of them, so that they work on their answers at the same time. */
struct sockets_walk {
	bool (*skip)(void *arg, const char *name);
	int (*begin)(void *arg, int fd);
	int (*each)(void *arg, const char *name, int fd, pid_t pid, int error);
	void *arg;
};
int sockets_each(const char *run_dir, const struct sockets_walk *w);
