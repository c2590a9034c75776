// SPDX-License-Identifier: MIT
// Network namespaces: made, set up, pinned at /run/netns, entered only by short-lived children.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Identity of a namespace, as fstat(2) tells it. */
struct netns_id {
	uint64_t dev;
	uint64_t ino;
};

/* Makes a network namespace by way of a child that unshares and exits; inside: forwarding 0 (all,
 * default, IPv4 and IPv6), rp_filter 1, accept_redirects 0, no IPv6 autoconfiguration, lo up.
 * Gives a CLOEXEC descriptor. */
int netns_create(int *ret_fd);
/* The same for links that we make ourselves, and tell by links_no_link_local(): what tells all of them that costs
 * a thousand supervisors that start at the same time more than the namespace. */
int netns_create_for_own(int *ret_fd);
int netns_identify(int fd, struct netns_id *ret);
/* Opens /run/netns/NAME; -ENOENT if there is none, -EINVAL if it is no pinned namespace. */
int netns_open(const char *pin, int *ret_fd);
/* Bind-mounts the namespace at /run/netns/PIN (PIN = "tsgw-NAME"); makes the directory, shared as
 * ip-netns(8) does, if needed. -EEXIST if a file is there. */
int netns_pin(int fd, const char *pin);
/* Unmounts and removes /run/netns/PIN; 0 also if there was none. */
int netns_unpin(const char *pin);

/* Runs FN in a child inside the namespace. FN returns 0 or -errno and may give one descriptor. The
 * child is gone when this returns. RET_FD may be NULL. */
int netns_run(int netns_fd, int (*fn)(void *arg, int *ret_fd), void *arg, int *ret_fd);
