// SPDX-License-Identifier: MIT
// Reads what a client wants, in whichever protocol its first byte chose.
#include "proxy/greet.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/assoc.h"
#include "proxy/basic.h"
#include "proxy/dial.h"
#include "proxy/forward.h"
#include "proxy/login.h"
#include "proxy/setup.h"
#include "proxy/socks.h"

#define GREET_READ	      512 /* room for a first read; larger heads take several */
#define GREET_BLANK_LINES_MAX 2	  /* before a request (RFC 9112 2.2) */

static bool greet_say(struct conn *c, const char *bytes, size_t n)
{
	if (flow_write(&c->down, &c->client, bytes, n, &setup_stats->down_bytes) != FLOW_DST_FAILED)
		return true;
	conn_close(c, true);
	return false;
}

/* True: the bytes that are there have been used, and there may be more to do with the rest. */
static bool greet_socks5(struct conn *c)
{
	bool login = login_wanted(c);
	const char reply[] = {5, login ? SOCKS_PASSWORD : SOCKS_NO_LOGIN};
	struct buf *in = &c->up.in;
	size_t size = 0;

	switch (socks5_greeting(buf_data(in), in->len, (uint8_t)reply[1], &size)) {
	case SOCKS_MORE:
		return false;
	case SOCKS_DONE:
		buf_consume(in, size);
		c->protocol = login ? CONN_SOCKS5_LOGIN : CONN_SOCKS5;
		return greet_say(c, reply, sizeof(reply));
	case SOCKS_NO_METHOD:
		conn_fail_result(c, login ? PROXY_NO_LOGIN : PROXY_NO_METHOD);
		return false;
	default:
		conn_fail_result(c, PROXY_BAD_REQUEST);
		return false;
	}
}

static bool socks_logged_in(struct conn *c)
{
	c->protocol = CONN_SOCKS5;
	return greet_say(c, "\x01\x00", 2);
}

static bool greet_socks5_login(struct conn *c)
{
	struct buf *in = &c->up.in;
	enum login_verdict verdict;
	struct socks_login l;

	switch (socks5_login(buf_data(in), in->len, &l)) {
	case SOCKS_MORE:
		return false;
	case SOCKS_DONE:
		break;
	default:
		conn_fail_result(c, PROXY_BAD_LOGIN);
		return false;
	}
	verdict = login_begin(c, l.user, l.user_len, l.password, l.password_len);
	if (verdict == LOGIN_FULL) {
		conn_fail_result(c, PROXY_LOGIN_LIMIT);
		return false;
	}
	sodium_memzero(buf_data(in), l.size);
	buf_consume(in, l.size);
	return verdict == LOGIN_YES && socks_logged_in(c);
}

static void socks_dial(struct conn *c, const struct socks_request *r)
{
	char text[ADDR_TEXT_MAX];
	enum proxy_result result;

	buf_consume(&c->up.in, r->size);
	if (r->addr.family) {
		addr_format(&r->addr, text);
		trail_asked(&c->trail, text, strlen(text), r->port);
		result = dial_prepare(c, text, strlen(text), r->port);
	} else {
		trail_asked(&c->trail, r->name, r->name_len, r->port);
		result = dial_prepare(c, r->name, r->name_len, r->port);
	}
	if (result == PROXY_OK)
		dial_go(c);
}

/* Of the address that the client says it will send from only the port counts: the address is the
 * connection's own (RFC 1928 section 6 lets it be zero, and behind a NAT it is wrong). */
static void socks_associate(struct conn *c, const struct socks_request *r)
{
	buf_consume(&c->up.in, r->size);
	assoc_begin(c, r->port);
}

static void greet_socks_request(struct conn *c)
{
	struct buf *in = &c->up.in;
	struct socks_request r;

	switch (c->protocol == CONN_SOCKS5 ? socks5_request(buf_data(in), in->len, &r)
					   : socks4_request(buf_data(in), in->len, &r)) {
	case SOCKS_MORE:
		return;
	case SOCKS_DONE:
		if (c->protocol == CONN_SOCKS4 && login_wanted(c))
			conn_fail_result(c, PROXY_NO_LOGIN); /* it has no passwords */
		else if (r.command == SOCKS_UDP_ASSOCIATE)
			socks_associate(c, &r);
		else
			socks_dial(c, &r);
		return;
	case SOCKS_BAD_COMMAND:
		conn_fail_result(c, PROXY_BAD_COMMAND);
		return;
	case SOCKS_BAD_TYPE:
		conn_fail_result(c, PROXY_BAD_ADDRESS_TYPE);
		return;
	default:
		conn_fail_result(c, PROXY_BAD_REQUEST);
	}
}

