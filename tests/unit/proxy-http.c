// SPDX-License-Identifier: MIT
// HTTP heads, targets, bodies and rewriting as tables; every head is also fed byte by byte.
#include "proxy/http.h"

#include <errno.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "proxy/body.h"
#include "proxy/rewrite.h"
#include "test.h"

static struct http_head head;

/* Feeds TEXT in pieces of STEP bytes: size of the head, 0, or -status. */
static int feed(const char *text, size_t len, size_t step, enum http_kind kind)
{
	struct http_scan s = {0};
	const char *why = NULL;
	int r = 0;

	for (size_t n = step < len ? step : len; r == 0; n = n + step < len ? n + step : len) {
		r = http_scan(&s, text, n, kind, &why);
		if (n == len)
			break;
	}
	if (r > 0) {
		int p = http_parse(text, (size_t)r, kind, &head, &why);

		r = p < 0 ? p : r;
	}
	CHECK(r >= 0 || why);
	return r;
}

static const struct {
	const char *text;
	int status; /* 0 = good */
} requests[] = {
	{"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	{"GET http://a/ HTTP/1.0\r\n\r\n", 0},
	{"M-SEARCH http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	{"TRACE http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0},
	{"CONNECT a:443 HTTP/1.1\r\n\r\n", 0},
	{"GET http://a/ HTTP/1.1\r\nX:\r\nY: \t z \r\n\r\n", 0},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 0},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 0},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 0},
	{"GET http://a/ HTTP/1.1\r\nX: caf\xc3\xa9\r\n\r\n", 0},
	{"\r\n", 400},
	{"GET\r\n", 400},
	{"hello\r\n", 400},
	{"GET http://a/\r\n", 400},
	{"GET  http://a/ HTTP/1.1\r\n", 400},
	{"GET http://a/  HTTP/1.1\r\n", 400},
	{"GET http://a/ b HTTP/1.1\r\n", 400},
	{"GET http://a/ HTTP/1.2\r\n", 400},
	{"GET http://a/ HTTP/2.0\r\n", 400},
	{"PRI * HTTP/2.0\r\n", 400},
	{"GET http://a/ http/1.1\r\n", 400},
	{"GET http://a/ HTTP/1.1 \r\n", 400},
	{"G(T http://a/ HTTP/1.1\r\n", 400},
	{" GET http://a/ HTTP/1.1\r\n", 400},
	{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA http://a/ HTTP/1.1\r\n", 400},
	{"GET http://a/ HTTP/1.1\nHost: a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\x01\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\x7f\r\n\r\n", 400},
	{"GET http://a/\x01 HTTP/1.1\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\n: a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nH st: a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nX: a\r\n folded\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\n X: a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nX: a\r\n\tfolded\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5,\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
	{"GET http://a/ HTTP/1.1\r\nTransfer-Encoding:\r\n\r\n", 501},
};

static void test_requests(void)
{
	for (size_t i = 0; i < ELEMENTSOF(requests); i++) {
		size_t len = strlen(requests[i].text);
		int wanted = requests[i].status ? -requests[i].status : (int)len;

		for (size_t step = 1; step <= len;
			step += step < 4 ? 1 : len - step + (step == len)) {
			int r = feed(requests[i].text, len, step, HTTP_REQUEST);

			if (r != wanted)
				fprintf(stderr, "case %zu, step %zu: ", i, step);
			CHECK_EQ(r, wanted);
		}
	}
	CHECK_EQ(feed("GET http://a/\0 HTTP/1.1\r\n\r\n", 26, 1, HTTP_REQUEST), -400);
	CHECK_EQ(feed("GET http://a/ HTTP/1.1\r\nX: \0\r\n\r\n", 32, 1, HTTP_REQUEST), -400);
}

static void test_incomplete(void)
{
	const char *text = "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n";

	for (size_t n = 0; n < strlen(text); n++)
		CHECK_EQ(feed(text, n, 1, HTTP_REQUEST), 0);
}

static void test_limits(void)
{
	size_t len = HTTP_HEAD_MAX + 100, n;
	char *text = malloc(len);

	memset(text, 'a', len);
	memcpy(text, "GET http://a/", 13);
	CHECK_EQ(feed(text, len, 4096, HTTP_REQUEST), -431);
	CHECK_EQ(feed(text, HTTP_HEAD_MAX, 4096, HTTP_REQUEST), 0);
	n = (size_t)snprintf(text, len, "GET http://a/ HTTP/1.1\r\n");
	for (int i = 0; i < HTTP_FIELDS_MAX + 1; i++)
		n += (size_t)snprintf(text + n, len - n, "X: %d\r\n", i);
	n += (size_t)snprintf(text + n, len - n, "\r\n");
	CHECK_EQ(feed(text, n, n, HTTP_REQUEST), -431);
	free(text);
}

/* One byte more than each part may have. */
static void test_part_limits(void)
{
	static char text[BODY_TRAILER_MAX + 64];
	struct http_target t;
	const char *why = NULL;
	struct body b;
	int n;

	for (int len = HTTP_METHOD_MAX; len <= HTTP_METHOD_MAX + 1; len++) {
		n = snprintf(text, sizeof(text), "%0*d http://a/ HTTP/1.1\r\n\r\n", len, 0);
		CHECK_EQ(feed(text, (size_t)n, 64, HTTP_REQUEST), len > HTTP_METHOD_MAX ? -400 : n);
	}
	for (int len = HTTP_HOST_MAX; len <= HTTP_HOST_MAX + 1; len++) {
		n = snprintf(text, sizeof(text), "%0*d:80", len, 0);
		CHECK_EQ(http_parse_authority((struct http_text){text, (size_t)n}, &t, &why),
			len > HTTP_HOST_MAX ? -400 : 0);
	}
	n = snprintf(text, sizeof(text), "1;%0*d\r\n", BODY_LINE_MAX, 0);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, text, (size_t)n), -EBADMSG);
	n = snprintf(text, sizeof(text), "1;%0*d\r\n", BODY_LINE_MAX / 2, 0);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, text, (size_t)n), n);
	n = snprintf(text, sizeof(text), "0\r\nA:%0*d\r\n\r\n", BODY_TRAILER_MAX, 0);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, text, (size_t)n), -EBADMSG);
	n = snprintf(text, sizeof(text), "0\r\nA:%0*d\r\n\r\n", BODY_TRAILER_MAX / 2, 0);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, text, (size_t)n), n);
	CHECK(b.done);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, "0000000000000001\r\n", 18), -EBADMSG); /* 16 digits */
}

