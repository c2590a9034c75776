// SPDX-License-Identifier: MIT
// uplink = pasta: the namespace's packets become sockets of an unprivileged process on the host.
//
// The tap is ours: made before pasta starts, kept while it is dead, so routes and rules need not follow it. It
// has no address; what leaves by it has the namespace's side of the /30 as source, which pasta answers.
//
// pasta runs as a uid of its own. All that it cannot do without is CAP_SYS_ADMIN, to enter the namespace;
// that is its whole bounding set, with no new privileges. It adds a seccomp filter and an empty root itself.
// It neither gets CAP_NET_ADMIN (the tap belongs to its uid) nor any port of the host (-t none -u none).
#include "supervisor/uplink.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "ipc/worker.h"
#include "supervisor/policy.h"
#include "supervisor/process.h"
#include "supervisor/retry.h"
#include "supervisor/spawn.h"
#include "supervisor/tailnet.h"

#define PASTA_MTU      65520
#define PASTA_TERM_MS  500
#define PASTA_ARGS_MAX 40

static void pasta_spawn(struct tailnet *t);

/* ---- the tap ---- */

static int pasta_open_tap(void *arg, int *ret_fd)
{
	struct ifreq ifr = {.ifr_name = UPLINK_LINK, .ifr_flags = IFF_TAP | IFF_NO_PI};
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0 ||
		ioctl(fd, TUNSETOWNER, (unsigned long)*(uid_t *)arg) < 0 ||
		ioctl(fd, TUNSETPERSIST, 1ul) < 0)
		return -errno;
	return 0;
}

/* ---- what it says ---- */

/* The last line that is not chatter says why it ended. */
static void pasta_note(struct tailnet *t, char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line || !strncmp(line, "Failed to send", 14))
			continue;
		log_debug(t->name, "pasta", "%s", line);
		snprintf(t->uplink.pasta.last, sizeof(t->uplink.pasta.last), "%s", line);
	}
}

