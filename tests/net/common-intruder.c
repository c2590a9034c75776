// SPDX-License-Identifier: MIT
// Enters the sandbox of a kind of worker as an intruder would find it, and tries one thing.
//
// intruder KIND UID EMPTY_DIR VICTIM ATTEMPT: exit 0 = it worked, 10 = refused (EPERM, EACCES, …; the
// errno is printed), 2 = usage, 3 = the sandbox could not be entered; or death by SIGSYS.
// VICTIM is the file that "unlink" tries to remove. ATTEMPT "time" prints the microseconds that
// entering took; "list" alone prints all attempts.
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <net/ethernet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/filter.h"
#include "common/sandbox.h"

static const char *victim;

static long try_shadow(void)
{
	return open("/etc/shadow", O_RDONLY | O_CLOEXEC);
}
static long try_environ(void)
{
	return open("/proc/self/environ", O_RDONLY | O_CLOEXEC);
}
/* AT_EMPTY_PATH is how some C libraries write fstat(3); with a path it asks for that path all the same */
static long try_stat(void)
{
	struct stat st;

	return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", &st, AT_EMPTY_PATH);
}
static long try_create(void)
{
	return open("/tmp/tsgw-intruder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}
static long try_create_here(void)
{
	return open("intruder", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}
static long try_openat2(void)
{
	return syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0);
}
static long try_mkdir(void)
{
	return mkdir("/tmp/tsgw-intruder.d", 0700);
}
static long try_unlink(void)
{
	return unlink(victim);
}
static long try_packet(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
}
static long try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
}
static long try_raw4(void)
{
	return socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
}
static long try_raw6(void)
{
	return socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
}
static long try_alg(void)
{
	return socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}
static long try_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static long try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
/* the kernel looks at 32 bits of the family; so must the filter */
static long try_packet_high_bits(void)
{
	return syscall(SYS_socket, (1ul << 32) | AF_PACKET, SOCK_RAW, 0);
}
/* a socket of another tailnet, or of anybody, beside the file that is the victim */
static long try_neighbour(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	snprintf(un.sun_path, sizeof(un.sun_path), "%s.sock", victim);
	return connect(fd, (struct sockaddr *)&un, sizeof(un));
}
/* Descriptor 0 is like the journal's socket of a worker below a unit: it can send to whoever can be named. */
static long send_to(const struct sockaddr_un *un, size_t len)
{
	return sendto(STDIN_FILENO, "x", 1, 0, (const struct sockaddr *)un, (socklen_t)len);
}
static long try_datagram(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s.dgram", victim);
	return send_to(&un, sizeof(un));
}
static long try_datagram_message(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct iovec iov = {.iov_base = (char *)"x", .iov_len = 1};
	struct msghdr m = {
		.msg_name = &un, .msg_namelen = sizeof(un), .msg_iov = &iov, .msg_iovlen = 1};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s.dgram", victim);
	return sendmsg(STDIN_FILENO, &m, 0);
}
/* the kernel looks at 32 bits of the descriptor; so must the filter */
static long try_datagram_high_bits(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s.dgram", victim);
	return syscall(SYS_sendto, 1ul << 32, "x", 1ul, 0ul, &un, sizeof(un));
}
/* a name without a path, which no root directory hides */
static long try_abstract(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "%s", victim);

	return send_to(&un, offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}
static long try_duplicate(void)
{
	return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);
}
static long try_inet(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}
static long try_inet_udp(void)
{
	return socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}
