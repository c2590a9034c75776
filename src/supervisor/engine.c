// SPDX-License-Identifier: MIT
// The stock node of a tailnet as a process: found, judged by its version, run, started again.
//
//	          found, new enough                exits, is hung
//	missing ───────────────────► runs ──────────────────────────► waits, longer each time ──► runs
//	   ▲                          │ its registration failed
//	   └── looked for again       └────────► started anew when tsgw-host said it should be
//
// Root opens connections to its LocalAPI and the pipe that it logs to, and reads neither: tsgw-host does
// (enginetell.c). Both ends of the pipe stay open here, so that tailscaled and tsgw-host may each come
// and go.
#include "supervisor/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/netmap.h"
#include "supervisor/process.h"
#include "supervisor/retry.h"
#include "supervisor/tailnet.h"

#define LEAST_MAJOR	  1
#define LEAST_MINOR	  62
#define MISSING_MS	  800 /* is it installed now? */
#define UNFIT_MS	  30000
#define VERSION_MS	  10000
#define HANG_MS		  60000 /* silent so long: ended and started again */
#define TERM_MS		  3000
#define TERM_EPHEMERAL_MS 6000 /* it tells the control server first */
#define CONNECT_MS	  100
#define SOCKET		  "tailscaled.sock"

static void engine_launch(struct tailnet *t);

void engine_init(struct stock *e)
{
	*e = (struct stock){.log_fd = -1, .log_write_fd = -1, .version_fd = -1};
	retry_reset(&e->retry);
}

/* ---- starting, and again ---- */

static int on_start_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->engine.start_timer = sd_event_source_disable_unref(t->engine.start_timer);
	engine_launch(t);
	return 0;
}

static void start_in(struct tailnet *t, uint64_t ms)
{
	struct stock *e = &t->engine;

	e->start_timer = sd_event_source_disable_unref(e->start_timer);
	if (sd_event_add_time_relative(t->s->event, &e->start_timer, CLOCK_MONOTONIC, ms * 1000,
		    10000, on_start_timer, t) < 0)
		worker_no_timer(t->name, "tailscaled");
}

/* WHY belongs into "tailscaled WHY". OUTSIDE: it is not to blame. */
static void back_off(struct tailnet *t, const char *why, bool outside)
{
	struct stock *e = &t->engine;
	uint32_t ms;

	ms = retry_again_ms(&e->retry, t->name, "tailscaled", e->started_ms, why, outside,
		1 + retry_waiting(t->s));
	e->cannot = false;
	snprintf(e->reason, sizeof(e->reason), "tailscaled %s, starting it again", why);
	e->restarts++;
	start_in(t, ms);
}

/* Nothing that a moment's patience would mend. */
static void cannot(struct tailnet *t, const char *reason, uint64_t again_ms)
{
	struct stock *e = &t->engine;

	e->cannot = true;
	if (strcmp(e->reason, reason) != 0)
		log_error(t->name, "tailscaled", "%s", reason);
	snprintf(e->reason, sizeof(e->reason), "%s", reason);
	start_in(t, again_ms);
	tailnet_evaluate(t);
}

/* ---- its life ---- */

static int tell_node(struct tailnet *t, bool alive)
{
	struct msg_engine_node m = {.alive = alive};

	return t->host.pid ? worker_tell(&t->host, MSG_ENGINE_NODE, &m) : 0;
}

static int on_hang(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;
	struct stock *e = &t->engine;

	e->hang_timer = sd_event_source_disable_unref(e->hang_timer);
	if (e->pid && e->said.state == ENGINE_SILENT) {
		log_error(
			t->name, "tailscaled", "has not answered for %d s: ended", HANG_MS / 1000);
		e->hung = true;
		(void)process_signal_child(e->pid, SIGKILL);
	}
	return 0;
}

void engine_watch_silence(struct tailnet *t)
{
	struct stock *e = &t->engine;
	bool silent = e->pid && e->said.state == ENGINE_SILENT;

	if (!silent)
		e->hang_timer = sd_event_source_disable_unref(e->hang_timer);
	else if (!e->hang_timer)
		(void)sd_event_add_time_relative(t->s->event, &e->hang_timer, CLOCK_MONOTONIC,
			HANG_MS * 1000ull, 1000000, on_hang, t);
}

static void forget_process(struct tailnet *t)
{
	struct stock *e = &t->engine;

	e->exit_source = sd_event_source_disable_unref(e->exit_source);
	e->connect_timer = sd_event_source_disable_unref(e->connect_timer);
	e->hang_timer = sd_event_source_disable_unref(e->hang_timer);
	e->retry_timer = sd_event_source_disable_unref(e->retry_timer);
	e->expiry_timer = sd_event_source_disable_unref(e->expiry_timer);
	e->peers_timer = sd_event_source_disable_unref(e->peers_timer);
	e->pid = 0;
	e->conns = 0;
	e->said = (struct msg_engine_state){0};
}

