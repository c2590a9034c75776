// SPDX-License-Identifier: MIT
// The connections of a tailnet's listener, page by page from its tsgw-proxy to whoever asked.
#pragma once

#include <stdint.h>

#include "ipc/msg.h"

struct tailnet;

/* One page at a time is under way for each tailnet. What comes without having been asked for ends the
 * worker. */
struct clients_page {
	uint32_t id;   /* of the last question */
	uint32_t left; /* records that may still come; 0 = no page is under way */
	void *asker;   /* NULL: it has left */
};

/* Asks for the page behind connection number AFTER on behalf of ASKER. -EBUSY: one is under way, and
 * control_clients_free() will tell; -ENOTCONN: no worker. */
int clients_ask(struct tailnet *t, uint64_t after, void *asker);
/* ASKER does not want its page any more. */
void clients_forget(struct tailnet *t, const void *asker);
/* 0, or -EBADMSG: against the rules. */
int clients_report(struct tailnet *t, const union msg *m);
/* The worker is gone, or new: a page that was under way does not come. */
void clients_lost(struct tailnet *t);
