// SPDX-License-Identifier: MIT
// How a foreign program, tailscaled, is run: its namespaces, its view of the files, its few rights.
//
// It talks to the whole Internet and is not ours, so it gets no more than it needs:
//
//   network     the tailnet's namespace: whatever it does there, the host's own is out of its reach
//   files       the host's, read-only, in a mount namespace of its own. /run is empty but for its state
//               and its socket, so no other daemon's socket is there; /etc holds what TLS and look-ups
//               need. resolv.conf is one of ours that it cannot write, so the host's is never touched
//   uid         one of its own, so that files of root that others may not read are closed to it
//   rights      CAP_NET_ADMIN for its TUN, addresses, routes and marks, CAP_NET_RAW for pings and for
//               binding to devices; no others, and none to be gained (no new privileges)
//
// What cannot be taken from it: the namespace's network as a whole, through the uplink.
#include "supervisor/enginebox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4u
#endif
#define KEPT   (1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW)
#define NOFILE 65536

struct attributes { /* struct mount_attr, which not every header has */
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};
#define ATTR_RDONLY 1u
#define ATTR_NOSUID 2u

static int mount_change(const char *path, uint64_t set, uint64_t clear, bool below)
{
	struct attributes a = {.attr_set = set, .attr_clr = clear};

	return syscall(SYS_mount_setattr, AT_FDCWD, path, below ? 0x8000u /* AT_RECURSIVE */ : 0,
		       &a, sizeof(a)) < 0
		? -errno
		: 0;
}

/* What of /etc it needs; what is not there is left out. */
static const char *const etc[] = {"ssl", "pki", "ca-certificates", "ca-certificates.conf", "hosts",
	"nsswitch.conf", "os-release", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime",
	"alternatives", "protocols", "services"};

static int bind_fd(int fd, const char *target)
{
	char source[32];

	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	return mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

static int put_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, text, strlen(text));
	return r == 0 && fchmod(fd, 0644) < 0 ? -errno : r;
}

static int make_etc(const struct enginebox *b)
{
	int fds[ELEMENTSOF(etc)], r;
	char path[64];
	struct stat st;

	for (size_t i = 0; i < ELEMENTSOF(etc); i++) {
		snprintf(path, sizeof(path), "/etc/%s", etc[i]);
		fds[i] = open(path, O_PATH | O_CLOEXEC);
	}
	if (mount("tmpfs", "/etc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m") <
		0)
		return -errno;
	for (size_t i = 0; i < ELEMENTSOF(etc); i++) {
		if (fds[i] < 0 || fstat(fds[i], &st) < 0)
			continue;
		snprintf(path, sizeof(path), "/etc/%s", etc[i]);
		r = S_ISDIR(st.st_mode) ? mkdir(path, 0755) : mknod(path, S_IFREG | 0644, 0);
		if (r < 0)
			return -errno;
		r = bind_fd(fds[i], path);
		if (r < 0)
			return r;
	}
	r = put_text("/etc/resolv.conf", b->resolv_conf ? b->resolv_conf : "");
	return r < 0 ? r : mount_change("/etc", ATTR_RDONLY, 0, false);
}

static int open_dir(const char *path)
{
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

	return fd < 0 && path ? -errno : fd;
}

/* A place of its own, which it may write in. */
static int bind_own(int fd, const char *target)
{
	int r;

	if (fd == -1)
		return 0;
	if (mkdir(target, 0755) < 0)
		return -errno;
	r = bind_fd(fd, target);
	return r < 0 ? r : mount_change(target, ATTR_NOSUID, ATTR_RDONLY, false);
}

/* Opened in the new mount namespace, for only what is of one's own can be bound, and before /run is
 * hidden. */
