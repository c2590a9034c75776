// SPDX-License-Identifier: MIT
// The gateway in one process: what it was asked to run, and what it knows of the host.
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "config/names.h"
#include "ipc/worker.h"
#include "supervisor/control.h"
#include "supervisor/fdstore.h"
#include "supervisor/front.h"
#include "supervisor/heal.h"
#include "supervisor/recover.h"
#include "supervisor/retry.h"
#include "supervisor/spawn.h"
#include "supervisor/sweep.h"
#include "supervisor/tailnet.h"
#include "supervisor/watch.h"
#include "supervisor/uplink.h"
#include "supervisor/unitjob.h"

#define WATCHDOG_ACCURACY_USEC 1000000
#define PAUSE_REFUSED_S	       3

bool supervisor_wants(const struct supervisor *s, const struct tailnet_config *t)
{
	const struct options *o = s->options;

	for (size_t i = 0; i < o->n_names; i++)
		if (!strcmp(o->names[i], t->name))
			return true;
	return o->all && t->enabled;
}

struct tailnet *supervisor_find(const struct supervisor *s, const char *name)
{
	for (size_t i = 0; i < s->n_tailnets; i++)
		if (!strcmp(s->tailnets[i]->name, name))
			return s->tailnets[i];
	return NULL;
}

int supervisor_add(struct supervisor *s, struct tailnet_config *c, struct tailnet **ret)
{
	struct tailnet **more, *t;
	int r;

	more = reallocarray(s->tailnets, s->n_tailnets + 1, sizeof(*more));
	r = more ? 0 : -ENOMEM;
	if (more)
		s->tailnets = more;
	if (r == 0)
		r = tailnet_new(s, c, &t);
	if (r < 0) {
		log_error(c->name, NULL, "cannot be started: %s", strerror(-r));
		return r;
	}
	r = tailnet_lock(t);
	if (r == 0)
		r = control_listen(s->control, t->name);
	if (r < 0) {
		if (t->lock_fd >= 0)
			log_error(t->name, "control.sock", "%s", strerror(-r));
		tailnet_free(t);
		return r;
	}
	s->tailnets[s->n_tailnets++] = t;
	*ret = t;
	return 0;
}

/* ---- signals ---- */

/* For a restart everything stays, in the descriptor store and in the record; else all is removed. */
static void supervisor_on_job(void *arg, enum unit_job job)
{
	struct supervisor *s = arg;

	s->leaving = job == UNIT_JOB_START || job == UNIT_JOB_RESTART;
	log_info(NULL, NULL, s->leaving ? "ends; the next start takes over what runs" : "stops");
	/* the last word stays in `systemctl status` */
	(void)sd_notify(0, s->leaving ? "STATUS=restarts; what runs goes on" : "STATUS=down");
	s->stopping = true;
	(void)sd_event_exit(s->event, 0);
}

static int supervisor_on_stop(
	sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct supervisor *s = userdata;

	if (s->asking)
		return 0;
	s->asking = true;
	(void)sd_notify(0, "STOPPING=1");
	if (si->ssi_signo == SIGTERM)
		unitjob_ask(s->event, supervisor_on_job, s);
	else
		supervisor_on_job(s, UNIT_JOB_NONE);
	return 0;
}

static int supervisor_on_hup(
	sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct supervisor *s = userdata;

	(void)supervisor_reload(s, false, NULL, NULL);
	supervisor_changed(s);
	return 0;
}

/* A worker of ours drains on SIGUSR1; who takes us for one ends nothing. A handler: unlike what is ignored,
 * it is not inherited. */
static void supervisor_on_stray(int signal_number)
{
}

static int supervisor_signals(struct supervisor *s)
{
	const struct sigaction stray = {.sa_handler = supervisor_on_stray, .sa_flags = SA_RESTART};
	sigset_t mask;
	int r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGIO);
	sigaddset(&mask, SIGRTMIN + 1); /* heal.c */
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &stray, NULL);
	sigaction(SIGUSR2, &stray, NULL);
	r = sd_event_add_signal(s->event, NULL, SIGTERM, supervisor_on_stop, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGINT, supervisor_on_stop, s);
	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, SIGHUP, supervisor_on_hup, s);
	return r < 0 ? r : 0;
}

/* systemd is told that we live as long as this loop turns; a worker that does not is ended by us. */
static int supervisor_on_watchdog(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct supervisor *s = userdata;

	(void)sd_notify(0, "WATCHDOG=1");
	worker_ping_all();
	return sd_event_source_set_time_relative(source, s->watchdog_usec);
}

