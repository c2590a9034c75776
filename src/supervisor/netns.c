// SPDX-License-Identifier: MIT
// Network namespaces: made, set up, pinned at /run/netns, entered only by short-lived children.
//
// The supervisor never changes its namespace. Whatever must be done inside one is done by a child that is made
// for it (spawn.h) while we wait: it shares our memory and descriptors, so its price does not grow with what
// we have, but its namespaces are its own. It dies with us (PR_SET_PDEATHSIG), so a killed supervisor leaves
// no helper behind.
//
// A pin is a bind mount of the namespace's file, as ip-netns(8) makes it. iproute2 turns /run/netns
// into a shared mount of its own the first time it adds a namespace; were our pins mounted below a
// private one by then, they would exist twice, once out of reach, and could not be removed. So the
// directory is made shared before the first pin, unless it lies on a shared mount already. That mount
// is noted in an extended attribute of the directory, so that whoever removes the last pin, perhaps a
// later process, takes it away too, and never one that iproute2 made.
#include "supervisor/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "supervisor/spawn.h"

#define NETNS_DIR      "/run/netns"
#define NETNS_XATTR    "trusted.tsgw" /* the boot in which we bound the directory over itself */
#define NETNS_BOOT_ID  "/proc/sys/kernel/random/boot_id"
#define NETNS_NAME_MAX 64

struct netns_work {
	int netns_fd;
	int (*fn)(void *arg, int *ret_fd);
	void *arg;
	int fd, result;
};

/* ---- work in a child ---- */

/* On a stack of its own, with our memory and our descriptors: what it opens is here when it has ended. Returns
 * instead of _exit(), so that nobody has to know of two stacks. */
static int netns_child(void *arg)
{
	struct netns_work *w = arg;
	int r = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (w->netns_fd >= 0 && setns(w->netns_fd, CLONE_NEWNET) < 0)
		r = -errno;
	if (r == 0)
		r = w->fn(w->arg, &w->fd);
	w->result = r; /* the last thing: who is killed before has none */
	return 0;
}

/* NETNS_FD -1: the child starts in our own namespace. */
static int netns_child_run(int netns_fd, int (*fn)(void *, int *), void *arg, int *ret_fd)
{
	struct netns_work w = {
		.netns_fd = netns_fd, .fn = fn, .arg = arg, .fd = -1, .result = -ECHILD};
	pid_t pid = spawn_task(netns_child, &w, CLONE_FILES, NULL);

	if (pid < 0)
		return pid;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (w.result == 0 && ret_fd)
		*ret_fd = w.fd;
	return w.result; /* -ECHILD: it was killed */
}

int netns_run(int netns_fd, int (*fn)(void *arg, int *ret_fd), void *arg, int *ret_fd)
{
	return netns_fd < 0 ? -EBADF : netns_child_run(netns_fd, fn, arg, ret_fd);
}

/* ---- a new namespace ---- */

/* A new namespace takes most of these from the host's, so every one is set. To write some takes the lock of all links
 * of all namespaces, or is tried again and again while somebody else has it: these are only written where they are not
 * right already. One does so even when it is read, and gives what is written to `all` to the others. */
enum netns_price { FREE, WRITE_LOCKS, ALWAYS_LOCKS };
static const struct {
	const char *family;
	const char *key;
	const char *value;
	enum netns_price price;
} netns_settings[] = {
	{"ipv4", "forwarding", "0", WRITE_LOCKS},
	{"ipv4", "rp_filter", "1", FREE},
	{"ipv4", "accept_redirects", "0", FREE},
	{"ipv4", "secure_redirects", "0", FREE},
	{"ipv4", "send_redirects", "0", FREE},
	{"ipv4", "accept_source_route", "0", FREE},
	{"ipv4", "accept_local", "0", FREE},
	{"ipv4", "route_localnet", "0", FREE},
	{"ipv4", "proxy_arp", "0", FREE},
	{"ipv6", "disable_ipv6", "0", WRITE_LOCKS},
	{"ipv6", "forwarding", "0", WRITE_LOCKS},
	{"ipv6", "accept_redirects", "0", FREE},
	{"ipv6", "accept_source_route", "0", FREE},
	{"ipv6", "accept_ra", "0", FREE},
	{"ipv6", "autoconf", "0", FREE},
	{"ipv6", "proxy_ndp", "0", WRITE_LOCKS},
	/* no link-local address either, like a WireGuard link */
	{"ipv6", "addr_gen_mode", "1", ALWAYS_LOCKS},
};

