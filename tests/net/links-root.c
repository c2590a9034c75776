// SPDX-License-Identifier: MIT
// Namespaces, links, routes, pins and recovery on the real kernel, in namespaces of the test's own.
//
//     the test's own mount namespace, /run a tmpfs, and
//       network namespace "host"  tsgw-tNAME ── veth0  network namespace of the tailnet, pinned
//
// Needs root. Nothing of the real host is touched: its /run and its links are not to be seen from here.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};

	CHECK(prefix_parse(text, &p) == 0);
	return p;
}

static int shell(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static size_t count(const char *path)
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

static void check_setting(const char *path, const char *want)
{
	_cleanup_free_ char *text = read_text(path);

	text[strcspn(text, "\n")] = '\0';
	if (*text) /* a kernel without IPv6 has no such file */
		CHECK_STR(text, want);
}

static void put_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
}

/* ---- namespaces ---- */

static int look_inside(void *arg, int *ret_fd)
{
	static const char *const scopes[] = {"all", "default", "lo"};
	char path[128];

	for (size_t i = 0; i < ELEMENTSOF(scopes); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", scopes[i]);
		check_setting(path, "0");
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", scopes[i]);
		check_setting(path, "1");
		snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/accept_redirects",
			scopes[i]);
		check_setting(path, "0");
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/forwarding", scopes[i]);
		check_setting(path, "0");
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", scopes[i]);
		check_setting(path, "0");
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_redirects",
			scopes[i]);
		check_setting(path, "0");
	}
	check_setting("/proc/sys/net/ipv4/ip_forward", "0");
	return test_failed_checks ? -EPROTO : 0;
}

static void namespace_settings(void)
{
	_cleanup_close_ int fd = -1;
	struct links *l = NULL;
	struct link_info lo;
	struct netns_id here, there;

	/* a host that forwards and believes everything: a new namespace inherits some of it */
	put_text("/proc/sys/net/ipv4/conf/all/forwarding", "1");
	put_text("/proc/sys/net/ipv4/conf/all/accept_redirects", "1");
	put_text("/proc/sys/net/ipv4/conf/default/accept_redirects", "1");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "2");
	CHECK_EQ(netns_create(&fd), 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_EQ(netns_identify(fd, &there), 0);
	CHECK_EQ(netns_identify(host_fd, &here), 0);
	CHECK(here.ino != there.ino);
	CHECK_EQ(netns_run(fd, look_inside, NULL, NULL), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_find(l, "lo", &lo), 0);
	CHECK(lo.up);
	/* the host's own settings are as they were */
	check_setting("/proc/sys/net/ipv4/ip_forward", "1");
	put_text("/proc/sys/net/ipv4/conf/all/forwarding", "0");
	put_text("/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	links_close(l);
}

static int fail_inside(void *arg, int *ret_fd)
{
	return -ENOTTY;
}

static int die_inside(void *arg, int *ret_fd)
{
	raise(SIGKILL);
	return 0;
}

static void namespace_children(void)
{
	_cleanup_close_ int fd = -1;
	int none = -1;

	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(netns_run(fd, fail_inside, NULL, &none), -ENOTTY);
	CHECK_EQ(netns_run(fd, die_inside, NULL, &none), -ECHILD);
	CHECK_EQ(netns_run(-1, fail_inside, NULL, &none), -EBADF);
	CHECK_EQ(none, -1);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD); /* none left over */
}

/* ---- links ---- */

struct seen {
	bool any, bare; /* the link was announced; once with neither group nor alias */
};

static void read_events(int fd, struct seen *seen)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		int left = (int)n;

		for (struct nlmsghdr *h = (void *)buf; nlmsg_ok(h, left);
			h = nlmsg_next(h, &left)) {
			struct nlattr *tb[IFLA_MAX + 1];

			if (h->nlmsg_type != RTM_NEWLINK ||
				nlmsg_parse(h, sizeof(struct ifinfomsg), tb, IFLA_MAX, NULL) < 0)
				continue;
			if (!tb[IFLA_IFNAME] || strcmp(nla_get_string(tb[IFLA_IFNAME]), LINK))
				continue;
			seen->any = true;
			if (!tb[IFLA_IFALIAS] &&
				(!tb[IFLA_GROUP] ||
					nla_get_u32(tb[IFLA_GROUP]) != links_group("tsgw:/run/gw")))
				seen->bare = true;
		}
	}
}