static void http_fail(struct conn *c, int status, const char *why)
{
	conn_fail(c,
		&(struct reply_cause){
			.result = status == -431 ? PROXY_HEAD_TOO_LARGE : PROXY_BAD_HTTP,
			.status = -status,
			.why = why});
}

/* 407. The connection goes on if we know where the next request begins: behind a head without a body,
 * and behind CONNECT only if nothing came that was meant for the tunnel. */
static void http_challenge(
	struct conn *c, const struct http_head *h, bool connect, enum proxy_result result)
{
	struct reply_cause cause = {.result = result};
	struct reply_form form = {.head = c->head_request, .html = c->html, .keep = true};
	struct buf *in = &c->up.in;

	if (h->minor == 0 || h->close || http_framing(h, false) != HTTP_NO_BODY ||
		(connect && in->len > h->size)) {
		conn_fail(c, &cause);
		return;
	}
	conn_count(c, result);
	if (reply_http(&c->down.out, setup_tailnet, &cause, &form) < 0 ||
		timers_set(&c->timer, conn_greeting_deadline()) < 0) {
		conn_close(c, true);
		return;
	}
	sodium_memzero(buf_data(in), h->size);
	buf_consume(in, h->size);
	c->kept = true;
	c->counted = c->head_request = c->html = false;
	loop_task(&c->task);
}

/* True: the request may go on now. */
static bool http_login(struct conn *c, const struct http_head *h, bool connect)
{
	enum login_verdict verdict = LOGIN_YES;
	struct basic b;
	int r;

	bool yes = c->logged_in || !login_wanted(c), no = c->refused;

	c->logged_in = c->refused = false;
	if (yes)
		return true;
	if (no) {
		http_challenge(c, h, connect, PROXY_WRONG_LOGIN);
		return false;
	}
	r = basic_parse(h, &b);
	if (r == 0)
		verdict = login_begin(c, b.user, b.user_len, b.password, b.password_len);
	sodium_memzero(&b, sizeof(b));
	if (r < 0)
		http_challenge(c, h, connect, r == -ENOENT ? PROXY_NO_LOGIN : PROXY_BAD_LOGIN);
	else if (verdict == LOGIN_FULL)
		conn_fail_result(c, PROXY_LOGIN_LIMIT);
	return r == 0 && verdict == LOGIN_YES;
}

static bool http_wants_html(const struct http_head *h)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (http_text_is(h->fields[i].name, "accept") &&
			http_list_has(h->fields[i].value, "text/html", 9))
			return true;
	return false;
}

static void http_request(struct conn *c, const struct http_head *h)
{
	struct http_target t;
	const char *why = NULL;
	size_t size = h->size;
	int r;

	bool connect = http_method_is(h, "CONNECT");

	c->head_request = http_method_is(h, "HEAD");
	c->html = !connect && http_wants_html(h);
	if (!http_login(c, h, connect))
		return;
	if (connect) {
		r = http_parse_authority(h->target, &t, &why);
		if (r < 0) {
			http_fail(c, r, why);
			return;
		}
		forward_free(c);
		sock_close(&c->origin, false);
		c->protocol = CONN_HTTP_CONNECT;
		trail_asked(&c->trail, t.host, strlen(t.host), t.port);
		c->trail.resolved.addr.family = 0;
		buf_consume(&c->up.in, size);
		if (dial_prepare(c, t.host, strlen(t.host), t.port) == PROXY_OK)
			dial_go(c);
		return;
	}
	r = http_parse_absolute(h->target, &t, &why);
	if (r == 0 && http_method_is(h, "TRACE")) /* it would give our client's secrets back */
		conn_fail_result(c, PROXY_BAD_COMMAND);
	else if (r < 0)
		http_fail(c, r, why);
	else
		forward_request(c, h, &t);
}

