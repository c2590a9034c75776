// SPDX-License-Identifier: MIT
// One conversation with a supervisor over a control socket.
#include "ctl/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"

/* A directory that is not there has no socket either. */
static int absent(int error)
{
	return error == ENOTDIR || error == ECONNREFUSED ? -ENOENT : -error;
}

/* By way of the directory's descriptor only where the path is longer than sun_path: /proc takes its time. */
static void socket_path(struct sockaddr_un *un, int dir, const char *run_dir, const char *name)
{
	const char *who = name ? name : "front.sock", *what = name ? "/control.sock" : "";

	if (snprintf(un->sun_path, sizeof(un->sun_path), "%s/%s%s", run_dir, who, what) >=
		(int)sizeof(un->sun_path))
		snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s%s", dir, who,
			what);
}

int client_open_at(int dir, const char *run_dir, const char *name, int *ret_fd, pid_t *ret_pid)
{
	struct timeval patience = {.tv_sec = CLIENT_PATIENCE_MS / 1000};
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return -errno;
	socket_path(&un, dir, run_dir, name);
	/* a full backlog blocks in connect(); this ends it with EAGAIN */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : absent(errno);
	if (ret_pid)
		*ret_pid = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ? 0 : peer.pid;
	*ret_fd = take_fd(fd);
	return 0;
}

int client_open(const char *run_dir, const char *name, int *ret_fd, pid_t *ret_pid)
{
	_cleanup_close_ int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? absent(errno) : client_open_at(dir, run_dir, name, ret_fd, ret_pid);
}

/* 0, or -ETIMEDOUT, -errno. */
static int wait_for(int fd, uint32_t patience_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	bool forever = patience_ms == COMMAND_WAIT_FOREVER;
	uint64_t now = clock_now_ms(), deadline = now + patience_ms;
	int r;

	for (;;) {
		uint64_t left = deadline > now ? deadline - now : 0;

		r = poll(&p, 1, forever ? -1 : (int)MIN(left, (uint64_t)INT32_MAX));
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		now = clock_now_ms();
		if (!forever && now >= deadline)
			return -ETIMEDOUT;
	}
}

/* 1 a record, 0 end of file, -errno. */
static int receive(int fd, uint32_t patience_ms, union control_any *ret)
{
	ssize_t n;
	int r;

	while ((n = fd_recv(fd, ret, sizeof(*ret))) < 0 && (errno == EAGAIN || errno == EINTR)) {
		r = wait_for(fd, patience_ms);
		if (r < 0)
			return r;
	}
	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? 0 : -errno;
	r = (size_t)n > sizeof(*ret) ? -EBADMSG : record_check(ret, (size_t)n);
	return r < 0 ? r : 1;
}

int client_send(int fd, struct control_request *q)
{
	q->magic = CONTROL_MAGIC;
	q->version = CONTROL_VERSION;
	if (send(fd, q, sizeof(*q), MSG_NOSIGNAL) < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return 0;
}

int client_read(int fd, uint32_t patience_ms, int (*each)(void *arg, const union control_any *m),
	void *arg, struct control_end *ret)
{
	union control_any m;
	int r;

	for (size_t i = 0; i < CLIENT_RECORDS_MAX; i++) {
		r = receive(fd, patience_ms, &m);
		if (r <= 0)
			return r == 0 ? -EPIPE : r;
		if (m.h.record == CONTROL_END) {
			*ret = m.end;
			return 0;
		}
		r = each ? each(arg, &m) : 0;
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

int client_ask(int fd, struct control_request *q, uint32_t patience_ms,
	int (*each)(void *arg, const union control_any *m), void *arg, struct control_end *ret)
{
	int r = client_send(fd, q);

	return r < 0 ? r : client_read(fd, patience_ms, each, arg, ret);
}

int client_complain(const char *run_dir, const char *who, int error)
{
	char path[64];

	snprintf(path, sizeof(path), "%.32s%s", who ? who : "front",
		who ? "/control.sock" : ".sock");
	switch (error) {
	case -ENOENT:
		fprintf(stderr,
			"tsgwctl: %s%sits supervisor is not running (nobody serves %s/%s)\n",
			who ? who : "", who ? ": " : "", run_dir, path);
		return CTL_NO_SUPERVISOR;
	case -EACCES:
	case -EPERM:
		fprintf(stderr, "tsgwctl: %s/%s: permission denied: be root, or in group tsgw\n",
			run_dir, path);
		return CTL_FAILED;
	case -ETIMEDOUT:
		fprintf(stderr, "tsgwctl: the supervisor does not answer on %s/%s\n", run_dir,
			path);
		return CTL_FAILED;
	case -EPIPE:
	case -ECONNRESET:
		fprintf(stderr, "tsgwctl: the supervisor hung up on %s/%s\n", run_dir, path);
		return CTL_FAILED;
	case -EBADMSG:
		fprintf(stderr, "tsgwctl: no answer of this version on %s/%s: restart tsgwd\n",
			run_dir, path);
		return CTL_FAILED;
	default:
		fprintf(stderr, "tsgwctl: %s/%s: %s\n", run_dir, path, strerror(-error));
		return CTL_FAILED;
	}
}
