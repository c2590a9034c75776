// SPDX-License-Identifier: MIT
// Inside common/ only: what each kind of worker may call, as tables.
#pragma once

#include <seccomp.h>
#include <stddef.h>

#define FILTER_ANY_ARG 0xff
/* Stands for getpid(), which is known when a filter is loaded: no other value in the tables is like it. */
#define FILTER_OWN_PID 0x7f9d0e4bu

/* Calls without conditions; names with one blank between them. */
struct filter_calls {
	unsigned kinds;
	const char *calls;
};

/* A call with up to two conditions. */
struct filter_row {
	const char *call;
	unsigned kinds;
	struct scmp_arg_cmp when[2];
};

/* Permitted; ends the process. */
extern const struct filter_calls filter_calls[], filter_kill[];
extern const struct filter_row filter_rows[], filter_kill_rows[];
extern const size_t filter_n_calls, filter_n_rows, filter_n_kill, filter_n_kill_rows;
