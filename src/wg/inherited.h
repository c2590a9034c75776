// SPDX-License-Identifier: MIT
// Descriptors that whoever starts a node by hand has open, on purpose or not.
#pragma once

#define INHERITED_TUN  "WG_TUN_FD"
#define INHERITED_UAPI "WG_UAPI_FD"

/* Opens /dev/null where one of 0, 1 and 2 is closed, so that nothing of ours gets these numbers, and closes
 * all the others but the two that the environment names: a daemon must not keep the caller's pipes
 * and locks. First of all. 0 or -errno. */
int inherited_tidy(void);

/* The descriptor that VARIABLE names, now CLOEXEC and above 2: -1 none, -EBADF none that is open. */
int inherited_descriptor(const char *variable);