static long try_listen(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -1;
	return listen(fd, 1);
}
static long try_exec(void)
{
	char *argv[] = {"true", NULL};

	return execve("/bin/true", argv, NULL);
}
static long try_execveat(void)
{
	char *argv[] = {"true", NULL};

	return syscall(SYS_execveat, AT_FDCWD, "/bin/true", argv, NULL, 0);
}
static long try_fork(void)
{
	long r = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (r == 0)
		_exit(0);
	return r;
}
static long try_ptrace(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), 0, 0);
}
static long try_vm_readv(void)
{
	char byte;
	struct iovec l = {&byte, 1}, r = {(void *)try_vm_readv, 1};

	return process_vm_readv(1, &l, 1, &r, 1, 0);
}
static long try_setns(void)
{
	return setns(3, CLONE_NEWNET);
}
static long try_unshare(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNET);
}
static long try_clone_user(void)
{
	return syscall(
		SYS_clone, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_NEWUSER, 0, 0, 0, 0);
}
static long try_mount(void)
{
	return mount("none", "/", "tmpfs", 0, NULL);
}
static long try_open_tree(void)
{
	return syscall(SYS_open_tree, AT_FDCWD, "/", 1);
}
static long try_chroot(void)
{
	return chroot("/");
}
static long try_kill(void)
{
	return kill(1, 0);
}
static long try_kill_group(void)
{
	return kill(-1, 0);
}
static long try_tgkill(void)
{
	return syscall(SYS_tgkill, 1, 1, 0);
}
static long try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}
static long try_perf(void)
{
	return syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}
static long try_uring(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL);
}
static long try_keyctl(void)
{
	return syscall(SYS_keyctl, 0, 0, 0, 0, 0);
}
static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 0);
}
static long try_by_handle(void)
{
	return syscall(SYS_open_by_handle_at, 3, NULL, 0);
}
static long try_module(void)
{
	return syscall(SYS_finit_module, 3, "", 0);
}
static long try_setuid(void)
{
	return setuid(0);
}
static long try_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}
static long try_seccomp_prctl(void)
{
	return prctl(PR_SET_SECCOMP, 1, 0, 0, 0);
}
static long try_exec_page(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0) == MAP_FAILED
		? -1
		: 0;
}
static long try_exec_protect(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
}
static long try_raise_limit(void)
{
	struct rlimit l = {1 << 20, 1 << 20};

	return setrlimit(RLIMIT_CORE, &l);
}
static long try_sock_filter(void)
{
	int one = 1;

	return setsockopt(3, SOL_SOCKET, SO_ATTACH_FILTER, &one, sizeof(one));
}
static long try_x32(void)
{
#ifdef __x86_64__
	return syscall(0x40000000 | SYS_getpid);
#else
	errno = EPERM;
	return -1;
#endif
}

/* What every worker must be able to do. */
static long try_needs(void)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), tfd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN};
	struct itimerspec soon = {.it_value.tv_nsec = 1};
	char *memory = malloc(1 << 22);
	char byte;

	if (ep < 0 || tfd < 0 || !memory || timerfd_settime(tfd, 0, &soon, NULL) < 0 ||
		epoll_ctl(ep, EPOLL_CTL_ADD, tfd, &ev) < 0 || epoll_wait(ep, &ev, 1, 5000) != 1)
		return -1;
	memset(memory, 1, 1 << 22);
	free(memory);
	return getrandom(&byte, 1, 0) != 1 || !clock_now_ns() || fcntl(tfd, F_GETFL) < 0 ? -1 : 0;
}

static void *thread_main(void *arg)
{
	free(malloc(100000)); /* an arena of its own */
	return arg;
}
static long try_thread(void)
{
	pthread_t t;
	void *back = NULL;
	int r = pthread_create(&t, NULL, thread_main, &back);

	if (r) {
		errno = r;
		return -1;
	}
	return pthread_join(t, &back) == 0 && back == &back ? 0 : -1;
}
static long try_mlock(void)
{
	static char page[4096];

	return syscall(SYS_mlock, page, sizeof(page)); /* the sanitizers hide mlock(3) */
}
static long try_abort(void)
{
	abort();
}
static long try_lookup(void)
{
	struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG}, *list = NULL;
	int r = getaddrinfo("localhost", NULL, &hints, &list);

	if (r == 0)
		freeaddrinfo(list);
	else
		fprintf(stderr, "%s\n", gai_strerror(r));
	return r ? -1 : 0;
}
static long try_resolv_conf(void)
{
	return open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
}
static long try_pipe_splice(void)
{
	int p[2], q[2];

	if (pipe2(p, O_CLOEXEC) < 0 || pipe2(q, O_CLOEXEC) < 0 || write(p[1], "x", 1) != 1)
		return -1;
	return splice(p[0], NULL, q[1], NULL, 1, SPLICE_F_NONBLOCK) == 1 ? 0 : -1;
}

