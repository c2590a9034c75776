// SPDX-License-Identifier: MIT
// The answering side: UDP in batches, TCP connections (dns/tcp.h), the zones they ask.
#include "dns/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "common/clock.h"
#include "dns/packet.h"

#define UDP_BATCH     32
#define UDP_ROUNDS    8 /* batches before others have their turn */
#define UDP_QUERY_MAX 1536
#define CONTROL_BYTES 64

/* One batch, used by one listener at a time. */
static struct {
	struct mmsghdr in[UDP_BATCH], out[UDP_BATCH];
	struct iovec in_iov[UDP_BATCH], out_iov[UDP_BATCH];
	struct sockaddr_storage from[UDP_BATCH];
	uint8_t control[UDP_BATCH][CONTROL_BYTES] __attribute__((aligned(8)));
	uint8_t query[UDP_BATCH][UDP_QUERY_MAX];
	uint8_t reply[UDP_BATCH][PACKET_UDP_MAX];
	unsigned used; /* entries of .in that are not as recvmmsg(2) wants them */
	bool prepared; /* the others are */
} batch;

/* The address that was asked, which is the one the answer must come from: CONTROL is turned from what
 * recvmsg(2) says into what sendmsg(2) wants. */
static void udp_asked_at(struct msghdr *m, struct addr *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);

			ret->family = 4;
			memcpy(ret->bytes, &info->ipi_addr, 4);
			info->ipi_spec_dst = info->ipi_addr;
			info->ipi_ifindex = 0;
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)(void *)CMSG_DATA(c);

			ret->family = 6;
			memcpy(ret->bytes, &info->ipi6_addr, 16);
		}
	}
}

/* Answers message I of the batch. Returns the answer's length, 0 = none, or not now. */
static size_t udp_answer(struct listener *l, unsigned i)
{
	struct msghdr *m = &batch.in[i].msg_hdr;
	struct asker a = {.listener = l,
		.from = m->msg_name,
		.from_len = m->msg_namelen,
		.asked = l->at.addr};
	struct hostport client;
	int n;

	udp_asked_at(m, &a.asked);
	/* port 0 cannot be answered; our own address and port would be an answer to ourselves */
	if (hostport_from_sockaddr(m->msg_name, &client) < 0 || client.port == 0 ||
		(client.port == l->at.port && addr_equal(&client.addr, &a.asked)) ||
		addr_is_multicast(&a.asked) || addr_is_broadcast(&a.asked)) {
		STAT_ADD(l->server->stats->all.dropped, 1);
		return 0;
	}
	a.client = client.addr;
	n = server_answer(l->server, batch.query[i], batch.in[i].msg_len, &a, batch.reply[i]);
	return n > 0 ? (size_t)n : 0;
}

static int udp_receive(struct listener *l)
{
	int n;

	for (unsigned i = 0; i < (batch.prepared ? batch.used : UDP_BATCH); i++) {
		batch.in_iov[i] = (struct iovec){batch.query[i], UDP_QUERY_MAX};
		batch.in[i].msg_hdr = (struct msghdr){
			.msg_name = &batch.from[i],
			.msg_namelen = sizeof(batch.from[i]),
			.msg_iov = &batch.in_iov[i],
			.msg_iovlen = 1,
			.msg_control = batch.control[i],
			.msg_controllen = CONTROL_BYTES,
		};
	}
	n = recvmmsg(l->udp_fd, batch.in, UDP_BATCH, MSG_DONTWAIT, NULL);
	batch.prepared = true;
	batch.used = n > 0 ? (unsigned)n : 0;
	return n;
}

/* What cannot be sent is lost, as everywhere in UDP; the asker asks again. */
static void udp_send(struct listener *l, unsigned n)
{
	for (unsigned at = 0; at < n;) {
		int sent = sendmmsg(l->udp_fd, batch.out + at, n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			at += (unsigned)sent;
		} else if (errno != EINTR) {
			STAT_ADD(l->server->stats->all.dropped, 1);
			at++;
		}
	}
}

