// SPDX-License-Identifier: MIT
// A kernel that refuses, for the network tests: preloaded into tsgw-wg (LD_PRELOAD), it fails system calls as
// the page says that INJECT names. The test writes to the page while the node runs; counters come back in it.
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "preload.h"

#define UDP_SEGMENT_TYPE 103
#define UDP_GRO_OPTION	 104
#define USO_FLAGS	 0x60

/* As tests/net/test_inject.py has it. Errors are errno, 0 = none. */
struct page {
	uint32_t train_error;  /* sends with UDP_SEGMENT */
	uint32_t single_error; /* the next .single_times datagrams of other sends */
	uint32_t single_times;
	uint32_t partial;    /* sendmmsg() sends at most this many; 0 = all */
	uint32_t join_error; /* writes to the TUN with a gso_type */
	uint32_t old_kernel; /* neither USO nor UDP_GRO, read when they are set */
	uint32_t no_ipv6;
	uint32_t trains, train_failures, singles, single_failures, joins, join_failures;
};

static struct page nothing, *page = &nothing;

__attribute__((constructor)) static void inject_open(void)
{
	struct page *p = preload_page("INJECT");

	if (p)
		page = p;
}

static uint32_t get(const uint32_t *field)
{
	return __atomic_load_n(field, __ATOMIC_ACQUIRE);
}

static int fail(uint32_t *failures, uint32_t error)
{
	__atomic_fetch_add(failures, 1, __ATOMIC_RELEASE);
	errno = (int)error;
	return -1;
}

static int is_train(const struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c))
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT_TYPE)
			return 1;
	return 0;
}

/* One datagram: is it one of those that fail? */
static int single_fails(void)
{
	uint32_t left = get(&page->single_times);

	while (get(&page->single_error) && left)
		if (__atomic_compare_exchange_n(&page->single_times, &left, left - 1, 0,
			    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return 1;
	return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static ssize_t (*real)(int, const struct msghdr *, int);
	int internet = msg->msg_namelen >= sizeof(struct sockaddr_in);
	int train = internet && is_train(msg);

	PRELOAD_NEXT(real, "sendmsg");
	if (train && get(&page->train_error))
		return fail(&page->train_failures, get(&page->train_error));
	if (internet && !train && single_fails())
		return fail(&page->single_failures, get(&page->single_error));
	if (internet)
		__atomic_fetch_add(train ? &page->trains : &page->singles, 1, __ATOMIC_RELEASE);
	return real(fd, msg, flags);
}

int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	static int (*real)(int, struct mmsghdr *, unsigned, int);
	uint32_t partial = get(&page->partial);

	PRELOAD_NEXT(real, "sendmmsg");
	if (partial && n > partial)
		n = partial;
	if (single_fails())
		return fail(&page->single_failures, get(&page->single_error));
	__atomic_fetch_add(&page->singles, n, __ATOMIC_RELEASE);
	return real(fd, msgs, n, flags);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	int joined = n >= 2 && iov[0].iov_len == 10 && ((const uint8_t *)iov[0].iov_base)[1] != 0;

	PRELOAD_NEXT(real, "writev");
	if (joined && get(&page->join_error))
		return fail(&page->join_failures, get(&page->join_error));
	if (joined)
		__atomic_fetch_add(&page->joins, 1, __ATOMIC_RELEASE);
	return real(fd, iov, n);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	static int (*real)(int, int, int, const void *, socklen_t);

	PRELOAD_NEXT(real, "setsockopt");
	if (level == IPPROTO_UDP && option == UDP_GRO_OPTION && get(&page->old_kernel)) {
		errno = ENOPROTOOPT;
		return -1;
	}
	return real(fd, level, option, value, len);
}

int socket(int domain, int type, int protocol)
{
	static int (*real)(int, int, int);

	PRELOAD_NEXT(real, "socket");
	if (domain == AF_INET6 && get(&page->no_ipv6)) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	return real(domain, type, protocol);
}

static int preload_ioctl_error(unsigned long request, const void *arg)
{
	int uso = request == TUNSETOFFLOAD && ((uintptr_t)arg & USO_FLAGS);

	return uso && get(&page->old_kernel) ? EINVAL : 0;
}
