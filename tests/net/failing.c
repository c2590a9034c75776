// SPDX-License-Identifier: MIT
// What can fail fails, once: preloaded into tsgwd (LD_PRELOAD) and so into its workers, it counts the calls below
// in one program, and fails those that the page says that FAILING names. The test writes to the page while the
// program runs. That program is tsgwd, with the short helpers that it forks, or the worker that FAILING_IN
// names, "tsgw-host red" ("tsgw-wg wg0": by hand): in a worker more is counted, all by which it could ask the kernel for anything, and what
// it has not freed yet.
#include <grp.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "preload.h"

#define WHAT_MAX 24

/* As tests/net/test_failing.py has it. */
struct page {
	uint32_t at;	/* the call of this number fails, from 1 on; 0 = none */
	uint32_t times; /* and so many from there on */
	uint32_t count, failed;
	char what[WHAT_MAX]; /* the last that failed */
	char only[WHAT_MAX]; /* nothing but this is counted */
	int32_t live;	     /* allocations of a worker that are not freed, but for a constant */
	uint32_t starts;     /* of it, ever */
};

static struct page *page;
static int worker;
static __thread int aside; /* a call of which parts may not fail */

/* Is it us that it is about? */
static int is_meant(int argc, char **argv)
{
	const char *in = getenv("FAILING_IN") ?: "tsgwd", *name = strchr(in, ' ');
	size_t n = strcspn(in, " ");

	if (strncmp(program_invocation_short_name, in, n) != 0 ||
		program_invocation_short_name[n] != '\0')
		return 0;
	worker = name != NULL;
	/* "--worker NAME", "-f NAME", "NAME" */
	return !worker || (argc > 1 && !strcmp(argv[argc > 2 ? 2 : 1], name + 1));
}

