// SPDX-License-Identifier: MIT
// The table of all suffixes that every tsgw-proxy of this process gets: made once for each configuration.
#include "supervisor/suffixes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ipc/suffixes.h"

#define SUFFIXES_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

struct suffix {
	const char *text;
	const struct tailnet_config *t;
};

static int compare(const void *x, const void *y)
{
	const struct suffix *a = x, *b = y;

	return strcmp(a->text, b->text);
}

/* Beyond SUFFIXES_MAX a name of somebody else is one that nobody has. */
static size_t collect(const struct config *c, struct suffix *ret, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		for (size_t k = 0; k < t->n_suffixes && n < size; k++)
			ret[n++] = (struct suffix){t->suffixes[k], t};
	}
	if (n)
		qsort(ret, n, sizeof(*ret), compare);
	return n;
}

static uint32_t put_word(char *table, size_t *at, const char *word)
{
	size_t begin = *at, len = strlen(word) + 1;

	memcpy(table + begin, word, len);
	*at += len;
	return (uint32_t)begin;
}

/* The table as ipc/suffixes.h has it: fresh memory, or NULL. */
static char *make_table(const struct suffix *s, size_t n, size_t *ret_size)
{
	size_t size = n * sizeof(struct suffix_entry) + 1, at = size - 1;
	struct suffix_entry *e;

	for (size_t i = 0; i < n; i++)
		size += strlen(s[i].text) + strlen(s[i].t->name) + 2;
	e = calloc(1, size);
	for (size_t i = 0; i < n && e; i++) {
		bool one = !strcmp(s[i].text, s[i].t->name); /* most are called what they end in */

		e[i].port = s[i].t->port;
		e[i].text = put_word((char *)e, &at, s[i].text);
		e[i].tailnet = one ? e[i].text : put_word((char *)e, &at, s[i].t->name);
	}
	*ret_size = at;
	return (char *)e;
}

static uint64_t digest(const char *p, size_t left)
{
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
	_cleanup_free_ struct suffix *all = NULL;
	_cleanup_free_ char *table = NULL;
	_cleanup_close_ int fd = -1;
	size_t n = 0, size = 0;
	int r;

	if (s->fd >= 0)
		return 0;
	for (size_t i = 0; i < c->n_tailnets; i++)
		n += c->tailnets[i]->n_suffixes;
	n = MIN(n, (size_t)SUFFIXES_MAX);
	all = calloc(n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = collect(c, all, n);
	table = make_table(all, n, &size);
	if (!table)
		return -ENOMEM;
	fd = memfd_create("suffixes", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, table, size);
	if (r == 0 && fcntl(fd, F_ADD_SEALS, SUFFIXES_SEALS) < 0)
		r = -errno;
	if (r < 0)
		return r;
	s->fd = take_fd(fd);
	s->n = (uint32_t)n;
	s->digest = digest(table, size);
	return 0;
}

void suffixes_forget(struct suffixes *s)
{
	s->fd = fd_close(s->fd);
}
