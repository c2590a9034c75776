// SPDX-License-Identifier: MIT
// What can fail in the supervisor fails, once: preloaded into tsgwd (LD_PRELOAD), it counts the calls below,
// the ones of short helpers that tsgwd forks too, and fails those that the page says that FAILING names. The
// test writes to the page while tsgwd runs. Workers are other programs: nothing is counted or fails there.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define WHAT_MAX 24

/* As tests/net/test_failing.py has it. */
struct page {
	uint32_t at;	/* the call of this number fails, from 1 on; 0 = none */
	uint32_t times; /* and so many from there on */
	uint32_t count, failed;
	char what[WHAT_MAX]; /* the last that failed */
	char only[WHAT_MAX]; /* nothing but this is counted */
};

static struct page *page;
static __thread int aside; /* a call of which parts may not fail */

__attribute__((constructor)) static void failing_open(void)
{
	const char *path = getenv("FAILING");
	int fd;
	void *p;

	if (!path || strcmp(program_invocation_short_name, "tsgwd"))
		return;
	fd = open(path, O_RDWR | O_CLOEXEC);
	p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (p != MAP_FAILED)
		page = p;
}

static int from_loader(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "/ld-linux");
}

static int fails(const char *what, int error)
{
	uint32_t at, n;

	if (!page || aside || (*page->only && strcmp(page->only, what)))
		return 0;
	n = __atomic_add_fetch(&page->count, 1, __ATOMIC_ACQ_REL);
	at = __atomic_load_n(&page->at, __ATOMIC_ACQUIRE);
	if (!at || n < at || n - at >= page->times)
		return 0;
	strncpy(page->what, what, WHAT_MAX - 1);
	__atomic_add_fetch(&page->failed, 1, __ATOMIC_RELEASE);
	errno = error;
	return 1;
}

/* NAME as the C library has it, unless it is its turn to fail. */
#define WRAP(type, name, error, bad, params, args)                      \
	type name params                                                \
	{                                                               \
		static type(*real) params;                              \
		if (fails(#name, error))                                \
			return bad;                                     \
		if (!real)                                              \
			real = (type(*) params)dlsym(RTLD_NEXT, #name); \
		return real args;                                       \
	}

WRAP(void *, malloc, ENOMEM, NULL, (size_t n), (n))
WRAP(void *, realloc, ENOMEM, NULL, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, ENOMEM, NULL, (void *p, size_t n, size_t size), (p, n, size))
WRAP(FILE *, fopen, EMFILE, NULL, (const char *path, const char *mode), (path, mode))
WRAP(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, EMFILE, -1, (int domain, int type, int protocol, int pair[2]),
	(domain, type, protocol, pair))
WRAP(int, pipe2, EMFILE, -1, (int pair[2], int flags), (pair, flags))
WRAP(int, memfd_create, EMFILE, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, epoll_create1, EMFILE, -1, (int flags), (flags))
WRAP(int, epoll_ctl, ENOSPC, -1, (int fd, int op, int of, struct epoll_event *e), (fd, op, of, e))
WRAP(int, timerfd_create, EMFILE, -1, (int clock, int flags), (clock, flags))
WRAP(int, bind, EADDRINUSE, -1, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP(int, listen, EADDRINUSE, -1, (int fd, int backlog), (fd, backlog))
WRAP(int, accept4, EMFILE, -1, (int fd, struct sockaddr *a, socklen_t *n, int flags),
	(fd, a, n, flags))
WRAP(ssize_t, sendmsg, ENOBUFS, -1, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(ssize_t, send, ENOBUFS, -1, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
WRAP(int, setsockopt, ENOBUFS, -1, (int fd, int level, int name, const void *p, socklen_t n),
	(fd, level, name, p, n))
WRAP(int, mount, ENOMEM, -1,
	(const char *from, const char *to, const char *type, unsigned long flags, const void *data),
	(from, to, type, flags, data))
WRAP(int, unshare, ENOSPC, -1, (int flags), (flags))
WRAP(int, setns, ENOMEM, -1, (int fd, int type), (fd, type))
WRAP(pid_t, fork, EAGAIN, -1, (void), ())
WRAP(int, mkdir, ENOSPC, -1, (const char *path, mode_t mode), (path, mode))
WRAP(int, rename, ENOSPC, -1, (const char *from, const char *to), (from, to))
WRAP(int, ftruncate, ENOSPC, -1, (int fd, off_t n), (fd, n))
WRAP(int, flock, ENOLCK, -1, (int fd, int how), (fd, how))
WRAP(int, fsync, EIO, -1, (int fd), (fd))
WRAP(int, fdatasync, EIO, -1, (int fd), (fd))

/* The C library's own mistakes: its search for a group's name, and the loader's thread-local memory,
 * take no want of memory. */
struct group *getgrnam(const char *name)
{
	static struct group *(*real)(const char *);
	struct group *g;

	if (fails("getgrnam", EMFILE))
		return NULL;
	aside++;
	if (!real)
		real = (struct group * (*)(const char *)) dlsym(RTLD_NEXT, "getgrnam");
	g = real(name);
	aside--;
	return g;
}

/* dlsym() needs this one before it can be looked up. */
extern void *__libc_calloc(size_t n, size_t size);
void *calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	static int looking;

	if (looking)
		return __libc_calloc(n, size);
	if (!from_loader(__builtin_return_address(0)) && fails("calloc", ENOMEM))
		return NULL;
	if (!real) {
		looking = 1;
		real = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
		looking = 0;
	}
	return real(n, size);
}

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *, int, ...);
	mode_t mode = 0;
	va_list ap;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (fails("open", EMFILE))
		return -1;
	if (!real)
		real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	return real(path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fails("ioctl", ENOMEM))
		return -1;
	if (!real)
		real = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	return real(fd, request, arg);
}