/* The proxy dials every connection from one address: it may use all ports, and those in TIME-WAIT
 * again (RFC 6191). Not safety but capacity, so a kernel that refuses is no error. */
static const struct {
	const char *path;
	const char *value;
} netns_wishes[] = {
	{"sys/net/ipv4/ip_local_port_range", "1024 65535"},
	{"sys/net/ipv4/tcp_tw_reuse", "1"},
};

/* A /proc of our own, mounted nowhere and gone when it is closed. In containers /proc/sys is read-only, this one is
 * not. And the kernel keeps what was looked up in a /proc for every namespace under the same name: in the common
 * one, the thousandth namespace goes through a thousand entries for each key. Gives the common one where this
 * is not allowed. */
static int netns_open_proc(void)
{
	_cleanup_close_ int fs = fsopen("proc", FSOPEN_CLOEXEC);
	int fd = -1;

	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC,
			MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd >= 0 ? fd : open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool netns_says(int proc, const char *path, const char *value)
{
	_cleanup_close_ int in = openat(proc, path, O_RDONLY | O_CLOEXEC);
	char now[16] = "";

	if (in < 0 || read(in, now, sizeof(now) - 1) <= 0)
		return false;
	now[strcspn(now, "\n")] = '\0';
	return !strcmp(now, value);
}

/* 0 also if the kernel has no such key (no IPv6), or it cannot be written but says VALUE already. */
static int netns_set(int proc, const char *path, const char *value)
{
	_cleanup_close_ int fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : fd_write_all(fd, value, strlen(value));

	return r == 0 || r == -ENOENT || netns_says(proc, path, value) ? 0 : r;
}

/* OURS: its links are told one by one that they need no link-local address. */
static int netns_configure(bool ours)
{
	static const char *const scopes[] = {"all", "default", "lo"};
	_cleanup_close_ int proc = netns_open_proc();
	char path[128];
	int r;

	if (proc < 0)
		return -errno;
	for (size_t i = 0; i < ELEMENTSOF(netns_settings) * ELEMENTSOF(scopes); i++) {
		const size_t key = i / ELEMENTSOF(scopes);

		if (netns_settings[key].price == ALWAYS_LOCKS && (ours || i % ELEMENTSOF(scopes)))
			continue;
		snprintf(path, sizeof(path), "sys/net/%s/conf/%s/%s", netns_settings[key].family,
			scopes[i % ELEMENTSOF(scopes)], netns_settings[key].key);
		if (netns_settings[key].price == WRITE_LOCKS &&
			netns_says(proc, path, netns_settings[key].value))
			continue;
		r = netns_set(proc, path, netns_settings[key].value);
		if (r < 0) {
			log_error(NULL, path, "cannot be set to %s: %s", netns_settings[key].value,
				strerror(-r));
			return r;
		}
	}
	for (size_t i = 0; i < ELEMENTSOF(netns_wishes); i++)
		(void)netns_set(proc, netns_wishes[i].path, netns_wishes[i].value);
	return 0;
}

static int netns_lo_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	return 0;
}

static int netns_create_here(void *arg, int *ret_fd)
{
	const bool *ours = arg;
	int fd, r;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	r = netns_configure(*ours);
	if (r == 0)
		r = netns_lo_up();
	if (r < 0)
		return r;
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int netns_create(int *ret_fd)
{
	bool ours = false;

	return netns_child_run(-1, netns_create_here, &ours, ret_fd);
}

int netns_create_for_own(int *ret_fd)
{
	bool ours = true;

	return netns_child_run(-1, netns_create_here, &ours, ret_fd);
}

int netns_identify(int fd, struct netns_id *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct netns_id){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

/* ---- pins ---- */

static void netns_path(const char *pin, char ret[sizeof(NETNS_DIR) + NETNS_NAME_MAX])
{
	snprintf(ret, sizeof(NETNS_DIR) + NETNS_NAME_MAX, NETNS_DIR "/%s", pin);
}

int netns_open(const char *pin, int *ret_fd)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	int type;

	netns_path(pin, path);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : errno == ELOOP ? -EINVAL : -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	type = fs.f_type == NSFS_MAGIC ? ioctl(fd, NS_GET_NSTYPE) : 0;
	if (type != CLONE_NEWNET)
		return type < 0 && errno != ENOTTY ? -errno : -EINVAL;
	*ret_fd = take_fd(fd);
	return 0;
}

/* The mount that /run/netns lies on, and whether the directory is that mount's root. */
static int netns_dir_mount(uint64_t *ret_id, bool *ret_is_root)
{
	struct statx sx;

	if (statx(AT_FDCWD, NETNS_DIR, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &sx) < 0)
		return -errno;
	if (!(sx.stx_mask & STATX_MNT_ID))
		return -EOPNOTSUPP;
	*ret_id = sx.stx_mnt_id;
	*ret_is_root = sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
	return 0;
}

/* Is mount ID a member of a peer group? */
static bool netns_mount_is_shared(uint64_t id)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL;
	unsigned long long have;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		char *end = strstr(line, " - ");

		if (sscanf(line, "%llu ", &have) != 1 || have != id || !end)
			continue;
		*end = '\0';
		return strstr(line, " shared:") != NULL;
	}
	return false;
}

