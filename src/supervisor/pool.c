// SPDX-License-Identifier: MIT
// The veth pool: each tailnet's /30, given once and kept by name in STATE/NAME/net.
//
// A tailnet that has its /30 reads one file. Only a new one looks at all others, in one file (poolindex.c), under a
// lock that every supervisor with the same state directory takes; its own is in place before the lock is let go.
#include "supervisor/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/parse.h"
#include "supervisor/poolindex.h"

#define POOL_NET_LEN 30

int store_net_format(const struct prefix *p, char ret[STORE_NET_TEXT_MAX])
{
	char text[PREFIX_TEXT_MAX];

	return snprintf(ret, STORE_NET_TEXT_MAX, "veth = %s\n", prefix_format(p, text));
}

int store_net_parse(const char *text, size_t len, struct prefix *ret)
{
	char copy[STORE_NET_TEXT_MAX], again[STORE_NET_TEXT_MAX];
	struct prefix p;

	if (len >= sizeof(copy) || len < strlen("veth = \n") || memchr(text, '\0', len))
		return -EBADMSG;
	memcpy(copy, text, len);
	copy[len] = '\0';
	copy[strcspn(copy, "\n")] = '\0';
	if (prefix_parse(copy + strlen("veth = "), &p) < 0 || p.addr.family != 4 ||
		p.len != POOL_NET_LEN)
		return -EBADMSG;
	p = prefix_canonical(&p);
	if (store_net_format(&p, again) != (int)len || memcmp(text, again, len))
		return -EBADMSG;
	*ret = p;
	return 0;
}

