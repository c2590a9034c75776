// SPDX-License-Identifier: MIT
// The socket at which wg(8) looks for a node that stands alone.
#include "wg/wgsocket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"

/* A socket on which nobody listens any more may be removed; a live one, or a file, may not. */
static int take_over(const struct sockaddr_un *sun)
{
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(sun->sun_path) < 0 ? -errno : 0;
}

int wgsocket_listen(const char *name, char ret_path[WGSOCKET_PATH_MAX])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	_Static_assert(sizeof(sun.sun_path) == WGSOCKET_PATH_MAX, "unix(7)");
	if (fd < 0)
		return -errno;
	snprintf(sun.sun_path, sizeof(sun.sun_path), WGSOCKET_DIR "/%s.sock", name);
	if (mkdir(WGSOCKET_DIR, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = take_over(&sun);
	if (r < 0)
		return r;
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if (listen(fd, 16) < 0) {
		r = -errno;
		(void)unlink(sun.sun_path);
		return r;
	}
	strcpy(ret_path, sun.sun_path);
	return take_fd(fd);
}

bool wgsocket_listens(int fd, char ret_path[WGSOCKET_PATH_MAX])
{
	struct sockaddr_un sun = {0};
	socklen_t len = sizeof(sun), int_len = sizeof(int);
	int type = 0, listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &int_len) < 0 || type != SOCK_STREAM ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 || !listens ||
		getsockname(fd, (struct sockaddr *)&sun, &len) < 0 || sun.sun_family != AF_UNIX)
		return false;
	*ret_path = '\0';
	if (*sun.sun_path == '/')
		snprintf(ret_path, WGSOCKET_PATH_MAX, "%.*s", WGSOCKET_PATH_MAX - 1, sun.sun_path);
	return true;
}

int wgsocket_watch(const char *path)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char dir[WGSOCKET_PATH_MAX];

	if (fd < 0)
		return -errno;
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	/* the directory and not the socket, which lives on without a name as long as it is bound */
	if (inotify_add_watch(fd, *dir ? dir : "/", IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO) < 0)
		return -errno;
	return take_fd(fd);
}

bool wgsocket_is_gone(int watch_fd, const char *path)
{
	_Alignas(struct inotify_event) char buf[4096];
	const char *name = strrchr(path, '/') + 1;
	bool gone = false;
	ssize_t n;

	while ((n = read(watch_fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const struct inotify_event *)(buf + at);

			gone |= e->len && !strcmp(e->name, name);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	return gone;
}