__attribute__((constructor)) static void failing_open(int argc, char **argv)
{
	if (is_meant(argc, argv))
		page = preload_page("FAILING");
	if (!page)
		return;
	page->live = 0;
	__atomic_add_fetch(&page->starts, 1, __ATOMIC_ACQ_REL);
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
#define WRAP(type, name, error, bad, params, args) \
	type name params                           \
	{                                          \
		static type(*real) params;         \
		if (fails(#name, error))           \
			return bad;                \
		PRELOAD_NEXT(real, #name);         \
		return real args;                  \
	}
/* The same, but in workers alone. */
#define WRAP_WORKER(type, name, error, bad, params, args) \
	type name params                                  \
	{                                                 \
		static type(*real) params;                \
		if (worker && fails(#name, error))        \
			return bad;                       \
		PRELOAD_NEXT(real, #name);                \
		return real args;                         \
	}

/* ---- memory ---- */

/* P is new, in the place of OLD. */
static void *counted(void *p, const void *old)
{
	if (page && worker && p && !old)
		__atomic_add_fetch(&page->live, 1, __ATOMIC_ACQ_REL);
	return p;
}

void *malloc(size_t n)
{
	static void *(*real)(size_t);

	if (fails("malloc", ENOMEM))
		return NULL;
	PRELOAD_NEXT(real, "malloc");
	return counted(real(n), NULL);
}

void *realloc(void *p, size_t n)
{
	static void *(*real)(void *, size_t);

	if (fails("realloc", ENOMEM))
		return NULL;
	PRELOAD_NEXT(real, "realloc");
	return counted(real(p, n), p);
}

void *reallocarray(void *p, size_t n, size_t size)
{
	static void *(*real)(void *, size_t, size_t);

	if (fails("reallocarray", ENOMEM))
		return NULL;
	aside++; /* it is realloc() in the C library */
	PRELOAD_NEXT(real, "reallocarray");
	p = real(p, n, size);
	aside--;
	return p;
}

void free(void *p)
{
	static void (*real)(void *);

	if (page && worker && p)
		__atomic_sub_fetch(&page->live, 1, __ATOMIC_ACQ_REL);
	PRELOAD_NEXT(real, "free");
	real(p);
}

/* ---- the rest ---- */

WRAP(FILE *, fopen, EMFILE, NULL, (const char *path, const char *mode), (path, mode))
WRAP(int, socket, EMFILE, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, socketpair, EMFILE, -1, (int domain, int type, int protocol, int pair[2]),
	(domain, type, protocol, pair))
WRAP(int, pipe2, EMFILE, -1, (int pair[2], int flags), (pair, flags))
WRAP(int, memfd_create, EMFILE, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, epoll_create1, EMFILE, -1, (int flags), (flags))
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

WRAP_WORKER(ssize_t, read, EIO, -1, (int fd, void *p, size_t n), (fd, p, n))
WRAP_WORKER(ssize_t, write, EIO, -1, (int fd, const void *p, size_t n), (fd, p, n))
WRAP_WORKER(ssize_t, recv, ENOMEM, -1, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
WRAP_WORKER(ssize_t, recvfrom, ENOMEM, -1,
	(int fd, void *p, size_t n, int flags, struct sockaddr *a, socklen_t *len),
	(fd, p, n, flags, a, len))
WRAP_WORKER(ssize_t, recvmsg, ENOMEM, -1, (int fd, struct msghdr *m, int flags), (fd, m, flags))
WRAP_WORKER(int, recvmmsg, ENOMEM, -1,
	(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *most),
	(fd, m, n, flags, most))
WRAP_WORKER(ssize_t, sendto, ENOBUFS, -1,
	(int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t len),
	(fd, p, n, flags, a, len))
WRAP_WORKER(int, sendmmsg, ENOBUFS, -1, (int fd, struct mmsghdr *m, unsigned n, int flags),
	(fd, m, n, flags))
WRAP_WORKER(ssize_t, splice, ENOMEM, -1,
	(int from, off_t *at, int to, off_t *there, size_t n, unsigned flags),
	(from, at, to, there, n, flags))
WRAP_WORKER(int, connect, ENOBUFS, -1, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
WRAP_WORKER(int, getsockname, ENOBUFS, -1, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
WRAP_WORKER(int, getpeername, ENOBUFS, -1, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n))
WRAP_WORKER(int, getsockopt, ENOMEM, -1, (int fd, int level, int name, void *p, socklen_t *n),
	(fd, level, name, p, n))
WRAP_WORKER(int, poll, ENOMEM, -1, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
WRAP_WORKER(
	int, epoll_wait, EINTR, -1, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
WRAP_WORKER(int, epoll_pwait, EINTR, -1,
	(int fd, struct epoll_event *e, int n, int ms, const sigset_t *mask), (fd, e, n, ms, mask))
WRAP_WORKER(int, epoll_pwait2, ENOSYS, -1,
	(int fd, struct epoll_event *e, int n, const struct timespec *wait, const sigset_t *mask),
	(fd, e, n, wait, mask))
WRAP_WORKER(int, eventfd, EMFILE, -1, (unsigned n, int flags), (n, flags))
WRAP_WORKER(int, dup3, EMFILE, -1, (int fd, int to, int flags), (fd, to, flags))
WRAP_WORKER(ssize_t, getrandom, EINTR, -1, (void *p, size_t n, unsigned flags), (p, n, flags))
WRAP_WORKER(void *, mmap, ENOMEM, MAP_FAILED,
	(void *at, size_t n, int prot, int flags, int fd, off_t from),
	(at, n, prot, flags, fd, from))
WRAP_WORKER(int, munmap, ENOMEM, -1, (void *at, size_t n), (at, n))
WRAP_WORKER(int, stat, ENOMEM, -1, (const char *path, struct stat *st), (path, st))
WRAP_WORKER(int, fstat, ENOMEM, -1, (int fd, struct stat *st), (fd, st))
WRAP_WORKER(int, chdir, ENOMEM, -1, (const char *path), (path))
WRAP_WORKER(int, chroot, ENOMEM, -1, (const char *path), (path))
WRAP_WORKER(int, chmod, ENOMEM, -1, (const char *path, mode_t mode), (path, mode))
WRAP_WORKER(int, fchmod, EIO, -1, (int fd, mode_t mode), (fd, mode))
WRAP_WORKER(int, unlink, EIO, -1, (const char *path), (path))
WRAP_WORKER(int, setgroups, ENOMEM, -1, (size_t n, const gid_t *list), (n, list))
WRAP_WORKER(int, setresgid, EAGAIN, -1, (gid_t r, gid_t e, gid_t s), (r, e, s))
WRAP_WORKER(int, setresuid, EAGAIN, -1, (uid_t r, uid_t e, uid_t s), (r, e, s))
WRAP_WORKER(int, getrlimit, ENOMEM, -1, (__rlimit_resource_t what, struct rlimit *r), (what, r))
WRAP_WORKER(
	int, setrlimit, ENOMEM, -1, (__rlimit_resource_t what, const struct rlimit *r), (what, r))
WRAP_WORKER(ssize_t, writev, EIO, -1, (int fd, const struct iovec *v, int n), (fd, v, n))
WRAP_WORKER(int, timerfd_settime, ENOMEM, -1,
	(int fd, int flags, const struct itimerspec *at, struct itimerspec *was),
	(fd, flags, at, was))
WRAP_WORKER(int, madvise, EAGAIN, -1, (void *at, size_t n, int what), (at, n, what))
WRAP_WORKER(int, mlock, ENOMEM, -1, (const void *at, size_t n), (at, n))
WRAP_WORKER(int, uname, EFAULT, -1, (struct utsname * u), (u))
WRAP_WORKER(void *, dlopen, ENOMEM, NULL, (const char *name, int how), (name, how))
WRAP_WORKER(int, lstat, ENOMEM, -1, (const char *path, struct stat *st), (path, st))
WRAP_WORKER(int, signalfd, EMFILE, -1, (int fd, const sigset_t *set, int flags), (fd, set, flags))
WRAP_WORKER(int, inotify_init1, EMFILE, -1, (int flags), (flags))
WRAP_WORKER(int, inotify_add_watch, ENOSPC, -1, (int fd, const char *path, uint32_t what),
	(fd, path, what))
WRAP_WORKER(pid_t, setsid, EPERM, -1, (void), ())
WRAP_WORKER(int, pthread_create, EAGAIN, EAGAIN,
	(pthread_t * t, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
	(t, attr, run, arg))

/* The kernel always takes out what is in; libmicrohttpd counts on it. */
int epoll_ctl(int fd, int op, int of, struct epoll_event *e)
{
	static int (*real)(int, int, int, struct epoll_event *);

	if (op != EPOLL_CTL_DEL && fails("epoll_ctl", ENOSPC))
		return -1;
	PRELOAD_NEXT(real, "epoll_ctl");
	return real(fd, op, of, e);
}

/* It is closed, whatever it says. */
int close(int fd)
{
	static int (*real)(int);
	int r;

	PRELOAD_NEXT(real, "close");
	r = real(fd);
	return r == 0 && worker && fails("close", EIO) ? -1 : r;
}

/* libseccomp may die of a want of memory in the midst of a rule; so each of its calls fails as a whole. */
#define WRAP_WHOLE(type, name, error, bad, params, args) \
	type name params;                                \
	type name params                                 \
	{                                                \
		static type(*real) params;               \
		type r;                                  \
		if (worker && fails(#name, error))       \
			return bad;                      \
		PRELOAD_NEXT(real, #name);               \
		aside++;                                 \
		r = real args;                           \
		aside--;                                 \
		return r;                                \
	}

WRAP_WHOLE(void *, seccomp_init, ENOMEM, NULL, (uint32_t action), (action))
WRAP_WHOLE(int, seccomp_load, ENOMEM, -ENOMEM, (void *f), (f))
WRAP_WHOLE(int, seccomp_attr_set, ENOMEM, -ENOMEM, (void *f, int attr, uint32_t value),
	(f, attr, value))
WRAP_WHOLE(int, seccomp_rule_add_array, ENOMEM, -ENOMEM,
	(void *f, uint32_t action, int call, unsigned n, const void *args),
	(f, action, call, n, args))

/* The C library's name service hangs, ends the process or fails for ever after if it lacks memory in the midst. */
WRAP_WHOLE(int, getaddrinfo, EAGAIN, EAI_MEMORY,
	(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret),
	(name, service, hints, ret))

/* The C library's own mistakes: its search for a group's name, and the loader's thread-local memory,
 * take no want of memory. */
struct group *getgrnam(const char *name)
{
	static struct group *(*real)(const char *);
	struct group *g;

	if (fails("getgrnam", EMFILE))
		return NULL;
	aside++;
	PRELOAD_NEXT(real, "getgrnam");
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
	return counted(real(n, size), NULL);
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
	PRELOAD_NEXT(real, "open");
	return real(path, flags, mode);
}

int fcntl(int fd, int what, ...)
{
	static int (*real)(int, int, ...);
	va_list ap;
	void *arg;

	va_start(ap, what);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (worker && fails("fcntl", ENOMEM))
		return -1;
	PRELOAD_NEXT(real, "fcntl");
	return real(fd, what, arg);
}

int prctl(int what, ...)
{
	static int (*real)(int, unsigned long, unsigned long, unsigned long, unsigned long);
	unsigned long arg[4];
	va_list ap;

	va_start(ap, what);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	if (worker && fails("prctl", ENOMEM))
		return -1;
	PRELOAD_NEXT(real, "prctl");
	return real(what, arg[0], arg[1], arg[2], arg[3]);
}

long syscall(long number, ...)
{
	static long (*real)(long, long, long, long, long, long, long);
	long arg[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);
	if (worker && fails("syscall", ENOMEM))
		return -1;
	PRELOAD_NEXT(real, "syscall");
	return real(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static int preload_ioctl_error(unsigned long request, const void *arg)
{
	return fails("ioctl", ENOMEM) ? ENOMEM : 0;
}
