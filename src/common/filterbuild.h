// SPDX-License-Identifier: MIT
// Inside common/ only: the program of each filter.
#pragma once

#include <linux/filter.h>

#include "common/sandbox.h"

/* FILTER_OWN_PID (filterrules.h) stands in it where the process' own number belongs. */
struct filter_program {
	const struct sock_filter *code;
	unsigned short n;
};

/* Makes the program of KIND, in fresh memory. 0 or -errno. */
int filter_make(enum sandbox_kind kind, struct filter_program *ret);
/* The same of the one that is loaded before that of a kind whose calls take no path. */
int filter_make_log(struct filter_program *ret);
