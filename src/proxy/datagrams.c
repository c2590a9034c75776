// SPDX-License-Identifier: MIT
// Datagrams by the batch.
//
// Reading: recvmmsg into buffers of 64 KiB; with UDP_GRO the kernel has joined datagrams of one flow
// and one size into one buffer. Writing: neighbours with the same destination and size become one
// message with UDP_SEGMENT, in pieces that lie where they were read, so nothing is copied. That costs
// one way through the kernel instead of sixty-four; a tunnel then takes the whole train at once.
//
// The kernel refuses a train whose pieces do not fit the way (EMSGSIZE, where a lone datagram would be
// cut into fragments) or whose device cannot do it (EIO): the same is then sent one by one, and not
// tried again with that size.
#include "proxy/datagrams.h"

#include <errno.h>
#include <netinet/udp.h>
#include <string.h>

#include "common/cleanup.h"
#include "proxy/socksudp.h"

#define TRAIN_MAX	64    /* pieces, what every kernel takes */
#define TRAIN_BYTES_MAX 65000 /* with headers below what IPv4 and IPv6 carry */
/* Not a power of two, so that the beginnings of all buffers do not share cache lines. */
#define BUFFER_BYTES  65536
#define BUFFER_STRIDE (BUFFER_BYTES + 21 * 64)

static uint8_t buffers[DATAGRAMS_READ][BUFFER_STRIDE];

struct outgoing_msg {
	struct sockaddr_storage to;
	socklen_t to_len;
	size_t first, n; /* pieces */
	size_t size;	 /* of each but the last */
	size_t bytes;
	bool ended; /* by a shorter one */
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
	} control;
};

struct outgoing {
	int fd;
	struct datagrams_path *path;
	struct datagrams_sent *sent;
	size_t n, n_msgs;
	struct hostport last_to;
	uint8_t heads[DATAGRAMS_SEND][SOCKSUDP_HEADER_MAX];
	struct iovec pieces[DATAGRAMS_SEND][2];
	struct outgoing_msg msgs[DATAGRAMS_SEND];
	struct mmsghdr mm[DATAGRAMS_SEND];
};

static struct outgoing sides[2];

void datagrams_want_trains(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
}

static size_t train_of(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int size;

		if (c->cmsg_level != IPPROTO_UDP || c->cmsg_type != UDP_GRO)
			continue;
		memcpy(&size, CMSG_DATA(c), sizeof(size));
		return size > 0 ? (size_t)size : 0;
	}
	return 0;
}

/* What recvmmsg(2) writes to, and what it has changed afterwards is set anew. */
static struct {
	struct sockaddr_storage from;
	struct iovec iov;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
} places[DATAGRAMS_READ];
static struct mmsghdr received[DATAGRAMS_READ];

static void reset(int i)
{
	places[i].iov = (struct iovec){buffers[i], BUFFER_BYTES};
	received[i].msg_hdr = (struct msghdr){.msg_name = &places[i].from,
		.msg_namelen = sizeof(places[i].from),
		.msg_iov = &places[i].iov,
		.msg_iovlen = 1,
		.msg_control = places[i].control.bytes,
		.msg_controllen = sizeof(places[i].control.bytes)};
}

int datagrams_receive(int fd, struct datagrams *ret)
{
	static int dirty = DATAGRAMS_READ;
	int n, good = 0;

	while (dirty)
		reset(--dirty);
	n = recvmmsg(fd, received, DATAGRAMS_READ, MSG_DONTWAIT, NULL);
	if (n < 0)
		return -errno;
	dirty = n;
	for (int i = 0; i < n; i++) {
		struct msghdr *m = &received[i].msg_hdr;
		struct datagrams *d = &ret[good];

		if (m->msg_flags & MSG_TRUNC || hostport_from_sockaddr(m->msg_name, &d->from) < 0)
			continue;
		d->data = buffers[i];
		d->len = received[i].msg_len;
		d->train = train_of(m);
		good++;
	}
	return good;
}

struct outgoing *outgoing_begin(
	int side, int fd, struct datagrams_path *path, struct datagrams_sent *sent)
{
	struct outgoing *o = &sides[side];

	o->fd = fd;
	o->path = path;
	o->sent = sent;
	o->n = o->n_msgs = 0;
	return o;
}

static size_t piece_size(const struct outgoing *o, size_t i)
{
	return o->pieces[i][0].iov_len + o->pieces[i][1].iov_len;
}

static void count_failed(struct outgoing *o, int error, size_t n)
{
	enum proxy_udp_drop why = PROXY_UDP_UNREACHABLE;

	if (error == EMSGSIZE)
		why = PROXY_UDP_TOO_LONG;
	else if (error == EAGAIN || error == ENOBUFS || error == ENOMEM)
		why = PROXY_UDP_FULL;
	STAT_ADD(o->sent->dropped[why], n);
}