static void veth_is_marked_from_birth(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
	_cleanup_close_ int events = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_close_ int fd = -1;
	struct seen seen = {0};
	struct links *l = NULL;
	struct link_info info;

	CHECK(bind(events, (struct sockaddr *)&nl, sizeof(nl)) == 0);
	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_veth(l, host_fd, LINK, "veth0", "tsgw:/run/gw"), 0);
	read_events(events, &seen);
	CHECK(seen.any && !seen.bare);
	CHECK_EQ(links_find(host, LINK, &info), 0);
	CHECK_STR(info.alias, "tsgw:/run/gw");
	CHECK_STR(info.kind, "veth");
	CHECK(!info.up);
	CHECK_EQ(links_set_up(host, LINK), 0);
	CHECK_EQ(links_set_mtu(host, LINK, 1400), 0);
	CHECK_EQ(links_set_gso_max(host, LINK, 61440), 0);
	CHECK_EQ(links_find(host, LINK, &info), 0);
	CHECK(info.up);
	CHECK_EQ(info.mtu, 1400);
	CHECK_EQ(links_find(l, "veth0", &info), 0);
	CHECK_EQ(links_find(l, LINK, &info), -ENODEV);
	CHECK_EQ(links_delete(host, LINK), 0);
	CHECK_EQ(links_delete(host, LINK), -ENODEV);
	CHECK_EQ(links_find(l, "veth0", &info), -ENODEV);
	links_close(l);
}

static void veth_name_taken(void)
{
	_cleanup_close_ int fd = -1;
	struct links *l = NULL;
	struct link_info info, theirs;

	CHECK_EQ(shell("ip link add " LINK " type veth peer name peer0 && ip link set " LINK
		       " alias mine"),
		0);
	CHECK_EQ(links_find(host, LINK, &theirs), 0);
	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_veth(l, host_fd, LINK, "veth0", "tsgw:/run/gw"), -EEXIST);
	CHECK_EQ(links_find(l, "veth0", &info), -ENODEV);
	CHECK_EQ(links_find(l, LINK, &info), -ENODEV);
	CHECK_EQ(links_find(host, LINK, &info), 0);
	CHECK_STR(info.alias, "mine");
	CHECK_EQ(info.ifindex, theirs.ifindex);
	CHECK_EQ(links_veth(l, host_fd, "tsgw-much-too-long", "veth0", "x"), -EINVAL);
	CHECK_EQ(links_veth(l, host_fd, "", "veth0", "x"), -EINVAL);
	CHECK_EQ(links_find(l, "veth0", &info), -ENODEV);
	CHECK_EQ(links_delete(host, LINK), 0);
	links_close(l);
}

static bool has_address(struct links *l, const char *ifname, const char *text)
{
	_cleanup_free_ struct link_address *a = NULL;
	struct prefix want = prefix(text);
	size_t n = 0;

	CHECK_EQ(links_addresses(l, &a, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(a[i].ifname, ifname) && prefix_equal(&a[i].prefix, &want))
			return a[i].usable;
	return false;
}

static bool has_route(struct links *l, const char *text)
{
	_cleanup_free_ struct prefix *p = NULL;
	struct prefix want = prefix(text);
	size_t n = 0;

	CHECK_EQ(links_routes(l, &p, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (prefix_equal(&p[i], &want))
			return true;
	return false;
}

static void addresses_and_routes(void)
{
	static const char *const texts[] = {"10.77.0.2/24", "fd00::2/64", "10.77.1.9/32"};
	static const char *const nets[] = {
		"10.100.0.7/16", "fd01::9/48", "0.0.0.0/0", "::/0", "198.18.0.1/32"};
	_cleanup_close_ int fd = -1;
	struct prefix p;
	struct links *l = NULL;

	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_veth(l, host_fd, LINK, "wg0", "x"), 0);
	CHECK_EQ(links_set_up(l, "wg0"), 0);
	CHECK_EQ(links_set_up(host, LINK), 0);
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		p = prefix(texts[i]);
		CHECK_EQ(links_add_address(l, "wg0", &p), 0);
		CHECK_EQ(links_add_address(l, "wg0", &p), 0);
		CHECK(has_address(l, "wg0", texts[i]));
		CHECK(!has_address(host, "wg0", texts[i]));
	}
	for (size_t i = 0; i < ELEMENTSOF(nets); i++) {
		p = prefix(nets[i]);
		CHECK_EQ(links_add_route(l, "wg0", &p), 0);
		CHECK_EQ(links_add_route(l, "wg0", &p), 0);
	}
	CHECK(has_route(l, "10.100.0.0/16") && has_route(l, "fd01::/48"));
	CHECK(!has_route(l, "0.0.0.0/0")); /* default routes are nobody's in particular */
	for (size_t i = 0; i < ELEMENTSOF(nets); i++) {
		p = prefix(nets[i]);
		CHECK_EQ(links_del_route(l, "wg0", &p), 0);
		CHECK_EQ(links_del_route(l, "wg0", &p), 0);
	}
	CHECK(!has_route(l, "10.100.0.0/16") && !has_route(l, "fd01::/48"));
	for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
		p = prefix(texts[i]);
		CHECK_EQ(links_del_address(l, "wg0", &p), 0);
		CHECK_EQ(links_del_address(l, "wg0", &p), 0);
		CHECK(!has_address(l, "wg0", texts[i]));
	}
	CHECK_EQ(links_add_address(l, "wg1", &p), -ENODEV);
	CHECK_EQ(links_add_route(l, "wg1", &p), -ENODEV);
	links_close(l);
	CHECK_EQ(links_delete(host, LINK), 0);
}

