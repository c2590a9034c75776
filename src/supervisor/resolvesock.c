// SPDX-License-Identifier: MIT
// RUN/NAME/resolve.sock, by which the front's tsgw-dns asks a tailnet's tsgw-proxy: made, found, removed.
#include "supervisor/resolvesock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisor/controlsock.h"

#define RESOLVESOCK_BACKLOG 16
#define RESOLVESOCK_NEW	    ".resolve.sock"
#define RESOLVESOCK_BYTES   (512 << 10)

int resolvesock_bind(const char *run_dir, const char *name)
{
	struct sockaddr_un new, un;
	_cleanup_close_ int dir = controlsock_address(run_dir, name, RESOLVESOCK_NEW, &new);
	_cleanup_close_ int dir2 = controlsock_address(run_dir, name, RESOLVESOCK_FILE, &un);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mask;
	int r;

	if (dir < 0 || dir2 < 0)
		return dir < 0 ? dir : dir2;
	if (fd < 0)
		return -errno;
	(void)unlink(new.sun_path);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&new, sizeof(new)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, RESOLVESOCK_BACKLOG) < 0)
		r = -errno;
	if (r == 0 && rename(new.sun_path, un.sun_path) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(fd);
}

int resolvesock_connect(const char *run_dir, const char *name)
{
	struct sockaddr_un un;
	_cleanup_close_ int dir = controlsock_address(run_dir, name, RESOLVESOCK_FILE, &un);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = RESOLVESOCK_BYTES;

	if (dir < 0)
		return dir;
	/* for as many questions as may be under way; each takes a kilobyte there */
	(void)(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)));
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -errno;
	return take_fd(fd);
}

void resolvesock_unlink(const char *run_dir, const char *name)
{
	struct sockaddr_un un;
	_cleanup_close_ int dir = controlsock_address(run_dir, name, RESOLVESOCK_FILE, &un);

	if (dir >= 0)
		(void)unlink(un.sun_path);
}
