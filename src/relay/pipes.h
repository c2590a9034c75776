// SPDX-License-Identifier: MIT
// A bounded pool of pipes for splice(2), lent to a flow only while it has bytes in flight.
#pragma once

/* Together they stay below pipe-user-pages-soft (16384 pages), above which the kernel gives an
 * unprivileged user pipes of two pages only. */
#define PIPES_MAX  512
#define PIPES_KEPT 64 /* unused ones that are not closed */
#define PIPES_FEW  64 /* until pipes_limit() is told how many descriptors there are */
#define PIPE_BYTES 65536

struct pipe {
	int rd, wr;
	struct pipe *next;
};

/* An empty non-blocking pipe, or NULL: the caller then copies. */
struct pipe *pipes_get(void);
/* P is empty, or DIRTY (it is closed then). */
void pipes_put(struct pipe *p, int dirty);
/* Descriptors that the pool holds or may come to hold. */
unsigned pipes_descriptors(void);
/* Holds the pool to at most MAX pipes (fewer descriptors than usual). */
void pipes_limit(unsigned max);
