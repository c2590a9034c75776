// SPDX-License-Identifier: MIT
// RUN/NAME/control.sock and RUN/front.sock as files: made, and removed; and how an answer goes out.
#include "supervisor/controlsock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"

#define CONTROLSOCK_BACKLOG  64
#define CONTROLSOCK_GROUP    "tsgw" /* may look, not touch */
#define CONTROLSOCK_GROUP_MS 10000

int controlsock_address(
	const char *run_dir, const char *name, const char *file, struct sockaddr_un *ret)
{
	char dir[PATH_MAX];
	int fd;

	if (snprintf(dir, sizeof(dir), "%s%s%s", run_dir, name ? "/" : "", name ?: "") >=
		(int)sizeof(dir))
		return -ENAMETOOLONG;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", fd, file);
	return fd;
}

static int address_of(const char *run_dir, const char *name, struct sockaddr_un *ret)
{
	return controlsock_address(run_dir, name, name ? "control.sock" : "front.sock", ret);
}

/* 0: there is none. Looked up seldom: where there is none, the C library asks everybody who might know. */
static gid_t group(void)
{
	static uint64_t looked_ms;
	static gid_t gid;
	uint64_t now = clock_now_ms();

	if (!looked_ms || now - looked_ms > CONTROLSOCK_GROUP_MS) {
		struct group *g = getgrnam(CONTROLSOCK_GROUP);

		gid = g ? g->gr_gid : 0;
		looked_ms = clock_now_ms();
	}
	return gid;
}

/* A file belongs to who makes it: so the group needs no chown(2), and we no right to do that to any file. */
static int bind_as(int fd, const struct sockaddr_un *un, gid_t gid)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), r;
	mode_t mask;

	if (gid && setegid(gid) < 0)
		return -errno;
	mask = umask(gid ? 0117 : 0177);
	r = bind(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 ? -errno : 0;
	umask(mask);
	if (gid && setegid(getgid()) < 0)
		abort();
	(void)prctl(PR_SET_DUMPABLE, dumpable == 1, 0, 0, 0);
	return r;
}

int controlsock_bind(const char *run_dir, const char *name)
{
	struct sockaddr_un un;
	_cleanup_close_ int dir = address_of(run_dir, name, &un);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (dir < 0)
		return dir;
	(void)unlink(un.sun_path);
	r = bind_as(fd, &un, group());
	if (r == 0 && listen(fd, CONTROLSOCK_BACKLOG) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(fd);
}

int controlsock_connect(const char *run_dir, const char *name, int *ret_fd)
{
	struct sockaddr_un un;
	_cleanup_close_ int dir = address_of(run_dir, name, &un);
	_cleanup_close_ int fd = -1;

	if (dir < 0)
		return dir;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

void controlsock_unlink(const char *run_dir, const char *name)
{
	struct sockaddr_un un;
	_cleanup_close_ int dir = address_of(run_dir, name, &un);

	if (dir >= 0)
		(void)unlink(un.sun_path);
}

int controlsock_peer(int fd, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*ret_uid = cred.uid;
	return 0;
}

int controlsock_send(int fd, const void *record, size_t size, uint64_t *blocked_ns)
{
	uint64_t begun_ns = clock_now_ns();
	int r = send(fd, record, size, MSG_NOSIGNAL) < 0 ? -errno : 0;

	*blocked_ns += clock_now_ns() - begun_ns;
	if (r == 0 && *blocked_ns > CONTROLSOCK_PATIENCE_MS * 1000000ull)
		r = -ETIMEDOUT;
	return r;
}
