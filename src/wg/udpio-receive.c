// SPDX-License-Identifier: MIT
// Receiving datagrams in batches.
//
// A received message may hold up to 64 KiB: the datagrams of one flow that arrived together (UDP_GRO).
// What its control data says (length of each, our address, ECN) holds for all of them. The slots are
// large, but only pages that packets have filled are memory.
//
// Where nobody joins them (a veth without GRO; a sender that makes no trains) each datagram takes a slot of
// its own: as long as that goes on there are many slots, so that the work of one batch (keys, locks, writes to
// the TUN) is not done for eight packets alone. Trains take eight slots, and what they have filled of the
// others is given back.
#include "wg/udpio.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define RX_CONTROL_BYTES 160
#define SLOT_STRIDE	 (UDPIO_SLOT_BYTES + 21 * 64) /* else all would begin in the same cache lines */

static int real_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	int r = recvmmsg(fd, msgs, n, flags, NULL);

	return r < 0 ? -errno : r;
}

union rx_control {
	struct cmsghdr align;
	uint8_t bytes[RX_CONTROL_BYTES];
};

struct udpio_rx {
	int (*recvmmsg)(int fd, struct mmsghdr *msgs, unsigned n, int flags);
	uint8_t *slots;
	unsigned wanted;  /* messages of the next receive */
	unsigned changed; /* by the last one */
	bool trim;	  /* before the next one */
	struct mmsghdr msgs[UDPIO_SLOTS];
	struct iovec iov[UDPIO_SLOTS];
	union udpio_sockaddr from[UDPIO_SLOTS];
	union rx_control control[UDPIO_SLOTS];
	struct udpio_message messages[UDPIO_SLOTS];
};

struct udpio_rx *udpio_rx_new(const struct udpio_calls *calls)
{
	struct udpio_rx *rx = calloc(1, sizeof(*rx));

	if (!rx)
		return NULL;
	rx->recvmmsg = calls && calls->recvmmsg ? calls->recvmmsg : real_recvmmsg;
	rx->wanted = UDPIO_SLOTS_TRAINS;
	rx->changed = UDPIO_SLOTS;
	rx->slots = mmap(NULL, (size_t)UDPIO_SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (rx->slots == MAP_FAILED) {
		free(rx);
		return NULL;
	}
	for (unsigned i = 0; i < UDPIO_SLOTS; i++) {
		rx->iov[i].iov_base = rx->slots + (size_t)i * SLOT_STRIDE;
		rx->iov[i].iov_len = UDPIO_SLOT_BYTES;
		rx->msgs[i].msg_hdr.msg_name = &rx->from[i];
		rx->msgs[i].msg_hdr.msg_iov = &rx->iov[i];
		rx->msgs[i].msg_hdr.msg_iovlen = 1;
		rx->msgs[i].msg_hdr.msg_control = &rx->control[i];
	}
	return rx;
}

void udpio_rx_free(struct udpio_rx *rx)
{
	if (!rx)
		return;
	munmap(rx->slots, (size_t)UDPIO_SLOTS * SLOT_STRIDE);
	free(rx);
}

static void parse_ip(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	struct in_pktinfo info;

	if (c->cmsg_type == IP_PKTINFO && len >= sizeof(info)) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		m->to = (struct udpio_source){.family = 4,
			.ifindex = (uint32_t)info.ipi_ifindex,
			.v4 = info.ipi_spec_dst};
	} else if (c->cmsg_type == IP_TOS && len >= 1) {
		m->ecn = *CMSG_DATA(c) & 3;
	}
}

static void parse_ipv6(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	struct in6_pktinfo info;
	int class;

	if (c->cmsg_type == IPV6_PKTINFO && len >= sizeof(info)) {
		memcpy(&info, CMSG_DATA(c), sizeof(info));
		m->to = (struct udpio_source){
			.family = 6, .ifindex = (uint32_t)info.ipi6_ifindex, .v6 = info.ipi6_addr};
	} else if (c->cmsg_type == IPV6_TCLASS && len >= sizeof(class)) {
		memcpy(&class, CMSG_DATA(c), sizeof(class));
		m->ecn = class & 3;
	}
}

