// SPDX-License-Identifier: MIT
// A worker process: started, told, listened to, started again with backoff when it dies.
//
// A new worker blocks until it gets MSG_HELLO. The supervisor records its pid first and says hello
// then: if the supervisor dies between fork and record, the worker sees the end of its channel and
// leaves by itself; if it dies later, the record lets the next start find and end the worker. So no
// moment exists at which a killed supervisor leaves a process that nobody knows.
#include "supervisor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"

#define WORKER_SEND_TIMEOUT_S 2
#define WORKER_SNDBUF_BYTES   (8 << 20)
#define WORKER_TERM_MS	      500

static void worker_spawn(struct worker *w);

/* In the log; a worker's own argument for the front is "-", which no tailnet can be called. */
static const char *worker_label(const struct worker *w)
{
	return strcmp(w->tailnet, "-") ? w->tailnet : "front";
}

void worker_init(struct worker *w, size_t stats_size)
{
	w->channel = -1;
	w->stats_fd = -1;
	w->stats_size = stats_size;
	w->backoff_ms = WORKER_BACKOFF_MIN_MS;
}

/* A sealed memfd: the worker can neither shrink it under our feet (SIGBUS) nor grow it. */
static int worker_make_stats(struct worker *w)
{
	_cleanup_close_ int fd = -1;
	void *p;

	if (w->stats_fd >= 0 || !w->stats_size)
		return 0;
	fd = memfd_create(w->program, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, (off_t)w->stats_size) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	p = mmap(NULL, w->stats_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	w->stats = p;
	w->stats_fd = take_fd(fd);
	return 0;
}

static void worker_forget(struct worker *w)
{
	w->io_source = sd_event_source_disable_unref(w->io_source);
	w->child_source = sd_event_source_disable_unref(w->child_source);
	w->channel = fd_close(w->channel);
	w->pid = 0;
	w->ready = w->serves = false;
}

static int worker_on_restart(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct worker *w = userdata;

	w->restart_source = sd_event_source_disable_unref(w->restart_source);
	w->restarts++;
	worker_spawn(w);
	return 0;
}

/* Starts it again later: 0.1 s doubling to 30 s, with up to a quarter of jitter. */
static void worker_back_off(struct worker *w, const char *why)
{
	uint32_t jitter = 0;
	uint64_t delay_ms;

	if (w->started_ms && clock_now_ms() - w->started_ms >= WORKER_STABLE_MS)
		w->backoff_ms = WORKER_BACKOFF_MIN_MS;
	(void)!getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK);
	delay_ms = w->backoff_ms + jitter % (w->backoff_ms / 4 + 1);
	w->backoff_ms = MIN(w->backoff_ms * 2, (uint32_t)WORKER_BACKOFF_MAX_MS);
	snprintf(w->reason, sizeof(w->reason), "%s %s, starting it again", w->program, why);
	log_warning(worker_label(w), w->program, "%s; starting it again in %u.%u s", why,
		(unsigned)(delay_ms / 1000), (unsigned)(delay_ms % 1000 / 100));
	if (sd_event_add_time_relative(w->event, &w->restart_source, CLOCK_MONOTONIC,
		    delay_ms * 1000, 10000, worker_on_restart, w) < 0)
		log_error(worker_label(w), w->program, "out of memory: it is not started again");
	w->ops->changed(w->owner, w);
}

static int worker_on_exit(sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct worker *w = userdata;
	char why[64];

	if (si->si_code == CLD_EXITED)
		snprintf(why, sizeof(why), "exited with code %d", si->si_status);
	else
		snprintf(why, sizeof(why), "died of signal %d (%s)", si->si_status,
			sigabbrev_np(si->si_status) ?: "?");
	worker_forget(w);
	if (w->wanted)
		worker_back_off(w, why);
	return 0;
}

static int worker_handle(struct worker *w, const union msg *m)
{
	if (m->h.type != MSG_READY)
		return w->ops->report(w->owner, w, m);
	if (m->generation.generation > w->generation)
		return -EBADMSG;
	if (m->generation.generation < w->generation || w->ready)
		return 0;
	w->ready = w->serves = true;
	w->reason[0] = '\0';
	w->ops->changed(w->owner, w);
	return 0;
}

/* One message a wake-up (the event is level-triggered), so that a babbling worker cannot hold the
 * supervisor, and so that the channel may stay blocking for what we send. */
static int worker_on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct worker *w = userdata;
	int fds[MSG_FDS_MAX];
	size_t n_fds;
	union msg m;
	int r = ipc_recv(fd, IPC_WORKER, &m, fds, &n_fds);

	if (r > 0)
		r = worker_handle(w, &m) ?: 1;
	if (r > 0 || r == -EAGAIN || w->channel != fd)
		return 0;
	if (r == -EBADMSG)
		log_error(worker_label(w), w->program,
			"sent what is not in the message table (%s): ended",
			ipc_type_name(m.h.type));
	/* end of file, or not to be trusted: the child source sees it die */
	w->io_source = sd_event_source_disable_unref(w->io_source);
	if (w->pid)
		kill(w->pid, SIGKILL);
	return 0;
}