static int on_exit_of_it(sd_event_source *s, const siginfo_t *si, void *userdata)
{
	struct tailnet *t = userdata;
	struct stock *e = &t->engine;
	bool again = e->again, hung = e->hung;
	char why[64];

	if (si->si_code == CLD_EXITED)
		snprintf(why, sizeof(why), "exited with code %d", si->si_status);
	else
		snprintf(why, sizeof(why), "died of signal %d (%s)", si->si_status,
			sigabbrev_np(si->si_status) ?: "?");
	forget_process(t);
	e->again = e->hung = false;
	(void)tell_node(t, false);
	if (e->wanted && again)
		engine_launch(t);
	else if (e->wanted)
		back_off(t, why, !hung && retry_is_outside_end(si->si_code, si->si_status));
	proxy_tell_node(t);
	tailnet_evaluate(t);
	return 0;
}

void engine_restart(struct tailnet *t)
{
	struct stock *e = &t->engine;

	if (e->pid) {
		e->again = true;
		(void)process_signal_child(e->pid, SIGTERM);
	} else if (e->wanted && !e->version_pid) {
		engine_launch(t);
	}
}

/* ---- running it ---- */

static int open_log(struct tailnet *t)
{
	struct stock *e = &t->engine;
	int pair[2];

	if (e->log_fd >= 0)
		return 0;
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	e->log_fd = pair[0];
	e->log_write_fd = pair[1];
	(void)engine_send_log(t); /* one that is dying has a successor, which gets it */
	return 0;
}

static void engine_spawn(struct tailnet *t, const char *path)
{
	struct stock *e = &t->engine;
	const char *step = "log";
	char why[128];
	int r = open_log(t);

	if (r == 0)
		r = engine_run_program(t, path, false, e->log_write_fd, &e->pid, &step);
	if (r == 0) {
		e->started_ms = clock_now_ms();
		e->reason[0] = '\0';
		e->cannot = false;
		r = store_process_start(e->pid, &e->start_ticks);
		if (r == 0)
			r = sd_event_add_child(
				t->s->event, &e->exit_source, e->pid, WEXITED, on_exit_of_it, t);
		if (r >= 0)
			r = tailnet_record(t);
		step = "record";
	}
	if (r < 0) {
		if (e->pid && !e->exit_source)
			(void)waitpid((process_signal_child(e->pid, SIGKILL), e->pid), NULL, 0);
		else if (e->pid)
			(void)process_signal_child(e->pid, SIGKILL);
		if (!e->exit_source)
			e->pid = 0;
		snprintf(why, sizeof(why), "cannot be started (%s): %s", step, strerror(-r));
		if (!e->pid)
			back_off(t, why, retry_is_outside(r));
	} else {
		log_info(t->name, "tailscaled", "runs as process %d", (int)e->pid);
		(void)tell_node(t, true);
		engine_connect_in(t, CONNECT_MS);
		engine_watch_silence(t);
	}
	tailnet_evaluate(t);
}

/* ---- its version ---- */

