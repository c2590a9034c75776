// SPDX-License-Identifier: MIT
// One client's connection from accept to close.
//
//                  greeting complete        connected           SOCKS, CONNECT
//     GREETING ───────────────────► DIALING ─────────► TUNNEL  ◄─────────────── (101 too)
//        ▲  │                         │        └─────► FORWARD ──┐ HTTP request
//        │  │ bad request             │ refused, …        │      │
//        │  └──────────► LINGER ◄─────┴───────────────────┘      │
//        └───────────────── keep-alive ──────────────────────────┘
//
// Every event ends in conn_advance(), which does what the state allows until a socket would block. A
// connection that is closed stays in memory until the end of the loop's round, because events of the
// same round may still point to it.
#include "proxy/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "proxy/assoc.h"
#include "common/log.h"
#include "proxy/dial.h"
#include "proxy/forward.h"
#include "proxy/greet.h"
#include "proxy/listener.h"
#include "proxy/login.h"
#include "proxy/setup.h"
#include "proxy/socks.h"
#include "relay/pair.h"

struct clients conn_clients;
static uint32_t n_conns;

uint32_t conn_total(void)
{
	return n_conns;
}

static void set_total(uint32_t n)
{
	n_conns = n;
	STAT_SET(setup_stats->clients, n);
	window_users(n);
}

static void conn_bury(struct task *t)
{
	struct conn *c = container_of(t, struct conn, task);

	trail_free(&c->trail);
	free(c);
}

void conn_count(struct conn *c, enum proxy_result result)
{
	if (c->counted)
		return;
	c->counted = true;
	c->trail.result = (uint8_t)result;
	STAT_ADD(setup_stats->results[result], 1);
}

void conn_close(struct conn *c, bool reset)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	trail_end(&c->trail);
	dial_free(c);
	login_free(c);
	forward_free(c);
	assoc_free(c);
	sock_close(&c->client, reset);
	sock_close(&c->origin, reset);
	flow_free(&c->up);
	flow_free(&c->down);
	timers_cancel(&c->timer);
	loop_task_cancel(&c->task);
	clients_leave(&conn_clients, &c->address);
	set_total(n_conns - 1);
	c->task.run = conn_bury;
	loop_bury(&c->task);
	listener_descriptors_freed();
}

static void set_timer(struct conn *c, uint64_t at_ms)
{
	if (timers_set(&c->timer, at_ms) < 0)
		conn_close(c, true);
}

static uint64_t idle_ms(bool half)
{
	const struct msg_proxy_config *config = &setup_now()->config;

	return (half ? config->half_close_timeout_s : config->idle_timeout_s) * 1000ull;
}

void conn_idle_timer(struct conn *c, bool half)
{
	uint64_t at = c->last_ms + idle_ms(half);

	if (c->origin.source.fd >= 0 && !c->origin.lasts)
		at = MIN(at, loop_now() + SOCK_YOUNG_MS);
	set_timer(c, at);
}

/* Does ACT; whatever it moves is this connection's. */
static void account(struct conn *c, void (*act)(struct conn *c))
{
	uint64_t up = setup_stats->up_bytes, down = setup_stats->down_bytes;
	bool outermost = !c->accounting;

	c->accounting = true;
	act(c);
	if (!outermost)
		return;
	c->accounting = false;
	c->trail.up_bytes += setup_stats->up_bytes - up;
	c->trail.down_bytes += setup_stats->down_bytes - down;
}

static void conn_task(struct task *t)
{
	account(container_of(t, struct conn, task), conn_advance);
}

static void tunnel_timeout(struct conn *c)
{
	bool half = c->up.ended || c->down.ended || (c->state == CONN_FORWARD && c->client.hup);

	sock_last(&c->origin);
	if (c->client.failed || c->origin.failed || c->last_ms + idle_ms(half) <= loop_now())
		conn_close(c, true);
	else
		conn_idle_timer(c, half);
}

static void conn_timeout(struct timer *t)
{
	struct conn *c = container_of(t, struct conn, timer);

	switch (c->state) {
	case CONN_GREETING:
		if (c->kept && !c->hurried) { /* idle between two requests */
			conn_close(c, false);
			return;
		}
		conn_count(c, PROXY_GREETING_TIMEOUT);
		conn_close(c, false);
		break;
	case CONN_LOGIN:
		conn_fail_result(c, PROXY_LOGIN_LIMIT);
		break;
	case CONN_DIALING:
		dial_timeout(c);
		break;
	case CONN_UDP:
		assoc_timeout(c);
		break;
	case CONN_TUNNEL:
	case CONN_FORWARD:
		tunnel_timeout(c);
		break;
	default:
		conn_close(c, false);
	}
}

