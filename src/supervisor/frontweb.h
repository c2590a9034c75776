// SPDX-License-Identifier: MIT
// The web worker of the front: its listeners, what it is told, the records that it asks for.
#pragma once

#include "config/expose.h"
#include "supervisor/collect.h"
#include "supervisor/supervisor.h"
#include "supervisor/worker.h"

struct front;

struct frontweb {
	struct worker worker;
	struct {
		struct hostport at;
		int fd;
	} listeners[EXPOSE_MAX];
	size_t n_listeners;
	char reason[256];
	sd_event_source *timer;
	bool wanted; /* the worker waits for fresh records */
};

/* Are the keys of the page itself others? */
bool frontweb_differs(const struct gateway_config *a, const struct gateway_config *b);

void frontweb_init(struct front *f);
void frontweb_start(struct front *f);
/* The configuration, or what it says of the host, changed. */
void frontweb_update(struct front *f);
void frontweb_free(struct front *f);

/* The collector's news. */
void frontweb_record(struct front *f, const struct collected *c);
void frontweb_facts(struct front *f);
void frontweb_fresh(struct front *f);
