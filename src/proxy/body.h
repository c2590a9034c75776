// SPDX-License-Identifier: MIT
// Where an HTTP/1 body ends: bytes in, how many of them belong to it out. Bodies are passed on as they
// are, so chunks are read as strictly as heads (RFC 9112 7.1).
#pragma once

#include "proxy/http.h"

#define BODY_LINE_MAX	 4096  /* a chunk's size with its extensions */
#define BODY_TRAILER_MAX 16384 /* all trailer fields together */

struct body {
	enum http_framing framing;
	uint64_t left; /* HTTP_LENGTH: of the body; HTTP_CHUNKED: of the present chunk */
	uint32_t line; /* bytes of the present line, or of the trailers */
	uint8_t state;
	uint8_t digits;
	bool done;
};

void body_start(struct body *b, enum http_framing framing, uint64_t length);
/* How many of LEN bytes belong to the body, or -EBADMSG. Fewer than LEN: it is .done. */
int64_t body_take(struct body *b, const char *p, size_t len);
/* N bytes went past without having been shown (only if body_raw() allows it). */
void body_skip(struct body *b, uint64_t n);
/* Bytes that may be moved unseen now; UINT64_MAX = until the end of the stream. */
uint64_t body_raw(const struct body *b);
