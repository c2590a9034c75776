// SPDX-License-Identifier: MIT
// Where the TUN of a node that stands alone is, and what MTU it has there.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct tunwatch {
	int tun_fd;    /* not ours */
	int events_fd; /* to be watched; tunwatch_read() when it is readable */
	int ask_fd;
	ino_t own_net; /* the namespace that we were started in */
	bool foreign;  /* the TUN is in another one: */
	int32_t nsid;  /* which ours knows by this number */
	uint32_t ifindex;
	uint32_t seq;
};

/* Before the sandbox. 0 or -errno; close with tunwatch_close(). */
int tunwatch_open(struct tunwatch *w, int tun_fd);
void tunwatch_close(struct tunwatch *w);

/* Looks the TUN up, wherever it is. Its MTU; -errno. */
int tunwatch_locate(struct tunwatch *w);

/* Takes what has been told. The MTU if there is news, else 0. */
int tunwatch_read(struct tunwatch *w);
