// SPDX-License-Identifier: MIT
// The process beside a node that stands alone: it makes the sockets, and reads nothing from a network.
//
// A port below 1024 needs CAP_NET_BIND_SERVICE, and wg(8) may ask for one at any time. The node that
// opens strangers' packets shall have neither that nor socket(2) itself; so a child that was forked
// before does it: one fixed-size question, one answer with the descriptors.
#include "wg/binder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/sandbox.h"
#include "common/sockets.h"

#define CHANNEL	      3 /* in the child */
#define PORT_TRIES    32
#define SEND_TRIES    20
#define SEND_PAUSE_MS 10

struct question {
	uint16_t port, zero;
	uint32_t fwmark;
};

struct reply {
	int32_t error; /* -errno */
	uint16_t port;
	uint8_t has[2]; /* IPv4, IPv6: one descriptor each */
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(2 * sizeof(int))];
};

/* It passes, and nobody would start another binder. */
static bool is_want(int error)
{
	return error == EINTR || error == ENOMEM || error == ENOBUFS || error == ETOOMANYREFS;
}

static bool no_such_family(int error)
{
	return error == -EAFNOSUPPORT || error == -EADDRNOTAVAIL || error == -EPROTONOSUPPORT;
}

int binder_open_here(uint16_t port, uint32_t fwmark, int ret[2], uint16_t *ret_port)
{
	for (int tries = 0; tries < PORT_TRIES; tries++) {
		uint16_t got = port;
		int v4 = udp_open(4, port, fwmark, &got), v6;

		if (v4 < 0 && !no_such_family(v4))
			return v4;
		v6 = udp_open(6, got, fwmark, &got);
		if (v6 == -EADDRINUSE && !port && v4 >= 0) {
			fd_close(v4);
			continue;
		}
		if (v6 < 0 && (!no_such_family(v6) || v4 < 0)) {
			fd_close(v4);
			return v6;
		}
		ret[0] = v4 < 0 ? -1 : v4;
		ret[1] = v6 < 0 ? -1 : v6;
		*ret_port = got;
		return 0;
	}
	return -EADDRINUSE;
}

/* ---- the child ---- */

/* 1 a question, 0 nobody asks any more. */
static int question_recv(struct question *q)
{
	ssize_t n;

	while ((n = recv(CHANNEL, q, sizeof(*q), 0)) < 0 && is_want(errno))
		(void)poll(NULL, 0, SEND_PAUSE_MS);
	return n == (ssize_t)sizeof(*q);
}

static int reply_send(const struct reply *a, const int fds[2])
{
	struct iovec iov = {.iov_base = (void *)a, .iov_len = sizeof(*a)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	union control control = {0};
	int given[2], n = 0;

	for (int i = 0; i < 2; i++)
		if (a->has[i])
			given[n++] = fds[i];
	if (n) {
		struct cmsghdr *c = &control.align;

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n * sizeof(int));
		memcpy(CMSG_DATA(c), given, (size_t)n * sizeof(int));
		mh.msg_control = control.bytes;
		mh.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
	}
	for (int tries = 0; sendmsg(CHANNEL, &mh, MSG_NOSIGNAL) < 0; tries++) {
		if (!is_want(errno) || tries == SEND_TRIES)
			return -errno;
		(void)poll(NULL, 0, SEND_PAUSE_MS);
	}
	return 0;
}

static int answer(const struct question *q)
{
	int fds[2] = {-1, -1}, r;
	struct reply a = {0};

	a.error = binder_open_here(q->port, q->fwmark, fds, &a.port);
	for (int i = 0; i < 2; i++)
		a.has[i] = fds[i] >= 0;
	r = reply_send(&a, fds);
	fd_close(fds[0]);
	fd_close(fds[1]);
	return r;
}

_Noreturn static void serve(void)
{
	struct question q;

	prctl(PR_SET_NAME, "tsgw-wg-binder");
	if (sandbox_enter(SANDBOX_WG_BINDER, getuid(), NULL) < 0)
		_exit(EXIT_FAILURE);
	while (question_recv(&q) && answer(&q) == 0)
		;
	_exit(EXIT_SUCCESS);
}

/* ---- for the node ---- */

int binder_start(int stdio_fd, int *ret_channel)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		/* the rest is closed by the sandbox */
		if (fds[1] != CHANNEL && dup3(fds[1], CHANNEL, O_CLOEXEC) < 0)
			_exit(EXIT_FAILURE);
		for (int fd = 0; fd < 3 && stdio_fd >= 0; fd++)
			(void)dup3(stdio_fd, fd, 0);
		serve();
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	*ret_channel = fds[0];
	return 0;
}

static size_t reply_fds(struct msghdr *mh, int fds[2])
{
	struct cmsghdr *c = CMSG_FIRSTHDR(mh);
	size_t n = 0;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	}
	return n;
}

int binder_open(int channel, uint16_t port, uint32_t fwmark, int ret[2], uint16_t *ret_port)
{
	struct question q = {.port = port, .fwmark = fwmark};
	union control control;
	struct reply a;
	struct iovec iov = {.iov_base = &a, .iov_len = sizeof(a)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control)};
	int fds[2];
	ssize_t got;
	size_t n;

	if (send(channel, &q, sizeof(q), MSG_NOSIGNAL) < 0)
		return -errno;
	/* it comes; left behind it would be taken for the answer to the next question */
	while ((got = recvmsg(channel, &mh, MSG_CMSG_CLOEXEC)) < 0 && is_want(errno))
		(void)poll(NULL, 0, SEND_PAUSE_MS);
	if (got != (ssize_t)sizeof(a))
		return -EPIPE;
	n = reply_fds(&mh, fds);
	if (a.error == 0 && (!n || n != (size_t)a.has[0] + a.has[1]))
		a.error = -EPIPE;
	if (a.error) {
		for (size_t i = 0; i < n; i++)
			fd_close(fds[i]);
		return a.error < 0 ? a.error : -EPIPE;
	}
	ret[0] = a.has[0] ? fds[0] : -1;
	ret[1] = a.has[1] ? fds[n - 1] : -1;
	*ret_port = a.port;
	return 0;
}
