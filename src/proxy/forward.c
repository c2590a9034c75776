// SPDX-License-Identifier: MIT
// HTTP requests with an absolute URI: one exchange after the other, each to its own server.
//
// The next request of a connection is not looked at before the present exchange is over, so nothing
// is ever answered out of order. Both bodies are followed by their framing (body.c) and passed on as
// they are; long stretches of known length go by splice. The connection to the server is kept for a
// following request to the same place. If such a reused connection ends before the first byte of an
// answer, the server had closed it for being idle: a request that does no more when done twice, and has no body, is
// then sent once more over a new connection; of any other nobody but the client may know whether to repeat it, and
// it is told nothing but that end (RFC 9112 9.3.1, RFC 9110 9.2.2). 101 turns the exchange into a tunnel.
#include "proxy/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "proxy/body.h"
#include "proxy/dial.h"
#include "proxy/rewrite.h"
#include "proxy/setup.h"

#define FORWARD_READ	  4096
#define FORWARD_SHARE	  (512 * 1024)
#define FORWARD_RAW_CHUNK 65536 /* chunks with so much left go past unseen */

struct forward {
	struct body request, response;
	struct http_scan scan; /* of the response's head */
	struct buf head;       /* the rewritten request, for a second try */
	char host[HTTP_HOST_MAX + 1];
	uint16_t port;
	uint32_t generation; /* of the setup under which the server was dialed */
	bool sent;	     /* the whole request */
	bool deaf;	     /* the server takes no more of it */
	bool started;	     /* the response's final head has gone out */
	bool client_keep, origin_keep;
	bool upgrade, reused;
	bool repeatable; /* done twice it does no more than done once */
	bool no_interim; /* HTTP/1.0 has no 1xx (RFC 9110 15.2) */
	bool half;	 /* the client has said its last word: the short deadline is set */
};

void forward_free(struct conn *c)
{
	if (!c->forward)
		return;
	buf_free(&c->forward->head);
	free(c->forward);
	c->forward = NULL;
}

static void reset_flow(struct flow *f)
{
	f->eof = f->ended = f->bulk = false;
}

static void forward_begin(struct conn *c)
{
	struct forward *f = c->forward;

	c->state = CONN_FORWARD;
	c->hurried = false;
	c->last_ms = loop_now();
	buf_free(&c->down.in);
	buf_free(&c->up.out);
	reset_flow(&c->up);
	reset_flow(&c->down);
	c->forward->sent = c->forward->deaf = false; /* also true for a second try */
	if (buf_append(&c->up.out, buf_data(&f->head), f->head.len) < 0) {
		conn_fail_result(c, PROXY_INTERNAL);
		return;
	}
	f->half = c->client.hup;
	conn_idle_timer(c, f->half);
	conn_advance(c);
}

void forward_connected(struct conn *c)
{
	c->forward->reused = false;
	c->forward->generation = setup_now()->generation;
	forward_begin(c);
}

/* Is the kept connection one to T, under the present policy? */
static bool may_reuse(const struct conn *c, const struct http_target *t)
{
	const struct forward *f = c->forward;

	return c->origin.source.fd >= 0 && f->generation == setup_now()->generation &&
		f->port == t->port && !strcasecmp(f->host, t->host);
}

/* RFC 9110 9.2.2; TRACE never comes here. */
static bool is_idempotent(const struct http_head *h)
{
	static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};

	for (size_t i = 0; i < ELEMENTSOF(methods); i++)
		if (http_method_is(h, methods[i]))
			return true;
	return false;
}

static int prepare(struct conn *c, const struct http_head *h, const struct http_target *t)
{
	struct forward *f = c->forward;

	buf_free(&f->head);
	f->port = t->port;
	memcpy(f->host, t->host, sizeof(f->host));
	f->scan = (struct http_scan){0};
	f->sent = f->deaf = f->started = f->origin_keep = false;
	f->client_keep = h->minor == 1 && !h->close;
	f->upgrade = rewrite_wants_upgrade(h);
	f->no_interim = h->minor == 0;
	body_start(&f->request, http_framing(h, false), h->length);
	f->repeatable = f->request.framing == HTTP_NO_BODY && is_idempotent(h);
	c->answered = c->counted = false;
	return rewrite_request(&f->head, h, t, f->upgrade);
}

