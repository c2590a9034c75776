// SPDX-License-Identifier: MIT
// Names of published services: looked up at each connection, each name by one question at a time.
#pragma once

#include <stddef.h>

#include "ipc/msg.h"

#define SERVICES_NAMES_MAX 64 /* names that are looked up at the same time */

struct services_name;

struct services_wait { /* a part of who waits */
	struct services_wait *prev, *next;
	struct services_name *name;
	/* N addresses, or none with the ERROR of struct msg_host_answer; W waits no more. */
	void (*done)(struct services_wait *w, const struct addr *addrs, size_t n, int error);
};

/* Asks for NAME; W->done is called later. 0 or -ENOSPC. */
int services_ask(struct services_wait *w, const char *name);
/* W waits no more. */
void services_cancel(struct services_wait *w);
void services_answered(const struct msg_host_answer *a);