/* Both parts of a route list are there if one in the middle cannot be made. */
static void routes_batch_errors(void)
{
	struct prefix p[600];
	_cleanup_close_ int fd = -1;
	struct links *l = NULL;

	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_veth(l, host_fd, LINK, "wg0", "x"), 0);
	for (uint32_t i = 0; i < 600; i++)
		p[i] = (struct prefix){.addr = addr_v4(0x0a640000 + i * 256), .len = 24};
	CHECK_EQ(links_add_routes(l, "wg0", p, 600), -ENETDOWN);
	CHECK_EQ(links_set_up(l, "wg0"), 0);
	CHECK_EQ(links_add_routes(l, "wg0", p, 600), 0);
	CHECK_EQ(links_add_routes(l, "wg0", p, 600), 0);
	CHECK(has_route(l, "10.100.0.0/24") && has_route(l, "10.102.87.0/24"));
	/* the socket still serves after all these errors */
	CHECK(has_route(l, "10.101.0.0/24"));
	CHECK_EQ(links_add_routes(l, "wg0", p, 0), 0);
	links_close(l);
	CHECK_EQ(links_delete(host, LINK), 0);
}

static void routes_130560(void)
{
	const size_t n = 130560;
	_cleanup_free_ struct prefix *p = calloc(n, sizeof(*p));
	_cleanup_free_ struct prefix *have = NULL;
	_cleanup_close_ int fd = -1;
	size_t n_have = 0;
	struct links *l = NULL;
	uint64_t start;

	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(links_open(fd, &l), 0);
	CHECK_EQ(links_veth(l, host_fd, LINK, "wg0", "x"), 0);
	CHECK_EQ(links_set_up(l, "wg0"), 0);
	for (size_t i = 0; i < n; i++)
		p[i] = (struct prefix){.addr = addr_v4(0x0a000000 + (uint32_t)i), .len = 32};
	start = clock_now_ns();
	CHECK_EQ(links_add_routes(l, "wg0", p, n), 0);
	printf("# %zu routes: %.0f ms\n", n, (double)(clock_now_ns() - start) / 1e6);
	CHECK_EQ(links_routes(l, &have, &n_have), 0);
	CHECK(n_have >= n);
	links_close(l);
	CHECK_EQ(links_delete(host, LINK), 0);
}

static void used_leaves_out_one_link(void)
{
	_cleanup_free_ struct prefix *all = NULL, *rest = NULL;
	size_t n_all = 0, n_rest = 0;
	struct prefix mine, other;

	CHECK_EQ(
		shell("ip link add " LINK " type veth peer name peer0 && ip link set " LINK " up &&"
		      "ip link add other type veth peer name peer1 && ip link set other up &&"
		      "ip addr add 10.200.0.1/30 dev " LINK
		      " && ip addr add 10.200.0.5/30 dev other"),
		0);
	mine = prefix("10.200.0.0/30");
	other = prefix("10.200.0.4/30");
	CHECK_EQ(links_used(host, NULL, &all, &n_all), 0);
	CHECK_EQ(links_used(host, LINK, &rest, &n_rest), 0);
	bool mine_all = false, mine_rest = false, other_rest = false;
	for (size_t i = 0; i < n_all; i++)
		mine_all |= prefix_overlaps(&all[i], &mine);
	for (size_t i = 0; i < n_rest; i++) {
		mine_rest |= prefix_overlaps(&rest[i], &mine);
		other_rest |= prefix_overlaps(&rest[i], &other);
	}
	CHECK(mine_all && !mine_rest && other_rest);
	CHECK_EQ(shell("ip link del " LINK "; ip link del other"), 0);
}

static void watch_sees_changes(void)
{
	struct links *w = NULL;
	struct pollfd p;

	CHECK_EQ(links_watch_open(&w), 0);
	CHECK_EQ(links_watch_drain(w), 0);
	CHECK_EQ(shell("ip link add tw0 type veth peer name peer0"), 0);
	p = (struct pollfd){.fd = links_watch_fd(w), .events = POLLIN};
	CHECK_EQ(poll(&p, 1, 5000), 1);
	CHECK_EQ(links_watch_drain(w), 1);
	CHECK_EQ(links_watch_drain(w), 0);
	CHECK_EQ(shell("ip addr add 192.0.2.1/24 dev tw0"), 0);
	CHECK_EQ(links_watch_drain(w), 1);
	/* more events than the socket holds: they are lost, and that is told */
	CHECK_EQ(shell("for i in $(seq 3000); do echo link set tw0 mtu $((1400 + i % 2)); done |"
		       "ip -batch -"),
		0);
	CHECK_EQ(links_watch_drain(w), 1);
	CHECK_EQ(links_watch_drain(w), 0);
	CHECK_EQ(shell("ip link del tw0"), 0);
	links_close(w);
}

