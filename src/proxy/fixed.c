// SPDX-License-Identifier: MIT
// Fixed ports into the tailnet (key forward): what arrives there goes to one destination.
//
// TCP ports are listeners whose connections know their destination from birth (listener.c, conn.c);
// here are the UDP ports. Their clients are held against `allow` as everybody's, their destinations
// against the policy, anew for each session.
#include "proxy/fixed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/ask.h"
#include "proxy/listener.h"
#include "proxy/peers.h"
#include "proxy/reply.h"
#include "proxy/setup.h"
#include "relay/udpport.h"

#define FIXED_UDP_MAX 2048 /* 64 ports on 32 addresses */

struct fixed {
	struct udpport *port;
	struct hostport at;
	struct listener_target target;
};

struct asking { /* a session whose destination the tailnet's resolver knows */
	struct ask ask;
	struct udpport_session *session;
};

static struct fixed *ports[FIXED_UDP_MAX];
static unsigned n_ports;
static struct log_limit refused_limit = {.burst = 5, .interval_ms = 10000};
static struct log_limit failed_limit = {.burst = 5, .interval_ms = 10000};

static struct fixed *fixed_of(const struct udpport *p)
{
	unsigned i = 0;

	while (ports[i]->port != p)
		i++;
	return ports[i];
}

static bool fixed_admits(struct udpport *p, const struct addr *from)
{
	char text[ADDR_TEXT_MAX];

	if (policy_admits(&setup_now()->policy, from))
		return true;
	if (log_limit_ok(&refused_limit, loop_now(), NULL))
		log_notice(NULL, "forward", "client %s refused at %u/udp: not in allow",
			addr_format(from, text), fixed_of(p)->at.port);
	return false;
}

unsigned fixed_revoke(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_ports; i++) {
		struct udpport_session *s = ports[i]->port->first, *next;

		for (; s; s = next) {
			next = s->next;
			if (policy_admits(&setup_now()->policy, &s->base.from.addr))
				continue;
			udpport_end(s);
			n++;
		}
	}
	return n;
}

static void fixed_fail(struct udpport_session *s, enum proxy_result result)
{
	const struct fixed *f = fixed_of(s->port);

	STAT_ADD(setup_stats->forward_udp.failed, 1);
	STAT_ADD(setup_stats->results[result], 1);
	if (log_limit_ok(&failed_limit, loop_now(), NULL))
		log_notice(NULL, "forward", "%u/udp to %s:%u: %s", f->at.port, f->target.host,
			f->target.port, reply_result_text(result));
	udpport_end(s);
}

static void fixed_connect(struct udpport_session *s, const struct addr *addrs, size_t n)
{
	enum proxy_result result = PROXY_POLICY;
	uint32_t peer;

	for (size_t i = 0; i < n; i++) {
		struct hostport to = {.addr = addrs[i], .port = fixed_of(s->port)->target.port};

		switch (policy_check_port(&setup_now()->policy, &to, true, &peer)) {
		case POLICY_OK:
			(void)udpport_connect(s, &to);
			return;
		case POLICY_NO_IPV6:
			result = PROXY_NO_IPV6;
			break;
		default:
			break;
		}
	}
	fixed_fail(s, result);
}

static void fixed_asked(struct ask *ask, const struct ask_answer *answer)
{
	struct asking *a = container_of(ask, struct asking, ask);
	struct udpport_session *s = a->session;

	s->owner = NULL;
	free(a);
	if (answer->kind == ASK_ADDRS)
		fixed_connect(s, answer->addrs, answer->n);
	else
		fixed_fail(s,
			answer->kind == ASK_DOWN	    ? PROXY_TAILNET_DOWN
				: answer->kind == ASK_LIMIT ? PROXY_LIMIT
							    : PROXY_NO_NAME);
}

static void fixed_ask(struct udpport_session *s, const struct resolve_result *r)
{
	struct asking *a = calloc(1, sizeof(*a));

	if (!a) {
		fixed_fail(s, PROXY_INTERNAL);
		return;
	}
	a->ask.done = fixed_asked;
	a->session = s;
	s->owner = a;
	ask_start(&a->ask, r);
}

static void fixed_wanted(struct udpport_session *s)
{
	const struct listener_target *target = &fixed_of(s->port)->target;
	struct resolve_result r;

	if (!peers_node_alive()) {
		fixed_fail(s, PROXY_TAILNET_DOWN);
		return;
	}
	resolve_text(&setup_now()->names, target->host, strlen(target->host), &r);
	switch (r.kind) {
	case RESOLVE_ADDRS:
		fixed_connect(s, r.addrs, r.n);
		return;
	case RESOLVE_ASK:
		fixed_ask(s, &r);
		return;
	case RESOLVE_FOREIGN:
		fixed_fail(s, PROXY_POLICY);
		return;
	default:
		fixed_fail(s, PROXY_NO_NAME);
	}
}

static void fixed_gone(struct udpport_session *s)
{
	struct asking *a = s->owner;

	if (!a)
		return;
	ask_cancel(&a->ask);
	free(a);
	s->owner = NULL;
}

static const struct udpport_ops fixed_ops = {
	.admits = fixed_admits, .wanted = fixed_wanted, .gone = fixed_gone};

static void remove_udp(const struct hostport *at)
{
	for (unsigned i = 0; i < n_ports; i++) {
		struct fixed *f = ports[i];

		if (f->at.port != at->port || !addr_equal(&f->at.addr, &at->addr))
			continue;
		udpport_close(f->port);
		ports[i] = ports[--n_ports];
		free(f);
		return;
	}
}

static struct fixed *udp_at(const struct hostport *at)
{
	for (unsigned i = 0; i < n_ports; i++)
		if (ports[i]->at.port == at->port && addr_equal(&ports[i]->at.addr, &at->addr))
			return ports[i];
	return NULL;
}

static int add_udp(const struct msg_port *m, const struct listener_target *target, int fd)
{
	struct fixed *f = udp_at(&m->at);

	if (f && fd_same(f->port->source.fd, fd) && f->target.port == target->port &&
		!strcmp(f->target.host, target->host)) { /* given anew by the next supervisor */
		fd_close(fd);
		return 0;
	}
	remove_udp(&m->at);
	f = n_ports < FIXED_UDP_MAX ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return n_ports < FIXED_UDP_MAX ? -ENOMEM : -E2BIG;
	*f = (struct fixed){.port = udpport_open(fd, &fixed_ops), .at = m->at, .target = *target};
	if (!f->port) {
		free(f);
		return -ENOMEM;
	}
	ports[n_ports++] = f;
	return 0;
}

int fixed_add(const struct msg_port *m, int fd)
{
	struct listener_target target = {.port = m->port};

	if (!memchr(m->host, 0, sizeof(m->host)) || !m->port)
		return -EBADMSG;
	memcpy(target.host, m->host, sizeof(target.host));
	if (m->udp)
		return add_udp(m, &target, fd);
	return listener_add(&(struct msg_proxy_listen){.at = m->at}, &target, fd);
}

void fixed_remove(const struct msg_port *m)
{
	if (m->udp)
		remove_udp(&m->at);
	else
		listener_remove(&m->at);
}

void fixed_remove_all(void)
{
	while (n_ports)
		remove_udp(&ports[n_ports - 1]->at);
}
