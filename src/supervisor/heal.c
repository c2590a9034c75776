// SPDX-License-Identifier: MIT
// What somebody takes away from outside comes back: pins, sockets, links.
//
// Directories are watched with dnotify (fcntl(F_NOTIFY)): a signal names the one in which something was deleted,
// and what we have there is looked at, which costs a few calls for each tailnet concerned and happens only
// then. inotify would say more, but root has 128 of it (fs.inotify.max_user_instances), and there may be a
// thousand supervisors. Our own deletions are seen, too (each record is put into its place by rename(2)); so
// nothing is looked at before a short pause, and a directory is watched again only when it is looked at.
#include "supervisor/heal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/fdstore.h"
#include "supervisor/front.h"
#include "supervisor/resolvesock.h"
#include "supervisor/tailnet.h"

#define HEAL_PAUSE_MS 100
#define HEAL_SHARED_PAUSE_MS \
	500 /* where others delete things, too: a thousand supervisors hear of each */
#define HEAL_SIGNAL \
	(SIGRTMIN + 1) /* queued, with the descriptor; SIGIO in its place: the queue was full */

static const char *const heal_shared[HEAL_SHARED] = {"/run/netns", "/run/wireguard"};

static int heal_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && (fcntl(fd, F_SETSIG, HEAL_SIGNAL) < 0 || fcntl(fd, F_NOTIFY, DN_DELETE) < 0))
		fd = fd_close(fd);
	return fd < 0 ? -1 : fd;
}

/* Before the look: what is deleted later is told again. */
static void heal_watch_again(int fd)
{
	if (fd >= 0)
		(void)fcntl(fd, F_NOTIFY, DN_DELETE);
}

static bool heal_gone(const struct supervisor *s, const char *name, const char *file)
{
	char path[PATH_MAX];
	struct stat st;

	return store_run_path(&s->store, name, file, path) == 0 && lstat(path, &st) < 0 &&
		(errno == ENOENT || errno == ENOTDIR);
}

/* ---- one thing each ---- */

static void heal_said(const struct tailnet *t, const char *what, int r)
{
	if (r < 0)
		log_error(t->name, what, "was removed from outside, and cannot be made again: %s",
			strerror(-r));
	else
		log_notice(t->name, what, "was removed from outside: made again");
}

/* From nothing, as at a start. */
static int heal_part(struct tailnet *t, const char *name)
{
	for (size_t i = 0; i < tailnet_n_parts; i++)
		if (!strcmp(tailnet_parts[i].name, name))
			return tailnet_parts[i].apply(t, NULL, t->config);
	return -ENOENT;
}

static void heal_pin(struct tailnet *t)
{
	_cleanup_close_ int fd = -1;

	if (netns_open(t->pin, &fd) == -ENOENT)
		heal_said(t, "namespace", netns_pin(t->netns_fd, t->pin));
}

static void heal_uapi(struct tailnet *t)
{
	struct msg_wg_uapi m = {0};
	char path[64];
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "/run/wireguard/%s.sock", t->link);
	if (t->uapi_fd < 0 || lstat(path, &st) == 0 || errno != ENOENT)
		return;
	t->uapi_fd = fd_close(t->uapi_fd);
	r = heal_part(t, "uapi");
	if (r == 0 && t->node.pid)
		r = worker_send(&t->node, MSG_WG_UAPI, &m, sizeof(m), &t->uapi_fd, 1);
	heal_said(t, "uapi", r);
}

static void heal_resolve(struct tailnet *t)
{
	struct msg_proxy_resolve m = {0};
	int fd, r = 0;

	if (t->resolve_fd < 0 || !heal_gone(t->s, t->name, RESOLVESOCK_FILE))
		return;
	fd = resolvesock_bind(t->s->store.run_dir, t->name);
	if (fd >= 0) {
		fd_close(t->resolve_fd);
		t->resolve_fd = fd;
		fdstore_put(t->name, "resolve", fd);
		if (t->proxy.pid)
			r = worker_send(&t->proxy, MSG_PROXY_RESOLVE, &m, sizeof(m), &fd, 1);
	}
	heal_said(t, RESOLVESOCK_FILE, fd < 0 ? fd : r);
}