static void pasta_read(struct tailnet *t)
{
	char text[1024];
	ssize_t n;

	while ((n = read(t->uplink.pasta.output, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		pasta_note(t, text);
	}
}

static int pasta_on_output(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct tailnet *t = userdata;
	struct pasta *p = &t->uplink.pasta;

	pasta_read(t);
	if (revents & (EPOLLHUP | EPOLLERR))
		p->output_source = sd_event_source_disable_unref(p->output_source);
	return 0;
}

/* ---- the process ---- */

static void pasta_forget(struct pasta *p)
{
	p->exit_source = sd_event_source_disable_unref(p->exit_source);
	p->output_source = sd_event_source_disable_unref(p->output_source);
	p->output = fd_close(p->output);
	p->pidfd = fd_close(p->pidfd);
	p->pid = 0;
}

static int pasta_on_restart(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;
	struct pasta *p = &t->uplink.pasta;

	p->restart_source = sd_event_source_disable_unref(p->restart_source);
	pasta_spawn(t);
	return 0;
}

/* OUTSIDE: it is not to blame. */
static void pasta_back_off(struct tailnet *t, const char *why, bool outside)
{
	struct pasta *p = &t->uplink.pasta;
	uint32_t delay_ms;

	delay_ms = retry_again_ms(
		&p->retry, t->name, "pasta", p->started_ms, why, outside, 1 + retry_waiting(t->s));
	snprintf(t->uplink.reason, sizeof(t->uplink.reason), "uplink: pasta %.160s", why);
	if (sd_event_add_time_relative(t->s->event, &p->restart_source, CLOCK_MONOTONIC,
		    delay_ms * 1000ull, 10000, pasta_on_restart, t) < 0)
		worker_no_timer(t->name, "pasta");
	tailnet_evaluate(t);
}

static int pasta_on_exit(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct tailnet *t = userdata;
	struct pasta *p = &t->uplink.pasta;
	char why[224];
	int status = 0;

	if (waitpid(p->pid, &status, WNOHANG) == 0)
		return 0;
	pasta_read(t);
	snprintf(why, sizeof(why),
		WIFSIGNALED(status) ? "died of signal %d%s%s" : "ended with code %d%s%s",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *p->last ? ": " : "",
		p->last);
	pasta_forget(p);
	if (p->again)
		pasta_spawn(t);
	else
		pasta_back_off(t, why,
			retry_is_outside_end(WIFSIGNALED(status) ? CLD_KILLED : CLD_EXITED,
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)));
	return 0;
}

/* Between fork and exec: nothing but what is async-signal-safe. */
static int pasta_drop(uid_t uid)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (cap != CAP_SYS_ADMIN && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
		setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return -1;
	data[0].effective = data[0].permitted = data[0].inheritable = 1u << CAP_SYS_ADMIN;
	if (syscall(SYS_capset, &header, data) < 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static _Noreturn void pasta_child(uid_t uid, int go, int output, char *const argv[])
{
	static char *const env[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	sigset_t none;
	int null;
	char byte;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setsid();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
		pasta_drop(uid) < 0)
		_exit(WORKER_EXIT_WANT);
	/* it starts only once its pid is in the record: the end of the pipe means that it never will be */
	if (read(go, &byte, 1) != 1)
		_exit(WORKER_EXIT_WANT);
	syscall(SYS_close_range, 3, ~0u, 0);
	execve(argv[0], argv, env);
	_exit(errno == ENOENT ? SPAWN_EXIT_GONE : SPAWN_EXIT_NO_EXEC);
}

static const char *pasta_program(void)
{
	static const char *const places[] = {
		"/usr/bin/pasta", "/usr/local/bin/pasta", "/bin/pasta"};

	for (size_t i = 0; i < ELEMENTSOF(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

/* pasta wants an interface to model the tap on, and looks for a default route; a host may have none. */
static int pasta_model(struct tailnet *t, char ret_ifname[16])
{
	const struct addr far = addr_v4(0xc6290004); /* any far address: nothing is sent there */

	if (policy_way(t->s->host, &far, ret_ifname, NULL) == 0)
		return 0;
	for (size_t i = 0; i < t->s->n_addresses; i++) {
		const struct link_address *a = &t->s->addresses[i];

		if (!a->usable || a->prefix.addr.family != 4 || a->prefix.addr.bytes[0] == 127 ||
			!strncmp(a->ifname, "tsgw-", 5))
			continue;
		snprintf(ret_ifname, 16, "%s", a->ifname);
		return 0;
	}
	return -ENETDOWN;
}

static int pasta_fork(struct tailnet *t, const char *program, const char *model, int *ret_go)
{
	struct pasta *p = &t->uplink.pasta;
	const struct addr own6 = uplink_ipv6_of(&t->veth_ns),
			  gateway6 = uplink_ipv6_of(&t->veth_host);
	char address[ADDR_TEXT_MAX], gateway[ADDR_TEXT_MAX], path[64];
	char address6[ADDR_TEXT_MAX], router6[ADDR_TEXT_MAX];
	const char *argv[PASTA_ARGS_MAX] = {program, "-f", "-e", "--netns-only", "--no-map-gw",
		"-i", model, "-I", UPLINK_LINK, "-a", addr_format(&t->veth_ns, address), "-n", "30",
		"-g", addr_format(&t->veth_host, gateway), "-t", "none", "-u", "none", "-T", "none",
		"-U", "none", "--no-dhcp", "--no-dhcpv6", "--no-ra", "--netns", path};
	const char *const only4[] = {"-4", "--no-ndp", NULL};
	const char *const both[] = {
		"-a", addr_format(&own6, address6), "-g", addr_format(&gateway6, router6), NULL};
	const char *const *more = t->uplink.ipv6 ? both : only4;
	int go[2], output[2];
	size_t n = 0;

	while (argv[n])
		n++;
	while (*more && n < PASTA_ARGS_MAX - 1)
		argv[n++] = *more++;

	snprintf(path, sizeof(path), "/run/netns/%s", t->pin);
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0) {
		fd_close(go[0]);
		fd_close(go[1]);
		return -errno;
	}
	p->pid = fork();
	if (p->pid == 0) {
		fd_close(go[1]);
		pasta_child(p->uid, go[0], output[1], (char *const *)argv);
	}
	fd_close(go[0]);
	fd_close(output[1]);
	p->output = output[0];
	*ret_go = go[1];
	if (p->pid > 0)
		return 0;
	p->pid = 0;
	return -errno;
}

static int pasta_introduce(struct tailnet *t, int go)
{
	struct pasta *p = &t->uplink.pasta;
	int r;

	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0)
		return -errno;
	r = sd_event_add_io(t->s->event, &p->exit_source, p->pidfd, EPOLLIN, pasta_on_exit, t);
	if (r >= 0)
		r = sd_event_add_io(
			t->s->event, &p->output_source, p->output, EPOLLIN, pasta_on_output, t);
	if (r >= 0)
		r = tailnet_record(t);
	if (r >= 0 && write(go, "", 1) != 1)
		r = -errno;
	return r < 0 ? r : 0;
}

static void pasta_spawn(struct tailnet *t)
{
	struct pasta *p = &t->uplink.pasta;
	const char *program = pasta_program();
	_cleanup_close_ int go = -1;
	char model[16];
	int r;

	if (!program) {
		pasta_back_off(t, "is not installed (Debian package passt)", true);
		return;
	}
	if (pasta_model(t, model) < 0) {
		pasta_back_off(t, "has no way: the host has no network", true);
		return;
	}
	p->started_ms = clock_now_ms();
	p->again = false;
	*p->last = '\0';
	r = pasta_fork(t, program, model, &go);
	if (r == 0)
		r = pasta_introduce(t, go);
	if (r == 0) {
		*t->uplink.reason = '\0';
		tailnet_evaluate(t);
		return;
	}
	go = fd_close(go); /* it has not been let go: it ends by itself */
	if (p->pid)
		(void)waitpid(p->pid, NULL, 0);
	pasta_forget(p);
	pasta_back_off(t, strerror(-r), retry_is_outside(r));
}

int pasta_make(struct tailnet *t)
{
	struct pasta *p = &t->uplink.pasta;
	int r;

	p->uid = t->s->config->gateway.uid_base + 8 * t->slot + UPLINK_KIND;
	retry_reset(&p->retry);
	r = netns_run(t->netns_fd, pasta_open_tap, &p->uid, NULL);
	if (r == -ENOENT) {
		snprintf(t->uplink.reason, sizeof(t->uplink.reason), "there is no /dev/net/tun");
		return -ENODEV;
	}
	if (r == 0)
		r = links_set_mtu(t->links, UPLINK_LINK, PASTA_MTU);
	if (r == 0)
		r = links_set_up(t->links, UPLINK_LINK);
	if (r == 0)
		pasta_spawn(t);
	return r;
}

void pasta_again(struct tailnet *t)
{
	struct pasta *p = &t->uplink.pasta;

	if (!p->pid)
		return; /* the next one will be so */
	p->again = true;
	(void)process_signal_child(p->pid, SIGTERM);
}

void pasta_stop(struct tailnet *t)
{
	struct pasta *p = &t->uplink.pasta;
	struct pollfd ended = {.fd = p->pidfd, .events = POLLIN};

	p->restart_source = sd_event_source_disable_unref(p->restart_source);
	if (p->pid) {
		(void)process_signal_child(p->pid, SIGTERM);
		if (poll(&ended, 1, PASTA_TERM_MS) <= 0)
			(void)process_signal_child(p->pid, SIGKILL);
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	pasta_forget(p);
}
