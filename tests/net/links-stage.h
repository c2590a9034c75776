// SPDX-License-Identifier: MIT
// The stage for the tests of links and recovery: namespaces of their own, in which nothing of the host is seen.
#pragma once

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/test.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "config/names.h"
#include "supervisor/links.h"
#include "supervisor/netns.h"
#include "supervisor/recover.h"
#include "supervisor/store.h"

#define NAME "red"
#define LINK "tsgw-red"
#define PIN  "tsgw-red"

static const struct store store = {.run_dir = "/run/gw", .state_dir = "/run/gw-state"};
static int host_fd = -1;
static struct links *host;

static int shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

__attribute__((unused)) static size_t count(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;
	struct dirent *e;

	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

static char *read_text(const char *path)
{
	char *text = NULL;

	if (file_read(path, 1 << 20, &text, NULL) < 0)
		text = strdup("");
	return text;
}

static bool has_line(const char *text, const char *line)
{
	const char *at = text;

	while ((at = strstr(at, line)) && at != text && at[-1] != '\n')
		at++;
	return at != NULL;
}

/* The lines of ONE that are not in OTHER, both texts of /proc/self/mountinfo, told with SIGN. */
static size_t tell_lines(const char *one, const char *other, char sign)
{
	size_t told = 0, len;

	for (; *one; one += len) {
		_cleanup_free_ char *line = NULL;

		len = strcspn(one, "\n");
		len += one[len] == '\n';
		line = strndup(one, len);
		if (!line || !has_line(other, line)) {
			fprintf(stderr, "%c %s", sign, line ? line : "no memory\n");
			told++;
		}
	}
	return told;
}

__attribute__((unused)) static void check_mounts(const char *before)
{
	_cleanup_free_ char *after = read_text("/proc/self/mountinfo");

	CHECK_EQ(tell_lines(before, after, '-'), 0);
	CHECK_EQ(tell_lines(after, before, '+'), 0);
}

static void put_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

/* A fresh /run of the given propagation, and no /run/netns in it. */
static void fresh_run(bool shared)
{
	CHECK_EQ(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), 0);
	CHECK_EQ(mount(NULL, "/run", NULL, shared ? MS_SHARED : MS_PRIVATE, NULL), 0);
	CHECK_EQ(mkdir("/run/wireguard", 0755), 0);
	CHECK_EQ(store_init(&store), 0);
	CHECK_EQ(store_init_tailnet(&store, NAME), 0);
}

static void old_run(void)
{
	while (umount2("/run/netns", 0) == 0)
		;
	CHECK_EQ(umount2("/run", MNT_DETACH), 0);
}

static void drop_pin(const char *name)
{
	char path[sizeof("/run/netns/") + NAME_MAX];

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
}

/* The real pins come and go, and with each file goes our copy of its mount: so none is kept. They lie on
 * a mount of their own, or without one on a shared /run. */
static void drop_pins(void)
{
	DIR *d;
	struct dirent *e;

	while (umount2("/run/netns", MNT_DETACH) == 0)
		;
	d = opendir("/run/netns");
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			drop_pin(e->d_name);
	if (d)
		closedir(d);
}

/* An overlay shows the real /etc below and keeps what is written: there /etc/netns, in which a gateway
 * that is running may have files, can be removed. */
static int hide_the_host(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	drop_pins(); /* of our private copy */
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0 || mkdir("/mnt/up", 0755) < 0 ||
		mkdir("/mnt/work", 0755) < 0)
		return -errno;
	if (mount("overlay", "/etc", "overlay", 0,
		    "lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work") < 0)
		return -errno;
	/* while others write there, below, it may take more than one go */
	if (shell("for i in 1 2 3 4 5 6 7 8 9; do rm -rf /etc/netns && exit 0; done; exit 1") != 0)
		return -EIO;
	host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return host_fd < 0 ? -errno : links_open(-1, &host);
}

/* A worker of UID that ignores SIGTERM if STUBBORN; it dies with the test. */
__attribute__((unused)) static pid_t start_worker(uid_t uid, bool stubborn)
{
	pid_t parent = getpid(), pid;
	int ready[2];
	char c;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		if (stubborn)
			signal(SIGTERM, SIG_IGN);
		if (uid && syscall(SYS_setresuid, uid, uid, uid) < 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* 1 run the tests; 0 not root; -1 no stage. Both told. */
static int set_the_stage(const char *program)
{
	int r;

	setbuf(stdout, NULL);
	log_open(program, NULL);
	log_set_level(LOG_EMERG);
	if (geteuid() != 0) {
		printf("skip %s: needs root\n", program);
		return 0;
	}
	r = hide_the_host();
	if (r == 0)
		return 1;
	printf("not ok hide_the_host: %s\n", strerror(-r));
	return -1;
}
