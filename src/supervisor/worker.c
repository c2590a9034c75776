// SPDX-License-Identifier: MIT
// A worker process: started, told, listened to, started again with backoff when it dies.
//
// A new worker blocks until it gets MSG_HELLO. The supervisor records its pid first and says hello
// then: if the supervisor dies between fork and record, the worker sees the end of its channel and
// leaves by itself; if it dies later, the record lets the next start find and end the worker. So no
// moment exists at which a killed supervisor leaves a process that nobody knows.
//
// Its pidfd, our end of its channel and its counters lie in the descriptor store while it runs. So the
// next supervisor can take it over (worker_adopt()): it is told everything but HELLO once more, and changes
// what differs. What it said before it has answered that was meant for somebody else.
#include "supervisor/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "ipc/ipc.h"
#include "ipc/worker.h"
#include "supervisor/fdstore.h"
#include "supervisor/process.h"
#include "supervisor/retry.h"
#include "supervisor/spawn.h"
#include "supervisor/store.h"

#define WORKER_SEND_TIMEOUT_S 2
#define WORKER_SNDBUF_BYTES   (8 << 20)
#define WORKER_TERM_MS	      500
#define WORKER_KILL_MS	      5000

static void worker_spawn(struct worker *w);

static struct worker *workers;

const char *worker_label(const struct worker *w)
{
	return strcmp(w->tailnet, "-") ? w->tailnet : "front";
}

void worker_init(struct worker *w, size_t stats_size)
{
	w->channel = w->pidfd = w->stats_fd = -1;
	w->stats_size = stats_size;
	retry_reset(&w->retry);
	w->next = workers;
	if (workers)
		workers->prev = w;
	workers = w;
}

static void worker_unlist(struct worker *w)
{
	if (w->prev)
		w->prev->next = w->next;
	else if (workers == w)
		workers = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = w->next = NULL;
}

static void worker_condemn(struct worker *w)
{
	w->condemned = true;
	worker_kill(w, SIGKILL);
}

void worker_ping_all(void)
{
	struct msg_ping m = {0};

	for (struct worker *w = workers; w; w = w->next) {
		if (!w->pid)
			continue;
		if (w->pinged) {
			log_error(worker_label(w), w->program, "does not answer: ended");
			worker_condemn(w);
			continue;
		}
		w->pinged = worker_tell(w, MSG_PING, &m) == 0;
	}
}

void worker_kill(const struct worker *w, int signal_number)
{
	if (w->pidfd >= 0)
		(void)process_signal(w->pidfd, signal_number);
}

const char *worker_object(const struct worker *w, const char *what, char ret[64])
{
	snprintf(ret, 64, "%s.%s", w->program, what);
	return ret;
}

static void worker_put(const struct worker *w, const char *what, int fd)
{
	char object[64];

	fdstore_put(w->tailnet, worker_object(w, what, object), fd);
}

