// SPDX-License-Identifier: MIT
// The seccomp filter of each kind of worker: which system calls are left.
//
// One row is one permission: a call, the kinds that have it, and up to two conditions on arguments.
// Rows of the same call add up. A call that no row permits fails with EPERM, which a library that tries
// its luck survives; the calls of filter_kill[] end the process, because nothing of ours ever makes
// them. Names that this libseccomp or this processor does not know are left out.
#include "common/filterrules.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/filter.h"

#define WG     (1u << SANDBOX_WG)
#define PROXY  (1u << SANDBOX_PROXY)
#define COORD  (1u << SANDBOX_COORD)
#define HOST   (1u << SANDBOX_HOST)
#define DNS    (1u << SANDBOX_DNS)
#define WEB    (1u << SANDBOX_WEB)
#define ALONE  (1u << SANDBOX_WG_ALONE)
#define BINDER (1u << SANDBOX_WG_BINDER)
#define ALL    (WG | PROXY | COORD | HOST | DNS | WEB | ALONE | BINDER)
#define NODE   (WG | ALONE)
/* no call of theirs takes a path, nor makes a socket that could reach one, nor addresses the one that could */
#define PATHLESS (DNS | WEB)

#ifdef TSGW_SAN
#define SAN    ALL /* what the sanitizers' run time asks for, in their builds only */
#define OTHERS ALL
#else
#define SAN    0u
#define OTHERS (ALL & ~NODE)
#endif

#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif
#define SOCK_TYPE 0xfu /* without SOCK_CLOEXEC and SOCK_NONBLOCK */
/* conditions: argument ARG under MASK is VALUE; argument ARG is less than VALUE */
#define IS(arg, value)                                          \
	{                                                       \
		(arg), SCMP_CMP_MASKED_EQ, 0xffffffffu, (value) \
	}
#define BITS(arg, mask, value)                             \
	{                                                  \
		(arg), SCMP_CMP_MASKED_EQ, (mask), (value) \
	}
#define BELOW(arg, value)                      \
	{                                      \
		(arg), SCMP_CMP_LT, (value), 0 \
	}
#define ANY                                       \
	{                                         \
		FILTER_ANY_ARG, SCMP_CMP_EQ, 0, 0 \
	}

const struct filter_calls filter_calls[] = {
	/* bytes in and out of what we have been given */
	{OTHERS,
		"read readv write writev recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg close "
		"shutdown getsockname getpeername getsockopt fstat accept4"},
	/* waiting and time */
	{OTHERS,
		"epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll eventfd2 "
		"signalfd4 timerfd_create timerfd_settime timerfd_gettime clock_gettime "
		"clock_getres "
		"clock_nanosleep nanosleep gettimeofday time restart_syscall"},
	/* memory and locks */
	{OTHERS, "brk munmap mremap madvise futex"},
	/* itself */
	{OTHERS,
		"rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sigaltstack getrandom "
		"getpid "
		"gettid getuid geteuid getgid getegid sched_yield sched_getaffinity getcpu rseq "
		"set_robust_list exit exit_group"},
	/* the node's, on a list of its own, which tsgw-wg(8) repeats: it is the one that holds keys */
	{NODE,
		"read write writev recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg accept4 close "
		"fstat "
		"dup3"},
	{NODE,
		"epoll_create1 epoll_ctl epoll_wait epoll_pwait poll ppoll eventfd2 timerfd_create "
		"timerfd_settime clock_gettime restart_syscall"},
	{NODE, "brk munmap mremap madvise futex mlock mlock2 munlock membarrier"},
	{NODE,
		"rt_sigaction rt_sigprocmask rt_sigreturn getrandom getpid gettid "
		"sched_getaffinity "
		"sched_yield rseq set_robust_list exit exit_group"},
	{PROXY, "connect splice pipe2"},
	/* the host's leg of published ports */
	{HOST, "splice pipe2"},
	{COORD, "connect"},
	{WEB, "sendfile pipe2"},
	/* the C library's resolver */
	{HOST,
		"connect bind stat lstat newfstatat statx access faccessat faccessat2 readlink "
		"readlinkat "
		"lseek pread64 getdents64 uname sysinfo fstatfs statfs"},
	{ALONE, "unlink unlinkat"},
	{BINDER, "bind"},
	/* reports are printed by way of pipes, forks that fail, and /proc that is not there */
	{SAN,
		"getrlimit setrlimit prlimit64 lseek newfstatat stat lstat readlink readlinkat "
		"access "
		"faccessat pipe pipe2 dup dup2 sysinfo uname sched_getaffinity msync mincore "
		"process_mrelease getppid wait4 openat"},
};