/* The directory itself is gone: with the lock, so that somebody else could think that nobody owns this. */
static void heal_run_dir(struct tailnet *t)
{
	int fd = -1, r;

	if (!heal_gone(t->s, t->name, "lock"))
		return;
	r = store_init_tailnet(&t->s->store, t->name);
	if (r == 0)
		r = store_lock(&t->s->store, t->name, &fd, NULL);
	if (r == 0) {
		fd_close(t->lock_fd);
		t->lock_fd = fd;
		if (t->netns_fd >= 0)
			r = tailnet_record(t);
	}
	heal_said(t, "lock", r);
	t->heal_fd = fd_close(t->heal_fd);
	heal_watch(t);
}

static void heal_control(struct supervisor *s, const char *name, const char *file)
{
	int r;

	if (!heal_gone(s, name, file))
		return;
	control_unlisten(s->control, name);
	r = control_listen(s->control, name);
	if (r < 0)
		log_error(name, file, "cannot be made again: %s", strerror(-r));
	else
		log_notice(name, file, "was removed from outside: made again");
}

/* The directory of all, and what is in it and no tailnet's: with the lock, a second front could think that there is
 * none. */
static void heal_front_lock(struct supervisor *s)
{
	int fd = -1, r;

	if (!heal_gone(s, NULL, "front.lock"))
		return;
	r = store_lock(&s->store, NULL, &fd, NULL);
	if (r == 0) {
		fd_close(s->front->lock_fd);
		s->front->lock_fd = fd;
		r = front_record(s->front);
	}
	if (r < 0)
		log_error(NULL, "front.lock",
			"was removed from outside, and cannot be made again: %s", strerror(-r));
	else
		log_notice(NULL, "front.lock", "was removed from outside: made again");
}

static void heal_run(struct supervisor *s)
{
	int r = heal_gone(s, NULL, ".empty") ? store_init(&s->store) : 0;

	if (r < 0)
		log_error(NULL, s->store.run_dir, "cannot be made again: %s", strerror(-r));
	fd_close(s->heal.run_fd); /* it may be another directory by now */
	s->heal.run_fd = heal_directory(s->store.run_dir);
	if (s->front) {
		heal_front_lock(s);
		heal_control(s, NULL, "front.sock");
	}
}

/* ---- when ---- */

/* In its own directory. */
static void heal_own(struct supervisor *s, struct tailnet *t)
{
	t->heal_due = false;
	heal_watch_again(t->heal_fd);
	heal_run_dir(t);
	heal_control(s, t->name, "control.sock");
	if (t->netns_fd >= 0)
		heal_resolve(t);
}

static int heal_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct supervisor *s = userdata;
	bool run = s->heal.run_due, shared = s->heal.shared_due;

	s->heal.timer = sd_event_source_disable_unref(s->heal.timer);
	s->heal.run_due = s->heal.shared_due = false;
	for (size_t i = 0; i < HEAL_SHARED && shared; i++)
		heal_watch_again(s->heal.shared_fds[i]);
	if (run)
		heal_run(s);
	for (size_t i = 0; i < s->n_tailnets; i++) {
		struct tailnet *t = s->tailnets[i];

		if (t->heal_due || run)
			heal_own(s, t);
		if (shared && t->netns_fd >= 0) {
			heal_pin(t);
			heal_uapi(t);
		}
	}
	return 0;
}

