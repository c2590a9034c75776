// SPDX-License-Identifier: MIT
// A stream of what changes, from every supervisor below the run directory, or from the owner of one
// tailnet; those that go are looked for until they are back.
#include "ctl/watching.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "ctl/sockets.h"
#include "ctl/target.h"

static bool is_known(const struct watching *w, pid_t pid, const char *name)
{
	for (size_t i = 0; i < w->n; i++)
		if (pid ? w->sources[i].pid == pid : !strcmp(w->sources[i].name, name))
			return true;
	return false;
}

/* Takes over *FD where it succeeds. */
static int watching_add(struct watching *w, const char *name, int *fd, pid_t pid)
{
	struct control_request q = {
		.magic = CONTROL_MAGIC, .version = CONTROL_VERSION, .verb = CONTROL_WATCH};
	struct watching_source *s = &w->sources[w->n];

	if (w->n == WATCHING_MAX)
		return -ENOSPC;
	if (w->args->name)
		memcpy(q.name, w->args->name, strlen(w->args->name));
	if (send(*fd, &q, sizeof(q), MSG_NOSIGNAL) < 0)
		return -errno;
	*s = (struct watching_source){.pid = pid};
	snprintf(s->name, sizeof(s->name), "%s", name ? name : "");
	s->fd = take_fd(*fd);
	w->n++;
	return 0;
}

static int look_one(void *arg, const char *name, int fd, pid_t pid, int error)
{
	struct watching *w = arg;
	_cleanup_close_ int own =
		error || is_known(w, pid, name ? name : "") ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (error && !w->error)
		w->error = error;
	if (own >= 0)
		(void)watching_add(w, name, &own, pid);
	return 0;
}

static void watching_look(struct watching *w)
{
	const char *name = w->args->name;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	if (!name)
		sockets_each(w->args->run_dir, &(struct sockets_walk){.each = look_one, .arg = w});
	else if (!w->n && client_open(w->args->run_dir, name, &fd, &pid) == 0)
		(void)watching_add(w, name, &fd, pid);
}

int watching_begin(struct watching *w)
{
	_cleanup_close_ int fd = -1;
	pid_t pid;
	int code;

	if (w->args->name) {
		code = target_open(w->args, false, &fd, &pid);
		if (code == CTL_DONE && watching_add(w, w->args->name, &fd, pid) < 0)
			code = client_complain(w->args->run_dir, w->args->name, -EPIPE);
		return code;
	}
	watching_look(w);
	return w->n ? CTL_DONE
		    : client_complain(w->args->run_dir, NULL, w->error ? w->error : -ENOENT);
}

/* 1: there is more to read, 0 nothing now, -errno it hung up or spoke nonsense. */
static int watching_read(struct watching *w, struct watching_source *s, int *ret_stop)
{
	union control_any m;
	ssize_t n = fd_recv(s->fd, &m, sizeof(m));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || (size_t)n > sizeof(m) || record_check(&m, (size_t)n) < 0)
		return n <= 0 ? -EPIPE : -EBADMSG;
	if (m.h.record == CONTROL_END)
		return -EPIPE;
	*ret_stop = w->each(w->arg, s, &m);
	return 1;
}

static int watching_drain(struct watching *w, size_t i)
{
	struct watching_source *s = &w->sources[i];
	int stop = 0, r = 1;

	while (r > 0 && !stop)
		r = watching_read(w, s, &stop);
	if (r >= 0 || stop)
		return stop;
	stop = w->each(w->arg, s, NULL);
	fd_close(s->fd);
	*s = w->sources[--w->n];
	return stop;
}

int watching_run(struct watching *w)
{
	struct pollfd p[WATCHING_MAX];
	uint64_t next = clock_now_ms() + WATCHING_RETRY_MS;
	int stop = 0;

	while (!stop) {
		uint64_t now = clock_now_ms();

		for (size_t i = 0; i < w->n; i++)
			p[i] = (struct pollfd){.fd = w->sources[i].fd, .events = POLLIN};
		if (poll(p, w->n, next > now ? (int)(next - now) : 0) < 0 && errno != EINTR)
			return -errno;
		/* from behind: one that goes is replaced by the last, which was looked at */
		for (size_t i = w->n; i-- > 0 && !stop;)
			if (p[i].revents)
				stop = watching_drain(w, i);
		if (clock_now_ms() >= next) {
			watching_look(w);
			next = clock_now_ms() + WATCHING_RETRY_MS;
		}
		if (!stop)
			stop = w->idle(w->arg);
	}
	return stop;
}

void watching_end(struct watching *w)
{
	while (w->n)
		fd_close(w->sources[--w->n].fd);
}
