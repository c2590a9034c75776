// SPDX-License-Identifier: MIT
// How a worker gives up what it does not need, in one irrevocable step per kind.
#pragma once

#include <sys/types.h>

/* Also the "kind" of a worker's uid: uid-base + 8*slot + kind. */
enum sandbox_kind {
	SANDBOX_WG,
	SANDBOX_PROXY,
	SANDBOX_COORD,
	SANDBOX_HOST,
	SANDBOX_DNS,
	SANDBOX_WEB,
	SANDBOX_KINDS,
	SANDBOX_WG_ALONE =
		SANDBOX_KINDS, /* tsgw-wg started by hand: keeps its uid and CAP_NET_ADMIN */
	SANDBOX_WG_BINDER,     /* the process that makes its sockets */
};

/* "wg", "proxy", … */
const char *sandbox_kind_name(enum sandbox_kind kind);

/* Must be called by a single-threaded process that runs as root (or, for the tests, already as
 * UID). In this order: closes descriptors above 3, root directory EMPTY_DIR (an empty directory
 * that only root can write), RLIMITs, uid and gid UID without supplementary groups, all capability
 * sets empty, not dumpable, no new privileges, Landlock (no file, no other process' abstract
 * sockets or signals; skipped where the kernel has none), seccomp allow-list of KIND: what is
 * forbidden and harmless gives EPERM, what only an intruder would try kills the process.
 * SANDBOX_HOST keeps the host's root, of which it may read what getaddrinfo(3) needs.
 * SANDBOX_WG_ALONE keeps its descriptors, uid and CAP_NET_ADMIN; UID and EMPTY_DIR are ignored.
 * SANDBOX_WG_BINDER alike, with CAP_NET_BIND_SERVICE, but its descriptors above 3 are closed. 0,
 * or -errno after having logged which step failed. */
int sandbox_enter(enum sandbox_kind kind, uid_t uid, const char *empty_dir);
