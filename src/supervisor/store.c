// SPDX-License-Identifier: MIT
// What a run remembers while it lasts: directories, locks, and the record of what it has made.
//
// The record RUN/NAME/made is written before each thing is made and replaced by rename, so that a start
// after SIGKILL finds the old one or the new one, whole. It is not forced to the disk: what it names does
// not outlive the kernel. A checksum guards it, for a start kills and removes by what it says.
#include "supervisor/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/parse.h"

#define STORE_LOCK_TRIES   100
#define STORE_LOCK_WAIT_MS 10

void store_mark(const struct store *s, char ret[STORE_MARK_MAX])
{
	_cleanup_free_ char *real = realpath(s->run_dir, NULL);

	snprintf(ret, STORE_MARK_MAX, "tsgw:%s", real ? real : s->run_dir);
}

int store_run_path(const struct store *s, const char *name, const char *file, char *ret)
{
	int n = name ? snprintf(ret, PATH_MAX, "%s/%s/%s", s->run_dir, name, file)
		     : snprintf(ret, PATH_MAX, "%s/%s", s->run_dir, file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* ---- directories ---- */

/* Makes PATH and what is missing above it. */
static int store_mkdir(const char *path, mode_t mode)
{
	char above[PATH_MAX];
	int r = directory_make(path, mode);

	if (r != -ENOENT)
		return r;
	if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
		return -ENAMETOOLONG;
	for (char *p = strchr(above + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		r = directory_make(above, 0755);
		if (r < 0)
			return r;
		*p = '/';
	}
	return directory_make(path, mode);
}

/* One that exists already must belong to us or root and be nobody else's to write in. */
static int store_directory(const char *path, mode_t mode)
{
	struct stat st;
	int r = store_mkdir(path, mode);

	if (r == 0 && stat(path, &st) < 0)
		r = -errno;
	if (r == 0 && !S_ISDIR(st.st_mode))
		r = -ENOTDIR;
	if (r == 0 && ((st.st_uid != geteuid() && st.st_uid != 0) || st.st_mode & 022)) {
		log_error(NULL, path, "belongs to somebody else or others may write in it");
		return -EPERM;
	}
	if (r < 0)
		log_error(NULL, path, "cannot be made: %s", strerror(-r));
	return r;
}

int store_init(const struct store *s)
{
	char path[PATH_MAX];
	int r;

	r = store_directory(s->run_dir, 0755);
	if (r == 0)
		r = store_run_path(s, NULL, ".empty", path);
	if (r == 0)
		r = store_directory(path, 0555);
	return r < 0 ? r : store_directory(s->state_dir, 0700);
}

int store_init_state(const struct store *s, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", s->state_dir, name);
	return store_directory(path, 0700);
}

int store_init_tailnet(const struct store *s, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int r;

	if (!parse_is_tailnet_name(name))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s/%s", s->run_dir, name);
	r = store_directory(path, 0755);
	snprintf(path, sizeof(path), "%s/%s", s->state_dir, name);
	return r < 0 || lstat(path, &st) < 0 ? r : store_init_state(s, name);
}

/* ---- locks ---- */

static pid_t store_lock_holder(int fd)
{
	char text[16] = "";
	uint64_t pid;

	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 1, INT_MAX, &pid) < 0 ? 0 : (pid_t)pid;
}

int store_lock(const struct store *s, const char *name, int *ret_fd, pid_t *ret_pid)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX], text[16];
	pid_t holder = 0;
	int r = store_run_path(s, name, name ? "lock" : "front.lock", path);

	if (r < 0)
		return r;
	/* 0600: who may open it may lock it */
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; fcntl(fd, F_OFD_SETLK, &lock) < 0; i++) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		/* a child of a killed supervisor may hold it for a moment longer, until it execs */
		holder = store_lock_holder(fd);
		if (i == STORE_LOCK_TRIES || !holder || kill(holder, 0) == 0 || errno != ESRCH) {
			if (ret_pid)
				*ret_pid = holder;
			return -EAGAIN;
		}
		poll(NULL, 0, STORE_LOCK_WAIT_MS);
	}
	snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- the record ---- */

static uint64_t store_checksum(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a: any one changed byte changes it */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3u;
	return h;
}

static bool store_is_link(const char *text)
{
	size_t len = strnlen(text, 16);

	return len < 16 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool store_is_ifname(const char *text)
{
	size_t len = strnlen(text, 16);

	return len < 16 && strcspn(text, " \n") == len;
}

int store_made_format(const struct made *m, char ret[STORE_MADE_TEXT_MAX])
{
	const size_t size = STORE_MADE_TEXT_MAX;
	size_t n;

	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++)
		if (!store_is_ifname(m->forwards[i].ifname))
			return -EINVAL;
	if (!store_is_link(m->link) || !store_is_link(m->uapi_link))
		return -EINVAL;
	n = (size_t)snprintf(ret, size,
		"tsgw-made 3\nnetns %" PRIu64 " %" PRIu64 "\nlink %s.\nresolv-conf %d\nuapi %s.\n"
		"table %d\nowner %d %" PRIu64 " %u %016" PRIx64 "\n",
		m->netns.dev, m->netns.ino, m->link, m->resolv_conf, m->uapi_link, m->table,
		m->owner.pid, m->owner.start_ticks, m->owner.uid, m->owner.build);
	for (size_t i = 0; i < STORE_PIDS_MAX && n < size; i++) {
		const struct made_process *p = &m->processes[i];

		n += (size_t)snprintf(ret + n, size - n,
			"process %d %" PRIu64 " %u %016" PRIx64 "\n", p->pid, p->start_ticks,
			p->uid, p->build);
	}
	for (size_t i = 0; i < STORE_FORWARDS_MAX && n < size; i++) {
		const struct made_forward *f = &m->forwards[i];

		n += (size_t)snprintf(
			ret + n, size - n, "forward %u %u =%s\n", f->family, f->old, f->ifname);
	}
	if (n < size)
		n += (size_t)snprintf(
			ret + n, size - n, "sum %016" PRIx64 "\n", store_checksum(ret, n));
	return n < size ? (int)n : -EINVAL;
}

