// SPDX-License-Identifier: MIT
// What failed is tried again: how long that waits, and whether the cause still lasts.
//
// A program that ends by itself is to blame for it: the pauses grow from 0.1 s to 30 s. But most of what
// keeps a tailnet from being made lies outside: no /dev/net/tun, a full or read-only disk, no descriptor or
// memory, a program that is being replaced, the out-of-memory killer. That ends at any moment, and nobody
// tells; so it is tried again within a second. It costs next to nothing: a few system calls ask first
// whether the cause lasts; where many wait they share one pace; and the log hears of ever fewer tries.
#include "supervisor/retry.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "ipc/worker.h"
#include "supervisor/recover.h"
#include "supervisor/spawn.h"
#include "supervisor/tailnet.h"

#define RETRY_STABLE_MS 60000
#define RETRY_FDS	32 /* that a start takes, about */
#define RETRY_REMOVE	3

bool retry_is_outside(int error)
{
	switch (-error) {
	case ENODEV: /* no /dev/net/tun */
	case ENOENT:
	case ENXIO:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EAGAIN:
	case ENOSPC:
	case EDQUOT:
	case EROFS:
	case EIO:
	case EACCES:
	case ENOEXEC:
	case ETXTBSY:
		return true;
	default:
		return false;
	}
}

void retry_reset(struct retry *t)
{
	*t = (struct retry){.own_ms = RETRY_MIN_MS, .outside_ms = RETRY_MIN_MS};
}

uint32_t retry_pause_ms(struct retry *t, bool outside, size_t waiting)
{
	uint64_t most = RETRY_MAX_MS, limit = RETRY_MAX_MS;
	uint32_t *next = outside ? &t->outside_ms : &t->own_ms, pause, jitter = 0;

	if (outside) {
		most = RETRY_OUTSIDE_MS * (uint64_t)MAX(waiting / RETRY_AT_ONCE, (size_t)1);
		most = MIN(most, (uint64_t)RETRY_SHARED_MS);
		limit = MAX(most, limit);
	}
	pause = (uint32_t)MIN(*next, most);
	*next = (uint32_t)MIN(*next * 2ull, limit);
	(void)!getrandom(&jitter, sizeof(jitter), GRND_NONBLOCK);
	/* what befell many at once would have them all try at the same moments for ever: scattered, somebody soon does */
	if (outside && pause > RETRY_OUTSIDE_MS)
		return pause / 2 + jitter % pause;
	return pause + jitter % (pause / 4 + 1);
}

uint32_t retry_again_ms(struct retry *t, const char *label, const char *program,
	uint64_t started_ms, const char *why, bool outside, size_t waiting)
{
	uint32_t ms;

	if (started_ms && clock_now_ms() - started_ms >= RETRY_STABLE_MS)
		retry_reset(t);
	ms = retry_pause_ms(t, outside, waiting);
	log_event(LOG_ID_WORKER, !outside || retry_is_news(t->tries++) ? LOG_WARNING : LOG_DEBUG,
		label, program, "%s; starting it again in %u.%u s", why, ms / 1000,
		ms % 1000 / 100);
	return ms;
}

bool retry_is_outside_end(int code, int status)
{
	if (code != CLD_EXITED)
		return status == SIGKILL; /* the kernel perhaps, for want of memory */
	return status == SPAWN_EXIT_GONE || status == SPAWN_EXIT_NO_EXEC ||
		status == WORKER_EXIT_WANT;
}

bool retry_is_news(uint32_t tries)
{
	return tries < 4 || (tries & (tries - 1)) == 0;
}