static const struct {
	const char *target;
	int r;
	const char *host;
	uint16_t port;
	const char *path;
} targets[] = {
	{"http://a/", 0, "a", 80, "/"},
	{"http://a", 0, "a", 80, ""},
	{"HTTP://A.red:3000/x?y=http://b/", 0, "A.red", 3000, "/x?y=http://b/"},
	{"http://a?q", 0, "a", 80, "?q"},
	{"http://a:/", 0, "a", 80, "/"},
	{"http://[fd00::1]/", 0, "[fd00::1]", 80, "/"},
	{"http://[fd00::1]:81/", 0, "[fd00::1]", 81, "/"},
	{"/", -400, NULL, 0, NULL},
	{"*", -400, NULL, 0, NULL},
	{"a:80", -400, NULL, 0, NULL},
	{"http:/a/", -400, NULL, 0, NULL},
	{"http:///x", -400, NULL, 0, NULL},
	{"http://:80/", -400, NULL, 0, NULL},
	{"http://a:0/", -400, NULL, 0, NULL},
	{"http://a:65536/", -400, NULL, 0, NULL},
	{"http://a:000080/", -400, NULL, 0, NULL},
	{"http://a:8x/", -400, NULL, 0, NULL},
	{"http://u@a/", -400, NULL, 0, NULL},
	{"http://u:p@a/", -400, NULL, 0, NULL},
	{"http://a/#f", -400, NULL, 0, NULL},
	{"http://[fd00::1/", -400, NULL, 0, NULL},
	{"http://[fd00::1]x/", -400, NULL, 0, NULL},
	{"https://a/", -501, NULL, 0, NULL},
	{"ftp://a/", -501, NULL, 0, NULL},
	{"file:///etc/passwd", -501, NULL, 0, NULL},
};