static void skip_blank_lines(struct conn *c)
{
	struct buf *in = &c->up.in;

	for (int i = 0; i < GREET_BLANK_LINES_MAX && !c->scan.pos; i++)
		if (in->len >= 2 && !memcmp(buf_data(in), "\r\n", 2))
			buf_consume(in, 2);
}

static void greet_http(struct conn *c)
{
	static struct http_head head; /* 12 KiB, used by one connection at a time */
	struct buf *in = &c->up.in;
	const char *why = NULL;
	int r;

	skip_blank_lines(c);
	if (!in->len || (in->len == 1 && *buf_data(in) == '\r'))
		return;
	if (!c->hurried) {
		c->hurried = true;
		if (c->kept && timers_set(&c->timer, conn_greeting_deadline()) < 0) {
			conn_close(c, true);
			return;
		}
	}
	r = http_scan(&c->scan, (const char *)buf_data(in), in->len, HTTP_REQUEST, &why);
	if (r > 0) {
		c->scan = (struct http_scan){0};
		c->hurried = false;
		r = http_parse((const char *)buf_data(in), (size_t)r, HTTP_REQUEST, &head, &why);
		if (r == 0) {
			http_request(c, &head);
			return;
		}
	}
	if (r < 0)
		http_fail(c, r, why);
}

static void greet_choose(struct conn *c)
{
	uint8_t first = *buf_data(&c->up.in);

	c->protocol = first == 5 ? CONN_SOCKS5_GREETING : first == 4 ? CONN_SOCKS4 : CONN_HTTP;
}

static void greet_parse(struct conn *c)
{
	if (!c->up.in.len)
		return;
	if (c->protocol == CONN_UNKNOWN)
		greet_choose(c);
	if (c->protocol == CONN_SOCKS5_GREETING && !greet_socks5(c))
		return;
	if (!c->up.in.len)
		return;
	if (c->protocol == CONN_SOCKS5_LOGIN && !greet_socks5_login(c))
		return;
	if (!c->up.in.len)
		return;
	if (c->protocol == CONN_HTTP)
		greet_http(c);
	else
		greet_socks_request(c);
}

/* > 0 bytes more; 0 at the end; -errno. */
static int64_t greet_read(struct conn *c)
{
	uint8_t *to = buf_reserve(&c->up.in, GREET_READ);
	int64_t n = to ? sock_read(&c->client, to, GREET_READ) : -ENOMEM;

	if (n > 0)
		buf_commit(&c->up.in, (size_t)n);
	else if (!c->up.in.len)
		buf_free(&c->up.in);
	return n;
}

/* Between two requests the server may close its side, or send what nobody asked for. */
static void greet_check_origin(struct conn *c)
{
	uint8_t byte;

	if (c->origin.source.fd < 0 || (!c->origin.readable && !c->origin.hup && !c->origin.failed))
		return;
	if (c->origin.readable && !c->origin.hup && !c->origin.failed &&
		recv(c->origin.source.fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN)
		c->origin.readable = false;
	else
		sock_close(&c->origin, false);
}

void greet_advance(struct conn *c)
{
	uint64_t said = setup_stats->down_bytes;

	if (!conn_flush(c))
		return;
	greet_check_origin(c);
	greet_parse(c);
	while (c->state == CONN_GREETING && c->client.readable) {
		int64_t n = greet_read(c);

		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			if (c->up.in.len || c->protocol == CONN_SOCKS5)
				conn_count(c, PROXY_ABANDONED);
			conn_close(c, n < 0);
			return;
		}
		greet_parse(c);
		if (!c->heard && setup_stats->down_bytes == said)
			sock_acknowledge(&c->client);
		c->heard = true;
	}
}

void greet_login_done(struct conn *c, bool right)
{
	c->state = CONN_GREETING;
	if (timers_set(&c->timer, conn_greeting_deadline()) < 0) {
		conn_close(c, true);
	} else if (c->protocol == CONN_HTTP) { /* its head is read once more */
		c->logged_in = right;
		c->refused = !right;
		greet_advance(c);
	} else if (!right) {
		conn_fail_result(c, PROXY_WRONG_LOGIN);
	} else if (socks_logged_in(c)) {
		greet_advance(c);
	}
}