const struct filter_row filter_rows[] = {
	/* no page is ever both ours to fill and executable; libraries were loaded before */
	{"mmap", ALL & ~HOST, {BITS(2, PROT_EXEC, 0), ANY}},
	{"mprotect", ALL & ~HOST, {BITS(2, PROT_EXEC, 0), ANY}},
	{"mmap", HOST, {BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), ANY}}, /* NSS modules */
	{"mmap", HOST, {BITS(2, PROT_EXEC, 0), ANY}},
	{"mprotect", HOST, {BITS(2, PROT_EXEC, 0), ANY}},
	{"mprotect", HOST, {BITS(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), ANY}},
	{"openat", HOST, {BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), ANY}},
	{"open", HOST, {BITS(1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY), ANY}},
	/* fstat(3) of some C libraries; it could as well ask for a path */
	{"newfstatat", ALL & ~HOST & ~PATHLESS & ~SAN,
		{BITS(3, 0x1000 /* AT_EMPTY_PATH */, 0x1000), ANY}},

	/* a thread, never a process */
	{"clone", NODE | PROXY | HOST,
		{BITS(0,
			 CLONE_VM | CLONE_THREAD | CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWNET |
				 CLONE_NEWPID,
			 CLONE_VM | CLONE_THREAD),
			ANY}},
	{"prctl", ALL, {IS(0, PR_SET_NAME), ANY}},
	{"prlimit64", ALL & ~SAN, {IS(0, 0), {2, SCMP_CMP_EQ, 0, 0}}}, /* getrlimit(3) */
	{"tgkill", ALL, {{0, SCMP_CMP_MASKED_EQ, 0xffffffffu, FILTER_OWN_PID}, ANY}}, /* abort(3) */

	{"fcntl", ALL, {IS(1, F_GETFD), ANY}},
	{"fcntl", ALL, {IS(1, F_SETFD), ANY}},
	{"fcntl", ALL, {IS(1, F_GETFL), ANY}},
	{"fcntl", ALL, {IS(1, F_SETFL), ANY}},
	{"fcntl", ALL & ~PATHLESS, {IS(1, F_DUPFD_CLOEXEC), ANY}},
	{"fcntl", PROXY | HOST, {IS(1, F_SETPIPE_SZ), ANY}},
	{"fcntl", PROXY | HOST, {IS(1, F_GETPIPE_SZ), ANY}},

	/* TUNGETIFF, TUNSETOFFLOAD on the descriptor that is a TUN; FIONREAD asks how much is there */
	{"ioctl", NODE, {IS(1, TUNGETIFF), ANY}},
	{"ioctl", NODE, {IS(1, TUNSETOFFLOAD), ANY}},
	{"ioctl", NODE, {IS(1, SIOCGIFINDEX), ANY}}, /* a zone's name in an endpoint */
	{"ioctl", ALONE, {IS(1, TUNGETDEVNETNS), ANY}},
	{"ioctl", PROXY | HOST | NODE, {IS(1, FIONREAD), ANY}},
	/* how many descriptors may I have; setting a limit stays forbidden */
	{"prlimit64", PROXY & ~SAN, {IS(0, 0), BITS(2, ~0ull, 0)}},
	{"getrlimit", PROXY & ~SAN, {ANY, ANY}},

	/* options of sockets: none that carries a program, a packet filter or an upper-layer protocol */
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_KEEPALIVE)}},
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_LINGER)}},
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_SNDBUF)}},
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_RCVBUF)}},
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_RCVLOWAT)}},
	{"setsockopt", OTHERS, {IS(1, SOL_SOCKET), IS(2, SO_REUSEADDR)}},
	{"setsockopt", HOST, {IS(1, SOL_SOCKET), IS(2, SO_PASSCRED)}},
	{"setsockopt", ALONE | BINDER, {IS(1, SOL_SOCKET), IS(2, SO_MARK)}},
	{"setsockopt", BINDER, {IS(1, SOL_SOCKET), IS(2, SO_RCVBUFFORCE)}},
	{"setsockopt", BINDER, {IS(1, SOL_SOCKET), IS(2, SO_SNDBUFFORCE)}},
	{"setsockopt", OTHERS, {IS(1, IPPROTO_IP), BELOW(2, 64)}}, /* 64…: iptables */
	{"setsockopt", OTHERS, {IS(1, IPPROTO_IPV6), BELOW(2, 64)}},
	{"setsockopt", OTHERS, {IS(1, IPPROTO_IPV6), IS(2, IPV6_TCLASS)}},
	{"setsockopt", BINDER, {IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVTCLASS)}},
	{"setsockopt", OTHERS, {IS(1, IPPROTO_TCP), BELOW(2, TCP_ULP)}},
	{"setsockopt", OTHERS, {IS(1, IPPROTO_UDP), IS(2, UDP_SEGMENT)}},
	{"setsockopt", OTHERS | ALONE, {IS(1, IPPROTO_UDP), IS(2, UDP_GRO)}},

	{"socket", PROXY | COORD | HOST, {IS(0, AF_INET), BITS(1, SOCK_TYPE, SOCK_STREAM)}},
	{"socket", PROXY | COORD | HOST, {IS(0, AF_INET6), BITS(1, SOCK_TYPE, SOCK_STREAM)}},
	{"socket", PROXY | COORD | HOST | BINDER, {IS(0, AF_INET), BITS(1, SOCK_TYPE, SOCK_DGRAM)}},
	{"socket", PROXY | COORD | HOST | BINDER,
		{IS(0, AF_INET6), BITS(1, SOCK_TYPE, SOCK_DGRAM)}},
	{"socket", HOST, {IS(0, AF_UNIX), ANY}}, /* nscd, systemd-resolved */
	/* AI_ADDRCONFIG asks for the host's addresses: NETLINK_ROUTE */
	{"socket", HOST, {IS(0, AF_NETLINK), IS(2, 0)}},
};

