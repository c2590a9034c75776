// SPDX-License-Identifier: MIT
// The table of all suffixes that every tsgw-proxy of this process gets: made once for each configuration.
#include "supervisor/suffixes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ipc/suffixes.h"

#define SUFFIXES_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static int compare(const void *x, const void *y)
{
	const struct suffix_entry *a = x, *b = y;

	return strcmp(a->text, b->text);
}

/* Beyond SUFFIXES_MAX a name of somebody else is one that nobody has. */
static size_t collect(const struct config *c, struct suffix_entry *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		for (size_t k = 0; k < t->n_suffixes && n < size; k++) {
			struct suffix_entry *e = &ret[n++];

			e->port = t->port;
			snprintf(e->text, sizeof(e->text), "%s", t->suffixes[k]);
			snprintf(e->tailnet, sizeof(e->tailnet), "%s", t->name);
		}
	}
	if (n)
		qsort(ret, n, sizeof(*ret), compare);
	return n;
}

static uint64_t digest(const struct suffix_entry *e, size_t n)
{
	const char *p = (const char *)e;
	size_t left = n * sizeof(*e);
	uint64_t h = 1469598103934665603u, word = 0; /* FNV-1a, but by words */

	for (; left; p += MIN(left, sizeof(word)), left -= MIN(left, sizeof(word))) {
		memcpy(&word, p, MIN(left, sizeof(word)));
		h = (h ^ word) * 1099511628211u;
		h ^= h >> 32;
	}
	return h;
}

int suffixes_make(struct suffixes *s, const struct config *c)
{
	_cleanup_free_ struct suffix_entry *e = NULL;
	_cleanup_close_ int fd = -1;
	size_t n = 0;
	int r;

	if (s->fd >= 0)
		return 0;
	for (size_t i = 0; i < c->n_tailnets; i++)
		n += c->tailnets[i]->n_suffixes;
	n = MIN(n, (size_t)SUFFIXES_MAX);
	e = calloc(n + 1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	n = collect(c, e, n);
	fd = memfd_create("suffixes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, (const char *)e, n * sizeof(*e));
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SUFFIXES_SEALS) < 0)
		r = -errno;
	if (r < 0)
		return r;
	s->fd = take_fd(fd);
	s->n = (uint32_t)n;
	s->digest = digest(e, n);
	return 0;
}

void suffixes_forget(struct suffixes *s)
{
	s->fd = fd_close(s->fd);
}
