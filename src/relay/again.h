// SPDX-License-Identifier: MIT
// What the supervisor gives a worker to serve, and what of it could not be served yet and is tried again.
#pragma once

#include <stdbool.h>

#include "ipc/msg.h"

struct again_ops {
	/* Serves what M says on FD. 0, and FD is no longer the caller's; or -errno, and it still is. */
	int (*serve)(const union msg *m, int fd);
	bool (*is_busy)(void); /* somebody would lose something if this process ended */
};

/* Before anything is given. 0 or -ENOMEM. */
int again_open(const struct again_ops *ops);
/* Serves what M says (LISTEN, FORWARD, RESOLVE, PUBLISH) on FD, which it takes over, at once or later. */
void again_give(const union msg *m, int fd);
/* M takes back what was given: it is not tried any more. */
void again_take(const union msg *m);
void again_take_all(void);
/* Tells the supervisor what is not served, if anything: for one that does not know yet. */
void again_report(void);
