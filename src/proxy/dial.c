// SPDX-License-Identifier: MIT
// The outgoing half: from a destination as asked to a connected socket inside the tailnet.
//
// The addresses of a name are tried in order, each with its share of connect-timeout. What an attempt
// waits for depends on the peer that routes the address: a peer that was up when we asked has until it
// is declared down (then it was lost, 4/504); one that was not has PEER_PATIENCE_MS to come up (else
// the tailnet is not up, 3/503).
#include "proxy/dial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/listener.h"
#include "proxy/setup.h"

#define PEER_PATIENCE_MS    5000
#define DESCRIPTOR_RETRY_MS 100 /* no descriptor left: try the same address again */

struct dial {
	size_t n, i; /* addresses, and the one that is being tried */
	struct addr addrs[RESOLVE_ADDRS_MAX];
	uint32_t peers[RESOLVE_ADDRS_MAX];
	uint16_t port;
	bool was_up;	      /* the peer was up when we asked, or has come up since */
	bool waiting;	      /* for a descriptor */
	uint64_t asked_ms;    /* of this attempt */
	uint64_t attempt_ms;  /* deadline of this attempt */
	uint64_t deadline_ms; /* of all */
	enum proxy_result last;
	char name[MSG_DOMAIN_MAX];
};

static struct conn *dialing;

static void dial_link(struct conn *c)
{
	c->prev = NULL;
	c->next = dialing;
	if (dialing)
		dialing->prev = c;
	dialing = c;
}

void dial_free(struct conn *c)
{
	if (!c->dial)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else if (dialing == c)
		dialing = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = c->next = NULL;
	free(c->dial);
	c->dial = NULL;
}

static void refuse(struct conn *c, enum proxy_result result, const char *name, uint16_t port,
	const struct resolve_suffix *foreign)
{
	log_debug(NULL, NULL, "%s:%u: %s", name, port, reply_result_text(result));
	conn_fail(c,
		&(struct reply_cause){
			.result = result, .dest = name, .port = port, .foreign = foreign});
}

static void dial_fail(struct conn *c, enum proxy_result result)
{
	char name[MSG_DOMAIN_MAX];

	memcpy(name, c->dial->name, sizeof(name));
	refuse(c, result, name, c->dial->port, NULL);
}

/* Keeps the addresses that may be reached; PROXY_OK if there are any. */
static enum proxy_result admit(struct dial *d, const struct resolve_result *r)
{
	enum proxy_result result = PROXY_POLICY;

	for (size_t i = 0; i < r->n; i++) {
		switch (policy_check(&setup_now()->policy, &r->addrs[i], &d->peers[d->n])) {
		case POLICY_OK:
			d->addrs[d->n++] = r->addrs[i];
			break;
		case POLICY_NO_IPV6:
			result = PROXY_NO_IPV6;
			break;
		default:
			break;
		}
	}
	return d->n ? PROXY_OK : result;
}

/* RESOLVE_ASK is where a resolver inside the tailnet will be asked; without one there is no name. */
static enum proxy_result judge(struct dial *d, const struct resolve_result *r)
{
	switch (r->kind) {
	case RESOLVE_BAD:
		return PROXY_BAD_REQUEST;
	case RESOLVE_FOREIGN:
		return PROXY_POLICY;
	case RESOLVE_NONE:
	case RESOLVE_ASK:
		return PROXY_NO_NAME;
	case RESOLVE_ADDRS:
		break;
	}
	return admit(d, r);
}

enum proxy_result dial_prepare(struct conn *c, const char *text, size_t len, uint16_t port)
{
	struct resolve_result r;
	enum proxy_result result;
	struct dial *d = calloc(1, sizeof(*d));

	if (!d) {
		conn_fail_result(c, PROXY_INTERNAL);
		return PROXY_INTERNAL;
	}
	resolve_text(&setup_now()->names, text, len, &r);
	result = judge(d, &r);
	if (result == PROXY_OK && !peers_node_alive())
		result = PROXY_TAILNET_DOWN;
	if (result != PROXY_OK) {
		free(d);
		refuse(c, result, r.name, port, r.foreign);
		return result;
	}
	d->port = port;
	memcpy(d->name, r.name, sizeof(d->name));
	c->dial = d;
	dial_link(c);
	return PROXY_OK;
}

static enum proxy_result result_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ECONNRESET:
		return PROXY_CONN_REFUSED;
	case ENETUNREACH:
	case ENONET:
	case ENETDOWN:
		return PROXY_NET_UNREACHABLE;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENOPROTOOPT:
	case EACCES:
	case EPERM:
	case EMSGSIZE:
		return PROXY_HOST_UNREACHABLE;
	case ETIMEDOUT:
		return PROXY_CONN_TIMEOUT;
	default:
		return PROXY_INTERNAL;
	}
}