static bool no_descriptors(void)
{
	int fds[RETRY_FDS];
	size_t n = 0;

	while (n < ELEMENTSOF(fds) && (fds[n] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		n++;
	for (size_t i = 0; i < n; i++)
		fd_close(fds[i]);
	return n < ELEMENTSOF(fds);
}

/* A file without a name, so that nothing is left, and who watches the directory does not wake. */
static bool no_room(const char *dir)
{
	static const char page[4096];
	_cleanup_close_ int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT || errno == EROFS;
	return write(fd, page, sizeof(page)) != (ssize_t)sizeof(page);
}

static bool no_tun(void)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd < 0;
}

bool retry_lasts(int error, const char *run_dir)
{
	switch (-error) {
	case ENODEV:
		return no_tun();
	case EMFILE:
	case ENFILE:
		return no_descriptors();
	case ENOSPC:
	case EDQUOT:
	case EROFS:
		return no_room(run_dir);
	default:
		return false;
	}
}

/* ---- tailnets ---- */

static void retry_arm(struct tailnet *t);

static int retry_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;
	char dir[PATH_MAX];

	t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
	t->retry.tries++;
	if (!t->wanted) {
		retry_remove(t);
		return 0;
	}
	if (store_run_path(&t->s->store, t->name, ".", dir) == 0 && retry_lasts(t->error, dir)) {
		log_debug(t->name, NULL, "try %u: the cause lasts", t->retry.tries);
		retry_arm(t);
	} else {
		tailnet_start(t);
		if (t->state != TAILNET_FAILED)
			retry_all(t->s); /* what stood in its way may have stood in theirs */
	}
	return 0;
}

size_t retry_waiting(const struct supervisor *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_tailnets; i++) {
		const struct tailnet *t = s->tailnets[i];

		n += t->retry_timer || t->uplink.pasta.restart_source || t->engine.start_timer;
	}
	return n;
}

static void retry_arm(struct tailnet *t)
{
	size_t waiting = 1 + retry_waiting(t->s);

	if (sd_event_add_time_relative(t->s->event, &t->retry_timer, CLOCK_MONOTONIC,
		    retry_pause_ms(&t->retry, retry_is_outside(t->error), waiting) * 1000ull, 10000,
		    retry_on_timer, t) < 0)
		worker_no_timer(t->name, NULL);
}

void retry_remove(struct tailnet *t)
{
	char object[128];
	int r = 0;

	for (int i = 0; i < RETRY_REMOVE; i++) {
		*object = '\0';
		r = recover_tailnet(&t->s->store, t->name, t->s->host, object);
		if (r == 0 || r == -EEXIST)
			break;
	}
	if (r < 0 && retry_is_news(t->retry.tries))
		log_error(t->name, *object ? object : NULL, "cannot be removed: %s", strerror(-r));
	/* a start begins with it, and nobody waits for one that is ending */
	if (r < 0 && r != -EEXIST && !t->wanted && !t->s->stopping)
		retry_plan(t, r);
}

void retry_plan(struct tailnet *t, int error)
{
	t->error = error;
	retry_arm(t);
}

/* The kernel tells of every change of mounts on this file; so a disk that is read-only for good costs no
 * wake-up. */
static int retry_on_mounts(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct supervisor *s = userdata;
	bool any = false;

	for (size_t i = 0; i < s->n_tailnets; i++) {
		if (s->tailnets[i]->unwritten && s->tailnets[i]->netns_fd >= 0)
			tailnet_write_resolv_conf(s->tailnets[i]);
		any = any || s->tailnets[i]->unwritten;
	}
	if (!any)
		s->mounts = sd_event_source_disable_unref(s->mounts);
	return 0;
}

void retry_when_mounted(struct tailnet *t)
{
	struct supervisor *s = t->s;
	int fd;

	if (!t->unwritten)
		log_warning(t->name, "resolv.conf",
			"/etc/netns is read-only: names do not work in ip netns exec");
	t->unwritten = true;
	fd = s->mounts ? -1 : open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (sd_event_add_io(s->event, &s->mounts, fd, EPOLLPRI, retry_on_mounts, s) < 0)
		fd_close(fd); /* the next start writes it */
	else
		(void)sd_event_source_set_io_fd_own(s->mounts, true);
}

void retry_all(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_tailnets; i++) {
		struct tailnet *t = s->tailnets[i];

		if (t->state != TAILNET_FAILED || !t->retry_timer ||
			MAX(t->retry.own_ms, t->retry.outside_ms) <= 2 * RETRY_MIN_MS)
			continue; /* or it is about to be tried anyhow */
		t->retry.own_ms = t->retry.outside_ms = RETRY_MIN_MS;
		t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
		retry_arm(t);
	}
}
