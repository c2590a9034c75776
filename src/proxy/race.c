// SPDX-License-Identifier: MIT
// Happy eyeballs (RFC 8305): connects to one of several addresses, whichever answers first.
//
// An address is tried as soon as the one before it has failed, or has not answered for
// ATTEMPT_DELAY_MS; attempts under way go on beside it. The first that connects wins, the others are
// closed. The usual race has one address: it runs in the owner's socket, without any cost; only further
// attempts have sockets of their own. Where no descriptor is left for those, they wait.
//
// What an attempt waits for depends on the peer that routes the address: a peer that was up when we
// asked has until it is declared down (then it was lost, 4/504); one that was not has PEER_PATIENCE_MS
// to come up (else the tailnet is not up, 3/503).
#include "proxy/race.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/listener.h"

#define ATTEMPT_DELAY_MS    250	 /* RFC 8305, section 5 */
#define PEER_PATIENCE_MS    4800 /* the client has its answer within 5 s */
#define DESCRIPTOR_RETRY_MS 100

static unsigned n_extra;

unsigned race_extra_sockets(void)
{
	return n_extra;
}

void race_add(struct race *r, const struct addr *a, uint32_t peer)
{
	if (r->n == RESOLVE_ADDRS_MAX)
		return;
	r->attempts[r->n].addr = *a;
	r->attempts[r->n++].peer = peer;
}

void race_interleave(struct race *r)
{
	struct attempt *a = r->attempts;

	for (size_t i = 1; i < r->n; i++) {
		struct attempt first;
		size_t k = i;

		while (k < r->n && a[k].addr.family == a[i - 1].addr.family)
			k++;
		if (k == r->n)
			return; /* of the other family none is left */
		first = a[k];
		memmove(&a[i + 1], &a[i], (k - i) * sizeof(*a));
		a[i] = first;
	}
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

static bool runs(const struct attempt *a)
{
	return a->sock->source.fd >= 0;
}

static void stop(struct attempt *a)
{
	if (runs(a) && a->sock == &a->extra)
		n_extra--;
	sock_close(a->sock, false);
}

void race_end(struct race *r)
{
	for (size_t i = 1; i < r->n; i++)
		stop(&r->attempts[i]);
}

/* A connecting, watched socket in A. 0 or -errno. */
static int connect_to(struct attempt *a, const struct hostport *to, bool at_once)
{
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), r;
	struct sock *s = a->sock;

	if (fd < 0)
		return -errno;
	s->source.fd = fd;
	sock_begin(s, at_once);
	r = connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS ? -errno : 0;
	s->readable = s->writable = s->hup = s->failed = false;
	n_extra += s == &a->extra;
	if (r == 0)
		r = loop_add(&s->source, SOCK_EVENTS);
	if (r < 0)
		stop(a);
	return r;
}

/* Several addresses behind one peer are one question to it. */
static uint64_t asked_since(const struct race *r, const struct attempt *a)
{
	for (const struct attempt *before = r->attempts; before < a; before++)
		if (before->peer == a->peer)
			return before->asked_ms;
	return loop_now();
}

/* 0 or -errno; -EMFILE: nobody is to blame. */
static int attempt_start(struct race *r, struct attempt *a)
{
	struct hostport to = {.addr = a->addr, .port = r->port};

	a->asked_ms = asked_since(r, a);
	a->was_up = peers_get(a->peer)->state == PEER_UP;
	return connect_to(a, &to, r->at_once);
}

static bool any_runs(const struct race *r)
{
	for (size_t i = 0; i < r->i; i++)
		if (runs(&r->attempts[i]))
			return true;
	return false;
}

/* Tries the next address, and those behind it as long as the answer is no at once. */
static enum race_status advance(struct race *r)
{
	while (r->i < r->n) {
		int e = attempt_start(r, &r->attempts[r->i]);

		if (e == -EMFILE || e == -ENFILE) {
			listener_pause();
			r->next_ms = loop_now() + DESCRIPTOR_RETRY_MS;
			return RACE_ON;
		}
		r->i++;
		if (e == 0) {
			r->next_ms = loop_now() + ATTEMPT_DELAY_MS;
			return RACE_ON;
		}
		r->last = result_of(-e);
		if (r->last == PROXY_INTERNAL)
			log_warning(NULL, NULL, "cannot connect: %s", strerror(-e));
	}
	return any_runs(r) ? RACE_ON : RACE_LOST;
}