/* A connecting, watched socket in c->origin. 0 or -errno. */
static int start(struct conn *c, const struct hostport *to)
{
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), r;

	if (fd < 0)
		return -errno;
	listener_socket_options(fd);
	r = connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS ? -errno : 0;
	c->origin.source.fd = fd;
	c->origin.readable = c->origin.writable = c->origin.hup = c->origin.failed = false;
	if (r == 0)
		r = loop_add(&c->origin.source, SOCK_EVENTS);
	if (r < 0)
		sock_close(&c->origin, false);
	return r;
}

static void arm(struct conn *c)
{
	struct dial *d = c->dial;
	uint64_t at = d->waiting ? loop_now() + DESCRIPTOR_RETRY_MS : d->attempt_ms;

	if (!d->waiting && !d->was_up)
		at = MIN(at, d->asked_ms + PEER_PATIENCE_MS);
	if (timers_set(&c->timer, MIN(at, d->deadline_ms)) < 0)
		conn_close(c, true);
}

/* Tries the present address, and those behind it as long as the answer is no at once. */
static void dial_try(struct conn *c)
{
	struct dial *d = c->dial;

	for (; d->i < d->n; d->i++) {
		struct hostport to = {.addr = d->addrs[d->i], .port = d->port};
		uint64_t now = loop_now();
		int r = start(c, &to);

		d->asked_ms = now;
		d->attempt_ms = now + (d->deadline_ms - MIN(now, d->deadline_ms)) / (d->n - d->i);
		d->was_up = peers_get(d->peers[d->i])->state == PEER_UP;
		d->waiting = r == -EMFILE || r == -ENFILE;
		if (d->waiting)
			listener_pause();
		if (r == 0 || d->waiting) {
			arm(c);
			return;
		}
		d->last = result_of(-r);
		if (d->last == PROXY_INTERNAL)
			log_warning(NULL, d->name, "cannot connect: %s", strerror(-r));
	}
	dial_fail(c, d->last);
}

void dial_go(struct conn *c)
{
	uint64_t timeout_ms = setup_now()->config.connect_timeout_s * 1000ull;

	c->state = CONN_DIALING;
	c->dial->deadline_ms = loop_now() + timeout_ms;
	dial_try(c);
}

static void dial_next(struct conn *c, enum proxy_result why)
{
	sock_close(&c->origin, false);
	c->dial->last = why;
	c->dial->i++;
	dial_try(c);
}

void dial_event(struct conn *c)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int), peer_len = sizeof(peer);
	int err = 0;

	if (!c->origin.writable)
		return;
	if (getsockopt(c->origin.source.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err == EHOSTUNREACH && !c->dial->was_up) {
		/* nobody inside can have said so: it was our own node, which knows no way to the peer */
		dial_next(c, PROXY_TAILNET_DOWN);
		return;
	}
	if (err) {
		dial_next(c, result_of(err));
		return;
	}
	/* no error is not yet success: only a socket that has a peer is connected */
	if (getpeername(c->origin.source.fd, (struct sockaddr *)&peer, &peer_len) < 0) {
		if (c->origin.hup || c->origin.failed)
			dial_next(c, PROXY_HOST_UNREACHABLE);
		else
			c->origin.writable = false;
		return;
	}
	dial_free(c);
	conn_connected(c);
}

void dial_timeout(struct conn *c)
{
	struct dial *d = c->dial;

	if (d->waiting && loop_now() < d->deadline_ms)
		dial_try(c);
	else if (d->waiting)
		dial_fail(c, PROXY_INTERNAL);
	else if (!d->was_up && loop_now() >= d->asked_ms + PEER_PATIENCE_MS)
		dial_next(c, PROXY_TAILNET_DOWN);
	else
		dial_next(c, PROXY_CONN_TIMEOUT);
}

void dial_peer_changed(const struct peer *p)
{
	struct conn *next;

	for (struct conn *c = dialing; c; c = next) {
		struct dial *d = c->dial;

		next = c->next;
		if (c->state != CONN_DIALING || d->waiting || peers_get(d->peers[d->i]) != p)
			continue;
		if (p->state == PEER_UP) {
			d->was_up = true;
			arm(c);
		} else if (p->state == PEER_DOWN && d->was_up) {
			dial_next(c, PROXY_PEER_LOST);
		}
	}
}

void dial_node_down(void)
{
	struct conn *next;

	for (struct conn *c = dialing; c; c = next) {
		next = c->next;
		if (c->state == CONN_DIALING)
			dial_fail(c, PROXY_TAILNET_DOWN);
	}
}