static const struct {
	const char *name;
	long (*run)(void);
} attempts[] = {
	{"shadow", try_shadow},
	{"environ", try_environ},
	{"stat", try_stat},
	{"create", try_create},
	{"create-here", try_create_here},
	{"openat2", try_openat2},
	{"mkdir", try_mkdir},
	{"unlink", try_unlink},
	{"packet", try_packet},
	{"packet-high-bits", try_packet_high_bits},
	{"netlink", try_netlink},
	{"raw4", try_raw4},
	{"raw6", try_raw6},
	{"alg", try_alg},
	{"vsock", try_vsock},
	{"unix", try_unix},
	{"neighbour", try_neighbour},
	{"datagram", try_datagram},
	{"datagram-message", try_datagram_message},
	{"datagram-high-bits", try_datagram_high_bits},
	{"abstract", try_abstract},
	{"duplicate", try_duplicate},
	{"inet", try_inet},
	{"inet-udp", try_inet_udp},
	{"listen", try_listen},
	{"exec", try_exec},
	{"execveat", try_execveat},
	{"fork", try_fork},
	{"ptrace", try_ptrace},
	{"vm-readv", try_vm_readv},
	{"setns", try_setns},
	{"unshare", try_unshare},
	{"clone-user", try_clone_user},
	{"mount", try_mount},
	{"open-tree", try_open_tree},
	{"chroot", try_chroot},
	{"kill", try_kill},
	{"kill-group", try_kill_group},
	{"tgkill", try_tgkill},
	{"bpf", try_bpf},
	{"perf", try_perf},
	{"uring", try_uring},
	{"keyctl", try_keyctl},
	{"userfaultfd", try_userfaultfd},
	{"by-handle", try_by_handle},
	{"module", try_module},
	{"setuid", try_setuid},
	{"dumpable", try_dumpable},
	{"seccomp-prctl", try_seccomp_prctl},
	{"exec-page", try_exec_page},
	{"exec-protect", try_exec_protect},
	{"raise-limit", try_raise_limit},
	{"sock-filter", try_sock_filter},
	{"x32", try_x32},
	{"needs", try_needs},
	{"thread", try_thread},
	{"mlock", try_mlock},
	{"abort", try_abort},
	{"lookup", try_lookup},
	{"resolv-conf", try_resolv_conf},
	{"pipe-splice", try_pipe_splice},
};

static int kind_of(const char *name)
{
	for (int k = 0; k <= SANDBOX_WG_BINDER; k++)
		if (!strcmp(name, sandbox_kind_name((enum sandbox_kind)k)))
			return k;
	return -1;
}

static int attempt(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(attempts); i++) {
		if (strcmp(attempts[i].name, name) != 0)
			continue;
		if (attempts[i].run() >= 0)
			return 0;
		printf("%s\n", strerrorname_np(errno));
		fflush(stdout);
		return 10;
	}
	return 2;
}

static void print_call(const char *name, size_t len)
{
	printf("%.*s\n", (int)len, name);
}

int main(int argc, char **argv)
{
	uint64_t start;
	int kind, fd;

	if (argc == 2 && !strcmp(argv[1], "list")) {
		for (size_t i = 0; i < ELEMENTSOF(attempts); i++)
			puts(attempts[i].name);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "calls") && (kind = kind_of(argv[2])) >= 0) {
		filter_each((enum sandbox_kind)kind, print_call);
		return 0;
	}
	if (argc != 6 || (kind = kind_of(argv[1])) < 0)
		return 2;
	victim = argv[4];
	log_open("intruder", NULL);
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) < 0 || dup2(fd, STDIN_FILENO) < 0)
		return 3;
	start = clock_now_ns();
	if (sandbox_enter((enum sandbox_kind)kind, (uid_t)strtoul(argv[2], NULL, 10), argv[3]) < 0)
		return 3;
	if (strcmp(argv[5], "time") != 0)
		return attempt(argv[5]);
	printf("%llu\n", (unsigned long long)((clock_now_ns() - start) / 1000));
	return 0;
}
