// SPDX-License-Identifier: MIT
// A UDP association: datagrams of one client into the tailnet and back.
//
//     client ── host-side socket, from the pool ── [header off, judged] ── socket in the namespace ── …
//            ◄──────────────────────────────────── [header on, known?] ◄──
//
// The host-side socket is connected to the client as soon as the client's port is known: the one it
// announced, or the one that its first good datagram came from. From then on the kernel itself lets
// nobody else in and nothing else out. Inside, one unconnected socket of each family serves all
// destinations, so that each of them sees the client under the same address and port (RFC 4787,
// endpoint-independent mapping); an answer is let through only if the client has sent there before.
//
// Nothing is queued here: a datagram is passed on or dropped and counted by its reason; only those to a
// name that the resolver is being asked for wait a moment (udpdest.c).
#include "proxy/assoc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/datagrams.h"
#include "proxy/peers.h"
#include "proxy/setup.h"
#include "proxy/socks.h"
#include "proxy/socksudp.h"
#include "proxy/udpdest.h"
#include "proxy/udppool.h"
#include "relay/clients.h"

#define ASSOC_WAIT_MS 5000 /* for a socket of the pool */
#define ASSOC_TURNS   4	   /* reads in a row before it is somebody else's turn */

struct assoc {
	struct conn *conn;
	struct udppool_wait wait;
	uint32_t place;		      /* where the host-side socket came from */
	struct source host, inner[2]; /* IPv4, IPv6 */
	struct datagrams_path to_client, to_inner[2];
	struct hostport client; /* port 0: not known yet */
	bool connected;
	struct udpdest dest;
	struct task task;
};

static uint32_t n_assocs;
static struct clients associating;
static struct log_limit limit_limit = {.burst = 5, .interval_ms = 10000};

uint32_t assoc_total(void)
{
	return n_assocs;
}

static void drop(enum proxy_udp_drop why, uint64_t n)
{
	STAT_ADD(setup_stats->udp.dropped[why], n);
}

static void assoc_bury(struct task *t)
{
	free(container_of(t, struct assoc, task));
}

void assoc_free(struct conn *c)
{
	struct assoc *a = c->assoc;

	if (!a)
		return;
	c->assoc = NULL;
	udppool_cancel(&a->wait);
	if (a->host.fd >= 0) {
		loop_remove(&a->host);
		udppool_put(a->place, a->host.fd);
	}
	a->host.fd = -1;
	for (int i = 0; i < 2; i++)
		a->inner[i].fd = fd_close(a->inner[i].fd);
	udpdest_free(&a->dest);
	clients_leave(&associating, &c->address);
	STAT_SET(setup_stats->udp.associations, --n_assocs);
	a->task.run = assoc_bury;
	loop_bury(&a->task);
}

/* ---- client -> tailnet ---- */