static void version_done(struct tailnet *t)
{
	struct stock *e = &t->engine;

	e->version_source = sd_event_source_disable_unref(e->version_source);
	e->version_timer = sd_event_source_disable_unref(e->version_timer);
	e->version_fd = fd_close(e->version_fd);
	if (e->version_pid) {
		(void)process_signal_child(e->version_pid, SIGKILL);
		while (waitpid(e->version_pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	e->version_pid = 0;
}

static void judge_version(struct tailnet *t)
{
	struct stock *e = &t->engine;
	char path[PATH_MAX], reason[CONTROL_REASON_MAX];
	unsigned major, minor;
	struct stat st;

	version_done(t);
	e->version_text[e->version_n] = '\0';
	e->version_text[strcspn(e->version_text, "\r\n")] = '\0';
	if (engine_find_program(t->config, path) < 0 || stat(path, &st) < 0) {
		engine_launch(t);
		return;
	}
	for (char *p = e->version_text; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	if (sscanf(e->version_text, "%u.%u", &major, &minor) != 2) {
		snprintf(reason, sizeof(reason),
			"%.300s does not tell its version: is it tailscaled?", path);
		cannot(t, reason, UNFIT_MS);
	} else if (major < LEAST_MAJOR || (major == LEAST_MAJOR && minor < LEAST_MINOR)) {
		snprintf(reason, sizeof(reason),
			"%.300s is too old: version %.40s, at least %d.%d is needed", path,
			e->version_text, LEAST_MAJOR, LEAST_MINOR);
		cannot(t, reason, UNFIT_MS);
	} else {
		e->checked = st;
		engine_spawn(t, path);
	}
}

static int on_version(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct tailnet *t = userdata;
	struct stock *e = &t->engine;
	size_t room = sizeof(e->version_text) - 1 - e->version_n;
	ssize_t n = room ? read(fd, e->version_text + e->version_n, room) : 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	e->version_n += n > 0 ? (size_t)n : 0;
	if (n <= 0 || memchr(e->version_text, '\n', e->version_n))
		judge_version(t);
	return 0;
}

static int on_version_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	judge_version(userdata);
	return 0;
}

static void ask_version(struct tailnet *t, const char *path)
{
	struct stock *e = &t->engine;
	_cleanup_close_ int theirs = -1;
	const char *step = "pipe";
	char reason[CONTROL_REASON_MAX];
	int pair[2], r = pipe2(pair, O_CLOEXEC) < 0 ? -errno : 0;

	if (r == 0) {
		e->version_fd = pair[0];
		theirs = pair[1];
		e->version_n = 0;
		r = engine_run_program(t, path, true, theirs, &e->version_pid, &step);
	}
	if (r == 0)
		r = sd_event_add_io(
			t->s->event, &e->version_source, e->version_fd, EPOLLIN, on_version, t);
	if (r >= 0)
		r = sd_event_add_time_relative(t->s->event, &e->version_timer, CLOCK_MONOTONIC,
			VERSION_MS * 1000ull, 100000, on_version_timer, t);
	if (r >= 0)
		return;
	version_done(t);
	snprintf(reason, sizeof(reason), "%.300s cannot be run (%s): %s", path, step, strerror(-r));
	cannot(t, reason, MISSING_MS);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void engine_launch(struct tailnet *t)
{
	struct stock *e = &t->engine;
	const struct tailnet_config *c = t->config;
	char path[PATH_MAX], reason[CONTROL_REASON_MAX];
	struct stat st;
	int r;

	e->start_timer = sd_event_source_disable_unref(e->start_timer);
	if (!e->wanted || e->pid || e->version_pid)
		return;
	r = engine_find_program(c, path);
	if (r == 0 && stat(path, &st) < 0)
		r = -errno;
	if (r < 0) {
		snprintf(reason, sizeof(reason), c->tailscaled_path ? "%s: %s" : "%s%.0s",
			c->tailscaled_path
				? path
				: "tailscaled is not installed (no such program in PATH): "
				  "install tailscale or set tailscaled-path",
			strerror(-r));
		cannot(t, reason, MISSING_MS);
	} else if (c->auth_key_path && !c->auth_key &&
		(c->ephemeral || !engine_is_registered(&t->s->store, t->name))) {
		snprintf(reason, sizeof(reason),
			"auth-key-file %s: there is no such file, and the node is not registered",
			c->auth_key_path);
		cannot(t, reason, UNFIT_MS);
	} else if (same_file(&st, &e->checked)) {
		engine_spawn(t, path);
	} else {
		ask_version(t, path);
	}
}

/* What only a new process takes. */
static bool process_differs(const struct tailnet_config *a, const struct tailnet_config *b)
{
	return !text_equal(a->tailscaled_path, b->tailscaled_path) ||
		!text_equal(a->tailscaled_args, b->tailscaled_args) ||
		!text_equal(a->http_proxy, b->http_proxy) ||
		!text_equal(a->login_ca_path, b->login_ca_path) || a->ephemeral != b->ephemeral ||
		a->mtu != b->mtu || !addr_list_equal(&a->bootstrap_dns, &b->bootstrap_dns) ||
		!addr_list_equal(&a->uplink_dns, &b->uplink_dns);
}

bool engine_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return !prefs_equal(old, new) || process_differs(old, new) ||
		!text_equal(old->auth_key, new->auth_key) ||
		!text_equal(old->auth_key_path, new->auth_key_path);
}

int engine_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	struct stock *e = &t->engine;

	if (!old) {
		e->wanted = true;
		e->logged_out = false;
		retry_reset(&e->retry);
		host_update(t);
		engine_launch(t);
		return 0;
	}
	if (t->host.pid) {
		int r = host_send_config(t);

		if (r < 0)
			return r;
	}
	/* another chance at once for what could not be started, or was refused */
	e->failure[0] = '\0';
	if (process_differs(old, new) || !e->pid || e->said.state == ENGINE_FAILED)
		engine_restart(t);
	return 0;
}

void engine_stop(struct tailnet *t)
{
	struct stock *e = &t->engine;
	int ms = t->config && t->config->ephemeral ? TERM_EPHEMERAL_MS : TERM_MS;

	e->wanted = e->again = false;
	e->start_timer = sd_event_source_disable_unref(e->start_timer);
	version_done(t);
	if (e->pid) {
		_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		e->exit_source = sd_event_source_disable_unref(e->exit_source);
		(void)process_signal_child(e->pid, SIGTERM);
		(void)process_signal_child(
			e->pid, SIGCONT); /* one that stands still would not hear of it */
		if (pidfd < 0 || poll(&p, 1, ms) <= 0)
			(void)process_signal_child(e->pid, SIGKILL);
		while (waitpid(e->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	forget_process(t);
	e->log_fd = fd_close(e->log_fd);
	e->log_write_fd = fd_close(e->log_write_fd);
	e->reason[0] = e->failure[0] = '\0';
	netmap_free(e->staging);
	e->staging = NULL;
	netmap_free(t->netmap);
	t->netmap = NULL;
	engine_remove_files(&t->s->store, t->name);
}

int engine_describe(const struct tailnet *t, struct made_process *ret)
{
	if (!t->engine.pid)
		return -ESRCH;
	*ret = (struct made_process){.pid = t->engine.pid,
		.start_ticks = t->engine.start_ticks,
		.uid = uplink_node_uid(t)};
	return 0;
}
