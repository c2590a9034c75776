// SPDX-License-Identifier: MIT
// A child at a price that does not grow with us: on a small stack of its own, in our memory, while we wait.
//
// fork(2) copies the page tables and the table of descriptors, and the child's exit closes all of these again:
// with a thousand tailnets, which are twenty thousand descriptors, ten milliseconds each time. clone(2) as
// vfork(2) and posix_spawn(3) use it (CLONE_VM, CLONE_VFORK) copies nothing.
//
// A worker must not have our descriptors. Its child begins with the shared table and leaves it by
// close_range(2), which copies only what it does not close: stdio and the channel. For that the channel must
// lie below everything else, so its number is reserved when we start; between two workers there is a
// descriptor of /dev/null at it.
#include "supervisor/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ipc/worker.h"

#define SPAWN_STACK_BYTES (256 << 10)
#define SPAWN_GUARD_BYTES (64 << 10)

static int reserved = -1; /* /dev/null, above the channel's place */

int spawn_reserve(void)
{
	int fd;

	/* of whoever was started without stdio: what comes to lie there would be taken for it by a worker */
	while ((fd = open("/dev/null", O_RDWR)) >= 0 && /* NOLINT(android-cloexec-open) */
		fd <= STDERR_FILENO)
		;
	fd_close(fd);
	reserved = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (reserved == WORKER_CHANNEL)
		reserved = fcntl(reserved, F_DUPFD_CLOEXEC, WORKER_CHANNEL + 1);
	if (reserved < 0 || dup3(reserved, WORKER_CHANNEL, O_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* One for all: nobody runs on it but while we wait. */
static char *spawn_stack(void)
{
	static char *stack;
	char *p;

	if (stack)
		return stack;
	p = mmap(NULL, SPAWN_STACK_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)mprotect(p, SPAWN_GUARD_BYTES, PROT_NONE);
	stack = p + SPAWN_STACK_BYTES;
	return stack;
}

pid_t spawn_task(int (*fn)(void *arg), void *arg, int flags, int *ret_pidfd)
{
	char *stack = spawn_stack();
	int pidfd = -1;
	pid_t pid;

	if (!stack)
		return -ENOMEM;
	flags |= CLONE_VM | CLONE_VFORK | SIGCHLD | (ret_pidfd ? CLONE_PIDFD : 0);
	pid = clone(fn, stack, flags, arg, &pidfd);
	if (pid < 0)
		return -errno;
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	return pid;
}

struct program {
	const char *path;
	char *const *argv;
	int netns_fd;
};

/* Only system calls: the memory is the parent's. */
static int spawn_program(void *arg)
{
	const struct program *p = arg;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid(); /* Ctrl-C is for the supervisor */
	if (p->netns_fd >= 0 && setns(p->netns_fd, CLONE_NEWNET) < 0)
		return WORKER_EXIT_WANT;
	if (syscall(SYS_close_range, WORKER_CHANNEL + 1, ~0u, CLOSE_RANGE_UNSHARE) < 0 ||
		fcntl(WORKER_CHANNEL, F_SETFD, 0) < 0)
		return WORKER_EXIT_WANT;
	execv(p->path, p->argv);
	return errno == ENOENT ? SPAWN_EXIT_GONE : SPAWN_EXIT_NO_EXEC;
}

pid_t spawn_worker(const char *path, char *const argv[], int channel, int netns_fd, int *ret_pidfd)
{
	struct program p = {path, argv, netns_fd};
	pid_t pid;

	if (reserved < 0)
		return -EBADF;
	if (dup3(channel, WORKER_CHANNEL, O_CLOEXEC) < 0)
		return -errno;
	pid = spawn_task(spawn_program, &p, CLONE_FILES, ret_pidfd);
	(void)dup3(reserved, WORKER_CHANNEL, O_CLOEXEC); /* cannot fail: both are open */
	return pid;
}