/* Between fork and exec, in the child: only what is async-signal-safe. */
static _Noreturn void worker_child(
	const struct worker *w, int channel, const char *path, char *const argv[])
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid(); /* Ctrl-C is for the supervisor */
	if (w->netns_fd >= 0 && setns(w->netns_fd, CLONE_NEWNET) < 0)
		_exit(120);
	if (channel == WORKER_CHANNEL)
		fcntl(channel, F_SETFD, 0);
	else if (dup2(channel, WORKER_CHANNEL) < 0)
		_exit(121);
	syscall(SYS_close_range, WORKER_CHANNEL + 1, ~0u, 0);
	execv(path, argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static int worker_fork(struct worker *w, int *ret_channel)
{
	char path[PATH_MAX], uid[16];
	char *argv[] = {
		path, (char *)"--worker", (char *)w->tailnet, uid, (char *)w->empty_dir, NULL};
	struct timeval patience = {.tv_sec = WORKER_SEND_TIMEOUT_S};
	int size = WORKER_SNDBUF_BYTES;
	int pair[2];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", w->dir, w->program);
	snprintf(uid, sizeof(uid), "%u", w->uid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	pid = fork();
	if (pid == 0)
		worker_child(w, pair[1], path, argv);
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return -errno;
	}
	w->pid = pid;
	*ret_channel = pair[0];
	return 0;
}

static int worker_introduce(struct worker *w)
{
	struct msg_hello hello = {.version = MSG_VERSION, .log_level = log_level()};
	int r;

	r = sd_event_add_child(w->event, &w->child_source, w->pid, WEXITED, worker_on_exit, w);
	if (r < 0)
		return r;
	r = sd_event_add_io(w->event, &w->io_source, w->channel, EPOLLIN, worker_on_io, w);
	if (r < 0)
		return r;
	r = w->ops->record(w->owner);
	if (r < 0)
		return r;
	r = worker_send(w, MSG_HELLO, &hello, sizeof(hello), &w->stats_fd, 1);
	if (r < 0)
		return r;
	return w->ops->configure(w->owner, w);
}

static void worker_spawn(struct worker *w)
{
	char why[96];
	int r;

	r = worker_make_stats(w);
	if (r == 0)
		r = worker_fork(w, &w->channel);
	if (r == 0) {
		w->started_ms = clock_now_ms();
		w->ready = false;
		fd_nonblock(w->channel, false);
		r = worker_introduce(w);
	}
	if (r == 0)
		return;
	if (w->pid && w->child_source) {
		kill(w->pid, SIGKILL); /* worker_on_exit() backs off */
		return;
	}
	if (w->pid) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	worker_forget(w);
	snprintf(why, sizeof(why), "cannot be started: %s", strerror(-r));
	worker_back_off(w, why);
}

void worker_start_now(struct worker *w)
{
	w->wanted = true;
	w->backoff_ms = WORKER_BACKOFF_MIN_MS;
	w->reason[0] = '\0';
	worker_spawn(w);
}

void worker_stop(struct worker *w)
{
	w->wanted = false;
	w->restart_source = sd_event_source_disable_unref(w->restart_source);
	if (w->pid) {
		_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, w->pid, 0);
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		w->child_source = sd_event_source_disable_unref(w->child_source);
		kill(w->pid, SIGTERM);
		if (pidfd < 0 || poll(&p, 1, WORKER_TERM_MS) <= 0)
			kill(w->pid, SIGKILL);
		while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	worker_forget(w);
	w->reason[0] = '\0';
}

void worker_done(struct worker *w)
{
	worker_stop(w);
	if (w->stats)
		munmap(w->stats, w->stats_size);
	w->stats = NULL;
	w->stats_fd = fd_close(w->stats_fd);
}

int worker_send(
	struct worker *w, enum msg_type type, void *msg, size_t size, const int *fds, size_t n_fds)
{
	int r;

	if (w->channel < 0)
		return -ENOTCONN;
	r = ipc_send(w->channel, type, msg, size, fds, n_fds);
	/* one that is dying already is reported when it is dead */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET && w->pid) {
		log_error(worker_label(w), w->program, "does not take %s: %s",
			ipc_type_name((uint16_t)type), strerror(-r));
		kill(w->pid, SIGKILL);
	}
	return r;
}

int worker_tell_prefixes(struct worker *w, enum msg_type type, const struct prefix *p, size_t n)
{
	int r = 0;

	for (size_t at = 0; at < n && r == 0; at += MSG_PREFIXES) {
		struct msg_prefixes m = {.n = (uint32_t)MIN(n - at, (size_t)MSG_PREFIXES)};

		memcpy(m.prefixes, p + at, m.n * sizeof(m.prefixes[0]));
		r = worker_tell(w, type, &m);
	}
	return r;
}

int worker_begin(struct worker *w)
{
	struct msg_generation m = {.generation = ++w->generation};

	w->ready = false;
	return worker_tell(w, MSG_BEGIN, &m);
}

int worker_commit(struct worker *w)
{
	struct msg_generation m = {.generation = w->generation};

	return worker_tell(w, MSG_COMMIT, &m);
}

/* DIR with its links resolved, if the workers are there. */
static int worker_look_in(const char *dir, char *ret, size_t size)
{
	char probe[PATH_MAX + 16];
	char *real = realpath(dir, NULL);
	int r = -ENOENT;

	if (!real)
		return -errno;
	snprintf(probe, sizeof(probe), "%s/tsgw-wg", real);
	if (access(probe, X_OK) == 0)
		r = (size_t)snprintf(ret, size, "%s", real) < size ? 0 : -ENAMETOOLONG;
	free(real);
	return r;
}

int worker_find_dir(char *ret, size_t size)
{
	char self[PATH_MAX], beside[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash)
			*slash = '\0';
		snprintf(beside, sizeof(beside), "%s/../libexec/tsgw", self);
		if (worker_look_in(self, ret, size) == 0 || worker_look_in(beside, ret, size) == 0)
			return 0;
	}
	snprintf(ret, size, "%s", TSGW_LIBEXECDIR);
	return worker_look_in(TSGW_LIBEXECDIR, ret, size);
}
