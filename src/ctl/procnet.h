// SPDX-License-Identifier: MIT
// Who has which port: /proc/net/{tcp,tcp6,udp,udp6} and /proc/PID/fd.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addr.h"

struct bound { /* a listening TCP or an open UDP socket */
	struct addr addr;
	uint16_t port;
	bool udp;
	uint64_t inode;
	uint32_t uid;
};

/* One line of such a file. False: the heading, no line of that form, or a TCP socket that does not
 * listen. */
bool procnet_parse(const char *line, bool udp, struct bound *ret);
/* The sockets of this network namespace. Fresh memory. 0 or -errno. */
int procnet_bound(struct bound **ret, size_t *ret_n);

struct holder {
	pid_t pid; /* 0 = nobody was found: another's process, without root */
	pid_t parent;
	uid_t uid;
	char name[32];
};
#define PROCNET_INIT 1 /* keeps sockets for others: systemd's descriptor store */

/* The first process that has the socket open; the very first of the system only if there is no other. */
void procnet_holder(uint64_t inode, struct holder *ret);
