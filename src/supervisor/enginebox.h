// SPDX-License-Identifier: MIT
// How a foreign program, tailscaled, is run: its namespaces, its view of the files, its few rights.
#pragma once

#include <sys/types.h>

struct enginebox {
	int netns_fd;
	uid_t uid;
	const char *path;	 /* of the program */
	const char *state_dir;	 /* becomes ENGINEBOX_STATE, NULL = none */
	const char *run_dir;	 /* becomes ENGINEBOX_RUN, NULL = none */
	const char *resolv_conf; /* text */
	const char *ca;		 /* text of ENGINEBOX_CA, NULL = none */
	char *const *argv, *const *envp;
	int out_fd; /* its stdout and stderr */
};

#define ENGINEBOX_STATE "/run/state"
#define ENGINEBOX_RUN	"/run/node"
#define ENGINEBOX_TMP	"/run/tmp"
#define ENGINEBOX_CA	"/run/ca.pem"

/* 0 once it runs; -errno, with which step failed in *RET_STEP. */
int enginebox_run(const struct enginebox *b, pid_t *ret_pid, const char **ret_step);