static void worker_drop(const struct worker *w, const char *what)
{
	char object[64];

	fdstore_drop(w->tailnet, worker_object(w, what, object));
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

void worker_leave(struct worker *w)
{
	w->restart_source = sd_event_source_disable_unref(w->restart_source);
	w->io_source = sd_event_source_disable_unref(w->io_source);
	w->exit_source = sd_event_source_disable_unref(w->exit_source);
	w->channel = fd_close(w->channel);
	w->pidfd = fd_close(w->pidfd);
	w->pid = 0;
	w->waits[0] = '\0';
	w->wanted = w->ready = w->serves = w->adopted = w->resuming = w->pinged = false;
}

static void worker_forget(struct worker *w)
{
	bool wanted = w->wanted;

	worker_drop(w, "channel");
	worker_drop(w, "pid");
	worker_leave(w);
	w->wanted = wanted;
}

static int worker_on_restart(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct worker *w = userdata;

	w->restart_source = sd_event_source_disable_unref(w->restart_source);
	w->restarts++;
	w->hurried = false;
	worker_spawn(w);
	return 0;
}

void worker_no_timer(const char *label, const char *object)
{
	log_error(
		label, object, "out of memory to try again later: tsgwd ends, to be started anew");
	_exit(1);
}

static size_t workers_waiting(void)
{
	size_t n = 1;

	for (const struct worker *w = workers; w; w = w->next)
		n += w->restart_source != NULL;
	return n;
}

/* W has what it lacked. So a few others that wait for the like are tried at once, and each of them that has luck tells
 * others: where the cause is gone, all are back soon; where it is not, that has cost little. */
static void worker_had_luck(struct worker *w)
{
	int n = RETRY_AT_ONCE;

	w->outside = false;
	for (struct worker *o = workers; o && n; o = o->next) {
		if (!o->outside || o->hurried || !o->restart_source ||
			o->retry.outside_ms <= 2 * RETRY_MIN_MS)
			continue;
		if (sd_event_source_set_time_relative(o->restart_source, RETRY_MIN_MS * 1000) < 0)
			continue;
		o->hurried = true;
		n--;
	}
}

/* Starts it again later. OUTSIDE: it is not to blame. */
static void worker_back_off(struct worker *w, const char *why, bool outside)
{
	uint32_t delay_ms;

	delay_ms = retry_again_ms(&w->retry, worker_label(w), w->program, w->started_ms, why,
		outside, workers_waiting());
	w->outside = outside;
	snprintf(w->reason, sizeof(w->reason), "%s %s, starting it again", w->program, why);
	if (sd_event_add_time_relative(w->event, &w->restart_source, CLOCK_MONOTONIC,
		    delay_ms * 1000ull, 10000, worker_on_restart, w) < 0)
		worker_no_timer(worker_label(w), w->program);
	w->ops->changed(w->owner, w);
}

/* How a child ended; of one that was adopted only its parent could know. True: nothing that it did itself;
 * its program is not there, it could not have what it needs, or somebody, the kernel perhaps for want of
 * memory, has killed it. */
static bool worker_why(const struct worker *w, char *ret, size_t size)
{
	siginfo_t si = {0};

	snprintf(ret, size, "ended");
	if (w->adopted || waitid(P_PIDFD, (id_t)w->pidfd, &si, WEXITED | WNOHANG) < 0 || !si.si_pid)
		return false;
	if (si.si_code == CLD_EXITED && si.si_status == SPAWN_EXIT_GONE)
		snprintf(ret, size, "is gone: there is no such file any more");
	else if (si.si_code == CLD_EXITED && si.si_status == WORKER_EXIT_WANT)
		snprintf(ret, size, "lacked memory or descriptors");
	else if (si.si_code == CLD_EXITED)
		snprintf(ret, size, "exited with code %d", si.si_status);
	else
		snprintf(ret, size, "died of signal %d (%s)", si.si_status,
			sigabbrev_np(si.si_status) ?: "?");
	return !w->condemned && retry_is_outside_end(si.si_code, si.si_status);
}

static int worker_on_exit(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct worker *w = userdata;
	char why[64];
	bool outside = worker_why(w, why, sizeof(why));

	worker_forget(w);
	if (w->wanted)
		worker_back_off(w, why, outside);
	return 0;
}

static int worker_handle(struct worker *w, const union msg *m)
{
	if (m->h.type == MSG_PONG) {
		w->pinged = false;
		return 0;
	}
	if (w->resuming && (m->h.type != MSG_READY || m->generation.generation != w->generation))
		return 0; /* to the supervisor before us */
	w->resuming = false;
	if (m->h.type == MSG_WAITS)
		return worker_waits(w, &m->waits);
	if (m->h.type != MSG_READY)
		return w->ops->report(w->owner, w, m);
	if (m->generation.generation > w->generation)
		return -EBADMSG;
	if (m->generation.generation < w->generation || w->ready)
		return 0;
	w->ready = w->serves = true;
	w->reason[0] = '\0';
	if (w->outside)
		worker_had_luck(w);
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
	w->condemned |= r == -EBADMSG;
	/* end of file, or not to be trusted: its pidfd tells of its death */
	w->io_source = sd_event_source_disable_unref(w->io_source);
	worker_kill(w, SIGKILL);
	return 0;
}

static int worker_execute(struct worker *w, int *ret_channel)
{
	char path[PATH_MAX], uid[16];
	char *argv[] = {path, (char *)"--worker", (char *)w->tailnet, uid, (char *)w->empty_dir,
		(char *)w->option, NULL};
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
	pid = spawn_worker(path, argv, pair[1], w->netns_fd, &w->pidfd);
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return pid;
	}
	w->pid = pid;
	*ret_channel = pair[0];
	return 0;
}

