// SPDX-License-Identifier: MIT
// exec and ping: another program inside a tailnet's namespace.
//
// The command gets the tailnet's network and a private mount namespace in which
//   - /etc/netns/tsgw-NAME/X lies over /etc/X (resolv.conf), as `ip netns exec` does it;
//   - /sys shows the tailnet's links;
//   - the sockets of the host's name services are covered by /dev/null: libc would ask them before
//     resolv.conf, and they would answer from the host's network.
// What cannot be covered ends it: better no command than one that asks the wrong resolver.
#include "ctl/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config/config.h"
#include "config/names.h"
#include "ctl/hostname.h"
#include "ctl/target.h"

#define EXIT_CANNOT_EXECUTE 126 /* as shells have it */
#define EXIT_NOT_FOUND	    127

static const char *const host_resolvers[] = {
	"/run/nscd/socket",
	"/var/run/nscd/socket",
	"/run/systemd/resolve/io.systemd.Resolve*",
	"/run/avahi-daemon/socket",
};

static int not_running(const struct args *a)
{
	struct control_tailnet t;
	int code = target_status(a, &t, NULL); /* says so if the supervisor is absent */

	if (code != CTL_DONE)
		return code;
	fprintf(stderr, "tsgwctl: %s: not running: it is %s%s%s\n", a->name,
		tailnet_state_name(t.state), *t.reason ? ": " : "", t.reason);
	return CTL_FAILED;
}

/* The namespace of A->name, or the exit code after one line. A supervisor is not needed: the
 * namespace outlives one that was killed. */
static int enter_open(const struct args *a, int *ret_fd)
{
	_cleanup_close_ int sock = -1;
	char path[64];
	int fd, code = target_open(a, true, &sock, NULL); /* checks the name, too */

	if (code != CTL_DONE && code != CTL_NO_SUPERVISOR)
		return code;
	names_netns_path(a->name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return not_running(a);
	if (fd < 0) {
		fprintf(stderr, "tsgwctl: %s: %s: %s\n", a->name, path, strerror(errno));
		return CTL_FAILED;
	}
	*ret_fd = fd;
	return CTL_DONE;
}

static int hide_resolvers(void)
{
	for (size_t i = 0; i < ELEMENTSOF(host_resolvers); i++) {
		glob_t found;
		int r = 0;

		if (glob(host_resolvers[i], GLOB_NOSORT, NULL, &found))
			continue;
		for (size_t j = 0; r == 0 && j < found.gl_pathc; j++) {
			if (mount("/dev/null", found.gl_pathv[j], NULL, MS_BIND, NULL) == 0)
				continue;
			r = -errno;
			fprintf(stderr, "tsgwctl: cannot hide the host's %s: %s\n",
				found.gl_pathv[j], strerror(-r));
		}
		globfree(&found);
		if (r < 0)
			return r;
	}
	return 0;
}

static void remount_sys(const char *name)
{
	struct statvfs old;
	bool readonly = statvfs("/sys", &old) == 0 && (old.f_flag & ST_RDONLY);

	/* best effort: without it /sys/class/net shows the host's links */
	(void)umount2("/sys", MNT_DETACH);
	(void)mount(name, "/sys", "sysfs", readonly ? MS_RDONLY : 0, NULL);
}

static int bind_one(const char *dir, const char *file)
{
	_cleanup_free_ char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s/%s", dir, file) < 0) {
		from = NULL;
		return -ENOMEM;
	}
	if (asprintf(&to, "/etc/%s", file) < 0) {
		to = NULL;
		return -ENOMEM;
	}
	if (mount(from, to, NULL, MS_BIND, NULL) == 0)
		return 0;
	/* nothing to cover: then nothing of the host's is seen either */
	if (errno == ENOENT && access(from, F_OK) == 0) {
		fprintf(stderr, "tsgwctl: %s: no file of this name to cover\n", to);
		return 0;
	}
	fprintf(stderr, "tsgwctl: cannot bind %s over %s: %s\n", from, to, strerror(errno));
	return -errno;
}

static int bind_etc(const char *netns)
{
	char dir[80];
	DIR *d;
	struct dirent *de;
	int r = 0;

	snprintf(dir, sizeof(dir), "/etc/netns/%s", netns);
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (de = readdir(d)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			r = bind_one(dir, de->d_name);
	closedir(d);
	return r;
}

/* 0, or -errno after one line. */
static int enter(const char *name, int fd)
{
	char netns[64];
	int r;

	names_netns(name, netns, sizeof(netns));
	if (setns(fd, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNS) < 0 ||
		/* the host's later mounts come in, ours stay inside */
		mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0) {
		r = -errno;
		fprintf(stderr, "tsgwctl: %s: cannot enter its namespace: %s\n", name,
			strerror(-r));
		return r;
	}
	r = hide_resolvers();
	if (r == 0)
		r = bind_etc(netns);
	if (r == 0)
		remount_sys(netns);
	return r;
}

static int enter_run(const struct args *a, char **argv)
{
	_cleanup_close_ int fd = -1;
	int code;

	if (geteuid() != 0) {
		fprintf(stderr, "tsgwctl: %s: entering a namespace needs root\n", a->name);
		return CTL_FAILED;
	}
	code = enter_open(a, &fd);
	if (code != CTL_DONE)
		return code;
	if (enter(a->name, fd) < 0)
		return CTL_FAILED;
	execvp(argv[0], argv);
	code = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE;
	fprintf(stderr, "tsgwctl: %s: %s\n", argv[0], strerror(errno));
	return code;
}

int enter_exec(const struct args *a)
{
	return enter_run(a, a->words); /* ends with argv's NULL */
}

int enter_ping(const struct args *a)
{
	_cleanup_free_ char **argv = calloc(a->n_words + 4, sizeof(*argv));
	char host[HOSTNAME_MAX], count[] = "-c", four[] = "4";
	struct config *c = NULL;
	size_t n = 0;

	if (!argv || config_load(a->config_path, &c) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	hostname_resolve(config_find(c, a->name), a->words[0], host);
	config_free(c);
	/* ping [options] host; by itself it would never end, and a script would wait */
	argv[n++] = (char[]){"ping"};
	if (a->n_words == 1) {
		argv[n++] = count;
		argv[n++] = four;
	}
	for (size_t i = 1; i < a->n_words; i++)
		argv[n++] = a->words[i];
	argv[n] = host;
	return enter_run(a, argv);
}
