// SPDX-License-Identifier: MIT
// Who has which /30 of the veth pool, in one file: a thousand new tailnets need not read a thousand files each.
//
// What counts is STATE/NAME/net. The file that everybody locks for a choice holds, after a line with the boot, a line
// for each tailnet that anybody has looked at since: "NAME 10.200.0.4/30", or "NAME -" of one that remembers none;
// the last one of a name counts. A line is written before what it says is done, so a supervisor that is killed
// between leaves a /30 unused at worst, until the next boot. A name whose directory is gone has none; one that is
// not in the file is looked at. What anybody finds odd about the file makes it worth nothing: it is made anew.
//
// A thousand that start at the same time would look a thousand times who is there. So a directory is made under the
// lock, too, and the second line says how STATE was by then (when it changed last). As long as that is
// so, nobody has come or gone in any other way.
#include "supervisor/poolindex.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/byname.h"
#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"

#define INDEX_MAX      (1 << 20) /* bytes; beyond, it is made anew */
#define INDEX_BOOT_ID  "/proc/sys/kernel/random/boot_id"
#define INDEX_MAGIC    "tsgw-pool 2 "
#define INDEX_HEADER   (sizeof(INDEX_MAGIC) - 1 + 36 + 1) /* with the boot, and a newline */
#define INDEX_STAMP    44				  /* bytes of the second line */

#define INDEX_NAME_MAX 33

struct entry {
	char name[INDEX_NAME_MAX];
	bool has, found; /* its directory is there, after a look */
	struct prefix p;
};

static struct entry *index_at(const struct byname *x, size_t i)
{
	return (struct entry *)x->items + i;
}

/* ---- the file ---- */

static int index_header(char ret[96])
{
	_cleanup_free_ char *boot = NULL;
	int r = file_read(INDEX_BOOT_ID, 64, &boot, NULL);

	if (r < 0)
		return r;
	boot[strcspn(boot, "\n")] = '\0';
	return snprintf(ret, 96, INDEX_MAGIC "%s\n", boot) == INDEX_HEADER ? 0 : -EBADMSG;
}

/* When STATE has changed last, which may be the same within a tick of the clock, and how many are in it; all 0 if that is
 * not known: false. */
static bool index_stamp(const struct store *s, char ret[INDEX_STAMP + 1])
{
	struct stat st = {0};
	bool known = stat(s->state_dir, &st) == 0;

	if (!known)
		st = (struct stat){0};
	snprintf(ret, INDEX_STAMP + 1, "= %020lld.%09ld %010lu\n", (long long)st.st_mtim.tv_sec,
		st.st_mtim.tv_nsec, (unsigned long)st.st_nlink);
	return known;
}

/* Nobody has come or gone since the last one who had the lock. */
static bool index_whole(int fd, const struct store *s)
{
	char now[INDEX_STAMP + 1], then[INDEX_STAMP];

	return index_stamp(s, now) && pread(fd, then, sizeof(then), INDEX_HEADER) == sizeof(then) &&
		!memcmp(now, then, sizeof(then));
}

static void index_set_whole(int fd, const char stamp[INDEX_STAMP])
{
	if (pwrite(fd, stamp, INDEX_STAMP, INDEX_HEADER) != INDEX_STAMP && ftruncate(fd, 0) < 0)
		log_warning(NULL, "pool.lock", "cannot be written: %s", strerror(errno));
}

/* "NAME 10.200.0.4/30" or "NAME -"; LINE is changed. */
static int index_line(struct byname *x, char *line)
{
	char *blank = strchr(line, ' ');
	struct entry *e;
	struct prefix p = {0};

	if (!blank)
		return -EBADMSG;
	*blank++ = '\0';
	if (!parse_is_tailnet_name(line) ||
		(strcmp(blank, "-") != 0 && prefix_parse(blank, &p) < 0))
		return -EBADMSG;
	e = byname_add(x, line);
	if (!e)
		return -ENOMEM;
	e->has = *blank != '-';
	e->p = p;
	return 0;
}

static int index_parse(struct byname *x, char *text, size_t len)
{
	char header[96];
	size_t at = INDEX_HEADER + INDEX_STAMP;
	int r = index_header(header);

	if (r < 0)
		return r;
	if (len < at || memcmp(text, header, INDEX_HEADER) != 0 || text[INDEX_HEADER] != '=' ||
		text[at - 1] != '\n' || text[len - 1] != '\n')
		return -EBADMSG;
	for (r = 0; at < len && r == 0;) {
		char *end = memchr(text + at, '\n', len - at);

		*end = '\0';
		r = strlen(text + at) == (size_t)(end - text) - at ? index_line(x, text + at)
								   : -EBADMSG;
		at = (size_t)(end - text) + 1;
	}
	return r;
}