static int pool_path(const struct store *s, const char *name, const char *file, char *ret)
{
	int n = name ? snprintf(ret, PATH_MAX, "%s/%s/%s", s->state_dir, name, file)
		     : snprintf(ret, PATH_MAX, "%s/%s", s->state_dir, file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* -ENOENT: nothing remembered, nothing readable, or nothing that makes sense. */
static int pool_read(const struct store *s, const char *name, struct prefix *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = pool_path(s, name, "net", path);

	if (r == 0)
		r = file_read(path, STORE_NET_TEXT_MAX, &text, &len);
	if (r == 0)
		r = store_net_parse(text, len, ret);
	if (r == -EBADMSG || r == -EFBIG)
		log_warning(name, path, "is damaged: taken as empty");
	else if (r < 0 && r != -ENOENT && r != -EACCES && r != -ENOTDIR)
		log_warning(name, path, "cannot be read: %s", strerror(-r));
	return r < 0 ? -ENOENT : 0;
}

/* The new file, not yet at its place; SYNC: on the disk. */
static int pool_write_new(
	const struct store *s, const char *name, const struct prefix *p, bool sync)
{
	_cleanup_close_ int fd = -1;
	char text[STORE_NET_TEXT_MAX], new[PATH_MAX];
	int n = store_net_format(p, text), r;

	r = pool_path(s, name, "net.new", new);
	if (r < 0)
		return r;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, (size_t)n);
	if (r == 0 && sync && fdatasync(fd) < 0)
		r = -errno;
	if (r < 0)
		unlink(new);
	return r;
}

static int pool_put_new(const struct store *s, const char *name)
{
	char path[PATH_MAX], new[PATH_MAX];
	int r = pool_path(s, name, "net", path);

	if (r == 0)
		r = pool_path(s, name, "net.new", new);
	if (r == 0 && rename(new, path) < 0) {
		r = -errno;
		unlink(new);
	}
	return r;
}

static int pool_put_noted(const struct store *s, int lock, const char *name)
{
	int r = pool_put_new(s, name);

	if (r < 0)
		poolindex_note(lock, name, NULL);
	return r;
}

static int pool_write(const struct store *s, int lock, const char *name, const struct prefix *p)
{
	int r = pool_write_new(s, name, p, true);

	if (r < 0)
		return r;
	poolindex_note(lock, name, p);
	return pool_put_noted(s, lock, name);
}

static int pool_lock(const struct store *s, int *ret_fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int r = pool_path(s, NULL, "pool.lock", path);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (fcntl(fd, F_OFD_SETLKW, &lock) < 0)
		if (errno != EINTR)
			return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- choice ---- */

static int pool_compare(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int r = memcmp(x->addr.bytes, y->addr.bytes, 4);

	return r ? r : (int)x->len - (int)y->len;
}

/* The first and last address of P, in 64 bits so that "one more" never wraps. */
static void pool_range(const struct prefix *p, uint64_t *ret_first, uint64_t *ret_last)
{
	struct prefix c = prefix_canonical(p);

	*ret_first = addr_v4_host(&c.addr);
	*ret_last = *ret_first + (1ull << (32 - c.len)) - 1;
}

/* The free /30s of a pool, one after the other. */
struct pool_walk {
	const struct prefix *taken; /* sorted */
	size_t n, i;
	uint64_t at, end;
};

static int pool_walk_begin(
	struct pool_walk *w, const struct prefix *pool, struct prefix *taken, size_t n)
{
	size_t n4 = 0;

	if (pool->addr.family != 4 || pool->len > POOL_NET_LEN)
		return -ENOSPC;
	for (size_t i = 0; i < n; i++)
		if (taken[i].addr.family == 4 && prefix_overlaps(&taken[i], pool))
			taken[n4++] = prefix_canonical(&taken[i]);
	if (n4)
		qsort(taken, n4, sizeof(*taken), pool_compare);
	*w = (struct pool_walk){.taken = taken, .n = n4};
	pool_range(pool, &w->at, &w->end);
	return 0;
}

static int pool_walk_next(struct pool_walk *w, struct prefix *ret)
{
	uint64_t first, last;

	for (; w->i < w->n; w->i++) {
		pool_range(&w->taken[w->i], &first, &last);
		if (first > w->at + 3)
			break;
		if (last >= w->at)
			w->at = (last | 3) + 1;
	}
	if (w->at > w->end)
		return -ENOSPC;
	*ret = (struct prefix){.addr = addr_v4((uint32_t)w->at), .len = POOL_NET_LEN};
	w->at += 4;
	return 0;
}

int store_pool_first(const struct prefix *pool, struct prefix *taken, size_t n, struct prefix *ret)
{
	struct pool_walk w;
	int r = pool_walk_begin(&w, pool, taken, n);

	return r < 0 ? r : pool_walk_next(&w, ret);
}

/* Of one after the other, for who may not lock. */
static int pool_taken_slowly(const struct store *s, const char *name, struct pool_prefixes *t)
{
	DIR *dir = opendir(s->state_dir);
	struct dirent *d;
	struct prefix p;
	int r = 0;

	while (dir && r == 0 && (d = readdir(dir)))
		if (parse_is_tailnet_name(d->d_name) && strcmp(d->d_name, name) != 0 &&
			pool_read(s, d->d_name, &p) == 0)
			r = pool_prefixes_add(t, &p);
	if (dir)
		closedir(dir);
	return r;
}

/* What all other tailnets remember, and USED. LOCK -1: not locked. */
static int pool_taken(const struct store *s, int lock, const char *name, const struct prefix *used,
	size_t n_used, struct prefix **ret, size_t *ret_n)
{
	struct pool_prefixes t = {0};
	int r = lock < 0 ? pool_taken_slowly(s, name, &t)
			 : poolindex_taken(lock, s, name, pool_read, &t);

	for (size_t i = 0; i < n_used && r == 0; i++)
		r = pool_prefixes_add(&t, &used[i]);
	if (r < 0) {
		free(t.items);
		return r;
	}
	*ret = t.items;
	*ret_n = t.n;
	return 0;
}

static const struct prefix *pool_overlap(
	const struct prefix *p, const struct prefix *used, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (prefix_overlaps(&used[i], p))
			return &used[i];
	return NULL;
}

/* The remembered /30 if it still serves. */
static int pool_remembered(const struct store *s, const char *name, const struct prefix *pool,
	const struct prefix *used, size_t n_used, struct prefix *ret)
{
	char text[PREFIX_TEXT_MAX], by[PREFIX_TEXT_MAX];
	const struct prefix *other;
	struct prefix p;
	int r = pool_read(s, name, &p);

	if (r < 0)
		return r;
	if (!prefix_contains(pool, &p.addr) || pool->len > p.len)
		return -ENOENT; /* the pool was changed */
	other = pool_overlap(&p, used, n_used);
	if (other) {
		log_warning(name, "veth", "%s overlaps %s of the host: another one is taken",
			prefix_format(&p, text), prefix_format(other, by));
		return -ENOENT;
	}
	*ret = p;
	return 0;
}

int store_pool_get(const struct store *s, const char *name, const struct prefix *pool,
	const struct prefix *used, size_t n_used, bool dry_run, struct prefix *ret,
	uint32_t *ret_slot)
{
	_cleanup_free_ struct prefix *taken = NULL;
	_cleanup_close_ int lock = -1;
	struct prefix p, base = prefix_canonical(pool);
	size_t n;
	int r;

	if (!parse_is_tailnet_name(name))
		return -EINVAL;
	r = pool_remembered(s, name, pool, used, n_used, &p);
	if (r < 0) {
		r = dry_run ? 0 : pool_lock(s, &lock);
		if (r == 0 && !dry_run)
			r = poolindex_make(lock, s, name);
		if (r == 0)
			r = pool_taken(s, lock, name, used, n_used, &taken, &n);
		if (r == 0)
			r = store_pool_first(pool, taken, n, &p);
		if (r == 0 && !dry_run)
			r = pool_write(s, lock, name, &p);
		if (r < 0)
			return r;
	}
	*ret = p;
	*ret_slot = 1 + (addr_v4_host(&p.addr) - addr_v4_host(&base.addr)) / 4;
	return 0;
}

/* ---- many at once ---- */

int store_pool_all(const struct store *s, struct prefix_list *ret)
{
	struct pool_prefixes t = {0};
	int r = pool_taken_slowly(s, "", &t);

	if (r < 0) {
		free(t.items);
		return r;
	}
	*ret = (struct prefix_list){t.items, t.n};
	return 0;
}

int store_pool_plan(const struct store *s, const char *name, const struct prefix *pool,
	const struct prefix_list *used, const struct prefix_list *taken, struct prefix *ret)
{
	_cleanup_free_ struct prefix *all = NULL;
	int r = pool_remembered(s, name, pool, used->items, used->n, ret);

	if (r == 0)
		return 0;
	all = calloc(used->n + taken->n + 1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (used->n)
		memcpy(all, used->items, used->n * sizeof(*all));
	if (taken->n)
		memcpy(all + used->n, taken->items, taken->n * sizeof(*all));
	return store_pool_first(pool, all, used->n + taken->n, ret);
}

/* One look at all others and one wait for the disk, instead of one each. */
static int pool_give_many(
	const struct store *s, int lock, const char *const *names, size_t n, struct pool_walk *w)
{
	_cleanup_close_ int dir = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t done = 0;
	int r = dir < 0 ? -errno : 0;

	while (done < n && r == 0) {
		struct prefix p;

		r = pool_walk_next(w, &p);
		if (r == 0)
			r = pool_write_new(s, names[done], &p, false);
		if (r == 0)
			poolindex_note(lock, names[done++], &p);
	}
	if (done && syncfs(dir) < 0)
		return -errno;
	for (size_t i = 0; i < done; i++) {
		int e = pool_put_noted(s, lock, names[i]);

		r = r ?: e;
	}
	return r;
}

int store_pool_prepare(const struct store *s, const char *const *names, size_t n,
	const struct prefix *pool, const struct prefix *used, size_t n_used)
{
	_cleanup_free_ const char **fresh = calloc(n + 1, sizeof(*fresh));
	_cleanup_free_ struct prefix *taken = NULL;
	_cleanup_close_ int lock = -1;
	struct pool_walk w;
	struct prefix p;
	size_t n_fresh = 0, n_taken;
	int r;

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (parse_is_tailnet_name(names[i]) && pool_read(s, names[i], &p) == -ENOENT)
			fresh[n_fresh++] = names[i];
	if (n_fresh < 2)
		return 0;
	r = pool_lock(s, &lock);
	for (size_t i = 0; i < n_fresh && r == 0; i++)
		r = poolindex_make(lock, s, fresh[i]);
	if (r == 0)
		r = pool_taken(s, lock, "", used, n_used, &taken, &n_taken);
	if (r == 0)
		r = pool_walk_begin(&w, pool, taken, n_taken);
	return r < 0 ? r : pool_give_many(s, lock, fresh, n_fresh, &w);
}

int store_pool_free(const struct store *s, const char *name)
{
	static const char *const files[] = {"net", "net.new"};
	_cleanup_close_ int lock = -1;
	char path[PATH_MAX];
	int r = parse_is_tailnet_name(name) ? pool_lock(s, &lock) : -EINVAL;

	for (size_t i = 0; i < ELEMENTSOF(files) && r == 0; i++) {
		r = pool_path(s, name, files[i], path);
		if (r == 0 && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
			r = -errno;
	}
	if (r == 0)
		poolindex_note(lock, name, NULL);
	return r == -ENOENT ? 0 : r;
}
