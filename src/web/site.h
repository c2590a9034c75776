// SPDX-License-Identifier: MIT
// The worker as a whole: listeners, the model, who waits for newer records.
#pragma once

#include <stdint.h>

#include "ipc/stats.h"
#include "web/channel.h"
#include "web/model.h"

#define SITE_LISTENERS_MAX 64

struct http;

struct listener {
	struct hostport at;
	int fd;
};

struct site {
	struct model *model; /* NULL until the first COMMIT */
	struct msg_web_front front;
	struct dns_counts dns; /* with .front.has_dns */
	struct web_stats *stats;
	struct listener listeners[SITE_LISTENERS_MAX];
	size_t n_listeners;
	struct channel channel;
	struct http *http;
	uint64_t fresh_ms; /* when the last FRESH came */
	bool wanted;	   /* one is on its way */
};

/* Takes MODEL in place of what was there. */
void site_swap(struct site *s, struct model *model);
int site_listen(struct site *s, const struct hostport *at, int fd);
void site_unlisten(struct site *s, const struct hostport *at);
/* Newer records have come: who waits for them is answered. */
void site_fresh(struct site *s);
/* True if the records are new enough; else they are asked for, and site_fresh() will be called. */
bool site_is_fresh(struct site *s);
/* Is HOST (of request_host()) one of ours? */
bool site_is_host(const struct site *s, const char *host, const struct addr *literal);
/* One turn: waits for whatever comes next. 0, -EPIPE or another -errno: the end. */
int site_round(struct site *s);
