// SPDX-License-Identifier: MIT
// What the supervisor says to the web worker.
#pragma once

#include "ipc/msg.h"
#include "web/model.h"

struct site;

struct channel {
	int fd;
	struct site *site;
	struct model *next; /* between BEGIN and COMMIT */
	bool ready;
};

/* Takes one message. 0; -EPIPE: the supervisor is gone; other -errno. */
int channel_read(struct channel *c);
/* Asks for newer records; site_fresh() comes later. */
int channel_want(struct channel *c);
