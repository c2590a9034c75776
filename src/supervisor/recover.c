// SPDX-License-Identifier: MIT
// Leftovers: what an earlier run of the same gateway and tailnet made and could not remove; and the refusal of what is not ours.
//
// First everything is looked at, then everything is removed: one foreign object and nothing is touched.
// Each kind has its own mark. A process is ours by pid, start time and uid, a pin by the namespace's
// inode (the record names both), a link by its alias, resolv.conf by its first line, the UAPI socket by
// the process that listens on it. The record is written before a thing is made, so an earlier run may have
// died between any two steps: each thing may be there or not, the pin also as an empty file that is not
// yet mounted. The record goes last.
#include "supervisor/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "config/names.h"
#include "supervisor/engine.h"
#include "supervisor/netns.h"
#include "supervisor/process.h"
#include "supervisor/resolvesock.h"
#include "supervisor/uplink.h"

#define RECOVER_TERM_MS	   500
#define RECOVER_KILL_MS	   5000
#define RECOVER_OBJECT_MAX 128
#define RECOVER_MANY	   64 /* tailnets whose processes are waited for together */

struct recovery {
	const struct store *store;
	const char *name;
	struct links *host;
	struct made made;
	char pin[48];
	char link[LINK_NAME_MAX];
	char uapi[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	bool has_link, has_uapi;
};

void recover_alias(const struct store *s, char ret[RECOVER_ALIAS_MAX])
{
	store_mark(s, ret);
}

/* ---- look ---- */

static int recover_foreign(char *ret_object, const char *kind, const char *what)
{
	snprintf(ret_object, RECOVER_OBJECT_MAX, "%s %s", kind, what);
	return -EEXIST;
}

static int recover_check_pin(struct recovery *c, char *ret_object)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	struct netns_id id;
	struct stat st;
	int r = netns_open(c->pin, &fd);

	names_netns_path(c->name, path, sizeof(path));
	if (r == -ENOENT)
		return 0;
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		return r; /* that says nothing of whose it is */
	if (r == 0) {
		r = netns_identify(fd, &id);
		if (r < 0)
			return r;
		if (c->made.netns.ino && id.ino == c->made.netns.ino && id.dev == c->made.netns.dev)
			return 0;
		return recover_foreign(ret_object, "namespace", path);
	}
	/* made, and not yet or no longer mounted on */
	if (c->made.netns.ino && lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
		st.st_uid == 0 && (st.st_mode & 07777) == 0)
		return 0;
	return recover_foreign(ret_object, "file", path);
}

static int recover_check_link(struct recovery *c, char *ret_object)
{
	char alias[RECOVER_ALIAS_MAX];
	struct link_info info;
	int r = links_find(c->host, c->link, &info);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	recover_alias(c->store, alias);
	/* a new one of ours has only its group for a moment */
	if (strcmp(info.alias, alias) &&
		!(!*info.alias && info.group == links_group(alias) && !strcmp(info.kind, "veth") &&
			!strcmp(c->made.link, c->link)))
		return recover_foreign(ret_object, "link", c->link);
	c->has_link = true;
	return 0;
}

static int recover_check_resolvconf(struct recovery *c, char *ret_object)
{
	char path[96];
	int r = resolvconf_owner(c->store, c->name);

	if (r != 0)
		return r < 0 && r != -ENOENT ? r : 0;
	snprintf(path, sizeof(path), "/etc/netns/%s/resolv.conf", c->pin);
	return recover_foreign(ret_object, "file", path);
}

/* Who listens at PATH: 0 nobody (*ret_pid 0) or somebody, whose pid may be unknown (-1); -errno. */
static int recover_listener(const char *path, pid_t *ret_pid)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return -errno;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	*ret_pid = 0;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return errno == ECONNREFUSED || errno == ENOENT ? 0 : ((*ret_pid = -1), 0);
	*ret_pid = -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.pid > 0)
		*ret_pid = peer.pid;
	return 0;
}

/* Did the supervisor that wrote the record make what PID listens on? It may be dead, and its
 * worker serve. */
static bool recover_is_owner(const struct made *m, pid_t pid)
{
	uint64_t ticks;

	if (!m->owner.pid || pid != m->owner.pid)
		return false;
	return store_process_start(pid, &ticks) < 0 || ticks == m->owner.start_ticks;
}

