// SPDX-License-Identifier: MIT
// How a worker gives up what it does not need, in one irrevocable step per kind.
//
// A worker reads bytes from strangers. It is built as if each of them will one day be taken over by
// its input, so what remains to the taker is decided here, before the first byte is read:
//
//   descriptors   only stdio (the log) and the channel; everything else comes by message later
//   root          an empty directory that only root can write: no path leads anywhere. The unit of the front
//                 services takes CAP_SYS_CHROOT from root itself; there the two kinds that it runs have the empty
//                 directory as their working directory, no system call that takes a path, and no socket that could be
//                 addressed to one (common/filter.c)
//   limits        no core file, no child, no file growth; as many descriptors as the kernel gives
//   capabilities  the bounding set goes first (it needs CAP_SETPCAP), then the uid changes, then the
//                 other four sets are emptied; the order cannot be turned round
//   uid           one of its own, without a passwd entry, so that nothing on the host belongs to it and
//                 other workers' processes are out of reach of ptrace and kill
//   dumpable off  after the uid change (which resets it): /proc/self belongs to root from then on
//   no new privs  set-uid programs are plain programs; also what lets us load the two below
//   Landlock      the same again, from another part of the kernel: no file, no TCP bind, no abstract
//                 socket or signal of a process outside
//   seccomp       what is left of the kernel's surface: a short list of calls (common/filter.c)
//
// Each layer alone would do for most intruders; none of them relies on another. The steps run in the
// only order in which all of them can work, and any failure ends the worker: there is no half sandbox.
//
// tsgw-host is the exception by nature: the C library's resolver reads /etc and talks to whatever the
// host has configured, so it keeps the host's root and gets read-only Landlock rules instead. Publishing
// adds little to that: who may ask a name server over TCP may connect; threads and pipes lead nowhere new.
// tsgw-wg started by hand (SANDBOX_WG_ALONE) keeps its uid, its descriptors and CAP_NET_ADMIN; the process that
// makes its sockets (SANDBOX_WG_BINDER) keeps what bind(2) needs and sees no byte of a stranger.
#include "common/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/filter.h"
#include "common/landlock.h"
#include "common/log.h"

#define SANDBOX_NOFILE	1048576u
#define SANDBOX_MEMLOCK (64u << 20) /* keys and peers of a node */
/* RLIMIT_NPROC counts all tasks of a uid: its predecessor may still be dying */
#define SANDBOX_WG_TASKS    64u
#define SANDBOX_PROXY_TASKS 8u	/* passwords are checked in a thread */
#define SANDBOX_HOST_TASKS  16u /* look-ups block */

/* Started by hand: with the uid of who did it, and what rights WG needs of those. */
static bool sandbox_by_hand(enum sandbox_kind kind)
{
	return kind == SANDBOX_WG_ALONE || kind == SANDBOX_WG_BINDER;
}

static uint32_t sandbox_kept_capabilities(enum sandbox_kind kind)
{
	return kind == SANDBOX_WG_BINDER   ? 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE
		: kind == SANDBOX_WG_ALONE ? 1u << CAP_NET_ADMIN
					   : 0;
}

struct sandbox {
	enum sandbox_kind kind;
	uid_t uid;
	const char *empty_dir;
	bool root; /* we start with privileges to give up */
};

const char *sandbox_kind_name(enum sandbox_kind kind)
{
	static const char *const names[] = {
		[SANDBOX_WG] = "wg",
		[SANDBOX_PROXY] = "proxy",
		[SANDBOX_COORD] = "coord",
		[SANDBOX_HOST] = "host",
		[SANDBOX_DNS] = "dns",
		[SANDBOX_WEB] = "web",
		[SANDBOX_WG_ALONE] = "wg-alone",
		[SANDBOX_WG_BINDER] = "wg-binder",
	};

	return (unsigned)kind < ELEMENTSOF(names) ? names[kind] : "unknown";
}

static int sandbox_close(const struct sandbox *s)
{
	if (s->kind == SANDBOX_WG_ALONE)
		return 0;
	return syscall(SYS_close_range, 4u, ~0u, 0) < 0 ? -errno : 0;
}

/* Nobody but root may ever put anything into the directory that becomes a worker's root. */
static int sandbox_chroot(const struct sandbox *s)
{
	struct stat st;

	if (!s->root || s->kind == SANDBOX_HOST || sandbox_by_hand(s->kind))
		return 0;
	if (chdir(s->empty_dir) < 0 || stat(".", &st) < 0)
		return -errno;
	if (st.st_uid != 0 || (st.st_mode & 022))
		return -EPERM;
	if (chroot(".") == 0)
		return chdir("/") < 0 ? -errno : 0;
	return errno == EPERM && filter_is_pathless(s->kind) ? 0 : -errno;
}

static int sandbox_limit(int resource, rlim_t value)
{
	struct rlimit now, want = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit((__rlimit_resource_t)resource, &want) == 0)
		return 0;
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	/* not ours to raise: then all that we may have */
	want.rlim_cur = want.rlim_max = now.rlim_max < value ? now.rlim_max : value;
	return setrlimit((__rlimit_resource_t)resource, &want) < 0 ? -errno : 0;
}