/* Noted before it is done: a start after SIGKILL knows of it either way. */
static int netns_dir_bind(void)
{
	_cleanup_free_ char *boot = NULL;
	size_t len;
	int r = file_read(NETNS_BOOT_ID, 64, &boot, &len);

	if (r == 0 && setxattr(NETNS_DIR, NETNS_XATTR, boot, len, 0) < 0)
		log_debug(NULL, NETNS_DIR, "keeps no note of its mount: %s", strerror(errno));
	if (mount(NETNS_DIR, NETNS_DIR, NULL, MS_BIND | MS_REC, NULL) < 0) {
		r = -errno;
		(void)removexattr(NETNS_DIR, NETNS_XATTR);
		return r;
	}
	return 0;
}

static uint64_t netns_shared_mount; /* found to be shared: looked at once, not at each pin */

static int netns_dir_share(void)
{
	bool is_root;
	uint64_t id;
	int r;

	r = netns_dir_mount(&id, &is_root);
	if (r < 0 || id == netns_shared_mount)
		return r;
	if (!netns_mount_is_shared(id)) {
		r = is_root ? 0 : netns_dir_bind();
		if (r < 0)
			return r;
		if (mount(NULL, NETNS_DIR, NULL, MS_SHARED | MS_REC, NULL) < 0)
			return -errno;
		r = netns_dir_mount(&id, &is_root);
		if (r < 0)
			return r;
	}
	netns_shared_mount = id;
	return 0;
}

/* Takes away the mount that netns_dir_bind() made, once nothing is pinned any more. */
static void netns_dir_unbind(void)
{
	_cleanup_free_ char *boot = NULL;
	char noted[64];
	bool is_root;
	uint64_t id;
	size_t len;
	ssize_t n = getxattr(NETNS_DIR, NETNS_XATTR, noted, sizeof(noted));

	if (n <= 0 || file_read(NETNS_BOOT_ID, 64, &boot, &len) < 0)
		return;
	if ((size_t)n == len && !memcmp(boot, noted, len)) {
		if (netns_dir_mount(&id, &is_root) < 0 || !is_root)
			return;
		if (umount2(NETNS_DIR, UMOUNT_NOFOLLOW) < 0)
			return;		/* somebody's pins are on it */
		netns_shared_mount = 0; /* the number may be given to another mount */
	}
	(void)removexattr(NETNS_DIR, NETNS_XATTR);
}

int netns_pin(int fd, const char *pin)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX], source[32];
	_cleanup_close_ int file = -1;
	int r;

	r = directory_make(NETNS_DIR, 0755);
	if (r == 0)
		r = netns_dir_share();
	if (r < 0)
		return r;
	netns_path(pin, path);
	file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (file < 0)
		return -errno;
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	if (mount(source, path, NULL, MS_BIND, NULL) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	return 0;
}

int netns_unpin(const char *pin)
{
	char path[sizeof(NETNS_DIR) + NETNS_NAME_MAX];

	netns_path(pin, path);
	/* more than one mount may lie on it where /run/netns was bound over itself meanwhile */
	for (int i = 0; i < 4; i++) {
		if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0 && errno != EINVAL &&
			errno != ENOENT)
			return -errno;
		if (unlink(path) == 0 || errno == ENOENT) {
			netns_dir_unbind();
			return 0;
		}
		if (errno != EBUSY)
			break;
	}
	return -errno;
}
