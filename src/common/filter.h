// SPDX-License-Identifier: MIT
// The seccomp filter of each kind of worker: which system calls are left.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/sandbox.h"

/* Builds and loads the filter of KIND for the calling, single-threaded process. no_new_privs must
 * be set. What is not listed fails with EPERM; what only an intruder would try kills the process.
 * 0 or -errno. */
int filter_load(enum sandbox_kind kind);

/* KIND has no call that takes a path: where its root directory is does not matter. */
bool filter_is_pathless(enum sandbox_kind kind);

/* The names of all calls that KIND may make, some more than once; LEN: without what follows. */
void filter_each(enum sandbox_kind kind, void (*call)(const char *name, size_t len));
