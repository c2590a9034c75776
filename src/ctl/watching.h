// SPDX-License-Identifier: MIT
// A stream of what changes, from every supervisor below the run directory, or from the owner of one
// tailnet; those that go are looked for until they are back.
#pragma once

#include "ctl/client.h"

#define WATCHING_MAX	  256  /* supervisors at once */
#define WATCHING_RETRY_MS 1000 /* how often who is not there is looked for */

struct watching_source {
	int fd;
	pid_t pid;
	char name[MSG_NAME_MAX]; /* whose socket it is, "" the front's */
};

struct watching {
	const struct args *args; /* .name: one tailnet, or NULL */
	struct watching_source sources[WATCHING_MAX];
	size_t n;
	int error; /* the first, of who is there and cannot be asked */
	/* Each record, and M NULL when a supervisor hung up. S is where it came from. Other than 0 ends it. */
	int (*each)(void *arg, const struct watching_source *s, const union control_any *m);
	/* After what was there has been read, and every WATCHING_RETRY_MS. */
	int (*idle)(void *arg);
	void *arg;
};

/* Connects to who is there. The exit code, after one line where nobody is. */
int watching_begin(struct watching *w);
/* Until a callback ends it; returns what it gave. */
int watching_run(struct watching *w);
void watching_end(struct watching *w);