/* ---- pins, with the real iproute2 beside us ---- */

static void pin_and_unpin(bool iproute_before, bool iproute_meanwhile)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_close_ int fd = -1, again = -1;
	struct netns_id a, b;

	if (iproute_before)
		CHECK_EQ(shell("ip netns add before"), 0);
	before = read_text("/proc/self/mountinfo");
	CHECK_EQ(netns_create(&fd), 0);
	CHECK_EQ(netns_pin(fd, PIN), 0);
	CHECK_EQ(netns_pin(fd, PIN), -EEXIST);
	CHECK_EQ(netns_pin(fd, "tsgw-two"), 0);
	CHECK_EQ(netns_open(PIN, &again), 0);
	CHECK_EQ(netns_identify(fd, &a), 0);
	CHECK_EQ(netns_identify(again, &b), 0);
	CHECK(a.ino == b.ino && a.dev == b.dev);
	CHECK_EQ(shell("ip netns exec " PIN " ip link show lo >/dev/null"), 0);
	CHECK_EQ(shell("ip netns list | grep -q ^" PIN), 0);
	if (iproute_meanwhile) {
		CHECK_EQ(shell("ip netns add while"), 0);
		CHECK_EQ(shell("ip netns exec " PIN " true && ip netns exec while true"), 0);
	}
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(netns_unpin(PIN), 0);
	if (iproute_meanwhile)
		CHECK_EQ(shell("ip netns del while"), 0);
	CHECK_EQ(netns_unpin("tsgw-two"), 0);
	fd_closep(&again);
	CHECK_EQ(netns_open(PIN, &again), -ENOENT);
	after = read_text("/proc/self/mountinfo");
	if (iproute_meanwhile && !iproute_before) /* iproute2 leaves its own mount behind */
		CHECK(!strstr(after, "tsgw-"));
	else
		CHECK_STR(after, before);
	if (iproute_before) {
		CHECK_EQ(shell("ip netns exec before true"), 0);
		CHECK_EQ(shell("ip netns del before"), 0);
	}
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

static void pins_beside_iproute2(void)
{
	for (int i = 0; i < 8; i++) {
		int failed = test_failed_checks;

		fresh_run(i & 4);
		pin_and_unpin(i & 1, i & 2);
		old_run();
		if (test_failed_checks != failed)
			fprintf(stderr, "with /run %s%s%s\n", i & 4 ? "shared" : "private",
				i & 1 ? ", iproute2 before" : "",
				i & 2 ? ", iproute2 meanwhile" : "");
	}
}

/* The mount under the pins goes with the last of them, also when another process made it. */
static void pins_of_two_processes(void)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_close_ int fd = -1;
	pid_t pid;

	fresh_run(false);
	before = read_text("/proc/self/mountinfo");
	CHECK_EQ(netns_create(&fd), 0);
	pid = fork();
	if (pid == 0) {
		if (netns_pin(fd, PIN) == 0)
			raise(SIGKILL);
		_exit(1);
	}
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(netns_pin(fd, "tsgw-two"), 0);
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(netns_unpin("tsgw-two"), 0);
	after = read_text("/proc/self/mountinfo");
	CHECK_STR(after, before);
	old_run();
}

static void pin_is_no_namespace(void)
{
	int fd = -1;

	CHECK_EQ(mkdir("/run/netns", 0755) == 0 || errno == EEXIST, 1);
	put_text("/run/netns/" PIN, "hello");
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(symlink("/proc/self/ns/net", "/run/netns/" PIN), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(mkfifo("/run/netns/" PIN, 0600), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(unlink("/run/netns/" PIN), 0);
	CHECK_EQ(mkdir("/run/netns/" PIN, 0700), 0);
	CHECK_EQ(netns_open(PIN, &fd), -EINVAL);
	CHECK_EQ(rmdir("/run/netns/" PIN), 0);
	CHECK_EQ(fd, -1);
}

/* ---- recovery ---- */

/* What a supervisor makes, step by step, each recorded first. STEPS limits it. */
struct run {
	struct made made;
	int netns_fd, uapi_fd;
	struct links *links;
	pid_t worker;
};
#define RUN_STEPS 11

static int listen_at(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, 1) < 0)
		return fd_close(fd);
	return fd;
}

/* A worker of UID that ignores SIGTERM if STUBBORN; it dies with the test. */
static pid_t start_worker(uid_t uid, bool stubborn)
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

static void record_worker(struct run *run, int slot, pid_t pid, uid_t uid)
{
	struct made_process *p = &run->made.processes[slot];

	p->pid = pid;
	p->uid = uid;
	CHECK_EQ(store_process_start(pid, &p->start_ticks), 0);
}