/* One word, then the numbers of a process. */
static const char *store_scan_process(const char *p, struct made_process *ret)
{
	int n = 0;

	if (!p ||
		sscanf(p, "%*s %d %" SCNu64 " %u %" SCNx64 "\n%n", &ret->pid, &ret->start_ticks,
			&ret->uid, &ret->build, &n) != 4 ||
		!n || ret->pid < 0)
		return NULL;
	return p + n;
}

static const char *store_scan_forward(const char *p, struct made_forward *ret)
{
	unsigned family, old;
	int n = 0;

	if (!p || sscanf(p, "forward %u %u =%n", &family, &old, &n) != 2 || !n || family > 255 ||
		old > 255)
		return NULL;
	ret->family = (uint8_t)family;
	ret->old = (uint8_t)old;
	p += n;
	(void)sscanf(p, "%15[^ \n]", ret->ifname);
	p += strlen(ret->ifname);
	return *p == '\n' ? p + 1 : NULL;
}

/* Loose; what makes it strict is printing it again. A name ends with a dot: it may be empty. */
static bool store_made_scan(const char *text, struct made *m)
{
	int resolv_conf = 0, table = 0, n = 0;
	const char *p;

	if (sscanf(text, "tsgw-made 3\nnetns %" SCNu64 " %" SCNu64 "\nlink %n", &m->netns.dev,
		    &m->netns.ino, &n) != 2 ||
		!n)
		return false;
	p = text + n;
	(void)sscanf(p, "%15[a-z0-9-]", m->link);
	n = 0;
	if (sscanf(p + strlen(m->link), ".\nresolv-conf %d\nuapi %n", &resolv_conf, &n) != 1 || !n)
		return false;
	m->resolv_conf = resolv_conf == 1;
	p += strlen(m->link) + (size_t)n;
	(void)sscanf(p, "%15[a-z0-9-]", m->uapi_link);
	p += strlen(m->uapi_link);
	n = 0;
	if (sscanf(p, ".\ntable %d\n%n", &table, &n) != 1 || !n)
		return false;
	m->table = table == 1;
	p = store_scan_process(p + n, &m->owner);
	for (size_t i = 0; i < STORE_PIDS_MAX && p; i++)
		p = store_scan_process(p, &m->processes[i]);
	for (size_t i = 0; i < STORE_FORWARDS_MAX && p; i++)
		p = store_scan_forward(p, &m->forwards[i]);
	return p != NULL;
}

int store_made_parse(const char *text, size_t len, struct made *ret)
{
	char copy[STORE_MADE_TEXT_MAX + 1], again[STORE_MADE_TEXT_MAX];
	struct made m = {0};

	if (len > STORE_MADE_TEXT_MAX)
		return -EBADMSG;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!store_made_scan(copy, &m) || store_made_format(&m, again) != (int)len ||
		memcmp(text, again, len))
		return -EBADMSG;
	*ret = m;
	return 0;
}

/* Of this process, which writes its record for each thing that it makes. */
static int store_own_start(pid_t self, uint64_t *ret_ticks)
{
	static uint64_t ticks;
	static pid_t known;
	int r = known == self ? 0 : store_process_start(self, &ticks);

	if (r == 0) {
		known = self;
		*ret_ticks = ticks;
	}
	return r;
}

int store_made_write(const struct store *s, const char *name, const struct made *m)
{
	struct made mine = *m;
	_cleanup_close_ int fd = -1;
	char text[STORE_MADE_TEXT_MAX], path[PATH_MAX], new[PATH_MAX];
	int n = 0, r;

	mine.owner = (struct made_process){.pid = getpid(), .uid = geteuid()};
	r = store_own_start(mine.owner.pid, &mine.owner.start_ticks);
	if (r == 0)
		r = n = store_made_format(&mine, text);
	if (r >= 0)
		r = store_run_path(s, name, name ? "made" : "front.made", path);
	if (r >= 0)
		r = store_run_path(s, name, name ? "made.new" : "front.made.new", new);
	if (r < 0)
		return r;
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, (size_t)n);
	if (r == 0 && rename(new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(new);
	return r;
}

int store_made_read(const struct store *s, const char *name, struct made *ret)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r = store_run_path(s, name, name ? "made" : "front.made", path);

	if (r == 0)
		r = file_read(path, STORE_MADE_TEXT_MAX, &text, &len);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	return store_made_parse(text, len, ret);
}

int store_made_remove(const struct store *s, const char *name)
{
	const char *const files[] = {
		name ? "made" : "front.made", name ? "made.new" : "front.made.new"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ELEMENTSOF(files); i++) {
		int r = store_run_path(s, name, files[i], path);

		if (r < 0)
			return r;
		if (unlink(path) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

int store_process_start(pid_t pid, uint64_t *ret_ticks)
{
	_cleanup_free_ char *text = NULL;
	char path[32];
	uint64_t ticks;
	char *p;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = file_read(path, 4096, &text, NULL);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	/* the name in field 2 may hold anything, so count behind its last parenthesis: field 22 is the 20th */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p || sscanf(p, " %" SCNu64, &ticks) != 1)
		return -EBADMSG;
	*ret_ticks = ticks;
	return 0;
}
