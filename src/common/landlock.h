// SPDX-License-Identifier: MIT
// Landlock by raw system calls: no file, no TCP, no way to other processes, as far as the kernel goes.
#pragma once

#include <stdbool.h>

struct landlock_plan {
	const char *const
		*read; /* paths below which files may be read, NULL-terminated; NULL = none */
	const char *const *unlink; /* paths below which names may be removed */
	bool tcp_connect;	   /* may open TCP connections; TCP bind is denied in any case */
};

/* Restricts the calling thread for good. A path that does not exist is left out.
 * 0 (also where the kernel has no Landlock) or -errno. */
int landlock_restrict(const struct landlock_plan *plan);
