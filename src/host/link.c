// SPDX-License-Identifier: MIT
// A connection from the tailnet to a published port, and its other leg on the host's side.
//
//     LOOKUP ──► DIALING ──► OPEN          whatever goes wrong on the way is a reset to the peer
//
// A literal target needs no look-up. The addresses of a name are tried in order, each with its share of
// connect-timeout.
#include "host/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "host/services.h"
#include "relay/clients.h"
#include "relay/pair.h"
#include "relay/timers.h"

#define LINK_FAILED_MS 5000 /* for the rest of the bytes behind a reset */

enum link_state { LINK_LOOKUP, LINK_DIALING, LINK_OPEN, LINK_CLOSED };

struct link {
	struct sock peer, service;
	struct flow up, down; /* peer -> service, service -> peer */
	struct timer timer;
	struct task task;
	struct services_wait wait;
	enum link_state state;
	bool dying;
	struct hostport from;
	struct target to;
	struct addr addrs[HOST_ADDRS_MAX];
	size_t n, i;
	uint64_t deadline_ms; /* of all attempts */
	uint64_t last_ms;     /* something moved */
};

static struct host_stats no_stats;
struct host_stats *host_stats = &no_stats;
struct msg_host_config host_config;
void (*links_freed)(void);
static struct clients peers;
static uint32_t n_links;

uint32_t links_now(void)
{
	return n_links;
}

static void link_bury(struct task *t)
{
	free(container_of(t, struct link, task));
}

static void link_close(struct link *l, bool reset)
{
	if (l->state == LINK_CLOSED)
		return;
	l->state = LINK_CLOSED;
	services_cancel(&l->wait);
	sock_close(&l->peer, reset);
	sock_close(&l->service, reset);
	flow_free(&l->up);
	flow_free(&l->down);
	timers_cancel(&l->timer);
	loop_task_cancel(&l->task);
	clients_leave(&peers, &l->from.addr);
	STAT_SET(host_stats->connections, --n_links);
	l->task.run = link_bury;
	loop_bury(&l->task);
	links_freed();
}

static void link_fail(struct link *l, enum publish_result result, const char *why)
{
	static struct log_limit limit = {.burst = 5, .interval_ms = 10000};
	char from[ADDR_TEXT_MAX];

	STAT_ADD(host_stats->results[result], 1);
	if (log_limit_ok(&limit, loop_now(), NULL))
		log_notice(NULL, "publish", "from %s to %s:%u: %s",
			addr_format(&l->from.addr, from), l->to.host, l->to.at.port, why);
	link_close(l, true);
}

static void link_set_timer(struct link *l, uint64_t at_ms)
{
	if (timers_set(&l->timer, at_ms) < 0)
		link_close(l, true);
}

static uint64_t link_idle_ms(const struct link *l)
{
	return 1000ull *
		(l->up.ended || l->down.ended ? host_config.half_close_timeout_s
					      : host_config.idle_timeout_s);
}

static void link_move(struct link *l)
{
	struct pair p = {&l->peer, &l->service, &l->up, &l->down, &host_stats->up_bytes,
		&host_stats->down_bytes};
	struct pair_news news;
	enum pair_status s = pair_move(&p, &news);

	if (s != PAIR_OPEN) {
		link_close(l, s == PAIR_FAILED);
		return;
	}
	if (news.moved)
		l->last_ms = loop_now();
	if (news.again)
		loop_task(&l->task);
	if (news.dying && !l->dying) {
		l->dying = true;
		link_set_timer(l, loop_now() + LINK_FAILED_MS);
	} else if (news.half && !l->dying) {
		link_set_timer(l, l->last_ms + link_idle_ms(l));
	}
}

/* ---- dialing ---- */

static enum publish_result result_of(int err)
{
	switch (err) {
	case ECONNREFUSED:
	case ECONNRESET:
		return PUBLISH_REFUSED;
	case ETIMEDOUT:
		return PUBLISH_TIMEOUT;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		return PUBLISH_INTERNAL;
	default:
		return PUBLISH_UNREACHABLE;
	}
}

static int dial(struct link *l)
{
	struct hostport to = {.addr = l->addrs[l->i], .port = l->to.at.port};
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(&to, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP), r;

	if (fd < 0)
		return -errno;
	sock_options(fd);
	r = connect(fd, (struct sockaddr *)&ss, len) < 0 && errno != EINPROGRESS ? -errno : 0;
	l->service.source.fd = fd;
	if (r == 0)
		r = loop_add(&l->service.source, SOCK_EVENTS);
	if (r < 0)
		sock_close(&l->service, false);
	return r;
}

/* Tries the present address, and those behind it as long as the answer is no at once; ERR is that of
 * the one before. */
static void dial_try(struct link *l, int err)
{
	for (; l->i < l->n; l->i++) {
		uint64_t now = loop_now(), left = l->deadline_ms - MIN(now, l->deadline_ms);
		int r = dial(l);

		if (r == 0) {
			link_set_timer(l, now + left / (l->n - l->i));
			return;
		}
		err = -r;
	}
	link_fail(l, result_of(err), strerror(err));
}

static void dial_next(struct link *l, int err)
{
	sock_close(&l->service, false);
	l->i++;
	dial_try(l, err);
}