static int index_read(int fd, struct byname *x)
{
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!st.st_size || st.st_size > INDEX_MAX)
		return -EBADMSG;
	text = malloc((size_t)st.st_size);
	n = text ? pread(fd, text, (size_t)st.st_size, 0) : -1;
	if (!text)
		return -ENOMEM;
	return n == (ssize_t)st.st_size ? index_parse(x, text, (size_t)n) : -EBADMSG;
}

/* What cannot be noted makes the file worth nothing; so does what is cut off in the middle. */
static void index_append(int fd, const char *text, size_t len)
{
	struct stat st;

	if ((fstat(fd, &st) < 0 || pwrite(fd, text, len, st.st_size) != (ssize_t)len) &&
		ftruncate(fd, 0) < 0)
		log_warning(NULL, "pool.lock", "cannot be written: %s", strerror(errno));
}

static void index_begin(int fd)
{
	char text[96 + INDEX_STAMP];

	if (ftruncate(fd, 0) < 0 || index_header(text) < 0)
		return;
	snprintf(text + INDEX_HEADER, INDEX_STAMP + 1, "= %020d.%09d %010d\n", 0, 0, 0);
	index_append(fd, text, INDEX_HEADER + INDEX_STAMP);
}

void poolindex_note(int fd, const char *name, const struct prefix *p)
{
	char text[PREFIX_TEXT_MAX], line[PREFIX_TEXT_MAX + 40];
	struct stat st;
	int n = snprintf(line, sizeof(line), "%s %s\n", name, p ? prefix_format(p, text) : "-");

	if (fstat(fd, &st) == 0 && st.st_size) /* else whoever needs it begins it */
		index_append(fd, line, (size_t)n);
}

/* ---- the whole ---- */

int pool_prefixes_add(struct pool_prefixes *t, const struct prefix *p)
{
	size_t size = t->size ? 2 * t->size : 64;
	struct prefix *more;

	if (t->n == t->size) {
		more = reallocarray(t->items, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->items = more;
		t->size = size;
	}
	t->items[t->n++] = *p;
	return 0;
}

/* Which are there; who is new is read, and noted, and so is who has gone. */
static int index_compare(
	int fd, const struct store *s, struct byname *x, const char *except, pool_reader read)
{
	char stamp[INDEX_STAMP + 1];
	size_t known = x->n;
	struct dirent *d;
	struct entry *e;
	DIR *dir;
	int r = 0;

	/* before the look: who is put there by hand during it is found by the next one */
	(void)index_stamp(s, stamp);
	dir = opendir(s->state_dir);
	if (!dir)
		return -errno;
	while (r == 0 && (d = readdir(dir))) {
		if (!parse_is_tailnet_name(d->d_name) || !strcmp(d->d_name, except))
			continue;
		e = byname_add(x, d->d_name);
		if (e)
			e->found = true;
		else
			r = -ENOMEM;
	}
	closedir(dir);
	for (size_t i = known; i < x->n && r == 0; i++) {
		e = index_at(x, i);
		e->has = read(s, e->name, &e->p) == 0;
		poolindex_note(fd, e->name, e->has ? &e->p : NULL);
	}
	for (size_t i = 0; i < known && r == 0; i++) {
		e = index_at(x, i);
		if (e->has && !e->found && strcmp(e->name, except) != 0) {
			e->has = false;
			poolindex_note(fd, e->name, NULL);
		}
	}
	if (r == 0)
		index_set_whole(fd, stamp);
	return r;
}

int poolindex_taken(int fd, const struct store *s, const char *except, pool_reader read,
	struct pool_prefixes *t)
{
	struct byname x = {.stride = sizeof(struct entry), .name_max = INDEX_NAME_MAX};
	int r = index_read(fd, &x);

	if (r < 0) {
		byname_free(&x);
		index_begin(fd);
	}
	r = index_whole(fd, s) ? 0 : index_compare(fd, s, &x, except, read);
	for (size_t i = 0; i < x.n && r == 0; i++) {
		const struct entry *e = index_at(&x, i);

		if (e->has && strcmp(e->name, except) != 0)
			r = pool_prefixes_add(t, &e->p);
	}
	byname_free(&x);
	return r;
}

int poolindex_make(int fd, const struct store *s, const char *name)
{
	char stamp[INDEX_STAMP + 1];
	bool whole = index_whole(fd, s);
	int r = store_init_state(s, name);

	if (r == 0 && whole && index_stamp(s, stamp))
		index_set_whole(fd, stamp);
	return r;
}