static int supervisor_watchdog(struct supervisor *s)
{
	sd_event_source *source;
	int r = sd_watchdog_enabled(1, &s->watchdog_usec);

	s->watchdog_usec /= 2;
	if (r <= 0)
		return r;
	r = sd_event_add_time_relative(s->event, &source, CLOCK_MONOTONIC, s->watchdog_usec,
		MIN(s->watchdog_usec / 4, (uint64_t)WATCHDOG_ACCURACY_USEC), supervisor_on_watchdog,
		s);
	if (r >= 0)
		r = sd_event_source_set_enabled(source, SD_EVENT_ON);
	return r < 0 ? r : sd_event_source_set_floating(source, true);
}

/* ---- life ---- */

static void raise_limits(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max = MAX(l.rlim_max, (rlim_t)1048576);
		if (setrlimit(RLIMIT_NOFILE, &l) < 0 && getrlimit(RLIMIT_NOFILE, &l) == 0) {
			l.rlim_cur = l.rlim_max;
			(void)setrlimit(RLIMIT_NOFILE, &l);
		}
	}
	l = (struct rlimit){64 << 20, 64 << 20};
	(void)setrlimit(RLIMIT_MEMLOCK, &l);
}

/* Before any other descriptor is opened: some numbers have a meaning. */
static int supervisor_begin(void)
{
	int r = fdstore_open(), reserved;

	log_keep_above(WORKER_CHANNEL);
	reserved = spawn_reserve();

	if (r < 0)
		log_warning(NULL, NULL, "descriptors of the earlier process: %s", strerror(-r));
	if (reserved < 0)
		log_error(NULL, NULL, "cannot start: /dev/null: %s", strerror(-reserved));
	return reserved;
}

static int supervisor_open(struct supervisor *s)
{
	int r;

	raise_limits();
	r = worker_find_dir(s->worker_dir, sizeof(s->worker_dir));
	if (r < 0) {
		log_error(NULL, NULL, "no worker programs in %s: %s", s->worker_dir, strerror(-r));
		return r;
	}
	r = store_init(&s->store);
	if (r < 0)
		return r;
	snprintf(s->empty_dir, sizeof(s->empty_dir), "%s/.empty", s->store.run_dir);
	s->host_netns_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (s->host_netns_fd < 0) {
		r = -errno;
		log_error(NULL, NULL, "cannot start: /proc/self/ns/net: %s", strerror(-r));
		return r;
	}
	r = sd_event_new(&s->event);
	if (r >= 0)
		r = supervisor_signals(s);
	if (r >= 0)
		r = supervisor_watchdog(s);
	if (r >= 0)
		r = links_open(-1, &s->host);
	if (r >= 0)
		r = supervisor_read_addresses(s);
	if (r >= 0)
		r = watch_new(s, &s->watchers);
	if (r >= 0)
		heal_open(s);
	if (r >= 0)
		r = control_new(s, &s->control);
	if (r < 0)
		log_error(NULL, NULL, "cannot start: %s", strerror(-r));
	return r < 0 ? r : 0;
}

/* Everything is locked before anything is touched. */
static int supervisor_own(struct supervisor *s)
{
	struct tailnet *t;
	int r = 0;

	if (s->options->front) {
		r = front_new(s, &s->front);
		if (r == 0)
			r = control_listen(s->control, NULL);
		if (r < 0 && s->front)
			log_error(NULL, "front.sock", "%s", strerror(-r));
	}
	for (size_t i = 0; i < s->config->n_tailnets && r == 0; i++)
		if (supervisor_wants(s, s->config->tailnets[i]))
			r = supervisor_add(s, s->config->tailnets[i], &t);
	return r;
}

/* Every tailnet is refused because something foreign has its name: nothing is left to do. */
static bool all_refused(const struct supervisor *s)
{
	for (size_t i = 0; i < s->n_tailnets; i++)
		if (!s->tailnets[i]->refused)
			return false;
	return s->n_tailnets > 0;
}

/* What takes long one by one, for all at once: see recover_many(). */
static void supervisor_clear(struct supervisor *s)
{
	_cleanup_free_ const char **names = calloc(s->n_tailnets + 1, sizeof(*names));
	size_t n = 0;

	/* one alone is cleared by its own start */
	if (!names || (!s->stopping && s->n_tailnets < 2))
		return;
	for (size_t i = 0; i < s->n_tailnets; i++) {
		if (!s->stopping && s->tailnets[i]->netns_fd >= 0)
			continue; /* taken over */
		names[n++] = s->tailnets[i]->name;
		/* the node has it too, so it goes when that ends, and those end side by side */
		s->tailnets[i]->tun_fd = fd_close(s->tailnets[i]->tun_fd);
	}
	recover_many(&s->store, names, n, s->host);
}

