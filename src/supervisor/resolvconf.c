// SPDX-License-Identifier: MIT
// /etc/netns/tsgw-NAME/resolv.conf: what `ip netns exec` mounts over the host's own.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/parse.h"
#include "config/names.h"
#include "supervisor/recover.h"

#define RESOLVCONF_ROOT "/etc/netns"
#define RESOLVCONF_MAX	65536

struct resolvconf_paths {
	char dir[64];
	char file[96];
	char new[96]; /* written first, then renamed; one writer at a time, under the tailnet's lock */
};

static void resolvconf_paths(const char *name, struct resolvconf_paths *ret)
{
	char pin[48];

	names_netns(name, pin, sizeof(pin));
	snprintf(ret->dir, sizeof(ret->dir), RESOLVCONF_ROOT "/%s", pin);
	snprintf(ret->file, sizeof(ret->file), "%s/resolv.conf", ret->dir);
	snprintf(ret->new, sizeof(ret->new), "%s/resolv.conf.tsgw-new", ret->dir);
}

int resolvconf_owner(const struct store *s, const char *name)
{
	struct resolvconf_paths paths;
	_cleanup_free_ char *text = NULL;
	char mark[STORE_MARK_MAX];
	struct stat st;
	int r;

	resolvconf_paths(name, &paths);
	if (lstat(paths.file, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	r = file_read(paths.file, RESOLVCONF_MAX, &text, NULL);
	if (r < 0)
		return r == -EFBIG ? 0 : r;
	store_mark(s, mark);
	text[strcspn(text, "\n")] = '\0';
	return !strncmp(text, "# ", 2) && !strcmp(text + 2, mark);
}

static int resolvconf_text(const char *mark, const struct addr *dns, size_t n_dns,
	char *const *search, size_t n_search, char **ret)
{
	_cleanup_free_ char *text = NULL;
	char addr[ADDR_TEXT_MAX];
	bool any = false, bad;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	fprintf(f, "# %s\n", mark);
	for (size_t i = 0; i < n_search; i++) {
		if (!parse_is_dns_name(search[i]))
			continue;
		fprintf(f, any ? " %s" : "search %s", search[i]);
		any = true;
	}
	if (any)
		fputc('\n', f);
	for (size_t i = 0; i < n_dns; i++)
		if (dns[i].family)
			fprintf(f, "nameserver %s\n", addr_format(&dns[i], addr));
	bad = ferror(f);
	if (fclose(f) != 0 || bad || !text) /* NULL: closed well, and yet never had memory */
		return -ENOMEM;
	*ret = take_ptr(text);
	return 0;
}

static int resolvconf_put(const struct resolvconf_paths *paths, const char *text)
{
	_cleanup_close_ int fd = -1;
	int r;

	r = directory_make(RESOLVCONF_ROOT, 0755);
	if (r == 0)
		r = directory_make(paths->dir, 0755);
	if (r < 0)
		return r;
	fd = open(paths->new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, strlen(text));
	/* workers and users read it: whatever the umask is */
	if (r == 0 && (fchmod(fd, 0644) < 0 || rename(paths->new, paths->file) < 0))
		r = -errno;
	if (r < 0)
		unlink(paths->new);
	return r;
}

int resolvconf_write(const struct store *s, const char *name, const struct addr *dns, size_t n_dns,
	char *const *search, size_t n_search)
{
	struct resolvconf_paths paths;
	_cleanup_free_ char *text = NULL;
	char mark[STORE_MARK_MAX];
	int r = resolvconf_owner(s, name);

	if (r == 0)
		return -EEXIST;
	if (r < 0 && r != -ENOENT)
		return r;
	store_mark(s, mark);
	resolvconf_paths(name, &paths);
	r = resolvconf_text(mark, dns, n_dns, search, n_search, &text);
	return r < 0 ? r : resolvconf_put(&paths, text);
}

int resolvconf_remove(const struct store *s, const char *name)
{
	struct resolvconf_paths paths;
	int r = resolvconf_owner(s, name);

	resolvconf_paths(name, &paths);
	if (r > 0 && unlink(paths.file) < 0)
		return -errno;
	if (unlink(paths.new) < 0 && r == -ENOENT && (errno == ENOENT || errno == ENOTDIR)) {
		(void)rmdir(paths.dir); /* we may have died between making it and the file */
		return 0;
	}
	(void)rmdir(paths.dir);
	return r < 0 && r != -ENOENT ? r : 0;
}