int recover_open_process(const struct made_process *p)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *status = NULL;
	char path[32];
	const char *line;
	uint64_t ticks;
	unsigned uid;

	if (p->pid <= 1)
		return -1;
	/* first the descriptor, then the look: so the look cannot be at somebody else */
	fd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (fd < 0 || store_process_start(p->pid, &ticks) < 0 || ticks != p->start_ticks)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
	if (file_read(path, 65536, &status, NULL) < 0)
		return -1;
	line = strstr(status, "\nUid:");
	/* root is what a worker is until it has given its rights up */
	if (!line || sscanf(line, "\nUid: %u", &uid) != 1 || (uid != p->uid && uid != 0))
		return -1;
	return take_fd(fd);
}

static bool recover_is_dead(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static bool recover_any_process(const struct made *m)
{
	for (size_t i = 0; i < STORE_PIDS_MAX; i++) {
		_cleanup_close_ int fd = recover_open_process(&m->processes[i]);

		if (fd >= 0)
			return true;
	}
	return false;
}

static int recover_check_uapi(struct recovery *c, char *ret_object)
{
	struct stat st;
	pid_t pid = 0;
	int r;

	if (lstat(c->uapi, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return recover_foreign(ret_object, "file", c->uapi);
	r = recover_listener(c->uapi, &pid);
	if (r < 0)
		return r;
	/* a full backlog tells no pid, and the one who made it may have been a supervisor before that
	 * which wrote the record: then a living process of the record speaks for it */
	if (pid == 0 ||
		(!strcmp(c->made.uapi_link, c->link) &&
			(recover_is_owner(&c->made, pid) ||
				((pid < 0 || recover_is_dead(pid)) &&
					recover_any_process(&c->made))))) {
		c->has_uapi = true;
		return 0;
	}
	return recover_foreign(ret_object, "socket", c->uapi);
}

/* ---- remove ---- */

/* Waits until none of the processes lives; descriptors of the dead are closed and -1 then. */
static size_t recover_wait(struct pollfd *p, size_t n, int timeout_ms)
{
	uint64_t deadline = clock_now_ms() + (uint64_t)timeout_ms, now;
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		left += p[i].fd >= 0;
	while (left && (now = clock_now_ms()) < deadline) {
		if (poll(p, n, (int)(deadline - now)) < 0 && errno != EINTR)
			break;
		for (size_t i = 0; i < n; i++) {
			if (p[i].fd < 0 || !(p[i].revents & POLLIN))
				continue;
			p[i].fd = fd_close(p[i].fd);
			left--;
		}
	}
	return left;
}

static void recover_signal(const struct pollfd *p, size_t n, int signal)
{
	for (size_t i = 0; i < n; i++)
		if (p[i].fd >= 0)
			(void)process_signal(p[i].fd, signal);
}

void recover_signal_process(int pidfd, int signal_number)
{
	(void)process_signal(pidfd, signal_number);
}

void recover_end_process(int pidfd)
{
	struct pollfd p = {.fd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3), .events = POLLIN};

	recover_signal_process(pidfd, SIGTERM);
	if (recover_wait(&p, 1, RECOVER_TERM_MS)) {
		recover_signal_process(pidfd, SIGKILL);
		(void)recover_wait(&p, 1, RECOVER_KILL_MS);
	}
	fd_close(p.fd);
}

/* Of N tailnets at once, so that they are waited for together. Gives how many do not die. */
static size_t recover_end_processes(const struct recovery *c, size_t n)
{
	struct pollfd p[RECOVER_MANY * STORE_PIDS_MAX] = {0};
	size_t n_fds = 0, left;

	for (size_t i = 0; i < n * STORE_PIDS_MAX; i++) {
		int fd = recover_open_process(
			&c[i / STORE_PIDS_MAX].made.processes[i % STORE_PIDS_MAX]);

		if (fd >= 0)
			p[n_fds++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	recover_signal(p, n_fds, SIGTERM);
	left = recover_wait(p, n_fds, RECOVER_TERM_MS);
	if (left) {
		recover_signal(p, n_fds, SIGKILL);
		left = recover_wait(p, n_fds, RECOVER_KILL_MS);
	}
	for (size_t i = 0; i < n_fds; i++)
		fd_close(p[i].fd);
	return left;
}

static int recover_end(const struct recovery *c)
{
	size_t left = recover_end_processes(c, 1);

	if (left)
		log_error(c->name, "recovery", "%zu processes of an earlier run do not die", left);
	return left ? -EBUSY : 0;
}

/* Where it cannot go it harms nobody: the next start or stop that may write there has it gone. */
static int recover_resolvconf(const struct recovery *c)
{
	int r = resolvconf_remove(c->store, c->name);

	if (r != -EROFS)
		return r;
	log_warning(c->name, "resolv.conf", "/etc/netns is read-only: it stays for now");
	return 0;
}

static int recover_remove(const struct recovery *c)
{
	int r = recover_end(c);

	if (r == 0 && c->has_link) {
		r = links_delete(c->host, c->link);
		if (r == -ENODEV)
			r = 0;
	}
	if (r == 0)
		r = uplink_recover(c->store, c->name, c->host, &c->made);
	if (r == 0)
		r = netns_unpin(c->pin);
	if (r == 0)
		r = recover_resolvconf(c);
	if (r == 0)
		engine_remove_files(c->store, c->name);
	if (r == 0)
		resolvesock_unlink(c->store->run_dir, c->name);
	if (r == 0 && c->has_uapi && unlink(c->uapi) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? r : store_made_remove(c->store, c->name);
}

int recover_front(const struct store *s)
{
	struct recovery c = {.store = s};
	int r = store_made_read(s, NULL, &c.made);

	if (r == 0)
		r = recover_end(&c);
	else if (r == -ENOENT || r == -EBADMSG)
		r = 0;
	return r < 0 ? r : store_made_remove(s, NULL);
}

/* Fills C. 0, or -EEXIST where something is not ours. */
static int recover_look(const struct store *s, const char *name, struct links *host,
	struct recovery *c, char *ret_object)
{
	int r;

	*c = (struct recovery){.store = s, .name = name, .host = host};
	r = store_made_read(s, name, &c->made);
	if (r == -EBADMSG)
		log_warning(name, "recovery",
			"the record of the earlier run is damaged: taken as empty");
	else if (r < 0 && r != -ENOENT)
		return r;
	names_netns(name, c->pin, sizeof(c->pin));
	names_link(name, c->link);
	snprintf(c->uapi, sizeof(c->uapi), "/run/wireguard/%s.sock", c->link);
	r = recover_check_pin(c, ret_object);
	if (r == 0)
		r = recover_check_link(c, ret_object);
	if (r == 0)
		r = recover_check_resolvconf(c, ret_object);
	return r < 0 ? r : recover_check_uapi(c, ret_object);
}

int recover_tailnet(const struct store *s, const char *name, struct links *host, char *ret_object)
{
	struct recovery c;
	int r = recover_look(s, name, host, &c, ret_object);

	return r < 0 ? r : recover_remove(&c);
}

/* ---- many at once ---- */

/* A group of links goes at the price of one. Its number is drawn, so that nobody else's link is in
 * it. */
static void recover_delete_links(const struct recovery *c, size_t n)
{
	uint32_t group;
	size_t found = 0;

	if (getrandom(&group, sizeof(group), 0) != sizeof(group))
		return;
	group = (group & 0x7fffffff) | 0x40000000;
	for (size_t i = 0; i < n; i++)
		if (c[i].has_link && links_set_group(c[i].host, c[i].link, group) == 0)
			found++;
	if (found)
		(void)links_delete_group(c[0].host, group);
}

void recover_many(const struct store *s, const char *const *names, size_t n, struct links *host)
{
	_cleanup_free_ struct recovery *c = calloc(RECOVER_MANY, sizeof(*c));
	char object[RECOVER_OBJECT_MAX];
	size_t k = 0;

	for (size_t i = 0; c && i < n; i++) {
		if (recover_look(s, names[i], host, &c[k], object) == 0)
			k++;
		if (k < RECOVER_MANY && i + 1 < n)
			continue;
		if (recover_end_processes(c, k) == 0)
			recover_delete_links(c, k);
		k = 0;
	}
}