static void supervisor_close(struct supervisor *s)
{
	s->stopping = true;
	if (!s->leaving)
		supervisor_clear(s);
	heal_close(s);
	control_free(s->control);
	s->control = NULL;
	watch_free(s->watchers);
	s->watchers = NULL;
	for (size_t i = 0; i < s->n_tailnets && s->leaving; i++)
		if (!tailnet_is_stock(s->tailnets[i]->config)) /* nobody takes over a stock node */
			tailnet_leave(s->tailnets[i]);
	if (s->leaving && s->front)
		front_leave(s->front);
	for (size_t i = 0; i < s->n_tailnets; i++)
		tailnet_free(s->tailnets[i]);
	free(s->tailnets);
	sd_event_source_disable_unref(s->changed);
	uplink_watch_free(s->uplink_watch);
	front_free(s->front);
	links_close(s->watch);
	links_close(s->host);
	free(s->addresses);
	suffixes_forget(&s->suffixes);
	fd_close(s->host_netns_fd);
	sd_event_source_disable_unref(s->mounts);
	sd_event_unref(s->event);
}

/* Of a tailnet that was this unit's, and is not any more. */
static void supervisor_sweep(void *arg, const char *owner)
{
	struct supervisor *s = arg;

	if (!strcmp(owner, "-") ? !s->front : !supervisor_find(s, owner))
		(void)sweep_one(&s->store, s->host, strcmp(owner, "-") ? owner : NULL);
}

static int supervisor_loop(struct supervisor *s)
{
	int r;

	for (size_t i = 0; i < s->n_tailnets; i++)
		(void)tailnet_resume(s->tailnets[i]);
	fdstore_each_owner(supervisor_sweep, s);
	supervisor_clear(s);
	supervisor_prepare(s);
	for (size_t i = 0; i < s->n_tailnets; i++)
		tailnet_start(s->tailnets[i]);
	free(s->used.items);
	s->used = (struct prefix_list){0};
	if (all_refused(s))
		return 1;
	if (s->front)
		front_start(s->front);
	fdstore_close_rest();
	heal_begin(s);
	if (supervisor_watch(s) < 0)
		return 1;
	s->started = true;
	supervisor_changed(s);
	r = sd_event_loop(s->event);
	if (r < 0)
		log_error(NULL, NULL, "event loop: %s", strerror(-r));
	return r < 0 ? 1 : r;
}

/* Problems to stderr, and the exit code if nothing can run at all. */
static int supervisor_judge(const struct supervisor *s)
{
	const struct config *c = s->config;

	for (size_t i = 0; i < c->n_problems; i++)
		fprintf(stderr, "%s\n", c->problems[i].text);
	if (c->fatal)
		return 2;
	for (size_t i = 0; i < s->options->n_names; i++) {
		if (config_find(c, s->options->names[i]))
			continue;
		fprintf(stderr, "%s: there is no [tailnet %s]\n", c->path, s->options->names[i]);
		return 2;
	}
	return 0;
}

/* What stands in the way (somebody else owns it, or has made a thing of that name) mostly does so for long: systemd
 * would start us again ten times a second. */
static void supervisor_pause(void)
{
	const struct timespec pause = {.tv_sec = PAUSE_REFUSED_S};
	const char *pid = getenv("SYSTEMD_EXEC_PID"); /* systemd.exec(5) */
	sigset_t ends;

	if (!pid || strtol(pid, NULL, 10) != getpid())
		return;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	(void)sigtimedwait(&ends, NULL, &pause);
}

int supervisor_run(const struct options *o)
{
	struct supervisor s = {.options = o,
		.store = {.run_dir = o->run_dir, .state_dir = o->state_dir},
		.host_netns_fd = -1,
		.suffixes = {.fd = -1},
		.heal = {.shared_fds = {-1, -1}, .run_fd = -1}};
	int code;

	if (supervisor_begin() < 0)
		return 1;
	code = config_load_only(o->config_path, (const char *const *)o->names,
		o->front ? 0 : o->n_names, &s.config);
	if (code < 0) {
		log_error(NULL, NULL, "the configuration cannot be read: %s", strerror(-code));
		return 1;
	}
	code = supervisor_judge(&s);
	if (code == 0 && geteuid() != 0) {
		log_error(NULL, NULL, "must be started by root (--check works for everybody)");
		code = 1;
	}
	if (code == 0) {
		code = supervisor_open(&s) < 0 || supervisor_own(&s) < 0 ? 1 : supervisor_loop(&s);
		supervisor_close(&s);
	}
	config_free(s.config);
	if (code == 1 && !s.ready)
		supervisor_pause();
	return code;
}
