// SPDX-License-Identifier: MIT
// Published ports: sockets that were made in the tailnet's namespace, and what is behind them here.
//
// Who may come is who is in the tailnet: the node lets in nothing else, and the sockets are bound to its
// device. What is behind is one target for each port, configured by root; a peer chooses nothing.
#include "host/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/link.h"
#include "host/services.h"
#include "relay/flow.h"
#include "relay/pipes.h"
#include "relay/udpport.h"

#define PUBLISH_PORTS_MAX 2048 /* 64 ports on 16 addresses, from the tunnel and from inside */
#define ACCEPT_BATCH	  64
#define ACCEPT_RETRY_MS	  1000
#define DESCRIPTORS_OWN	  64 /* stdio, channel, epoll, what the resolver opens */

struct published {
	struct source source;	 /* TCP */
	struct udpport *udpport; /* UDP */
	struct hostport at;
	bool udp, local;
	struct target to;
	struct task task;
};

struct asking { /* a UDP session whose target is being looked up */
	struct services_wait wait;
	struct udpport_session *session;
};

static struct published *ports[PUBLISH_PORTS_MAX];
static unsigned n_ports;
static unsigned n_descriptors = 1024;
static bool paused;
static struct timer retry;

bool publish_any(void)
{
	return n_ports;
}

/* ---- TCP ---- */

static void resume(void)
{
	if (!paused)
		return;
	paused = false;
	timers_cancel(&retry);
	for (unsigned i = 0; i < n_ports; i++)
		if (!ports[i]->udp)
			(void)loop_add(&ports[i]->source, EPOLLIN);
}

static void retry_fire(struct timer *t)
{
	resume();
}

static void pause_accepting(void)
{
	static struct log_limit limit = {.burst = 1, .interval_ms = 10000};

	retry.fire = retry_fire;
	if (paused || timers_set(&retry, loop_now() + ACCEPT_RETRY_MS) < 0)
		return;
	paused = true;
	STAT_ADD(host_stats->accept_paused, 1);
	for (unsigned i = 0; i < n_ports; i++)
		if (!ports[i]->udp)
			loop_remove(&ports[i]->source);
	if (log_limit_ok(&limit, loop_now(), NULL))
		log_warning(NULL, "publish",
			"no descriptors left with %u connections: new ones wait", links_now());
}

void publish_set_descriptors(unsigned n)
{
	n_descriptors = n;
	pipes_limit(n / 16);
	udpport_setup(&host_stats->udp, n / 4);
	links_freed = resume;
}

static bool has_room(void)
{
	return links_now() * 2 + udpport_sessions() + pipes_descriptors() + n_ports +
		DESCRIPTORS_OWN <
		n_descriptors;
}

