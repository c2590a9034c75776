// SPDX-License-Identifier: MIT
// Questions to the tailnet's resolvers over the network: c-ares in this worker's loop.
//
// The channel is made while files can still be read, with every option given, so that c-ares neither
// needs nor heeds /etc/resolv.conf, nsswitch.conf, the environment or hosts files; servers come later by
// message. Its sockets are made in the namespace that we are in, and closed when no question is open,
// so that every burst of questions has ports of its own.
#include "proxy/query.h"

#define CARES_NO_DEPRECATED
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ipc/msg.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define QUERY_PORT	 53
#define QUERY_TIMEOUT_MS 1000 /* of the first try; doubled for each round */
#define QUERY_TRIES	 3
#define QUERY_EDNS_BYTES 1232 /* fits into every tunnel: the DNS flag day's number */
/* of one group UDP, TCP, and those that are just being replaced; not all groups are that busy at once */
#define QUERY_SOCKETS (4 * MSG_SERVERS + 4 * QUERY_GROUPS_MAX)

struct query {
	query_done *done;
	void *owner;
};

struct group { /* of resolvers: a channel knows one list of them */
	ares_channel channel;
	struct timer timer;
};

struct query_socket {
	struct source source; /* fd -1 = free; never moved: epoll points to it */
	struct group *group;
};

static struct group groups[QUERY_GROUPS_MAX];
static size_t n_groups;
static struct query_socket sockets[QUERY_SOCKETS];

static void arm(struct group *g);

static void socket_event(struct source *s, uint32_t events)
{
	struct group *g = container_of(s, struct query_socket, source)->group;
	bool bad = events & (EPOLLERR | EPOLLHUP);
	int fd = s->fd;

	ares_process_fd(g->channel, events & EPOLLIN || bad ? fd : ARES_SOCKET_BAD,
		events & EPOLLOUT || bad ? fd : ARES_SOCKET_BAD);
	arm(g);
}

static void timer_fire(struct timer *t)
{
	struct group *g = container_of(t, struct group, timer);
	struct timeval tv;

	ares_process_fd(g->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	/* 1.34 closes the sockets of what has just timed out only the next time */
	if (!ares_timeout(g->channel, NULL, &tv))
		ares_process_fd(g->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(g);
}

static void arm(struct group *g)
{
	struct timeval tv, *next = ares_timeout(g->channel, NULL, &tv);

	if (!next) {
		timers_cancel(&g->timer);
		return;
	}
	/* without memory for a deadline the questions' owners have theirs */
	(void)timers_set(&g->timer,
		loop_now() + (uint64_t)tv.tv_sec * 1000 + (uint64_t)(tv.tv_usec + 999) / 1000);
}

static struct query_socket *socket_of(int fd)
{
	for (size_t i = 0; i < QUERY_SOCKETS; i++)
		if (sockets[i].source.fd == fd)
			return &sockets[i];
	return NULL;
}

/* c-ares wants to read or write FD, or, with neither, is about to close it. */
static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct query_socket *q = socket_of(fd);
	struct source *s;

	if (q)
		loop_remove(&q->source);
	else if (readable || writable)
		q = socket_of(-1);
	if (!q)
		return; /* more sockets than there can be: its questions time out */
	q->group = arg;
	s = &q->source;
	s->fd = readable || writable ? fd : -1;
	s->on_event = socket_event;
	if (s->fd >= 0 && loop_add(s, (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u)) < 0)
		s->fd = -1;
}

static int group_open(struct group *g)
{
	static char lookups[] = "b";				    /* DNS alone: no hosts file */
	struct in_addr nobody = {.s_addr = htonl(INADDR_LOOPBACK)}; /* replaced before use */
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = QUERY_TIMEOUT_MS,
		.tries = QUERY_TRIES,
		.ndots = 1,
		.udp_port = QUERY_PORT,
		.tcp_port = QUERY_PORT,
		.servers = &nobody,
		.nservers = 1,
		.lookups = lookups,
		.ednspsz = QUERY_EDNS_BYTES,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = g,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
		ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_NOROTATE | ARES_OPT_EDNSPSZ |
		ARES_OPT_SOCK_STATE_CB;

#ifdef ARES_OPT_QUERY_CACHE /* 1.31 and later: we have our own, which forgets when told */
	options.qcache_max_ttl = 0;
	mask |= ARES_OPT_QUERY_CACHE;
#endif
	g->timer.fire = timer_fire;
	return ares_init_options(&g->channel, &options, mask) == ARES_SUCCESS ? 0 : -ENOMEM;
}

int query_open(size_t count)
{
	int r = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : -ENOMEM;

	for (size_t i = 0; i < QUERY_SOCKETS; i++)
		sockets[i].source.fd = -1;
	for (n_groups = 0; n_groups < count && n_groups < QUERY_GROUPS_MAX && r == 0; n_groups++)
		r = group_open(&groups[n_groups]);
	return r;
}

size_t query_groups(void)
{
	return n_groups;
}

static void group_forget(struct group *g)
{
	ares_cancel(g->channel);
	arm(g);
}

void query_forget(void)
{
	for (size_t i = 0; i < n_groups; i++)
		group_forget(&groups[i]);
}

int query_servers(size_t group, const struct addr *servers, size_t n)
{
	struct ares_addr_port_node nodes[MSG_SERVERS] = {0};
	struct group *g = &groups[group];

	group_forget(g);
	if (!n || n > MSG_SERVERS)
		return n ? -EINVAL : 0;
	for (size_t i = 0; i < n; i++) {
		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		nodes[i].family = servers[i].family == 4 ? AF_INET : AF_INET6;
		memcpy(&nodes[i].addr, servers[i].bytes, addr_len(&servers[i]));
		nodes[i].udp_port = nodes[i].tcp_port = QUERY_PORT;
	}
	return ares_set_servers_ports(g->channel, nodes) == ARES_SUCCESS ? 0 : -ENOMEM;
}

static enum query_status status_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return QUERY_ANSWER;
	case ARES_ENODATA:
		return QUERY_NO_DATA;
	case ARES_ENOTFOUND:
		return QUERY_NO_NAME;
	case ARES_ETIMEOUT:
		return QUERY_SILENT;
	case ARES_ECANCELLED:
	case ARES_EDESTRUCTION:
		return QUERY_CANCELLED;
	default: /* also ARES_ECONNREFUSED, which stands for SERVFAIL and REFUSED in 1.18 */
		return QUERY_FAILED;
	}
}

static void answered(void *arg, int status, int timeouts, unsigned char *reply, int len)
{
	struct query q = *(struct query *)arg;

	free(arg);
	q.done(q.owner, status_of(status), len > 0 ? reply : NULL, len > 0 ? (size_t)len : 0);
}

void query_start(size_t group, const char *name, uint16_t type, query_done *done, void *owner)
{
	struct query *q = malloc(sizeof(*q));

	if (!q) {
		done(owner, QUERY_FAILED, NULL, 0);
		return;
	}
	*q = (struct query){.done = done, .owner = owner};
	ares_query(groups[group].channel, name, 1 /* IN */, type, answered, q);
	arm(&groups[group]);
}