static void parse_udp(const struct cmsghdr *c, size_t len, struct udpio_message *m)
{
	int segment;

	if (c->cmsg_type != UDP_GRO || len < sizeof(segment))
		return;
	memcpy(&segment, CMSG_DATA(c), sizeof(segment));
	if (segment > 0 && (uint32_t)segment < m->len)
		m->segment = (uint32_t)segment;
}

void udpio_parse_control(const struct msghdr *msg, struct udpio_message *m)
{
	const uint8_t *p = msg->msg_control;
	size_t left = p ? msg->msg_controllen : 0;

	m->segment = m->len;
	while (left >= sizeof(struct cmsghdr)) {
		const struct cmsghdr *c = (const void *)p;
		size_t step;

		if (c->cmsg_len < CMSG_LEN(0) || c->cmsg_len > left)
			return;
		if (c->cmsg_level == IPPROTO_IP)
			parse_ip(c, c->cmsg_len - CMSG_LEN(0), m);
		else if (c->cmsg_level == IPPROTO_IPV6)
			parse_ipv6(c, c->cmsg_len - CMSG_LEN(0), m);
		else if (c->cmsg_level == IPPROTO_UDP)
			parse_udp(c, c->cmsg_len - CMSG_LEN(0), m);
		step = MIN((size_t)CMSG_ALIGN(c->cmsg_len), left);
		p += step;
		left -= step;
	}
}

/* What says nothing about the socket: another receive may work. */
static bool passing(int error)
{
	return error != -EBADF && error != -ENOTSOCK && error != -EFAULT && error != -EINVAL;
}

/* Trains came to slots that are not for them: the memory goes when they have been worked off. */
static void trim(struct udpio_rx *rx)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uint8_t *from = rx->slots + (size_t)UDPIO_SLOTS_TRAINS * SLOT_STRIDE;
	uint8_t *end = rx->slots + (size_t)UDPIO_SLOTS * SLOT_STRIDE;

	from += -(uintptr_t)from & page;
	(void)madvise(from, (size_t)(end - from), MADV_DONTNEED);
	rx->trim = false;
}

/* How many the next receive takes, after GOT of which some were TRAINS. */
static void adapt(struct udpio_rx *rx, unsigned got, bool trains)
{
	rx->trim = trains && got > UDPIO_SLOTS_TRAINS;
	if (trains)
		rx->wanted = UDPIO_SLOTS_TRAINS;
	else if (got == UDPIO_SLOTS_TRAINS)
		rx->wanted = UDPIO_SLOTS;
}

int udpio_receive(struct udpio_rx *rx, int fd, struct udpio_message **ret)
{
	bool trains = false;
	int got, n = 0;

	if (rx->trim)
		trim(rx);
	for (unsigned i = 0; i < rx->changed; i++) {
		rx->msgs[i].msg_hdr.msg_namelen = sizeof(rx->from[i]);
		rx->msgs[i].msg_hdr.msg_controllen = sizeof(rx->control[i]);
		rx->msgs[i].msg_hdr.msg_flags = 0;
	}
	got = rx->recvmmsg(fd, rx->msgs, rx->wanted, MSG_DONTWAIT);
	*ret = rx->messages;
	rx->changed = got < 0 ? 1 : (unsigned)got;
	if (got < 0)
		return passing(got) ? 0 : got;
	for (int i = 0; i < got; i++) {
		struct udpio_message *m = &rx->messages[n];
		const struct msghdr *h = &rx->msgs[i].msg_hdr;

		if (h->msg_flags & MSG_TRUNC || h->msg_namelen < sizeof(struct sockaddr_in))
			continue;
		*m = (struct udpio_message){.data = rx->iov[i].iov_base,
			.len = rx->msgs[i].msg_len,
			.from = rx->from[i]};
		udpio_parse_control(h, m);
		trains |= m->segment != m->len;
		n++;
	}
	adapt(rx, (unsigned)got, trains);
	return n;
}
