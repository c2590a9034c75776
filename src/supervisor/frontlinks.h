// SPDX-License-Identifier: MIT
// The connections by which tsgw-dns asks each tailnet for what only that knows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "ipc/msg.h"

struct front;

struct frontlink {
	char name[MSG_NAME_MAX];
	int watch;	  /* of RUN/NAME, -1 = none */
	bool connected;	  /* tsgw-dns has a connection that has not ended yet */
	uint64_t last_ms; /* the last one was made */
};

struct frontlinks {
	int inotify_fd;
	int run_watch;
	sd_event_source *source, *timer;
	struct frontlink *items;
	size_t n;
};

int frontlinks_open(struct front *f);
void frontlinks_close(struct front *f);
/* The configuration changed, or tsgw-dns is a new one (FRESH): it gets a connection to each tailnet that
 * runs, wherever, and later to those that come. */
void frontlinks_update(struct front *f, bool fresh);
/* tsgw-dns reports that one has ended. 0 or -EBADMSG. */
int frontlinks_lost(struct front *f, const struct msg_dns_link *m);