static int make_step(struct run *run, int step)
{
	static const struct addr dns = {.family = 4, .bytes = {10, 77, 0, 1}};
	static char *const search[] = {(char *)"corp.example"};

	switch (step) {
	case 0:
		return netns_create(&run->netns_fd) ?: links_open(run->netns_fd, &run->links);
	case 1:
		return netns_identify(run->netns_fd, &run->made.netns)
			?: store_made_write(&store, NAME, &run->made);
	case 2:
		return netns_pin(run->netns_fd, PIN);
	case 3:
		strcpy(run->made.link, LINK);
		return store_made_write(&store, NAME, &run->made);
	case 4:
		return links_veth(run->links, host_fd, LINK, "veth0", "tsgw:/run/gw");
	case 5:
		run->made.resolv_conf = true;
		return store_made_write(&store, NAME, &run->made);
	case 6:
		return resolvconf_write(&store, NAME, &dns, 1, search, 1);
	case 7:
		strcpy(run->made.uapi_link, LINK);
		return store_made_write(&store, NAME, &run->made);
	case 8:
		run->uapi_fd = listen_at("/run/wireguard/" LINK ".sock");
		return run->uapi_fd < 0 ? -EIO : 0;
	case 9:
		run->worker = start_worker(1900000001, false);
		return run->worker > 0 ? 0 : -EIO;
	default:
		record_worker(run, 0, run->worker, 1900000001);
		return store_made_write(&store, NAME, &run->made);
	}
}

static void make_run(struct run *run, int steps)
{
	*run = (struct run){.netns_fd = -1, .uapi_fd = -1};
	for (int i = 0; i < steps; i++)
		CHECK_EQ(make_step(run, i), 0);
}

/* What the kernel does when the supervisor is killed. */
static void drop_run(struct run *run)
{
	links_close(run->links);
	run->links = NULL;
	fd_closep(&run->netns_fd);
	fd_closep(&run->uapi_fd);
}

