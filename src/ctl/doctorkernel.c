// SPDX-License-Identifier: MIT
// doctor, the kernel: tried for real in a network namespace that goes away with the child that made it.
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ctl/doctor.h"

#ifndef TUN_F_USO4 /* Linux 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#define KERNEL_ASK_BYTES 1024

struct kernel_facts { /* 0 or the positive errno of each trial */
	int netns, tun, uso, veth, nft;
};

static int try_tun(int *ret_uso)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR};
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	*ret_uso = ENODEV;
	if (fd < 0)
		return errno;
	memcpy(ifr.ifr_name, "probe0", sizeof("probe0"));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return errno;
	*ret_uso = ioctl(fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) < 0 ? errno : 0;
	return 0;
}

struct ask { /* one netlink message */
	struct nlmsghdr h;
	uint8_t body[KERNEL_ASK_BYTES];
};

static void *ask_put(struct ask *a, const void *what, size_t n)
{
	void *at = (uint8_t *)a + NLMSG_ALIGN(a->h.nlmsg_len);

	memcpy(at, what, n);
	a->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(a->h.nlmsg_len) + n);
	return at;
}

/* Sends A and takes its acknowledgement, or the first answer: 0 or a positive errno. */
static int ask_kernel(int protocol, struct ask *a)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct sockaddr_nl to = {.nl_family = AF_NETLINK};
	union {
		struct nlmsghdr h;
		uint8_t bytes[4096];
	} answer;
	const struct nlmsgerr *e;
	ssize_t n;

	if (fd < 0)
		return errno;
	if (sendto(fd, a, a->h.nlmsg_len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		return errno;
	n = recv(fd, &answer, sizeof(answer), 0);
	if (n < (ssize_t)sizeof(answer.h))
		return n < 0 ? errno : EBADMSG;
	if (answer.h.nlmsg_type != NLMSG_ERROR)
		return 0;
	e = NLMSG_DATA(&answer.h);
	return -e->error;
}

static int try_veth(void)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct rtattr info = {.rta_type = IFLA_LINKINFO, .rta_len = RTA_LENGTH(RTA_LENGTH(4))};
	struct rtattr kind = {.rta_type = IFLA_INFO_KIND, .rta_len = RTA_LENGTH(4)};
	struct ask a = {
		.h = {.nlmsg_len = sizeof(a.h),
			.nlmsg_type = RTM_NEWLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};

	ask_put(&a, &ifi, sizeof(ifi));
	ask_put(&a, &info, sizeof(info));
	ask_put(&a, &kind, sizeof(kind));
	ask_put(&a, "veth", 4);
	return ask_kernel(NETLINK_ROUTE, &a);
}

static int try_nft(void)
{
	struct nfgenmsg g = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	struct ask a = {.h = {.nlmsg_len = sizeof(a.h),
				.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
				.nlmsg_flags = NLM_F_REQUEST}};

	ask_put(&a, &g, sizeof(g));
	return ask_kernel(NETLINK_NETFILTER, &a);
}

static void kernel_child(int out)
{
	struct kernel_facts f = {0};

	f.netns = unshare(CLONE_NEWNET) < 0 ? errno : 0;
	if (!f.netns) {
		f.tun = try_tun(&f.uso);
		f.veth = try_veth();
		f.nft = try_nft();
	}
	_exit(write(out, &f, sizeof(f)) == sizeof(f) ? 0 : 1);
}

static int kernel_ask(struct kernel_facts *ret)
{
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		kernel_child(p[1]);
	close(p[1]);
	n = read(p[0], ret, sizeof(*ret));
	close(p[0]);
	if (pid < 0)
		return -EAGAIN;
	waitpid(pid, &status, 0);
	return n == sizeof(*ret) ? 0 : -EIO;
}

static bool needs_nft(const struct config *c)
{
	for (size_t i = 0; i < c->n_tailnets; i++)
		if (c->tailnets[i]->uplink == UPLINK_VETH || c->tailnets[i]->advertise_routes.n)
			return true;
	return false;
}

static void say_kernel(struct doctor *d, const struct kernel_facts *f)
{
	if (f->netns)
		doctor_say(d, "netns", FINDING_FAIL,
			"Use a kernel with CONFIG_NET_NS; in a container give it CAP_SYS_ADMIN.",
			"no network namespace can be made: %s", strerror(f->netns));
	else
		doctor_say(d, "netns", FINDING_OK, NULL, "network namespaces can be made");
	if (f->tun)
		doctor_say(d, "tun", FINDING_FAIL,
			"modprobe tun; in a container give it /dev/net/tun and CAP_NET_ADMIN.",
			"no TUN device can be made: %s", strerror(f->tun));
	else
		doctor_say(d, "tun", FINDING_OK, NULL, "TUN devices can be made%s",
			f->uso ? ", without UDP segmentation offload (Linux 6.2): UDP costs more"
			       : "");
	if (f->veth)
		doctor_say(d, "veth", FINDING_FAIL, "modprobe veth.",
			"no veth pair can be made: %s", strerror(f->veth));
	else
		doctor_say(d, "veth", FINDING_OK, NULL, "veth pairs can be made");
	if (needs_nft(d->view.config) && f->nft)
		doctor_say(d, "nftables", FINDING_FAIL,
			"modprobe nf_tables, or use neither uplink = veth nor advertise-routes.",
			"nftables is needed and not there: %s", strerror(f->nft));
	else if (needs_nft(d->view.config))
		doctor_say(d, "nftables", FINDING_OK, NULL, "nftables is there");
}

void doctor_kernel(struct doctor *d)
{
	struct kernel_facts f = {0};
	long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* tell the version */);

	if (!d->root)
		doctor_say(d, "kernel", FINDING_SKIP, "Be root.",
			"namespaces, TUN and veth were not tried: that needs root");
	else if (kernel_ask(&f) < 0)
		doctor_say(
			d, "kernel", FINDING_SKIP, NULL, "no process could be started to try it");
	else
		say_kernel(d, &f);
	if (landlock > 0)
		doctor_say(
			d, "sandbox", FINDING_OK, NULL, "seccomp and Landlock (ABI %ld)", landlock);
	else
		doctor_say(d, "sandbox", FINDING_WARN,
			"Boot with lsm=landlock,..., or a newer kernel.",
			"no Landlock: the workers are confined by seccomp, uids and empty roots "
			"alone");
	if (prctl(PR_GET_SECCOMP) < 0 && errno == EINVAL)
		doctor_say(d, "sandbox", FINDING_FAIL, "Use a kernel with CONFIG_SECCOMP_FILTER.",
			"no seccomp: workers do not start");
}