/* A bulk stream waits until all events of this round are done. */
static bool is_put_off(struct conn *c)
{
	if ((c->state != CONN_TUNNEL && c->state != CONN_FORWARD) || (!c->up.bulk && !c->down.bulk))
		return false;
	loop_task(&c->task);
	return true;
}

static void client_event(struct source *s, uint32_t events)
{
	struct conn *c = container_of(s, struct conn, client.source);

	sock_event(&c->client, events);
	if (!is_put_off(c))
		account(c, conn_advance);
}

static void origin_event(struct source *s, uint32_t events)
{
	struct conn *c = container_of(s, struct conn, origin.source);

	sock_event(&c->origin, events);
	if (!is_put_off(c))
		account(c, c->state == CONN_DIALING ? dial_event : conn_advance);
}

uint64_t conn_greeting_deadline(void)
{
	return loop_now() + setup_now()->config.greeting_timeout_s * 1000ull;
}

/* The client of a forward need not say anything: its server may be the one who speaks first. */
static void go_to(struct conn *c, const struct listener_target *target)
{
	c->protocol = CONN_FIXED;
	trail_asked(&c->trail, target->host, strlen(target->host), target->port);
	if (dial_prepare(c, target->host, strlen(target->host), target->port) == PROXY_OK)
		dial_go(c);
}

void conn_accept(
	int fd, const struct hostport *client, bool trusted, const struct listener_target *target)
{
	struct conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c) {
		fd_close(fd);
		clients_leave(&conn_clients, &client->addr);
		return;
	}
	c->client.source = (struct source){.fd = fd, .on_event = client_event};
	c->origin.source = (struct source){.fd = -1, .on_event = origin_event};
	c->client.writable = true;
	c->origin.window.governed = true;
	c->up.left = c->down.left = UINT64_MAX;
	c->timer.fire = conn_timeout;
	c->task.run = conn_task;
	c->address = client->addr;
	trail_begin(&c->trail, client);
	c->trusted = trusted;
	c->last_ms = loop_now();
	set_total(n_conns + 1);
	r = timers_set(&c->timer, conn_greeting_deadline());
	if (r == 0)
		r = loop_add(&c->client.source, SOCK_EVENTS);
	if (r < 0)
		conn_close(c, true);
	else if (target)
		go_to(c, target);
}

bool conn_flush(struct conn *c)
{
	if (!c->down.out.len || !c->client.writable)
		return true;
	if (flow_drain(&c->down, &c->client, &setup_stats->down_bytes) != FLOW_DST_FAILED)
		return true;
	conn_close(c, true);
	return false;
}

static void linger(struct conn *c)
{
	int64_t n = 1;

	if (!conn_flush(c) || c->down.out.len)
		return;
	if (!c->down.ended) {
		c->down.ended = true;
		shutdown(c->client.source.fd, SHUT_WR);
	}
	while (c->client.readable && n > 0 && c->lingered < CONN_LINGER_BYTES) {
		n = sock_read(&c->client, flow_scratch, sizeof(flow_scratch));
		if (n > 0)
			c->lingered += (uint32_t)n;
	}
	if ((n <= 0 && n != -EAGAIN) || c->lingered >= CONN_LINGER_BYTES)
		conn_close(c, false);
}

void conn_linger(struct conn *c)
{
	dial_free(c);
	login_free(c);
	forward_free(c);
	assoc_free(c);
	sock_close(&c->origin, true);
	sock_told(&c->client);
	flow_free(&c->up);
	c->down.ended = false;
	c->state = CONN_LINGER;
	set_timer(c, loop_now() + CONN_LINGER_MS);
	if (c->state == CONN_LINGER)
		linger(c);
}

void conn_hurry(struct conn *c)
{
	if (c->hurried)
		return;
	c->hurried = true;
	set_timer(c, loop_now() + CONN_FAILED_MS);
}

static void log_failed_forward(const struct conn *c, const struct reply_cause *cause)
{
	static struct log_limit limit = {.burst = 5, .interval_ms = 10000};
	char client[ADDR_TEXT_MAX];

	if (log_limit_ok(&limit, loop_now(), NULL))
		log_notice(NULL, "forward", "from %s to %s:%u: %s",
			addr_format(&c->address, client), cause->dest ? cause->dest : "?",
			cause->port, cause->why ? cause->why : reply_result_text(cause->result));
}