static void test_targets(void)
{
	struct http_target t;
	const char *why;

	for (size_t i = 0; i < ELEMENTSOF(targets); i++) {
		struct http_text text = {targets[i].target, strlen(targets[i].target)};
		int r = http_parse_absolute(text, &t, &why);

		if (r != targets[i].r)
			fprintf(stderr, "%s: ", targets[i].target);
		CHECK_EQ(r, targets[i].r);
		if (r < 0)
			continue;
		CHECK_STR(t.host, targets[i].host);
		CHECK_EQ(t.port, targets[i].port);
		CHECK_EQ(t.path.len, strlen(targets[i].path));
	}
	CHECK_EQ(http_parse_authority((struct http_text){"a.red:443", 9}, &t, &why), 0);
	CHECK_EQ(t.port, 443);
	CHECK_EQ(http_parse_authority((struct http_text){"a.red", 5}, &t, &why), -400);
	CHECK_EQ(http_parse_authority((struct http_text){"a.red:", 6}, &t, &why), -400);
	CHECK_EQ(http_parse_authority((struct http_text){":443", 4}, &t, &why), -400);
	CHECK_EQ(http_parse_authority((struct http_text){"[fd00::1]:22", 12}, &t, &why), 0);
	CHECK_STR(t.host, "[fd00::1]");
}

static const struct {
	const char *text;
	int status; /* 0 = good */
	bool head_request;
	enum http_framing framing;
} responses[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, false, HTTP_LENGTH},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 0, true, HTTP_NO_BODY},
	{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, false, HTTP_NO_BODY},
	{"HTTP/1.1 200\r\n\r\n", 0, false, HTTP_UNTIL_CLOSE},
	{"HTTP/1.0 200 OK\r\n\r\n", 0, false, HTTP_UNTIL_CLOSE},
	{"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n", 0, false, HTTP_NO_BODY},
	{"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n", 0, false, HTTP_NO_BODY},
	{"HTTP/1.1 100 Go on\r\n\r\n", 0, false, HTTP_NO_BODY},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 0, false, HTTP_CHUNKED},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 0, false, HTTP_CHUNKED},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 0, false, HTTP_UNTIL_CLOSE},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 0, false,
		HTTP_CHUNKED},
	{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 502, false, 0},
	{"HTTP/1.1 200 OK\nA: b\n\n", 502, false, 0},
	{"HTTP/2 200\r\n\r\n", 502, false, 0},
	{"ICY 200 OK\r\n", 502, false, 0},
	{"HTTP/1.1 99 x\r\n", 502, false, 0},
	{"HTTP/1.1 600 x\r\n", 502, false, 0},
	{"HTTP/1.1 2000\r\n", 502, false, 0},
	{"HTTP/1.1 200 OK\r\nA\r\n\r\n", 502, false, 0},
};

static void test_responses(void)
{
	for (size_t i = 0; i < ELEMENTSOF(responses); i++) {
		size_t len = strlen(responses[i].text);
		int r = feed(responses[i].text, len, 1, HTTP_RESPONSE);

		CHECK_EQ(r, responses[i].status ? -responses[i].status : (int)len);
		if (r > 0)
			CHECK_EQ(http_framing(&head, responses[i].head_request),
				responses[i].framing);
	}
}

static const struct {
	const char *text;
	int64_t size; /* of the body; 0 = not complete, -1 = malformed */
} chunks[] = {
	{"0\r\n\r\n", 5},
	{"0\r\n\r\nGET ", 5},
	{"3\r\nabc\r\n0\r\n\r\n", 13},
	{"A;x=\"y\"\r\n0123456789\r\n00\r\nT: v\r\n\r\nrest", 33},
	{"3  \r\nabc\r\n0\r\n\r\n", 15},
	{"3\r\nab", 0},
	{"000000000000003\r\nabc\r\n0\r\n\r\n", 27},
	{"0000000000000003\r\nabc\r\n0\r\n\r\n", -1},
	{"fffffffffffffffff\r\n", -1},
	{"\r\n", -1},
	{"g\r\n", -1},
	{"0x3\r\n", -1},
	{"-3\r\n", -1},
	{" 3\r\n", -1},
	{"3 3\r\n", -1},
	{"3\nabc", -1},
	{"3\r\nabcd\r\n", -1},
	{"3\r\nabc\n0\r\n", -1},
	{"3;a\nb\r\nabc\r\n", -1},
	{"0\r\nno colon\r\n\r\n", -1},
	{"0\r\n folded: x\r\n\r\n", -1},
	{"0\r\nA: b\rc\r\n\r\n", -1},
	{"0\r\n\rX", -1},
};

static void test_chunks(void)
{
	for (size_t i = 0; i < ELEMENTSOF(chunks); i++) {
		size_t len = strlen(chunks[i].text);

		for (size_t step = 1; step <= len; step++) {
			struct body b;
			int64_t n = 0, r = 0;

			body_start(&b, HTTP_CHUNKED, 0);
			for (size_t at = 0; at < len && !b.done && r >= 0; at += (size_t)r) {
				r = body_take(&b, chunks[i].text + at, MIN(step, len - at));
				n += r > 0 ? r : 0;
			}
			CHECK_EQ(r < 0 ? -1 : b.done ? n : 0, chunks[i].size);
		}
	}
}

