// SPDX-License-Identifier: MIT
// Where a peer was last heard: the path to it, and its address as everybody else here writes it.
#pragma once

#include "common/addr.h"
#include "wg/udpio.h"

struct endpoint {
	struct hostport at; /* family 0 = not known */
	struct udpio_path path;
};

static inline void endpoint_set(struct endpoint *e, const struct hostport *at)
{
	e->at = *at;
	udpio_path_set(&e->path, at);
}

/* Routing chooses our address anew. */
static inline void endpoint_forget_source(struct endpoint *e)
{
	e->path.source.family = 0;
}
