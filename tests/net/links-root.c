// SPDX-License-Identifier: MIT
// Namespaces, links, addresses and routes on the real kernel, in namespaces of the test's own.
//
//     the test's own mount namespace, /run a tmpfs, and
//       network namespace "host"  tsgw-red ── veth0  network namespace of the tailnet, pinned
//
// Needs root. Nothing of the real host is touched: its /run and its links are not to be seen from here.
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "links-stage.h"

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};

	CHECK(prefix_parse(text, &p) == 0);
	return p;
}

static void check_setting(const char *path, const char *want)
{
	_cleanup_free_ char *text = read_text(path);

	text[strcspn(text, "\n")] = '\0';
	if (*text) /* a kernel without IPv6 has no such file */
		CHECK_STR(text, want);
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

/* As in a container: /proc/sys cannot be written, and that is nobody's business but the child's. */
static void namespace_with_read_only_sysctls(void)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	_cleanup_close_ int fd = -1;

	put_text("/proc/sys/net/ipv4/conf/default/accept_redirects", "1");
	CHECK_EQ(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
	CHECK_EQ(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	before = read_text("/proc/self/mountinfo");
	CHECK_EQ(netns_create(&fd), 0);
	after = read_text("/proc/self/mountinfo");
	CHECK_STR(after, before);
	CHECK_EQ(umount2("/proc/sys", 0), 0);
	CHECK_EQ(netns_run(fd, look_inside, NULL, NULL), 0);
}

static int fail_inside(void *arg, int *ret_fd)
{
	return -ENOTTY;
}

static int die_inside(void *arg, int *ret_fd)
{
	kill(getpid(), SIGKILL); /* raise() would ask for the thread, which is the parent's */
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

static int take_down(void *arg, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", (const char *)arg);
	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
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
	CHECK_EQ(netns_run(fd, take_down, (void *)(uintptr_t) "wg0", NULL), 0);
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

/* ---- many ---- */

static void hundred_at_once(void)
{
	int fds[100];
	struct links *links[100];
	char name[24];
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

int main(void)
{
	int r = set_the_stage("links-root");

	if (r <= 0)
		return r < 0;
	RUN(namespace_settings);
	RUN(namespace_with_read_only_sysctls);
	RUN(namespace_children);
	RUN(veth_is_marked_from_birth);
	RUN(veth_name_taken);
	RUN(addresses_and_routes);
	RUN(routes_batch_errors);
	RUN(routes_130560);
	RUN(used_leaves_out_one_link);
	RUN(watch_sees_changes);
	RUN(hundred_at_once);
	links_close(host);
	return TEST_END();
}