static void link_dial(struct link *l, const struct addr *addrs, size_t n)
{
	l->state = LINK_DIALING;
	memcpy(l->addrs, addrs, n * sizeof(*addrs));
	l->n = n;
	dial_try(l, 0);
}

static void link_looked_up(struct services_wait *w, const struct addr *addrs, size_t n, int error)
{
	struct link *l = container_of(w, struct link, wait);

	if (n)
		link_dial(l, addrs, n);
	else
		link_fail(l, PUBLISH_NO_NAME, "the name cannot be looked up");
}

static void dial_event(struct link *l)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(int), ss_len = sizeof(ss);
	int err = 0;

	if (!l->service.writable)
		return;
	if (getsockopt(l->service.source.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = errno;
	if (err) {
		dial_next(l, err);
		return;
	}
	/* no error is not yet success: only a socket that has a peer is connected */
	if (getpeername(l->service.source.fd, (struct sockaddr *)&ss, &ss_len) < 0) {
		if (errno != ENOTCONN)
			dial_next(l, errno);
		else if (l->service.hup || l->service.failed)
			dial_next(l, ECONNREFUSED);
		else
			l->service.writable = false;
		return;
	}
	l->state = LINK_OPEN;
	l->last_ms = loop_now();
	STAT_ADD(host_stats->results[PUBLISH_OK], 1);
	link_set_timer(l, l->last_ms + link_idle_ms(l));
	if (l->state == LINK_OPEN)
		link_move(l);
}

/* ---- events ---- */

static void link_timeout(struct timer *t)
{
	struct link *l = container_of(t, struct link, timer);

	if (l->state == LINK_LOOKUP)
		link_fail(l, PUBLISH_TIMEOUT, "the resolver does not answer");
	else if (l->state == LINK_DIALING)
		dial_next(l, ETIMEDOUT);
	else if (l->dying || l->last_ms + link_idle_ms(l) <= loop_now())
		link_close(l, true);
	else
		link_set_timer(l, l->last_ms + link_idle_ms(l));
}

/* Moves now, or, if it is bulk, when all events of this round are done. */
static void link_ready(struct link *l)
{
	if (l->up.bulk || l->down.bulk)
		loop_task(&l->task);
	else
		link_move(l);
}

static void peer_event(struct source *s, uint32_t events)
{
	struct link *l = container_of(s, struct link, peer.source);

	sock_event(&l->peer, events);
	if (l->state == LINK_OPEN)
		link_ready(l);
	else if (l->peer.failed)
		link_close(l, true);
}

static void service_event(struct source *s, uint32_t events)
{
	struct link *l = container_of(s, struct link, service.source);

	sock_event(&l->service, events);
	if (l->state == LINK_DIALING)
		dial_event(l);
	else
		link_ready(l);
}

static void link_task(struct task *t)
{
	link_move(container_of(t, struct link, task));
}

static void link_go(struct link *l)
{
	l->deadline_ms = loop_now() + host_config.connect_timeout_s * 1000ull;
	link_set_timer(l, l->deadline_ms);
	if (l->state == LINK_CLOSED)
		return;
	if (l->to.at.addr.family)
		link_dial(l, &l->to.at.addr, 1);
	else if (services_ask(&l->wait, l->to.host) < 0)
		link_fail(l, PUBLISH_LIMIT, "too many look-ups at the same time");
}

static void refuse(int fd, const struct hostport *from, enum publish_result result)
{
	static struct log_limit limit = {.burst = 5, .interval_ms = 10000};
	struct linger hard = {.l_onoff = 1};
	char text[ADDR_TEXT_MAX];

	STAT_ADD(host_stats->results[result], 1);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	fd_close(fd);
	if (log_limit_ok(&limit, loop_now(), NULL))
		log_notice(NULL, "publish", "from %s refused: %s", addr_format(&from->addr, text),
			result == PUBLISH_LIMIT ? "too many connections" : "no memory");
}

void link_open(int fd, const struct hostport *from, const struct target *to)
{
	int n = n_links < LINKS_MAX ? clients_enter(&peers, &from->addr, LINKS_PER_PEER_MAX) : 0;
	struct link *l = n > 0 ? calloc(1, sizeof(*l)) : NULL;
	char text[HOSTPORT_TEXT_MAX];

	if (!l) {
		if (n > 0)
			clients_leave(&peers, &from->addr);
		refuse(fd, from, n ? PUBLISH_INTERNAL : PUBLISH_LIMIT);
		return;
	}
	log_debug(NULL, "publish", "from %s to %s:%u", hostport_format(from, text), to->host,
		to->at.port);
	l->peer.source = (struct source){.fd = fd, .on_event = peer_event};
	l->service.source = (struct source){.fd = -1, .on_event = service_event};
	l->peer.writable = true;
	l->peer.window.governed = true;
	l->up.left = l->down.left = UINT64_MAX;
	l->timer.fire = link_timeout;
	l->task.run = link_task;
	l->wait.done = link_looked_up;
	l->from = *from;
	l->to = *to;
	STAT_SET(host_stats->connections, ++n_links);
	if (loop_add(&l->peer.source, SOCK_EVENTS) < 0)
		link_close(l, true);
	else
		link_go(l);
}