static void udp_run(struct loop_event *e, uint32_t events)
{
	struct listener *l = container_of(e, struct listener, udp_event);
	int n = UDP_BATCH;

	for (unsigned round = 0; round < UDP_ROUNDS && n == UDP_BATCH; round++) {
		unsigned replies = 0;

		n = udp_receive(l);
		for (int i = 0; i < n; i++) {
			size_t len = udp_answer(l, (unsigned)i);

			if (!len)
				continue;
			batch.out_iov[replies] = (struct iovec){batch.reply[i], len};
			batch.out[replies].msg_hdr = batch.in[i].msg_hdr;
			batch.out[replies].msg_hdr.msg_iov = &batch.out_iov[replies];
			batch.out[replies].msg_hdr.msg_flags = 0;
			replies++;
		}
		udp_send(l, replies);
	}
}

int server_init(struct server *s, struct dns_stats *stats)
{
	int r;

	memset(s, 0, sizeof(*s));
	s->stats = stats;
	if (getrandom(s->secret, sizeof(s->secret), 0) != sizeof(s->secret))
		return -EIO;
	r = zone_set_new(&s->zones);
	if (r == 0)
		r = zone_set_finish(s->zones, 0);
	if (r == 0)
		r = cache_init(&s->cache);
	return r < 0 ? r : loop_init(&s->loop);
}

int server_listen(struct server *s, const struct hostport *at, int udp_fd, int tcp_fd)
{
	struct listener *l = NULL;
	int r = 0;

	server_unlisten(s, at);
	if (s->n_listeners < SERVER_LISTENERS_MAX)
		l = calloc(1, sizeof(*l));
	if (!l) {
		fd_close(udp_fd);
		fd_close(tcp_fd);
		return s->n_listeners < SERVER_LISTENERS_MAX ? -ENOMEM : -E2BIG;
	}
	l->udp_event.run = udp_run;
	l->server = s;
	l->at = *at;
	l->udp_fd = udp_fd;
	r = tcp_open(s, &l->acceptor, tcp_fd);
	if (r == 0)
		r = loop_add(&s->loop, udp_fd, EPOLLIN, &l->udp_event);
	if (r < 0) {
		tcp_close(&l->acceptor);
		fd_close(udp_fd);
		free(l);
		return r;
	}
	s->listeners[s->n_listeners++] = l;
	return 0;
}

void server_unlisten(struct server *s, const struct hostport *at)
{
	for (unsigned i = 0; i < s->n_listeners; i++) {
		struct listener *l = s->listeners[i];

		if (!hostport_equal(&l->at, at))
			continue;
		tcp_close(&l->acceptor);
		loop_remove(&s->loop, l->udp_fd);
		pending_leave(s, l, NULL);
		l->udp_fd = fd_close(l->udp_fd);
		s->listeners[i] = s->listeners[--s->n_listeners];
		loop_bury(&s->loop, &l->udp_event);
		return;
	}
}

/* The counters of TAILNET, which go on over new configurations and new workers; NULL: no room. */
static struct dns_zone_stats *server_zone_stats(struct server *s, const char *tailnet)
{
	uint32_t h = hash_bytes(tailnet, strlen(tailnet));

	for (unsigned i = 0; i < STATS_ZONES_MAX; i++) {
		struct dns_zone_stats *z = &s->stats->zones[(h + i) % STATS_ZONES_MAX];

		if (!*z->tailnet)
			strncpy(z->tailnet, tailnet, sizeof(z->tailnet) - 1);
		if (!strncmp(z->tailnet, tailnet, sizeof(z->tailnet)))
			return z;
	}
	STAT_ADD(s->stats->all.zones_full, 1);
	return NULL;
}

int server_swap(struct server *s, struct zone_set *zones)
{
	int r;

	for (size_t i = 0; i < zones->n_zones; i++)
		zones->zones[i]->stats = server_zone_stats(s, zones->zones[i]->tailnet);
	r = links_attach(s, zones);
	if (r < 0) {
		zone_set_free(zones);
		return r;
	}
	zone_set_free(s->zones);
	s->zones = zones;
	return 0;
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 ? a : MIN(a, b);
}

int server_round(struct server *s)
{
	int timeout_ms = tcp_expire(s);

	if (s->pending.first_question)
		timeout_ms = sooner(timeout_ms, pending_expire(s, clock_now_ms()));
	STAT_SET(s->stats->all.cache_entries, s->cache.n);
	STAT_SET(s->stats->all.cache_bytes, s->cache.bytes);
	STAT_SET(s->stats->all.cache_evicted, s->cache.evicted);
	STAT_SET(s->stats->all.tcp_connections, s->tcp.n);
	return loop_round(&s->loop, timeout_ms);
}
