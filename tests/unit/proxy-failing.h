// SPDX-License-Identifier: MIT
// What the proxy asks for fails at random, when proxy-sessions.c is linked with --wrap for each of these
// (tests/rules.mk) and FAILING=N says that one in N calls does.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static uint32_t failing_one_in; /* 0 = none */
static bool failing_now;	/* the proxy is at work, not we */
static unsigned long failing_count;

static bool fails(int error)
{
	static uint64_t state = 0x9e3779b97f4a7c15ull;

	if (!failing_one_in || !failing_now)
		return false;
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	if ((uint32_t)(state >> 33) % failing_one_in)
		return false;
	failing_count++;
	errno = error;
	return true;
}

#define WRAP(type, name, error, bad, params, args)                \
	type __real_##name params __attribute__((weak));          \
	type __wrap_##name params;                                \
	type __wrap_##name params                                 \
	{                                                         \
		return fails(error) ? (bad) : __real_##name args; \
	}

WRAP(void *, malloc, ENOMEM, NULL, (size_t n), (n))
WRAP(void *, calloc, ENOMEM, NULL, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, ENOMEM, NULL, (void *p, size_t n), (p, n))
WRAP(char *, strndup, ENOMEM, NULL, (const char *p, size_t n), (p, n))
WRAP(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, pipe2, EMFILE, -1, (int pair[2], int flags), (pair, flags))
WRAP(ssize_t, recv, ENOMEM, -1, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(ssize_t, send, ENOBUFS, -1, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(int, getsockopt, ENOBUFS, -1, (int fd, int level, int name, void *p, socklen_t *n),
	(fd, level, name, p, n))
WRAP(int, getsockname, ENOBUFS, -1, (int fd, struct sockaddr *sa, socklen_t *n), (fd, sa, n))

/* A descriptor that cannot be watched; taking one away cannot fail. */
int __real_epoll_ctl(int fd, int op, int of, struct epoll_event *e) __attribute__((weak));
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *e);
int __wrap_epoll_ctl(int fd, int op, int of, struct epoll_event *e)
{
	return op != EPOLL_CTL_DEL && fails(ENOSPC) ? -1 : __real_epoll_ctl(fd, op, of, e);
}