static enum race_status fail(struct race *r, struct attempt *a, enum proxy_result why)
{
	stop(a);
	r->last = why;
	return advance(r);
}

/* The winner's descriptor goes into the owner's socket. */
static enum race_status win(struct race *r, struct attempt *a)
{
	struct sock *main = r->attempts[0].sock;

	if (a->sock != main) {
		sock_close(main, false);
		loop_remove(&a->extra.source);
		main->source.fd = take_fd(a->extra.source.fd);
		main->delays = a->extra.delays;
		main->readable = main->hup = main->failed = false;
		main->writable = true;
		n_extra--;
		if (loop_add(&main->source, SOCK_EVENTS) < 0) {
			r->last = PROXY_INTERNAL;
			return RACE_LOST;
		}
	}
	race_end(r);
	return RACE_WON;
}

static enum race_status attempt_event(struct race *r, struct attempt *a)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int), peer_len = sizeof(peer);
	struct sock *s = a->sock;
	int err = 0;

	if (!s->writable)
		return RACE_ON;
	if (!s->hup && !s->failed) {
		r->winner = (struct hostport){.addr = a->addr, .port = r->port};
		return win(r, a);
	}
	/* the other side may have ended already; only a socket that has a peer was connected */
	if (getpeername(s->source.fd, (struct sockaddr *)&peer, &peer_len) == 0) {
		hostport_from_sockaddr((struct sockaddr *)&peer, &r->winner);
		return win(r, a);
	}
	if (errno != ENOTCONN || getsockopt(s->source.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	/* who could have said so inside? It was our own node, which knows no way to the peer */
	if (err == EHOSTUNREACH && !a->was_up)
		return fail(r, a, PROXY_TAILNET_DOWN);
	if (err)
		return fail(r, a, result_of(err));
	if (s->hup || s->failed)
		return fail(r, a, PROXY_HOST_UNREACHABLE);
	s->writable = false;
	return RACE_ON;
}

enum race_status race_event(struct race *r)
{
	return attempt_event(r, &r->attempts[0]);
}

static void extra_event(struct source *s, uint32_t events)
{
	struct attempt *a = container_of(s, struct attempt, extra.source);

	sock_event(&a->extra, events);
	a->race->moved(a->race, attempt_event(a->race, a));
}

enum race_status race_start(struct race *r, struct sock *main, uint16_t port, uint64_t deadline_ms)
{
	for (size_t i = 0; i < r->n; i++) {
		struct attempt *a = &r->attempts[i];

		a->race = r;
		a->sock = i ? &a->extra : main;
		a->extra.source = (struct source){.fd = -1, .on_event = extra_event};
	}
	r->port = port;
	r->deadline_ms = deadline_ms;
	r->last = PROXY_INTERNAL;
	return advance(r);
}

static bool out_of_patience(const struct attempt *a)
{
	return !a->was_up && loop_now() >= a->asked_ms + PEER_PATIENCE_MS;
}

uint64_t race_wake(const struct race *r)
{
	uint64_t at = r->i < r->n ? MIN(r->next_ms, r->deadline_ms) : r->deadline_ms;

	for (size_t i = 0; i < r->i; i++)
		if (runs(&r->attempts[i]) && !r->attempts[i].was_up)
			at = MIN(at, r->attempts[i].asked_ms + PEER_PATIENCE_MS);
	return at;
}

enum race_status race_timeout(struct race *r)
{
	bool late = loop_now() >= r->deadline_ms;

	for (size_t i = 0; i < r->i; i++) {
		struct attempt *a = &r->attempts[i];

		if (!runs(a) || (!late && !out_of_patience(a)))
			continue;
		r->last = out_of_patience(a) ? PROXY_TAILNET_DOWN : PROXY_CONN_TIMEOUT;
		stop(a);
		r->next_ms = 0;
	}
	if (late)
		return RACE_LOST;
	return r->i == r->n || loop_now() >= r->next_ms ? advance(r) : RACE_ON;
}

enum race_status race_peer(struct race *r, const struct peer *peer)
{
	enum race_status status = RACE_ON;

	for (size_t i = 0; i < r->i && status == RACE_ON; i++) {
		struct attempt *a = &r->attempts[i];

		if (!runs(a) || peers_get(a->peer) != peer)
			continue;
		if (peer->state == PEER_UP)
			a->was_up = true;
		else if (peer->state == PEER_DOWN && a->was_up)
			status = fail(r, a, PROXY_PEER_LOST);
	}
	return status;
}
