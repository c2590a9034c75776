// SPDX-License-Identifier: MIT
// Who has which /30 of the veth pool, in one file beside the tailnets' own; for store's pool alone.
#pragma once

#include "supervisor/store.h"

struct pool_prefixes {
	struct prefix *items;
	size_t n, size;
};
int pool_prefixes_add(struct pool_prefixes *t, const struct prefix *p);

typedef int (*pool_reader)(const struct store *s, const char *name, struct prefix *ret);

/* Adds to T what every tailnet but EXCEPT remembers. FD is that of STATE/pool.lock, which the caller has locked; READ
 * says it of a tailnet that the file does not know. */
int poolindex_taken(int fd, const struct store *s, const char *except, pool_reader read,
	struct pool_prefixes *t);
/* Makes the directory of NAME, if it has none. */
int poolindex_make(int fd, const struct store *s, const char *name);
/* That NAME remembers P from now on (before it is so), or nothing any more (P NULL; afterwards). */
void poolindex_note(int fd, const char *name, const struct prefix *p);
