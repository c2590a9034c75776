// SPDX-License-Identifier: MIT
// HTTP/1.1 answers (RFC 9112) as a client takes them, byte by byte: status, length or chunks, body.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HTTP1_HEAD_MAX 16384 /* bytes of status line and header fields, and of trailers */
#define HTTP1_LINE_MAX 4096

enum http1_part {
	HTTP1_STATUS,
	HTTP1_FIELDS,
	HTTP1_BODY,	 /* .left bytes of it are to come */
	HTTP1_UNTIL_END, /* the connection's end is the body's */
	HTTP1_CHUNK_SIZE,
	HTTP1_CHUNK,
	HTTP1_CHUNK_END,
	HTTP1_TRAILERS,
	HTTP1_DONE,
};

struct http1 { /* all zero: waits for an answer */
	enum http1_part part;
	unsigned status;
	bool chunked, has_length, closes; /* the server closes behind it */
	uint64_t length, left;
	size_t head; /* bytes so far */
	size_t n;    /* of .line */
	char line[HTTP1_LINE_MAX];
};

/* What comes of the body, in order. Negative ends the answer with that error. */
typedef int http1_body(void *arg, const char *data, size_t len);

/* Takes bytes until the answer is whole; returns how many were taken (fewer than LEN only if it is), or
 * -EBADMSG, or what BODY returned. */
ssize_t http1_take(struct http1 *h, const char *data, size_t len, http1_body *body, void *arg);
/* The connection has ended: 0 if that ends the answer, too, else -EBADMSG. */
int http1_end(struct http1 *h);
static inline bool http1_done(const struct http1 *h)
{
	return h->part == HTTP1_DONE;
}