static void accept_event(struct source *s, uint32_t events)
{
	struct published *p = container_of(s, struct published, source);

	for (int i = 0; i < ACCEPT_BATCH && s->fd >= 0; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof(ss);
		struct hostport from;
		int fd = -1;

		if (has_room())
			fd = accept4(
				s->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		else
			errno = EMFILE;
		if (fd < 0 && errno == EAGAIN)
			return;
		if (fd < 0 &&
			(errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
				errno == ENOBUFS)) {
			pause_accepting();
			return;
		}
		if (fd < 0)
			continue; /* that peer has gone already */
		STAT_ADD(host_stats->accepted, 1);
		if (hostport_from_sockaddr((struct sockaddr *)&ss, &from) < 0)
			fd_close(fd);
		else
			link_open(fd, &from, &p->to);
	}
}

/* ---- UDP ---- */

static struct published *port_of(const struct udpport *u)
{
	unsigned i = 0;

	while (ports[i]->udpport != u)
		i++;
	return ports[i];
}

static bool udp_admits(struct udpport *u, const struct addr *from)
{
	return true;
}

static void udp_fail(struct udpport_session *s, enum publish_result result, const char *why)
{
	static struct log_limit limit = {.burst = 5, .interval_ms = 10000};
	const struct target *to = &port_of(s->port)->to;
	char from[ADDR_TEXT_MAX];

	STAT_ADD(host_stats->results[result], 1);
	STAT_ADD(host_stats->udp.failed, 1);
	if (log_limit_ok(&limit, loop_now(), NULL))
		log_notice(NULL, "publish", "from %s to %s:%u/udp: %s",
			addr_format(&s->base.from.addr, from), to->host, to->at.port, why);
	udpport_end(s);
}

static void udp_looked_up(struct services_wait *w, const struct addr *addrs, size_t n, int error)
{
	struct asking *a = container_of(w, struct asking, wait);
	struct udpport_session *s = a->session;
	struct hostport to;

	s->owner = NULL;
	free(a);
	if (!n) {
		udp_fail(s, PUBLISH_NO_NAME, "the name cannot be looked up");
		return;
	}
	to = (struct hostport){.addr = addrs[0], .port = port_of(s->port)->to.at.port};
	(void)udpport_connect(s, &to);
}

static void udp_wanted(struct udpport_session *s)
{
	const struct target *to = &port_of(s->port)->to;
	struct asking *a;

	if (to->at.addr.family) {
		(void)udpport_connect(s, &to->at);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (a) {
		*a = (struct asking){.wait.done = udp_looked_up, .session = s};
		s->owner = a;
		if (services_ask(&a->wait, to->host) == 0)
			return;
	}
	udp_fail(s, PUBLISH_LIMIT, "too many look-ups at the same time");
}

static void udp_gone(struct udpport_session *s)
{
	struct asking *a = s->owner;

	if (!a)
		return;
	services_cancel(&a->wait);
	free(a);
	s->owner = NULL;
}

static const struct udpport_ops udp_ops = {
	.admits = udp_admits, .wanted = udp_wanted, .gone = udp_gone};

/* ---- coming and going ---- */

static void published_bury(struct task *t)
{
	free(container_of(t, struct published, task));
}

void publish_remove(const struct msg_port *m)
{
	for (unsigned i = 0; i < n_ports; i++) {
		struct published *p = ports[i];

		if (p->udp != !!m->udp || p->local != !!m->local || p->at.port != m->at.port ||
			!addr_equal(&p->at.addr, &m->at.addr))
			continue;
		if (p->udp) {
			udpport_close(p->udpport);
		} else {
			if (!paused)
				loop_remove(&p->source); /* the supervisor may have it open still */
			p->source.fd = fd_close(p->source.fd);
		}
		ports[i] = ports[--n_ports];
		p->task.run = published_bury;
		loop_bury(&p->task);
		return;
	}
}

void publish_remove_all(void)
{
	while (n_ports) {
		const struct published *p = ports[n_ports - 1];

		publish_remove(&(struct msg_port){.at = p->at, .udp = p->udp, .local = p->local});
	}
}

/* Given anew by the next supervisor: the same socket, with the same target. */
static bool publish_has(const struct msg_port *m, int fd)
{
	for (unsigned i = 0; i < n_ports; i++) {
		const struct published *p = ports[i];

		if (p->udp == !!m->udp && p->local == !!m->local && p->at.port == m->at.port &&
			addr_equal(&p->at.addr, &m->at.addr))
			return fd_same(p->udp ? p->udpport->source.fd : p->source.fd, fd) &&
				p->to.at.port == m->port && !strcmp(p->to.host, m->host);
	}
	return false;
}

static int start(struct published *p, int fd)
{
	int r;

	if (p->udp) {
		p->udpport = udpport_open(fd, &udp_ops);
		return p->udpport ? 0 : -ENOMEM;
	}
	p->source = (struct source){.fd = fd, .on_event = accept_event};
	sock_options(fd);
	r = fd_nonblock(fd, true);
	return r < 0 || paused ? r : loop_add(&p->source, EPOLLIN);
}

int publish_add(const struct msg_port *m, int fd)
{
	struct published *p;
	int r;

	if (!memchr(m->host, 0, sizeof(m->host)) || !m->port)
		return -EBADMSG;
	if (publish_has(m, fd)) {
		fd_close(fd);
		return 0;
	}
	publish_remove(m);
	p = n_ports < PUBLISH_PORTS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return n_ports < PUBLISH_PORTS_MAX ? -ENOMEM : -E2BIG;
	*p = (struct published){.at = m->at, .udp = m->udp, .local = m->local};
	memcpy(p->to.host, m->host, sizeof(p->to.host));
	if (addr_parse(m->host, &p->to.at.addr) < 0)
		p->to.at.addr.family = 0;
	p->to.at.port = m->port;
	r = start(p, fd);
	if (r < 0) {
		free(p);
		return r;
	}
	ports[n_ports++] = p;
	return 0;
}