static void count_sent(struct outgoing *o, size_t first, size_t n)
{
	o->sent->n += n;
	for (size_t i = first; i < first + n; i++)
		o->sent->bytes += o->pieces[i][1].iov_len;
}

/* An error that a connected socket had waiting belongs to an earlier datagram: try once more. */
static int send_again(int fd, const struct msghdr *m)
{
	for (int i = 0;; i++) {
		if (sendmsg(fd, m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR && (errno != ECONNREFUSED || i))
			return -errno;
	}
}

static void send_one_by_one(struct outgoing *o, struct outgoing_msg *m, struct msghdr h)
{
	h.msg_control = NULL;
	h.msg_controllen = 0;
	h.msg_iovlen = 2;
	for (size_t i = m->first; i < m->first + m->n; i++) {
		int r;

		h.msg_iov = o->pieces[i];
		r = send_again(o->fd, &h);
		if (r < 0)
			count_failed(o, -r, 1);
		else
			count_sent(o, i, 1);
	}
}

/* The first message of the rest, which the kernel did not take. */
static void send_refused(struct outgoing *o, size_t i, int error)
{
	struct outgoing_msg *m = &o->msgs[i];
	bool train = m->n > 1 && (error == EMSGSIZE || error == EIO || error == EINVAL);

	if (train)
		o->path->too_long = (uint16_t)(error == EMSGSIZE ? m->size : 1);
	if (train || error == ECONNREFUSED || error == EINTR)
		send_one_by_one(o, m, o->mm[i].msg_hdr);
	else
		count_failed(o, error, m->n);
}

static void finish_msg(struct outgoing *o, size_t i)
{
	struct outgoing_msg *m = &o->msgs[i];
	struct msghdr *h = &o->mm[i].msg_hdr;
	uint16_t size = (uint16_t)m->size;

	*h = (struct msghdr){.msg_name = m->to_len ? &m->to : NULL,
		.msg_namelen = m->to_len,
		.msg_iov = o->pieces[m->first],
		.msg_iovlen = 2 * m->n};
	if (m->n == 1)
		return;
	m->control.align = (struct cmsghdr){.cmsg_level = IPPROTO_UDP,
		.cmsg_type = UDP_SEGMENT,
		.cmsg_len = CMSG_LEN(sizeof(size))};
	memcpy(CMSG_DATA(&m->control.align), &size, sizeof(size));
	h->msg_control = m->control.bytes;
	h->msg_controllen = sizeof(m->control.bytes);
}

static void flush(struct outgoing *o)
{
	size_t done = 0;

	for (size_t i = 0; i < o->n_msgs; i++)
		finish_msg(o, i);
	while (done < o->n_msgs) {
		int n = sendmmsg(o->fd, o->mm + done, (unsigned)(o->n_msgs - done),
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) { /* so it is for all that come behind */
			count_failed(o, EAGAIN, o->n - o->msgs[done].first);
			break;
		}
		if (n <= 0) {
			send_refused(o, done++, errno);
			continue;
		}
		for (; n; n--, done++)
			count_sent(o, o->msgs[done].first, o->msgs[done].n);
	}
	o->n = o->n_msgs = 0;
}

static bool same_destination(const struct outgoing *o, const struct hostport *to)
{
	return !to || (to->port == o->last_to.port && addr_equal(&to->addr, &o->last_to.addr));
}

static struct outgoing_msg *joins(struct outgoing *o, const struct hostport *to, size_t size)
{
	struct outgoing_msg *m = o->n_msgs ? &o->msgs[o->n_msgs - 1] : NULL;

	if (!m || m->ended || !size || size > m->size || m->n == TRAIN_MAX ||
		m->bytes + size > TRAIN_BYTES_MAX || !same_destination(o, to) ||
		(o->path->too_long && m->size >= o->path->too_long))
		return NULL;
	return m;
}

void outgoing_add(struct outgoing *o, const struct hostport *to, const uint8_t *head,
	size_t head_len, const uint8_t *payload, size_t len)
{
	struct outgoing_msg *m = joins(o, to, head_len + len);
	size_t i;

	if (o->n == DATAGRAMS_SEND) {
		flush(o);
		m = NULL;
	}
	i = o->n++;
	if (head_len)
		memcpy(o->heads[i], head, head_len);
	o->pieces[i][0] = (struct iovec){o->heads[i], head_len};
	o->pieces[i][1] = (struct iovec){(void *)payload, len};
	if (!m) {
		m = &o->msgs[o->n_msgs++];
		m->first = i;
		m->n = m->bytes = 0;
		m->size = head_len + len;
		m->ended = false;
		m->to_len = to ? hostport_to_sockaddr(to, &m->to) : 0;
		if (to)
			o->last_to = *to;
	}
	m->n++;
	m->bytes += piece_size(o, i);
	m->ended = piece_size(o, i) < m->size;
}

void outgoing_end(struct outgoing *o)
{
	flush(o);
}
