// SPDX-License-Identifier: MIT
// The table of all suffixes that every tsgw-proxy of this process gets: made once for each configuration.
#pragma once

#include <stdint.h>

#include "config/config.h"

struct suffixes {
	int fd; /* the sealed memfd; -1: not made yet */
	uint32_t n;
	uint64_t digest;
};

/* Makes the table of C unless it is there. 0 or -errno. */
int suffixes_make(struct suffixes *s, const struct config *c);
/* For another configuration there will be another one. */
void suffixes_forget(struct suffixes *s);