static int make_files(const struct enginebox *b)
{
	int state, run, r;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	state = open_dir(b->state_dir);
	run = open_dir(b->run_dir);
	r = state < -1 ? state : run < -1 ? run : 0;
	if (r == 0)
		r = mount_change("/", ATTR_RDONLY | ATTR_NOSUID, 0, true);
	if (r == 0)
		r = make_etc(b);
	if (r == 0 &&
		mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			"mode=0755,size=16m") < 0)
		r = -errno;
	if (r == 0)
		r = bind_own(state, ENGINEBOX_STATE);
	if (r == 0)
		r = bind_own(run, ENGINEBOX_RUN);
	if (r == 0 && (mkdir(ENGINEBOX_TMP, 0700) < 0 || chown(ENGINEBOX_TMP, b->uid, b->uid) < 0))
		r = -errno;
	if (r == 0 && b->ca)
		r = put_text(ENGINEBOX_CA, b->ca);
	return r;
}

static int set_limits(void)
{
	struct rlimit core = {0, 0}, files;

	if (setrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	files.rlim_max = MIN(files.rlim_max, (rlim_t)NOFILE);
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files) < 0 ? -errno : 0;
}

static int give_up_rights(const struct enginebox *b)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {
		{.effective = KEPT, .permitted = KEPT, .inheritable = KEPT}};

	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(cap < 32 && KEPT & 1u << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 &&
			errno != EINVAL)
			return -errno;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
		setresgid(b->uid, b->uid, b->uid) < 0 || setresuid(b->uid, b->uid, b->uid) < 0 ||
		syscall(SYS_capset, &h, sets) < 0)
		return -errno;
	for (unsigned long cap = 0; cap < 32; cap++)
		if (KEPT & 1u << cap && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int set_stdio(const struct enginebox *b)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(b->out_fd, 1) < 0 || dup2(b->out_fd, 2) < 0)
		return -errno;
	return 0;
}

/* Its directory may be closed to it (/root): then by a descriptor, which stays open for a script. */
static int run(const struct enginebox *b, int program)
{
	syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
	execve(b->path, b->argv, b->envp);
	if (errno != EACCES)
		return -errno;
	(void)fcntl(program, F_SETFD, 0);
	syscall(SYS_execveat, program, "", b->argv, b->envp, AT_EMPTY_PATH);
	return -errno;
}

struct failure {
	int32_t error;
	uint32_t step;
};

static const char *const steps[] = {
	"the program", "network namespace", "files", "limits", "stdio", "rights", "exec"};

static _Noreturn void child(const struct enginebox *b, int tell)
{
	struct failure f = {0};
	sigset_t none;
	int program = open(b->path, O_PATH | O_CLOEXEC);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	umask(0077);
	for (f.step = 0; f.step < ELEMENTSOF(steps) && !f.error; f.step++) {
		switch (f.step) {
		case 0:
			f.error = program < 0 ? -errno : 0;
			break;
		case 1:
			f.error = setns(b->netns_fd, CLONE_NEWNET) < 0 ? -errno : 0;
			break;
		case 2:
			f.error = make_files(b);
			break;
		case 3:
			f.error = set_limits();
			break;
		case 4:
			f.error = set_stdio(b);
			break;
		case 5:
			f.error = give_up_rights(b);
			break;
		default:
			f.error = run(b, program);
		}
	}
	f.step--;
	(void)!write(tell, &f, sizeof(f));
	_exit(127);
}

int enginebox_run(const struct enginebox *b, pid_t *ret_pid, const char **ret_step)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	struct failure f = {0};
	int pair[2];
	ssize_t n;
	pid_t pid;

	*ret_step = "fork";
	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid == 0)
		child(b, theirs);
	theirs = fd_close(theirs);
	if (pid < 0)
		return -errno;
	do {
		n = read(ours, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	if (n == 0) {
		*ret_pid = pid;
		return 0;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	*ret_step = n == sizeof(f) && f.step < ELEMENTSOF(steps) ? steps[f.step] : "?";
	return n == sizeof(f) && f.error ? f.error : -ECHILD;
}
