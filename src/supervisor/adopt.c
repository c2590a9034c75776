// SPDX-License-Identifier: MIT
// A worker that an earlier supervisor left behind is taken over, with its channel and its counters.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/fdstore.h"
#include "supervisor/store.h"
#include "supervisor/worker.h"

static const struct made_process *recorded(
	const struct made *m, pid_t pid, uint64_t ticks, uid_t uid)
{
	for (size_t i = 0; i < STORE_PIDS_MAX; i++)
		if (m->processes[i].pid == pid && m->processes[i].start_ticks == ticks &&
			m->processes[i].uid == uid)
			return &m->processes[i];
	return NULL;
}

/* What the store has of it, if the record knows that process, and it lives. */
static int adopt_process(
	struct worker *w, const struct made *m, const struct made_process **ret, int *ret_pidfd)
{
	const struct made_process *p;
	_cleanup_close_ int pidfd = -1;
	char object[64];
	uint64_t ticks = 0;
	pid_t pid = 0;
	int r;

	pidfd = fdstore_take(w->tailnet, worker_object(w, "pid", object));
	r = pidfd < 0 ? pidfd : fd_pidfd_pid(pidfd, &pid);
	if (r == 0)
		r = store_process_start(pid, &ticks);
	if (r < 0)
		return -ENOENT;
	p = recorded(m, pid, ticks, w->uid);
	if (!p)
		return -ENOENT;
	*ret = p;
	*ret_pidfd = take_fd(pidfd);
	return 0;
}

static int adopt_channel(struct worker *w, int *ret)
{
	char object[64];
	_cleanup_close_ int fd = fdstore_take(w->tailnet, worker_object(w, "channel", object));
	int type = 0;
	socklen_t len = sizeof(type);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
		type != SOCK_SEQPACKET)
		return -ENOENT;
	*ret = take_fd(fd);
	return 0;
}

static int adopt_stats(struct worker *w)
{
	char object[64];
	_cleanup_close_ int fd = fdstore_take(w->tailnet, worker_object(w, "stats", object));
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st) < 0 || (size_t)st.st_size != w->stats_size ||
		fcntl(fd, F_GET_SEALS) != (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -ENOENT;
	p = mmap(NULL, w->stats_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	w->stats = p;
	w->stats_fd = take_fd(fd);
	return 0;
}

/* Told like one that has just been started, less what it can hear only once. */
static int adopt_tell(struct worker *w)
{
	struct msg_log_level level = {.log_level = log_level()};
	int r = worker_watch(w);

	w->resuming = true;
	(void)!getrandom(&w->generation, sizeof(w->generation), 0);
	w->generation &= INT32_MAX; /* far from what it has heard, and from the end */
	if (r >= 0)
		r = w->ops->record(w->owner);
	if (r == 0)
		r = worker_tell(w, MSG_LOG_LEVEL, &level);
	return r < 0 ? r : w->ops->configure(w->owner, w);
}

int worker_adopt(
	struct worker *w, const struct made *m, struct made_process *ret_left, int *ret_pidfd)
{
	_cleanup_close_ int pidfd = -1, channel = -1;
	const struct made_process *p;
	int r = adopt_process(w, m, &p, &pidfd);

	if (r < 0)
		return r;
	if (p->build != worker_build(w) || !p->build || w->stats ||
		adopt_channel(w, &channel) < 0 || adopt_stats(w) < 0) {
		*ret_left = *p;
		*ret_pidfd = take_fd(pidfd);
		return -ESTALE;
	}
	w->wanted = w->adopted = true;
	w->pid = p->pid;
	w->build = p->build;
	w->pidfd = take_fd(pidfd);
	w->channel = take_fd(channel);
	w->started_ms = clock_now_ms();
	r = adopt_tell(w);
	if (r < 0) {
		log_warning(worker_label(w), w->program, "cannot be taken over: %s", strerror(-r));
		worker_kill(w, SIGKILL); /* and started again when it is dead */
	}
	return 0;
}