static void end_worker(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static bool is_gone(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

static int recover(void)
{
	char object[128] = "";
	int r = recover_tailnet(&store, NAME, host, object);

	if (r == -EEXIST)
		CHECK(*object);
	return r;
}

static void check_nothing_left(void)
{
	struct link_info info;
	struct made made;
	int fd = -1;

	CHECK_EQ(links_find(host, LINK, &info), -ENODEV);
	CHECK_EQ(netns_open(PIN, &fd), -ENOENT);
	CHECK_EQ(access("/etc/netns/" PIN, F_OK), -1);
	CHECK_EQ(count("/run/wireguard"), 0);
	CHECK_EQ(store_made_read(&store, NAME, &made), -ENOENT);
	CHECK_EQ(count("/run/netns"), 0);
}

static void recovery_after_each_step(void)
{
	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo"), *after = NULL;

	for (int steps = 0; steps <= RUN_STEPS; steps++) {
		struct run run;

		make_run(&run, steps);
		drop_run(&run);
		CHECK_EQ(recover(), 0);
		if (steps == RUN_STEPS)
			CHECK(is_gone(run.worker));
		else
			end_worker(run.worker); /* not recorded yet: it leaves by itself */
		check_nothing_left();
		CHECK_EQ(recover(), 0); /* and again, on nothing */
	}
	after = read_text("/proc/self/mountinfo");
	CHECK_STR(after, before);
	old_run();
}

/* A stop on request: the descriptors are still open, our own socket listens. */
static void recovery_as_a_stop(void)
{
	struct run run;

	fresh_run(true);
	make_run(&run, RUN_STEPS);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	drop_run(&run);
	CHECK_EQ(recover(), 0);
	check_nothing_left();
	old_run();
}

static void recovery_kills_the_right_ones(void)
{
	struct run run;
	pid_t stubborn, other_start, other_uid, fresh, unrecorded;
	uint64_t start;

	fresh_run(true);
	make_run(&run, RUN_STEPS - 2);
	stubborn = start_worker(1900000001, true);
	other_start = start_worker(1900000002, false);
	other_uid = start_worker(1900000003, false);
	fresh = start_worker(0, false); /* has not given up root yet */
	unrecorded = start_worker(1900000004, false);
	record_worker(&run, 0, stubborn, 1900000001);
	record_worker(&run, 1, other_start, 1900000002);
	run.made.processes[1].start_ticks++;
	record_worker(&run, 3, other_uid, 1900000099);
	record_worker(&run, 7, fresh, 1900000005);
	run.made.processes[5] = (struct made_process){.pid = 1, .start_ticks = 0, .uid = 0};
	CHECK_EQ(store_made_write(&store, NAME, &run.made), 0);
	drop_run(&run);
	start = clock_now_ms();
	CHECK_EQ(recover(), 0);
	CHECK(clock_now_ms() - start >= 500); /* it was asked first */
	CHECK(is_gone(stubborn) && is_gone(fresh));
	CHECK(!is_gone(other_start) && !is_gone(other_uid) && !is_gone(unrecorded));
	check_nothing_left();
	end_worker(other_start);
	end_worker(other_uid);
	end_worker(unrecorded);
	old_run();
}

/* Killed between the two marks of a link: the group speaks for it, if the record does too. */
static void link_without_alias(void)
{
	struct made made = {.link = LINK};
	struct link_info info;
	char object[128] = "", command[128];

	fresh_run(true);
	snprintf(command, sizeof(command),
		"ip link add " LINK " group %u type veth peer name peer0",
		links_group("tsgw:/run/gw"));
	CHECK_EQ(shell(command), 0);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_EQ(store_made_write(&store, NAME, &made), 0);
	CHECK_EQ(recover(), 0);
	CHECK_EQ(links_find(host, LINK, &info), -ENODEV);
	old_run();
}

/* ---- what is not ours ---- */

struct foreign {
	const char *make;  /* shell */
	const char *check; /* is it untouched? */
	const char *remove;
	const char *object;
};

static const struct foreign foreigners[] = {
	{"ip netns add " PIN, "ip netns exec " PIN " true", "ip netns del " PIN,
		"namespace /run/netns/" PIN},
	{"mkdir -p /run/netns; echo x >/run/netns/" PIN, "grep -q x /run/netns/" PIN,
		"rm /run/netns/" PIN, "file /run/netns/" PIN},
	{"ip link add " LINK " type veth peer name peer0", "ip link show " LINK " >/dev/null",
		"ip link del " LINK, "link " LINK},
	{"ip link add " LINK " type veth peer name peer0; ip link set " LINK " alias tsgw:/run/gw2",
		"ip link show " LINK " >/dev/null", "ip link del " LINK, "link " LINK},
	{"mkdir -p /etc/netns/" PIN "; echo nameserver 192.0.2.1 >/etc/netns/" PIN "/resolv.conf",
		"grep -q 192.0.2.1 /etc/netns/" PIN "/resolv.conf", "rm -r /etc/netns/" PIN,
		"file /etc/netns/" PIN "/resolv.conf"},
	{"mkdir -p /etc/netns/" PIN "; echo '# tsgw:/run/gw2' >/etc/netns/" PIN "/resolv.conf",
		"grep -q gw2 /etc/netns/" PIN "/resolv.conf", "rm -r /etc/netns/" PIN,
		"file /etc/netns/" PIN "/resolv.conf"},
	{"echo x >/run/wireguard/" LINK ".sock", "grep -q x /run/wireguard/" LINK ".sock",
		"rm /run/wireguard/" LINK ".sock", "file /run/wireguard/" LINK ".sock"},
};

/* One foreign object beside a whole earlier run of ours that lacks just this object: nothing is touched. */
static void foreign_object(const struct foreign *f, int without)
{
	_cleanup_free_ char *mounts = NULL, *mounts_after = NULL;
	char object[128] = "";
	struct run run = {.netns_fd = -1, .uapi_fd = -1};

	for (int i = 0; i < RUN_STEPS; i++)
		if (i != without)
			CHECK_EQ(make_step(&run, i), 0);
	drop_run(&run);
	CHECK_EQ(shell(f->make), 0);
	mounts = read_text("/proc/self/mountinfo");
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_STR(object, f->object);
	CHECK(!is_gone(run.worker));
	CHECK_EQ(shell(f->check), 0);
	CHECK_EQ(access("/run/gw/" NAME "/made", F_OK), 0);
	mounts_after = read_text("/proc/self/mountinfo");
	CHECK_STR(mounts_after, mounts);
	CHECK_EQ(shell(f->remove), 0);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	check_nothing_left();
}

static void foreign_objects(void)
{
	static const int without[] = {2, 2, 4, 4, 6, 6, 8};

	for (size_t i = 0; i < ELEMENTSOF(foreigners); i++) {
		int failed = test_failed_checks;

		fresh_run(true);
		foreign_object(&foreigners[i], without[i]);
		old_run();
		if (test_failed_checks != failed)
			fprintf(stderr, "with: %s\n", foreigners[i].make);
	}
}

static void foreign_neighbours(void)
{
	static const char check[] =
		"ip netns exec tsgw-redder true && ip netns exec tsgw-re true &&"
		"ip link show tsgw-redder >/dev/null && ip link show tsgw-re >/dev/null";
	struct run run;

	fresh_run(true);
	CHECK_EQ(shell("ip netns add tsgw-redder && ip netns add tsgw-re && ip link add "
		       "tsgw-redder type "
		       "veth peer name tsgw-re && ip link set tsgw-re alias "
		       "tsgw:/run/gw"),
		0);
	make_run(&run, RUN_STEPS);
	drop_run(&run);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(run.worker));
	CHECK_EQ(shell(check), 0);
	CHECK_EQ(shell("ip netns del tsgw-redder; ip netns del tsgw-re; ip link del tsgw-redder"),
		0);
	old_run();
}

/* Somebody else's live UAPI socket under our link's name, with and without a record of ours. */
static void foreign_listener(void)
{
	char object[128] = "";
	struct made made = {.uapi_link = LINK};
	pid_t pid;
	int ready[2];
	char c;

	fresh_run(true);
	CHECK_EQ(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (listen_at("/run/wireguard/" LINK ".sock") < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_STR(object, "socket /run/wireguard/" LINK ".sock");
	CHECK_EQ(store_made_write(&store, NAME, &made), 0);
	CHECK_EQ(recover_tailnet(&store, NAME, host, object), -EEXIST);
	CHECK_EQ(access("/run/wireguard/" LINK ".sock", F_OK), 0);
	end_worker(pid);
	CHECK_EQ(recover(), 0); /* nobody listens any more */
	check_nothing_left();
	old_run();
}

/* The supervisor is dead, its node still serves the socket that the supervisor had opened. */
static void listener_of_a_dead_supervisor(void)
{
	pid_t pid;
	int status, ready[2];
	pid_t node = 0;

	fresh_run(true);
	CHECK_EQ(pipe(ready), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		struct run run = {.netns_fd = -1, .uapi_fd = -1};

		for (int i = 0; i < RUN_STEPS - 2; i++)
			if (make_step(&run, i) < 0)
				_exit(1);
		node = fork();
		if (node == 0) {
			close(ready[0]);
			for (;;)
				pause();
		}
		record_worker(&run, 0, node, 1900000001);
		if (store_made_write(&store, NAME, &run.made) < 0 ||
			write(ready[1], &node, sizeof(node)) != sizeof(node))
			_exit(1);
		raise(SIGKILL);
	}
	CHECK_EQ(read(ready[0], &node, sizeof(node)), sizeof(node));
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	close(ready[0]);
	close(ready[1]);
	CHECK_EQ(recover(), 0);
	CHECK(is_gone(node));
	check_nothing_left();
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	old_run();
}

static void damaged_record(void)
{
	struct run run;

	fresh_run(true);
	make_run(&run, 5);
	drop_run(&run);
	put_text("/run/gw/" NAME "/made", "tsgw-made 1\nnetns 4 4026");
	CHECK_EQ(recover(), -EEXIST); /* the pin cannot be told from a foreign one */
	CHECK_EQ(netns_unpin(PIN), 0);
	CHECK_EQ(recover(), 0); /* the link can, by its alias */
	check_nothing_left();
	old_run();
}

/* ---- many times ---- */

static void two_hundred_times(void)
{
	uint64_t start;
	struct run run;

	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo"), *after = NULL;
	size_t fds = count("/proc/self/fd");

	start = clock_now_ns();
	for (int i = 0; i < 200; i++) {
		make_run(&run, 9);
		drop_run(&run);
		CHECK_EQ(recover(), 0);
	}
	printf("# one tailnet made and removed: %.2f ms\n",
		(double)(clock_now_ns() - start) / 200e6);
	check_nothing_left();
	after = read_text("/proc/self/mountinfo");
	CHECK_STR(after, before);
	CHECK_EQ(count("/proc/self/fd"), fds);
	CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
	old_run();
}

static void hundred_at_once(void)
{
	int fds[100];
	struct links *links[100];
	char name[16];
	uint64_t start = clock_now_ns();

	fresh_run(false);
	for (int i = 0; i < 100; i++) {
		struct prefix p = {.addr = addr_v4(0x0ac80002 + (uint32_t)i * 4), .len = 30};

		snprintf(name, sizeof(name), "tsgw-n%d", i);
		fds[i] = -1;
		CHECK_EQ(netns_create(&fds[i]), 0);
		CHECK_EQ(netns_pin(fds[i], name), 0);
		CHECK_EQ(links_open(fds[i], &links[i]), 0);
		CHECK_EQ(links_veth(links[i], host_fd, name, "veth0", "tsgw:/run/gw"), 0);
		CHECK_EQ(links_add_address(links[i], "veth0", &p), 0);
		CHECK_EQ(links_set_up(links[i], "veth0"), 0);
		p.addr = addr_v4(0x0ac80001 + (uint32_t)i * 4);
		CHECK_EQ(links_add_address(host, name, &p), 0);
		CHECK_EQ(links_set_up(host, name), 0);
	}
	printf("# 100 tailnets made: %.0f ms\n", (double)(clock_now_ns() - start) / 1e6);
	CHECK_EQ(shell("ip netns exec tsgw-n99 ping -c1 -W5 10.200.1.141 >/dev/null 2>&1 ||"
		       "ip netns exec tsgw-n99 ip route get 10.200.1.141 >/dev/null"),
		0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "tsgw-n%d", i);
		links_close(links[i]);
		fd_closep(&fds[i]);
		CHECK_EQ(links_delete(host, name), 0);
		CHECK_EQ(netns_unpin(name), 0);
	}
	CHECK_EQ(count("/run/netns"), 0);
	old_run();
}

/* A supervisor that makes and removes for ever is killed at any moment: the next one finds all of it. */
static void killed_at_any_moment(void)
{
	unsigned seed = 1;

	fresh_run(false);
	_cleanup_free_ char *before = read_text("/proc/self/mountinfo"), *after = NULL;

	for (int i = 0; i < 150; i++) {
		struct timespec ts = {.tv_nsec = rand_r(&seed) % 8000000};
		pid_t pid = fork();
		sigset_t none;

		if (pid == 0) {
			struct run run;

			for (;;) {
				make_run(&run, 9);
				if (test_failed_checks || (rand_r(&seed) % 2 && recover() < 0))
					_exit(1);
				drop_run(&run);
				if (recover() < 0)
					_exit(1);
			}
		}
		sigemptyset(&none);
		ppoll(NULL, 0, &ts, &none); /* the moment is the point of the test */
		CHECK_EQ(kill(pid, SIGKILL), 0);
		int status = 0;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(recover(), 0);
		check_nothing_left();
		if (test_failed_checks)
			break;
	}
	after = read_text("/proc/self/mountinfo");
	CHECK_STR(after, before);
	old_run();
}

/* ---- locks ---- */

static void locks(void)
{
	int fd = -1, other = -1, front = -1;
	pid_t holder = 0, pid;

	fresh_run(true);
	CHECK_EQ(store_lock(&store, NAME, &fd, NULL), 0);
	CHECK_EQ(store_lock(&store, NAME, &other, &holder), -EAGAIN);
	CHECK_EQ(holder, getpid());
	CHECK_EQ(store_lock(&store, NULL, &front, NULL), 0);
	front = fd_close(front);
	fd = fd_close(fd);
	/* its holder is dead, but a child that it had just forked keeps the lock for a moment */
	int gate[2], held[2];
	char c;
	CHECK_EQ(pipe(gate), 0);
	CHECK_EQ(pipe(held), 0);
	pid = fork();
	if (pid == 0) {
		if (store_lock(&store, NAME, &fd, NULL) < 0)
			_exit(1);
		if (fork() == 0) {
			struct pollfd p = {.fd = gate[0], .events = POLLIN};

			close(gate[1]);
			poll(&p, 1, 100); /* as long as a slow exec */
			_exit(0);
		}
		_exit(write(held[1], "x", 1) == 1 ? 0 : 1);
	}
	CHECK_EQ(read(held[0], &c, 1), 1);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	CHECK_EQ(store_lock(&store, NAME, &fd, &holder), 0);
	fd_close(fd);
	for (int i = 0; i < 2; i++) {
		close(gate[i]);
		close(held[i]);
	}
	old_run();
}

/* /etc/netns must be there to be hidden: an overlay shows the real /etc below, and keeps what is written. */
static int hide_the_host(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0 || mkdir("/mnt/up", 0755) < 0 ||
		mkdir("/mnt/work", 0755) < 0)
		return -errno;
	if (mount("overlay", "/etc", "overlay", 0,
		    "lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work") < 0)
		return -errno;
	host_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return host_fd < 0 ? -errno : links_open(-1, &host);
}

int main(void)
{
	int r;

	setbuf(stdout, NULL);
	log_open("links-root", NULL);
	log_set_level(LOG_EMERG);
	if (geteuid() != 0) {
		printf("skip links-root: needs root\n");
		return 0;
	}
	r = hide_the_host();
	if (r < 0) {
		printf("not ok hide_the_host: %s\n", strerror(-r));
		return 1;
	}
	RUN(namespace_settings);
	RUN(namespace_children);
	RUN(veth_is_marked_from_birth);
	RUN(veth_name_taken);
	RUN(addresses_and_routes);
	RUN(routes_batch_errors);
	RUN(routes_130560);
	RUN(used_leaves_out_one_link);
	RUN(watch_sees_changes);
	RUN(pins_beside_iproute2);
	RUN(pins_of_two_processes);
	RUN(pin_is_no_namespace);
	RUN(recovery_after_each_step);
	RUN(recovery_as_a_stop);
	RUN(recovery_kills_the_right_ones);
	RUN(link_without_alias);
	RUN(foreign_objects);
	RUN(foreign_neighbours);
	RUN(foreign_listener);
	RUN(listener_of_a_dead_supervisor);
	RUN(damaged_record);
	RUN(two_hundred_times);
	RUN(hundred_at_once);
	RUN(killed_at_any_moment);
	RUN(locks);
	links_close(host);
	return TEST_END();
}