static int heal_on_signal(
	sd_event_source *source, const struct signalfd_siginfo *si, void *userdata)
{
	struct supervisor *s = userdata;
	bool which = si->ssi_signo != SIGIO, found = false;

	for (size_t i = 0; i < HEAL_SHARED && which; i++)
		if (s->heal.shared_fds[i] == si->ssi_fd)
			s->heal.shared_due = found = true;
	for (size_t i = 0; i < s->n_tailnets && which && !found; i++)
		if (s->tailnets[i]->heal_fd == si->ssi_fd)
			s->tailnets[i]->heal_due = found = true;
	if (!found)
		s->heal.run_due = true;
	if (!which)
		s->heal.shared_due = true;
	if (!s->heal.timer && !s->stopping)
		(void)sd_event_add_time_relative(s->event, &s->heal.timer, CLOCK_MONOTONIC,
			(which && s->heal.shared_due ? HEAL_SHARED_PAUSE_MS : HEAL_PAUSE_MS) * 1000,
			10000, heal_on_timer, s);
	return 0;
}

void heal_watch(struct tailnet *t)
{
	struct supervisor *s = t->s;
	char path[PATH_MAX];

	for (size_t i = 0; i < HEAL_SHARED; i++)
		if (s->heal.shared_fds[i] < 0)
			s->heal.shared_fds[i] = heal_directory(heal_shared[i]);
	if (t->heal_fd < 0 && store_run_path(&s->store, t->name, ".", path) == 0)
		t->heal_fd = heal_directory(path);
}

void heal_open(struct supervisor *s)
{
	int r = sd_event_add_signal(s->event, NULL, SIGIO, heal_on_signal, s);

	if (r >= 0)
		r = sd_event_add_signal(s->event, NULL, HEAL_SIGNAL, heal_on_signal, s);
	if (r < 0)
		log_warning(
			NULL, NULL, "what is removed from outside is not seen: %s", strerror(-r));
	s->heal.signals = r >= 0;
}

/* After the start: each descriptor of a watched directory that a child closes costs as much as there are supervisors who
 * watch it. What was removed in the meantime is seen here. */
void heal_begin(struct supervisor *s)
{
	if (s->heal.signals)
		heal_run(s);
	for (size_t i = 0; i < s->n_tailnets; i++)
		heal_own(s, s->tailnets[i]);
}

void heal_close(struct supervisor *s)
{
	s->heal.timer = sd_event_source_disable_unref(s->heal.timer);
	for (size_t i = 0; i < HEAL_SHARED; i++)
		s->heal.shared_fds[i] = fd_close(s->heal.shared_fds[i]);
	s->heal.run_fd = fd_close(s->heal.run_fd);
}

/* ---- links ---- */

static bool has_veth(const struct supervisor *s, const struct tailnet *t)
{
	for (size_t i = 0; i < s->n_addresses; i++)
		if (!strcmp(s->addresses[i].ifname, t->link) &&
			addr_equal(&s->addresses[i].prefix.addr, &t->veth_host))
			return true;
	return false;
}

/* Who came by the primaries or goes through the tunnel does not notice. */
static void heal_veth(struct tailnet *t)
{
	int r = t->uplink.kind == UPLINK_DEFAULT ? heal_part(t, "link") : -EOPNOTSUPP;

	if (r == 0)
		r = proxy_remake_veth(t);
	if (r < 0)
		tailnet_rebuild(t, "its veth pair is gone");
	else
		heal_said(t, t->link, 0);
}

/* Many are looked at one by one only when there are fewer links of ours than there should be. */
void heal_links(struct supervisor *s)
{
	size_t built = 0, seen = 0;

	for (size_t i = 0; i < s->n_tailnets; i++)
		built += s->tailnets[i]->netns_fd >= 0;
	for (size_t i = 0; i < s->n_addresses; i++)
		seen += !strncmp(s->addresses[i].ifname, "tsgw-", 5);
	if (seen >= built && built > HEAL_FEW)
		return;
	for (size_t i = 0; i < s->n_tailnets; i++)
		if (s->tailnets[i]->netns_fd >= 0 && !has_veth(s, s->tailnets[i]))
			heal_veth(s->tailnets[i]);
}