void forward_request(struct conn *c, const struct http_head *h, const struct http_target *t)
{
	size_t size = h->size;
	bool reuse;

	if (!c->forward)
		c->forward = calloc(1, sizeof(*c->forward));
	if (!c->forward) {
		conn_fail_result(c, PROXY_INTERNAL);
		return;
	}
	reuse = may_reuse(c, t);
	c->trail.requests++;
	trail_asked(&c->trail, t->host, strlen(t->host), t->port);
	if (!reuse)
		c->trail.resolved.addr.family = 0;
	c->answered = c->counted = false;
	if (dial_prepare(c, t->host, strlen(t->host), t->port) != PROXY_OK)
		return;
	if (prepare(c, h, t) < 0) {
		conn_fail_result(c, PROXY_INTERNAL);
		return;
	}
	buf_consume(&c->up.in, size);
	c->forward->reused = reuse;
	if (reuse) {
		dial_free(c);
		forward_begin(c);
	} else {
		sock_close(&c->origin, false);
		dial_go(c);
	}
}

/* Bytes whose framing has to be read: through the scratch buffer. > 0 went on; 0 end; -errno. */
static int64_t body_copy(
	struct body *b, struct flow *f, struct sock *src, struct sock *dst, uint64_t *count)
{
	int64_t n = sock_read(src, flow_scratch, sizeof(flow_scratch)), used;

	if (n <= 0)
		return n;
	used = body_take(b, (const char *)flow_scratch, (size_t)n);
	if (used < 0)
		return used;
	if (buf_append(&f->in, flow_scratch + used, (size_t)(n - used)) < 0)
		return -ENOMEM;
	if (used && flow_write(f, dst, flow_scratch, (size_t)used, count) == FLOW_DST_FAILED)
		return -EPIPE;
	return n;
}

/* Bytes that were read together with what stood before them. 0 or -errno. */
static int body_early(struct body *b, struct flow *f)
{
	int64_t used = body_take(b, (const char *)buf_data(&f->in), f->in.len);

	if (used < 0)
		return (int)used;
	if (buf_append(&f->out, buf_data(&f->in), (size_t)used) < 0)
		return -ENOMEM;
	buf_consume(&f->in, (size_t)used);
	return 0;
}

/* A stretch of known length. */
static enum flow_status body_splice(
	struct body *b, struct flow *f, struct sock *src, struct sock *dst, uint64_t *count)
{
	uint64_t raw = body_raw(b);
	enum flow_status s;

	f->left = raw;
	s = flow_pump(f, src, dst, count);
	if (raw != UINT64_MAX)
		body_skip(b, raw - f->left);
	f->left = UINT64_MAX;
	return s;
}

static bool goes_raw(const struct body *b)
{
	return b->framing != HTTP_CHUNKED || body_raw(b) >= FORWARD_RAW_CHUNK;
}

static enum flow_status body_step(struct body *b, struct flow *f, struct sock *src,
	struct sock *dst, uint64_t *count, int *ret_error)
{
	enum flow_status s;
	int64_t n;

	if (f->in.len) {
		*ret_error = body_early(b, f);
		return *ret_error < 0 ? FLOW_SRC_FAILED : FLOW_AGAIN;
	}
	if (goes_raw(b)) {
		s = body_splice(b, f, src, dst, count);
		if (s != FLOW_END || !f->eof)
			return s == FLOW_END ? FLOW_AGAIN : s;
		n = 0;
	} else {
		n = src->readable ? body_copy(b, f, src, dst, count) : -EAGAIN;
	}
	if (n > 0)
		return FLOW_AGAIN;
	if (n == -EAGAIN)
		return FLOW_WAIT;
	*ret_error = (int)n;
	if (n == 0 && b->framing == HTTP_UNTIL_CLOSE) {
		b->done = true;
		return FLOW_AGAIN;
	}
	return n == -EPIPE ? FLOW_DST_FAILED : FLOW_SRC_FAILED;
}

