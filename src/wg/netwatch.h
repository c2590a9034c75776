// SPDX-License-Identifier: MIT
// What a node that stands alone hears from netlink: where its TUN is, the MTU there, and its own routes.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addr.h"

struct netwatch {
	int tun_fd;    /* not ours */
	int events_fd; /* to be watched; netwatch_read() when it is readable */
	int ask_fd;
	ino_t own_net; /* the namespace that we were started in */
	bool foreign;  /* the TUN is in another one: */
	int32_t nsid;  /* which ours knows by this number */
	uint32_t ifindex;
	uint32_t seq;
	bool routes_changed; /* set by netwatch_read(), for the reader to clear */
};

/* Before the sandbox. 0 or -errno; close with netwatch_close(). */
int netwatch_open(struct netwatch *w, int tun_fd);
void netwatch_close(struct netwatch *w);

/* Looks the TUN up, wherever it is. Its MTU; -errno. */
int netwatch_locate(struct netwatch *w);

/* Takes what has been told. The MTU if there is news, else 0. */
int netwatch_read(struct netwatch *w);

/* The interface by which a packet from our address FROM to TO leaves. 0: none, or not known. */
uint32_t netwatch_interface_to(
	struct netwatch *w, const struct addr *from, const struct addr *to, uint32_t fwmark);