int worker_watch(struct worker *w)
{
	int r = sd_event_add_io(w->event, &w->exit_source, w->pidfd, EPOLLIN, worker_on_exit, w);

	return r < 0
		? r
		: sd_event_add_io(w->event, &w->io_source, w->channel, EPOLLIN, worker_on_io, w);
}

static int worker_introduce(struct worker *w)
{
	struct msg_hello hello = {.version = MSG_VERSION, .log_level = log_level()};
	int r;

	r = worker_watch(w);
	if (r >= 0)
		r = w->ops->record(w->owner);
	if (r < 0)
		return r;
	worker_put(w, "stats", w->stats_fd);
	worker_put(w, "pid", w->pidfd);
	worker_put(w, "channel", w->channel);
	r = worker_send(w, MSG_HELLO, &hello, sizeof(hello), &w->stats_fd, 1);
	if (r < 0)
		return r;
	return w->ops->configure(w->owner, w);
}

static void worker_spawn(struct worker *w)
{
	char why[96];
	int r;

	w->build = worker_build(w); /* before it is run: of one that is replaced now, the older */
	r = worker_make_stats(w);
	if (r == 0)
		r = worker_execute(w, &w->channel);
	if (r == 0) {
		w->started_ms = clock_now_ms();
		w->ready = w->condemned = false;
		fd_nonblock(w->channel, false);
		r = worker_introduce(w);
	}
	if (r == 0)
		return;
	worker_kill(w, SIGKILL);
	if (w->exit_source)
		return; /* worker_on_exit() backs off */
	if (w->pid)
		waitpid(w->pid, NULL, 0);
	worker_forget(w);
	snprintf(why, sizeof(why), "cannot be started: %s", strerror(-r));
	worker_back_off(w, why, true);
}

int worker_describe(const struct worker *w, struct made_process *ret)
{
	struct made_process p = {.pid = w->pid, .uid = w->uid, .build = w->build};

	if (!w->pid || store_process_start(w->pid, &p.start_ticks) < 0)
		return -ESRCH;
	*ret = p;
	return 0;
}

void worker_start_now(struct worker *w)
{
	w->wanted = true;
	retry_reset(&w->retry);
	w->reason[0] = '\0';
	worker_spawn(w);
}

void worker_stop(struct worker *w)
{
	struct pollfd p = {.fd = w->pidfd, .events = POLLIN};

	w->wanted = false;
	w->restart_source = sd_event_source_disable_unref(w->restart_source);
	w->reason[0] = '\0';
	if (!w->pid)
		return;
	worker_kill(w, SIGTERM);
	if (poll(&p, 1, WORKER_TERM_MS) <= 0)
		worker_kill(w, SIGKILL);
	if (w->adopted)
		(void)poll(&p, 1, WORKER_KILL_MS);
	while (!w->adopted && waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	worker_forget(w);
}

void worker_done(struct worker *w)
{
	worker_stop(w);
	worker_unlist(w);
	if (w->stats)
		munmap(w->stats, w->stats_size);
	w->stats = NULL;
	w->stats_fd = fd_close(w->stats_fd);
}

int worker_send(
	struct worker *w, enum msg_type type, void *msg, size_t size, const int *fds, size_t n_fds)
{
	int r, tries = 3;

	if (w->channel < 0)
		return -ENOTCONN;
	do /* want of memory is not its fault, and may pass */
		r = ipc_send(w->channel, type, msg, size, fds, n_fds);
	while ((r == -ENOBUFS || r == -ENOMEM) && --tries && poll(NULL, 0, 10) == 0);
	/* one that is dying already is reported when it is dead */
	if (r < 0 && r != -EPIPE && r != -ECONNRESET && w->pid) {
		log_error(worker_label(w), w->program, "does not take %s: %s",
			ipc_type_name((uint16_t)type), strerror(-r));
		worker_condemn(w);
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