/* Moves a body: FLOW_END = all of it is delivered; FLOW_SRC_FAILED with *ret_error = -EBADMSG: its
 * framing is broken. */
static enum flow_status body_pump(struct body *b, struct flow *f, struct sock *src,
	struct sock *dst, uint64_t *count, int *ret_error)
{
	uint64_t start = *count;
	enum flow_status s;

	for (;;) {
		if (f->out.len || f->in_pipe) {
			s = dst->writable ? flow_drain(f, dst, count) : FLOW_WAIT;
			if (s != FLOW_END)
				return s;
		}
		if (b->done)
			return FLOW_END;
		if (*count - start >= FORWARD_SHARE)
			return FLOW_AGAIN;
		if (!dst->writable)
			return FLOW_WAIT;
		s = body_step(b, f, src, dst, count, ret_error);
		if (s != FLOW_AGAIN)
			return s;
	}
}

static void gateway_fail(struct conn *c, const char *why)
{
	conn_fail(c,
		&(struct reply_cause){.result = PROXY_CONN_REFUSED,
			.why = why,
			.dest = c->forward->host,
			.port = c->forward->port});
}

static void request_step(struct conn *c)
{
	struct forward *f = c->forward;
	int error = 0;

	if (f->sent || f->deaf)
		return;
	switch (body_pump(
		&f->request, &c->up, &c->client, &c->origin, &setup_stats->up_bytes, &error)) {
	case FLOW_END:
		f->sent = true;
		break;
	case FLOW_AGAIN:
		loop_task(&c->task);
		break;
	case FLOW_DST_FAILED:
		f->deaf = true; /* it may have answered before it stopped listening */
		c->origin.readable = true;
		break;
	case FLOW_SRC_FAILED:
		if (error == -EBADMSG)
			conn_fail(c,
				&(struct reply_cause){.result = PROXY_BAD_BODY,
					.why = "The chunks of the body are malformed."});
		else
			conn_close(c, true);
		break;
	default:
		break;
	}
}

/* The server ended before it answered. */
static void no_answer(struct conn *c)
{
	struct forward *f = c->forward;

	if (f->reused && !c->down.in.len) {
		if (!f->repeatable) {
			conn_count(c, PROXY_CONN_REFUSED);
			conn_close(c, false);
			return;
		}
		sock_close(&c->origin, false);
		if (dial_prepare(c, f->host, strlen(f->host), f->port) == PROXY_OK)
			dial_go(c);
		return;
	}
	gateway_fail(c, "The server ended the connection without a whole answer.");
}

static void switch_protocols(struct conn *c)
{
	conn_count(c, PROXY_OK);
	reset_flow(&c->up);
	reset_flow(&c->down);
	forward_free(c);
	conn_tunnel(c);
}

/* Behind the client's end only what has come already counts. */
static bool client_says_more(const struct conn *c)
{
	uint8_t byte;

	return !c->client.hup || c->up.in.len || recv(c->client.source.fd, &byte, 1, MSG_PEEK) > 0;
}

static bool final_head(struct conn *c, const struct http_head *h)
{
	struct forward *f = c->forward;
	enum http_framing framing = http_framing(h, c->head_request);

	f->origin_keep = h->minor == 1 && !h->close && framing != HTTP_UNTIL_CLOSE &&
		!(h->has_coding && h->has_length);
	f->client_keep &=
		h->minor == 1 && framing != HTTP_UNTIL_CLOSE && f->sent && client_says_more(c);
	body_start(&f->response, framing, h->length);
	f->started = c->answered = true;
	conn_count(c, PROXY_OK);
	return rewrite_response(&c->down.out, h, !f->client_keep) == 0;
}