void conn_fail(struct conn *c, const struct reply_cause *cause)
{
	uint8_t reply[SOCKS_REPLY_MAX];
	int r = 0;

	conn_count(c, cause->result);
	if (c->answered) {
		conn_close(c, true);
		return;
	}
	switch (c->protocol) {
	case CONN_FIXED: /* nothing but a reset can be told */
		log_failed_forward(c, cause);
		conn_close(c, true);
		return;
	case CONN_SOCKS5_GREETING: /* no method, or no greeting at all (RFC 1928 section 3) */
		r = buf_append(&c->down.out, "\x05\xff", 2);
		break;
	case CONN_SOCKS5_LOGIN: /* RFC 1929 section 2: anything but 0, and a close */
		r = buf_append(&c->down.out, "\x01\x01", 2);
		break;
	case CONN_SOCKS5:
		r = buf_append(&c->down.out, reply,
			socks5_reply(reply, reply_socks5_code(cause->result), NULL));
		break;
	case CONN_SOCKS4:
		r = buf_append(&c->down.out, reply,
			socks4_reply(reply,
				cause->result == PROXY_NO_LOGIN ? SOCKS4_NO_USER : SOCKS4_REJECTED,
				NULL));
		break;
	default:
		r = reply_http(&c->down.out, setup_tailnet, cause,
			&(struct reply_form){.head = c->head_request, .html = c->html});
	}
	if (r < 0)
		conn_close(c, true);
	else
		conn_linger(c);
}

void conn_fail_result(struct conn *c, enum proxy_result result)
{
	conn_fail(c, &(struct reply_cause){.result = result});
}

static struct hostport bound_address(struct conn *c)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct hostport at = {.addr.family = 4};

	if (getsockname(c->origin.source.fd, (struct sockaddr *)&ss, &len) == 0)
		hostport_from_sockaddr((struct sockaddr *)&ss, &at);
	return at;
}

void conn_tunnel(struct conn *c)
{
	c->state = CONN_TUNNEL;
	c->answered = true;
	c->up.left = c->down.left = UINT64_MAX;
	c->hurried = false;
	c->last_ms = loop_now();
	conn_idle_timer(c, false);
	conn_advance(c);
}

static void connected(struct conn *c)
{
	static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
	uint8_t reply[SOCKS_REPLY_MAX];
	struct hostport bound;
	int r;

	if (c->protocol == CONN_HTTP) {
		forward_connected(c);
		return;
	}
	if (c->protocol == CONN_FIXED) {
		r = 0;
	} else if (c->protocol == CONN_HTTP_CONNECT) {
		r = buf_append(&c->down.out, established, sizeof(established) - 1);
	} else {
		bound = bound_address(c);
		r = buf_append(&c->down.out, reply,
			c->protocol == CONN_SOCKS5 ? socks5_reply(reply, 0, &bound)
						   : socks4_reply(reply, SOCKS4_GRANTED, &bound));
	}
	if (r < 0) {
		conn_close(c, true);
		return;
	}
	conn_count(c, PROXY_OK);
	conn_tunnel(c);
}

void conn_connected(struct conn *c)
{
	account(c, connected);
}

static void tunnel(struct conn *c)
{
	struct proxy_stats *stats = setup_stats;
	struct pair p = {
		&c->client, &c->origin, &c->up, &c->down, &stats->up_bytes, &stats->down_bytes};
	struct pair_news news;
	enum pair_status s = pair_move(&p, &news);

	if (s != PAIR_OPEN) {
		conn_close(c, s == PAIR_FAILED);
		return;
	}
	if (news.moved)
		c->last_ms = loop_now();
	if (news.again)
		loop_task(&c->task);
	if (news.dying)
		conn_hurry(c);
	else if (news.half)
		conn_idle_timer(c, true);
}

/* While dialing, or waiting for a password to be checked, only the client's end matters. */
static void dialing(struct conn *c)
{
	if (c->client.failed)
		conn_close(c, true);
	else
		conn_flush(c);
}

void conn_advance(struct conn *c)
{
	switch (c->state) {
	case CONN_GREETING:
		greet_advance(c);
		break;
	case CONN_LOGIN:
	case CONN_DIALING:
		dialing(c);
		break;
	case CONN_UDP:
		assoc_advance(c);
		break;
	case CONN_TUNNEL:
		tunnel(c);
		break;
	case CONN_FORWARD:
		forward_advance(c);
		break;
	case CONN_LINGER:
		linger(c);
		break;
	default:
		break;
	}
}