/* A log that goes to a plain file grows it. */
static bool sandbox_logs_to_file(void)
{
	struct stat st;

	return (fstat(1, &st) == 0 && S_ISREG(st.st_mode)) ||
		(fstat(2, &st) == 0 && S_ISREG(st.st_mode));
}

static int sandbox_limits(const struct sandbox *s)
{
	bool wg = s->kind == SANDBOX_WG || s->kind == SANDBOX_WG_ALONE;
	bool proxy = s->kind == SANDBOX_PROXY, host = s->kind == SANDBOX_HOST;
	int r = sandbox_limit(RLIMIT_CORE, 0);

	if (r == 0 && !sandbox_by_hand(s->kind))
		r = sandbox_limit(RLIMIT_NPROC,
			wg		? SANDBOX_WG_TASKS
				: proxy ? SANDBOX_PROXY_TASKS
				: host	? SANDBOX_HOST_TASKS
					: 0);
	if (r == 0 && !sandbox_logs_to_file())
		r = sandbox_limit(RLIMIT_FSIZE, 0);
	if (r == 0)
		r = sandbox_limit(RLIMIT_MEMLOCK, wg ? SANDBOX_MEMLOCK : 0);
	if (r == 0)
		r = sandbox_limit(RLIMIT_NOFILE, SANDBOX_NOFILE);
	return r;
}

/* What must go while we still have CAP_SETPCAP. */
static int sandbox_bounding(const struct sandbox *s)
{
	if (s->root)
		for (unsigned long cap = 0; cap < 64; cap++) {
			if (cap < 32 && sandbox_kept_capabilities(s->kind) & 1u << cap)
				continue;
			if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
				if (errno == EINVAL) /* past the last one that exists */
					break;
				return -errno;
			}
		}
	if (!sandbox_by_hand(s->kind) &&
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

static int sandbox_uid(const struct sandbox *s)
{
	if (sandbox_by_hand(s->kind))
		return 0;
	if (!s->root)
		return geteuid() == s->uid && getuid() == s->uid ? 0 : -EPERM;
	if (setgroups(0, NULL) < 0 || setresgid(s->uid, s->uid, s->uid) < 0 ||
		setresuid(s->uid, s->uid, s->uid) < 0)
		return -errno;
	return 0;
}

static int sandbox_capabilities(const struct sandbox *s)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &h, sets) < 0)
		return -errno;
	sets[0].permitted &= sandbox_kept_capabilities(s->kind);
	sets[0].effective = sets[0].permitted;
	sets[0].inheritable = 0;
	memset(&sets[1], 0, sizeof(sets[1]));
	return syscall(SYS_capset, &h, sets) < 0 ? -errno : 0;
}

static int sandbox_no_new_privileges(const struct sandbox *s)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int sandbox_landlock(const struct sandbox *s)
{
	static const char *const resolver[] = {"/etc", "/run/systemd/resolve", "/run/resolvconf",
		"/run/NetworkManager", "/run/nscd", "/var/run/nscd", "/usr/lib", "/usr/lib64",
		"/lib", "/lib64", NULL};
	static const char *const own_socket[] = {"/run/wireguard", NULL};
	struct landlock_plan plan = {
		.read = s->kind == SANDBOX_HOST ? resolver : NULL,
		.unlink = s->kind == SANDBOX_WG_ALONE ? own_socket : NULL,
		.tcp_connect = s->kind == SANDBOX_PROXY || s->kind == SANDBOX_HOST ||
			s->kind == SANDBOX_COORD,
	};

	return landlock_restrict(&plan);
}

#ifdef TSGW_SAN
/* The leak check at exit stops the world with ptrace, which is no longer ours to call. */
static bool sandbox_entered;
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return sandbox_entered;
}
#endif

static int sandbox_filter(const struct sandbox *s)
{
	return filter_load(s->kind);
}

int sandbox_enter(enum sandbox_kind kind, uid_t uid, const char *empty_dir)
{
	static const struct {
		const char *name;
		int (*run)(const struct sandbox *s);
	} steps[] = {
		{"closing descriptors", sandbox_close},
		{"empty root directory", sandbox_chroot},
		{"limits", sandbox_limits},
		{"bounding set", sandbox_bounding},
		{"uid and gid", sandbox_uid},
		{"capabilities", sandbox_capabilities},
		{"no new privileges", sandbox_no_new_privileges},
		{"Landlock", sandbox_landlock},
		{"seccomp", sandbox_filter},
	};
	const struct sandbox s = {
		.kind = kind, .uid = uid, .empty_dir = empty_dir, .root = geteuid() == 0};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int r = steps[i].run(&s);

		if (r < 0) {
			log_error(NULL, "sandbox", "%s: %s", steps[i].name, strerror(-r));
			return r;
		}
	}
#ifdef TSGW_SAN
	sandbox_entered = true;
#endif
	return 0;
}
