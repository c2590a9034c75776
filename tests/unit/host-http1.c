// SPDX-License-Identifier: MIT
// HTTP answers: lengths, chunks, and what is refused; whole and byte by byte.
#include "host/http1.h"

#include <errno.h>
#include <string.h>

#include "test.h"

struct sink {
	char text[256];
	size_t n;
};

static int put(void *arg, const char *data, size_t len)
{
	struct sink *s = arg;

	if (s->n + len >= sizeof(s->text))
		return -EFBIG;
	memcpy(s->text + s->n, data, len);
	s->n += len;
	return 0;
}

/* Fed STEP bytes at a time: the error, or the status. */
static int take(const char *text, size_t step, struct http1 *h, struct sink *s)
{
	size_t len = strlen(text);

	*h = (struct http1){0};
	*s = (struct sink){0};
	for (size_t at = 0; at < len && !http1_done(h);) {
		size_t n = len - at < step ? len - at : step;
		ssize_t r = http1_take(h, text + at, n, put, s);

		if (r < 0)
			return (int)r;
		at += (size_t)r;
	}
	return (int)h->status;
}

static void answers(void)
{
	static const struct {
		const char *text;
		int status;
		const char *body;
		bool done;
	} vectors[] = {
		{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
		{"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true},
		{"HTTP/1.1 200\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
			200, "hello!", true},
		{"HTTP/1.1 200 OK\nTransfer-Encoding: CHUNKED\n\nA\n0123456789\n0\nX: y\n\n", 200,
			"0123456789", true},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\nx", 500,
			"x", true},
		{"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end", false},
		{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 200, "hello", false},
	};
	struct http1 h;
	struct sink s;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		for (size_t step = 1; step < 200; step += 66) {
			CHECK_EQ(take(vectors[i].text, step, &h, &s), vectors[i].status);
			CHECK_STR(s.text, vectors[i].body);
			CHECK_EQ(http1_done(&h), vectors[i].done);
		}
	}
}

static void refused(void)
{
	static const char *const bad[] = {
		"HTTP/2 200 OK\r\n\r\n",
		"ICY 200 OK\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded: yes\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 101 Switching\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhellox\r\n",
		"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	};
	struct http1 h;
	struct sink s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(take(bad[i], 1000, &h, &s), -EBADMSG);
}

static void ends(void)
{
	struct http1 h;
	struct sink s;

	CHECK_EQ(take("HTTP/1.1 200 OK\r\n\r\nabc", 7, &h, &s), 200);
	CHECK(h.closes);
	CHECK_EQ(http1_end(&h), 0);
	CHECK(http1_done(&h));
	CHECK_EQ(take("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", 7, &h, &s), 200);
	CHECK_EQ(http1_end(&h), -EBADMSG);
	CHECK_EQ(take("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nab", 7, &h,
			 &s),
		200);
	CHECK(h.closes && http1_done(&h));
	CHECK_STR(s.text, "a");
}

int main(void)
{
	RUN(answers);
	RUN(refused);
	RUN(ends);
	return TEST_END();
}