static void test_lengths(void)
{
	struct body b;

	body_start(&b, HTTP_LENGTH, 5);
	CHECK_EQ(body_take(&b, "abc", 3), 3);
	CHECK_EQ(body_raw(&b), 2);
	CHECK_EQ(body_take(&b, "defg", 4), 2);
	CHECK(b.done);
	CHECK_EQ(body_take(&b, "x", 1), 0);
	body_start(&b, HTTP_NO_BODY, 0);
	CHECK(b.done);
	body_start(&b, HTTP_UNTIL_CLOSE, 0);
	CHECK_EQ(body_take(&b, "abc", 3), 3);
	CHECK(body_raw(&b) == UINT64_MAX && !b.done);
	body_start(&b, HTTP_CHUNKED, 0);
	CHECK_EQ(body_take(&b, "10\r\n1234", 8), 8);
	CHECK_EQ(body_raw(&b), 12);
	body_skip(&b, 12);
	CHECK_EQ(body_take(&b, "\r\n0\r\n\r\n", 7), 7);
	CHECK(b.done);
}

static const struct {
	const char *in, *out;
} rewrites[] = {
	{"GET http://a.red:3000/p?q HTTP/1.1\r\nHost: evil\r\nA: b\r\n\r\n",
		"GET /p?q HTTP/1.1\r\nHost: a.red:3000\r\nA: b\r\n\r\n"},
	{"GET http://a.red HTTP/1.1\r\nHost: a.red\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a.red\r\n\r\n"},
	{"GET http://a.red?q HTTP/1.1\r\n\r\n", "GET /?q HTTP/1.1\r\nHost: a.red\r\n\r\n"},
	{"OPTIONS http://a.red HTTP/1.1\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a.red\r\n\r\n"},
	{"GET http://a/ HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n"},
	{"GET http://a/ HTTP/1.1\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic "
	 "x\r\n"
	 "Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: T\r\n"
	 "Cookie: c\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nTrailer: T\r\nCookie: c\r\n\r\n"},
	{"POST http://a/ HTTP/1.1\r\nConnection: content-length, host, transfer-encoding\r\n"
	 "Content-Length: 5, 5\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"},
	{"POST http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"GET http://a/ HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"},
	{"GET http://a/ HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
	{"GET http://a/ HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
	 "HTTP2-Settings: x\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
};

static void test_rewrite_request(void)
{
	for (size_t i = 0; i < ELEMENTSOF(rewrites); i++) {
		struct buf out = {0};
		struct http_target t;
		const char *why;

		CHECK(feed(rewrites[i].in, strlen(rewrites[i].in), 7, HTTP_REQUEST) > 0);
		CHECK_EQ(http_parse_absolute(head.target, &t, &why), 0);
		CHECK_EQ(rewrite_request(&out, &head, &t, rewrite_wants_upgrade(&head)), 0);
		buf_append(&out, "", 1);
		CHECK_STR((const char *)buf_data(&out), rewrites[i].out);
		buf_free(&out);
	}
}

static void check_response(const char *in, bool close, const char *wanted)
{
	struct buf out = {0};

	CHECK(feed(in, strlen(in), 7, HTTP_RESPONSE) > 0);
	CHECK_EQ(rewrite_response(&out, &head, close), 0);
	buf_append(&out, "", 1);
	CHECK_STR((const char *)buf_data(&out), wanted);
	buf_free(&out);
}

static void test_rewrite_response(void)
{
	check_response("HTTP/1.1 200 Fine\r\nA: b\r\nConnection: close, X\r\nX: y\r\n\r\n", true,
		"HTTP/1.1 200 Fine\r\nA: b\r\nConnection: close\r\n\r\n");
	check_response("HTTP/1.1 100 Continue\r\n\r\n", true, "HTTP/1.1 100 Continue\r\n\r\n");
	check_response("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false,
		"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	check_response("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
		false, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

int main(void)
{
	RUN(test_requests);
	RUN(test_incomplete);
	RUN(test_limits);
	RUN(test_part_limits);
	RUN(test_targets);
	RUN(test_responses);
	RUN(test_chunks);
	RUN(test_lengths);
	RUN(test_rewrite_request);
	RUN(test_rewrite_response);
	return TEST_END();
}