/* A whole head stands at the start of down.in. False: the exchange is not one any more. */
static bool response_head(struct conn *c, size_t size)
{
	static struct http_head head;
	struct forward *f = c->forward;
	const char *why = NULL;
	bool ok;

	f->scan = (struct http_scan){0};
	if (http_parse((const char *)buf_data(&c->down.in), size, HTTP_RESPONSE, &head, &why) < 0) {
		gateway_fail(c, why);
		return false;
	}
	if (head.status == 101 && !(f->upgrade && f->sent)) {
		gateway_fail(c, "The server switches protocols without having been asked.");
		return false;
	}
	if (head.status >= 200)
		ok = final_head(c, &head);
	else
		ok = f->no_interim || rewrite_response(&c->down.out, &head, false) == 0;
	buf_consume(&c->down.in, size);
	if (!ok) {
		conn_close(c, true);
		return false;
	}
	if (head.status == 101)
		switch_protocols(c);
	return c->state == CONN_FORWARD;
}

/* Reads until the final head is there. True: it is. */
static bool response_start(struct conn *c)
{
	struct forward *f = c->forward;
	const char *why = NULL;
	int r = 0;

	while (!f->started) {
		struct buf *in = &c->down.in;
		uint8_t *to;
		int64_t n;

		if (in->len)
			r = http_scan(
				&f->scan, (const char *)buf_data(in), in->len, HTTP_RESPONSE, &why);
		if (r < 0) {
			gateway_fail(c, why);
			return false;
		}
		if (r > 0) {
			if (!response_head(c, (size_t)r))
				return false;
			r = 0;
			continue;
		}
		if (!c->origin.readable)
			return false;
		to = buf_reserve(in, FORWARD_READ);
		n = to ? sock_read(&c->origin, to, FORWARD_READ) : -ENOMEM;
		if (n > 0) {
			buf_commit(in, (size_t)n);
			c->last_ms = loop_now();
			continue;
		}
		if (!in->len)
			buf_free(in);
		if (n != -EAGAIN)
			no_answer(c);
		return false;
	}
	return true;
}

static void finish(struct conn *c)
{
	struct forward *f = c->forward;

	if (!f->client_keep || !f->sent) {
		conn_linger(c);
		return;
	}
	buf_free(&f->head);
	c->kept = true;
	if (!f->origin_keep || c->down.in.len)
		sock_close(&c->origin, false);
	sock_last(&c->origin);
	buf_free(&c->down.in);
	c->state = CONN_GREETING;
	c->scan = (struct http_scan){0};
	c->answered = c->counted = c->head_request = c->hurried = false;
	conn_idle_timer(c, false);
	loop_task(&c->task); /* a request may be waiting already */
}

static void response_step(struct conn *c)
{
	struct forward *f = c->forward;
	int error = 0;

	if (!response_start(c))
		return;
	switch (body_pump(
		&f->response, &c->down, &c->origin, &c->client, &setup_stats->down_bytes, &error)) {
	case FLOW_END:
		finish(c);
		break;
	case FLOW_AGAIN:
		loop_task(&c->task);
		break;
	case FLOW_SRC_FAILED:
	case FLOW_DST_FAILED:
		conn_close(c, true);
		break;
	default:
		break;
	}
}

void forward_advance(struct conn *c)
{
	uint64_t before = setup_stats->up_bytes + setup_stats->down_bytes;

	request_step(c);
	if (c->state == CONN_FORWARD && conn_flush(c))
		response_step(c);
	if (c->state == CONN_FORWARD)
		conn_flush(c);
	if (setup_stats->up_bytes + setup_stats->down_bytes != before)
		c->last_ms = loop_now();
	if (c->state == CONN_FORWARD && c->client.hup && !c->forward->half) {
		c->forward->half = true;
		conn_idle_timer(
			c, true); /* it waits for the answer, or has gone: nobody can tell */
	}
	if (c->state == CONN_FORWARD && (c->client.failed || c->origin.failed))
		conn_hurry(c);
}