/* What only an intruder would try. open and socket are here but for the kinds that have some use of
 * them: for those every other use is EPERM. */
const struct filter_calls filter_kill[] = {
	{ALL,
		"execve execveat ptrace process_vm_readv process_vm_writev process_madvise "
		"pidfd_open "
		"pidfd_getfd pidfd_send_signal kcmp kill tkill rt_sigqueueinfo rt_tgsigqueueinfo"},
	{ALL,
		"setns unshare mount umount2 move_mount open_tree fsopen fspick fsconfig fsmount "
		"mount_setattr pivot_root chroot swapon swapoff"},
	{ALL,
		"bpf perf_event_open add_key request_key keyctl kexec_load kexec_file_load "
		"init_module "
		"finit_module delete_module open_by_handle_at name_to_handle_at userfaultfd "
		"io_uring_setup io_uring_enter io_uring_register fanotify_init quotactl acct "
		"reboot "
		"settimeofday clock_settime clock_adjtime adjtimex sethostname setdomainname "
		"syslog iopl "
		"ioperm modify_ldt lookup_dcookie vhangup personality"},
	{ALL,
		"setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid "
		"capset "
		"seccomp"},
	{ALL & ~HOST & ~SAN, "open openat"},
	{ALL, "openat2 creat"},
	{NODE | PATHLESS, "socket"},
};

/* Address families that no worker may ask for (PF_PACKET, AF_ALG, AF_VSOCK, …) lie above the ones that
 * some may; raw sockets are a type. */
const struct filter_row filter_kill_rows[] = {
	{"socket", PROXY | COORD | BINDER, {{0, SCMP_CMP_GT, AF_INET6, 0}, ANY}},
	{"socket", HOST, {{0, SCMP_CMP_GT, AF_NETLINK, 0}, ANY}},
	{"socket", PROXY | COORD | HOST | BINDER, {IS(0, AF_INET), BITS(1, SOCK_TYPE, SOCK_RAW)}},
	{"socket", PROXY | COORD | HOST | BINDER, {IS(0, AF_INET6), BITS(1, SOCK_TYPE, SOCK_RAW)}},
};

const size_t filter_n_calls = ELEMENTSOF(filter_calls), filter_n_rows = ELEMENTSOF(filter_rows),
	     filter_n_kill = ELEMENTSOF(filter_kill),
	     filter_n_kill_rows = ELEMENTSOF(filter_kill_rows);

bool filter_is_pathless(enum sandbox_kind kind)
{
	return PATHLESS & 1u << kind;
}

void filter_each(enum sandbox_kind kind, void (*call)(const char *name, size_t len))
{
	for (size_t i = 0; i < ELEMENTSOF(filter_calls); i++)
		for (const char *c = filter_calls[i].calls;
			filter_calls[i].kinds & 1u << kind && *c;) {
			size_t len = strcspn(c, " ");

			call(c, len);
			c += len + (c[len] == ' ');
		}
	for (size_t i = 0; i < ELEMENTSOF(filter_rows); i++)
		if (filter_rows[i].kinds & 1u << kind)
			call(filter_rows[i].call, strlen(filter_rows[i].call));
}
