// SPDX-License-Identifier: MIT
// What the supervisor says to the DNS worker, put into zones and listeners.
#pragma once

#include "dns/server.h"

struct channel {
	struct loop_event event;
	struct server *server;
	struct zone_set *next; /* between BEGIN and COMMIT */
	struct zone *zone;     /* that the items belong to */
	int fd;
	bool ready; /* a first READY was sent */
	bool ended; /* the supervisor ended before it, or spoke against msg.h: the worker is to end */
	int error;
};

/* 0 or -errno. */
int channel_init(struct channel *c, struct server *s, int fd);
