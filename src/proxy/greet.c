// SPDX-License-Identifier: MIT
// Reads what a client wants, in whichever protocol its first byte chose.
#include "proxy/greet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "proxy/assoc.h"
#include "proxy/dial.h"
#include "proxy/forward.h"
#include "proxy/setup.h"
#include "proxy/socks.h"

#define GREET_READ	      512 /* room for a first read; larger heads take several */
#define GREET_BLANK_LINES_MAX 2	  /* before a request (RFC 9112 2.2) */

/* True: the bytes that are there have been used, and there may be more to do with the rest. */
static bool greet_socks5(struct conn *c)
{
	struct buf *in = &c->up.in;
	size_t size = 0;

	switch (socks5_greeting(buf_data(in), in->len, &size)) {
	case SOCKS_MORE:
		return false;
	case SOCKS_DONE:
		buf_consume(in, size);
		c->protocol = CONN_SOCKS5;
		if (flow_write(&c->down, &c->client, "\x05\x00", 2, &setup_stats->down_bytes) !=
			FLOW_DST_FAILED)
			return true;
		conn_close(c, true);
		return false;
	default:
		conn_fail_result(c, PROXY_BAD_REQUEST);
		return false;
	}
}

static void socks_dial(struct conn *c, const struct socks_request *r)
{
	char text[ADDR_TEXT_MAX];
	enum proxy_result result;

	buf_consume(&c->up.in, r->size);
	if (r->addr.family) {
		addr_format(&r->addr, text);
		result = dial_prepare(c, text, strlen(text), r->port);
	} else {
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
		if (r.command == SOCKS_UDP_ASSOCIATE)
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
		&(struct reply_cause){.result = PROXY_BAD_REQUEST, .status = -status, .why = why});
}

static void http_request(struct conn *c, const struct http_head *h)
{
	struct http_target t;
	const char *why = NULL;
	size_t size = h->size;
	int r;

	c->head_request = h->method.len == 4 && !memcmp(h->method.p, "HEAD", 4);
	if (h->method.len == 7 && !memcmp(h->method.p, "CONNECT", 7)) {
		r = http_parse_authority(h->target, &t, &why);
		if (r < 0) {
			http_fail(c, r, why);
			return;
		}
		forward_free(c);
		sock_close(&c->origin, false);
		c->protocol = CONN_HTTP_CONNECT;
		buf_consume(&c->up.in, size);
		if (dial_prepare(c, t.host, strlen(t.host), t.port) == PROXY_OK)
			dial_go(c);
		return;
	}
	r = http_parse_absolute(h->target, &t, &why);
	if (r < 0)
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
		if (c->forward && timers_set(&c->timer, loop_now() + CONN_GREETING_MS) < 0) {
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
				conn_count(c, PROXY_BAD_REQUEST);
			conn_close(c, n < 0);
			return;
		}
		greet_parse(c);
	}
}
