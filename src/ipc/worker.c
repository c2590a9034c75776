// SPDX-License-Identifier: MIT
// What every worker does first: arguments, log, sandbox, hello.
#include "ipc/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/parse.h"
#include "ipc/ipc.h"

int worker_is(int argc, char **argv)
{
	return (argc == 5 || argc == 6) && !strcmp(argv[1], "--worker");
}

static int worker_map_stats(int fd, size_t size, void **ret)
{
	struct stat st;
	void *p;

#if __SIZEOF_POINTER__ == 8 /* the C library may ask by newfstatat(2), which takes paths */
	if (syscall(SYS_fstat, fd, &st) < 0)
#else
	if (fstat(fd, &st) < 0)
#endif
		return -errno;
	if ((size_t)st.st_size < size)
		return -EBADMSG;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

int worker_start(int argc, char **argv, enum sandbox_kind kind, size_t stats_size, void **ret_stats)
{
	const char *program = strrchr(argv[0], '/');
	int fds[MSG_FDS_MAX];
	union msg m;
	size_t n_fds = 0;
	uint64_t uid;
	int r;

	log_open(program ? program + 1 : argv[0], strcmp(argv[2], "-") ? argv[2] : NULL);
	log_keep_at(STDIN_FILENO); /* the sandbox closes what is above the channel */
	r = parse_u64(argv[3], 1, UINT32_MAX - 1, &uid);
	if (r < 0) {
		log_error(NULL, NULL, "bad uid %s", argv[3]);
		return r;
	}
	r = sandbox_enter(kind, (uid_t)uid, argv[4]);
	if (r < 0)
		return r;
	r = ipc_recv(WORKER_CHANNEL, IPC_PARENT, &m, fds, &n_fds);
	if (r == 0)
		return -EPIPE;
	if (r > 0 && (m.h.type != MSG_HELLO || m.hello.version != MSG_VERSION))
		r = -EBADMSG;
	if (r > 0) {
		log_set_level(m.hello.log_level);
		r = worker_map_stats(fds[0], stats_size, ret_stats);
	}
	if (r < 0)
		log_error(NULL, "channel", "no usable hello: %s", strerror(-r));
	for (size_t i = 0; i < n_fds; i++)
		fd_close(fds[i]);
	return r;
}

int worker_exit_code(int error)
{
	switch (-error) {
	case 0:
		return 0;
	case ENOMEM:
	case ENOBUFS:
	case EMFILE:
	case ENFILE:
	case EAGAIN:
	case ENOSPC: /* of epoll: fs.epoll.max_user_watches */
		return WORKER_EXIT_WANT;
	default:
		return 1;
	}
}