static int connect_client(struct assoc *a, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len;

	a->client.port = port;
	len = hostport_to_sockaddr(&a->client, &ss);
	if (connect(a->host.fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	a->connected = true;
	return 0;
}

static bool is_from_client(const struct assoc *a, const struct hostport *from)
{
	return addr_equal(&from->addr, &a->client.addr) &&
		(!a->client.port || from->port == a->client.port);
}

static void count_up(struct assoc *a, const struct datagrams_sent *sent)
{
	STAT_ADD(setup_stats->udp.up, sent->n);
	STAT_ADD(setup_stats->udp.up_bytes, sent->bytes);
	a->conn->trail.up_bytes += sent->bytes;
	if (sent->n)
		a->conn->last_ms = loop_now();
}

static void inner_event(struct assoc *a, int i);

static void inner4_event(struct source *s, uint32_t events)
{
	inner_event(container_of(s, struct assoc, inner[0]), 0);
}

static void inner6_event(struct source *s, uint32_t events)
{
	inner_event(container_of(s, struct assoc, inner[1]), 1);
}

/* The socket inside for family I, made at its first use. */
static int open_inner(struct assoc *a, int i)
{
	struct source *s = &a->inner[i];
	int fd, r;

	if (s->fd >= 0)
		return 0;
	fd = socket(i ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP);
	if (fd < 0)
		return -errno;
	datagrams_want_trains(fd);
	*s = (struct source){.fd = fd, .on_event = i ? inner6_event : inner4_event};
	r = loop_add(s, EPOLLIN);
	if (r < 0)
		s->fd = fd_close(fd);
	return r;
}

/* A datagram whose name the resolver has told by now. */
static void go(struct udpdest *d, const struct hostport *to, const void *payload, size_t len)
{
	struct assoc *a = container_of(d, struct assoc, dest);
	struct datagrams_sent sent = {.dropped = setup_stats->udp.dropped};
	int i = to->addr.family == 6;
	struct outgoing *o;

	if (open_inner(a, i) < 0) {
		drop(PROXY_UDP_FULL, 1);
		return;
	}
	o = outgoing_begin(i, a->inner[i].fd, &a->to_inner[i], &sent);
	outgoing_add(o, to, NULL, 0, payload, len);
	outgoing_end(o);
	count_up(a, &sent);
}

static void waited_in_vain(struct udpdest *d, enum proxy_udp_drop why, unsigned n)
{
	drop(why, n);
}

struct upward {
	struct assoc *a;
	struct outgoing *out[2];
	struct datagrams_sent sent;
};

static int pass_up(struct upward *u, const uint8_t *p, size_t len)
{
	struct assoc *a = u->a;
	struct socksudp h;
	struct hostport to;
	int why, i;

	switch (socksudp_parse(p, len, &h)) {
	case SOCKSUDP_BAD:
		return PROXY_UDP_MALFORMED;
	case SOCKSUDP_FRAGMENT:
		return PROXY_UDP_FRAGMENT;
	case SOCKSUDP_OK:
		break;
	}
	if (!a->connected && connect_client(a, a->client.port) < 0)
		return PROXY_UDP_UNREACHABLE;
	if (!peers_node_alive())
		return PROXY_UDP_DOWN;
	why = udpdest_judge(&a->dest, &h, p + h.size, len - h.size, &to);
	if (why != UDPDEST_GO)
		return why;
	i = to.addr.family == 6;
	if (open_inner(a, i) < 0)
		return PROXY_UDP_FULL;
	if (!u->out[i])
		u->out[i] = outgoing_begin(i, a->inner[i].fd, &a->to_inner[i], &u->sent);
	outgoing_add(u->out[i], &to, NULL, 0, p + h.size, len - h.size);
	return -1;
}

/* Every datagram of D. */
static void each_up(struct upward *u, const struct datagrams *d)
{
	size_t step = d->train ? d->train : d->len;
	struct assoc *a = u->a;
	size_t at = 0;

	if (!is_from_client(a, &d->from)) {
		drop(PROXY_UDP_SOURCE, d->train ? (d->len + step - 1) / step : 1);
		return;
	}
	do {
		uint16_t port = a->client.port;
		int why;

		a->client.port = d->from.port;
		why = pass_up(u, d->data + at, MIN(step, d->len - at));
		if (!a->connected)
			a->client.port = port; /* only a good one binds the client's port */
		if (why >= 0)
			drop((enum proxy_udp_drop)why, 1);
		at += step;
	} while (at < d->len);
}

static void host_event(struct source *s, uint32_t events)
{
	struct assoc *a = container_of(s, struct assoc, host);
	struct datagrams in[DATAGRAMS_READ];

	for (int turn = 0; turn < ASSOC_TURNS && s->fd >= 0; turn++) {
		struct upward u = {.a = a, .sent.dropped = setup_stats->udp.dropped};
		int n = datagrams_receive(s->fd, in);

		if (n == -EAGAIN)
			return;
		for (int i = 0; i < n; i++)
			each_up(&u, &in[i]);
		for (int i = 0; i < 2; i++)
			if (u.out[i])
				outgoing_end(u.out[i]);
		count_up(a, &u.sent);
		if (n >= 0 && n < DATAGRAMS_READ)
			return;
	}
}

/* ---- tailnet -> client ---- */

static void each_down(struct assoc *a, struct outgoing *o, const struct datagrams *d)
{
	size_t step = d->train ? d->train : d->len, at = 0, head_len;
	uint8_t head[SOCKSUDP_HEADER_MAX];

	if (!udpdest_may_answer(&a->dest, &d->from)) {
		drop(PROXY_UDP_STRANGER, d->train ? (d->len + step - 1) / step : 1);
		return;
	}
	head_len = socksudp_header(head, &d->from);
	do {
		outgoing_add(o, NULL, head, head_len, d->data + at, MIN(step, d->len - at));
		at += step;
	} while (at < d->len);
}

static void inner_event(struct assoc *a, int i)
{
	struct datagrams in[DATAGRAMS_READ];

	for (int turn = 0; turn < ASSOC_TURNS && a->inner[i].fd >= 0; turn++) {
		struct datagrams_sent sent = {.dropped = setup_stats->udp.dropped};
		struct outgoing *o;
		int n = datagrams_receive(a->inner[i].fd, in);

		if (n == -EAGAIN)
			return;
		o = outgoing_begin(0, a->host.fd, &a->to_client, &sent);
		for (int k = 0; k < n; k++)
			each_down(a, o, &in[k]);
		outgoing_end(o);
		STAT_ADD(setup_stats->udp.down, sent.n);
		STAT_ADD(setup_stats->udp.down_bytes, sent.bytes);
		a->conn->trail.down_bytes += sent.bytes;
		if (sent.n)
			a->conn->last_ms = loop_now();
		if (n >= 0 && n < DATAGRAMS_READ)
			return;
	}
}

/* ---- beginning and end ---- */

static void idle_timer(struct conn *c)
{
	uint64_t s = setup_now()->config.idle_timeout_s;

	if (timers_set(&c->timer, c->last_ms + s * 1000) < 0)
		conn_close(c, true);
}

void assoc_timeout(struct conn *c)
{
	uint64_t s = setup_now()->config.idle_timeout_s;

	if (c->assoc->host.fd < 0)
		conn_fail_result(c, PROXY_INTERNAL); /* no socket came */
	else if (c->last_ms + s * 1000 <= loop_now())
		conn_close(c, false);
	else
		idle_timer(c);
}

static int get_bound(int fd, struct hostport *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	return hostport_from_sockaddr((struct sockaddr *)&ss, ret);
}

static void start(struct conn *c, int fd)
{
	struct assoc *a = c->assoc;
	uint8_t reply[SOCKS_REPLY_MAX];
	struct hostport bound;
	int r;

	a->host = (struct source){.fd = fd, .on_event = host_event};
	datagrams_want_trains(fd);
	r = get_bound(fd, &bound);
	if (r == 0 && a->client.port)
		r = connect_client(a, a->client.port);
	if (r == 0)
		r = loop_add(&a->host, EPOLLIN);
	if (r < 0) {
		log_warning(NULL, "udp", "cannot serve an association: %s", strerror(-r));
		conn_fail_result(c, PROXY_INTERNAL);
		return;
	}
	STAT_ADD(setup_stats->udp.opened, 1);
	conn_count(c, PROXY_OK);
	c->last_ms = loop_now();
	if (buf_append(&c->down.out, reply, socks5_reply(reply, 0, &bound)) < 0)
		conn_close(c, true);
	else
		idle_timer(c);
	if (c->state == CONN_UDP)
		assoc_advance(c);
}

static void socket_came(struct udppool_wait *w, int fd)
{
	struct conn *c = container_of(w, struct assoc, wait)->conn;

	if (fd < 0)
		conn_fail_result(c, PROXY_INTERNAL);
	else
		start(c, fd);
}

static bool has_place(struct conn *c)
{
	const struct msg_proxy_config *config = &setup_now()->config;
	uint32_t suppressed;

	if (n_assocs < config->max_udp &&
		clients_enter(&associating, &c->address, config->max_udp_per_address) > 0)
		return true;
	if (log_limit_ok(&limit_limit, loop_now(), &suppressed))
		log_notice(NULL, "udp", "too many associations: one refused (and %u others)",
			suppressed);
	return false;
}

static struct assoc *assoc_new(struct conn *c, uint16_t port)
{
	struct assoc *a = calloc(1, sizeof(*a));
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!a)
		return NULL;
	a->conn = c;
	a->wait.ready = socket_came;
	a->dest.go = go;
	a->dest.drop = waited_in_vain;
	a->host.fd = a->inner[0].fd = a->inner[1].fd = -1;
	a->client.addr = a->dest.client = c->address;
	if (getpeername(c->client.source.fd, (struct sockaddr *)&ss, &len) == 0)
		hostport_from_sockaddr((struct sockaddr *)&ss, &a->client);
	a->client.port = port;
	if (getrandom(&a->dest.known.seed, sizeof(a->dest.known.seed), GRND_NONBLOCK) < 0)
		a->dest.known.seed = (uint32_t)(uintptr_t)a;
	return a;
}

void assoc_begin(struct conn *c, uint16_t port)
{
	struct hostport at;
	int fd;

	c->trail.protocol = CLIENT_UDP;
	if (!peers_node_alive()) {
		conn_fail_result(c, PROXY_TAILNET_DOWN);
		return;
	}
	if (!has_place(c)) {
		conn_fail_result(c, PROXY_LIMIT);
		return;
	}
	c->assoc = assoc_new(c, port);
	if (!c->assoc) {
		clients_leave(&associating, &c->address);
		conn_fail_result(c, PROXY_INTERNAL);
		return;
	}
	STAT_SET(setup_stats->udp.associations, ++n_assocs);
	c->state = CONN_UDP;
	fd = get_bound(c->client.source.fd, &at);
	if (fd == 0)
		fd = udppool_take(&at, &c->assoc->wait, &c->assoc->place);
	if (fd >= 0)
		start(c, fd);
	else if (fd != -EAGAIN || timers_set(&c->timer, loop_now() + ASSOC_WAIT_MS) < 0)
		conn_fail_result(c, PROXY_INTERNAL);
}

/* The connection has nothing more to say: whatever comes on it ends the association. */
void assoc_advance(struct conn *c)
{
	uint8_t byte;

	if (!conn_flush(c))
		return;
	if (c->client.failed || c->up.in.len ||
		(c->client.readable && sock_read(&c->client, &byte, 1) != -EAGAIN))
		conn_close(c, false);
}
