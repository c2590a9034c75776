// SPDX-License-Identifier: MIT
// The connections to the tailnets' own resolving workers (ipc/resolve.h).
#pragma once

#include <stdint.h>

#include "dns/loop.h"
#include "ipc/msg.h"
#include "ipc/resolve.h"

struct server;

/* One tailnet that can be asked. Lives as long as its zone, over new configurations. */
struct link {
	struct loop_event event;
	struct server *server;
	int fd;			      /* -1: it is down */
	uint32_t id;		      /* never used again */
	unsigned pending;	      /* questions without an answer */
	struct dns_zone_stats *stats; /* of its zone; may be NULL */
	char tailnet[MSG_NAME_MAX];
};

struct links { /* sorted by name */
	struct link **items;
	size_t n;
	uint32_t last_id;
};

struct zone_set;

/* Gives each zone that asks its link; links of zones that are gone end. 0 or -ENOMEM. */
int links_attach(struct server *s, struct zone_set *zones);
/* A connection to TAILNET, taken over. Nothing is known of a tailnet without a zone: it is closed. */
void links_connect(struct server *s, const char *tailnet, int fd);
/* 0, or -errno: it could not be sent. */
int link_send(struct link *l, const struct resolve_question *q);
