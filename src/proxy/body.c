// SPDX-License-Identifier: MIT
// Where an HTTP/1 body ends: bytes in, how many of them belong to it out.
#include "proxy/body.h"

#include <errno.h>
#include <ctype.h>

#define BODY_DIGITS_MAX 15 /* hexadecimal, leading zeros too */

enum chunk_state {
	CHUNK_SIZE,	  /* hexadecimal digits */
	CHUNK_SIZE_BLANK, /* padding that some servers put behind the size */
	CHUNK_EXTENSION,  /* up to CR */
	CHUNK_SIZE_LF,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_TRAILER,	    /* the first byte of a line */
	CHUNK_TRAILER_NAME, /* up to the colon */
	CHUNK_TRAILER_LINE, /* up to CR */
	CHUNK_TRAILER_LF,
	CHUNK_END_LF,
};

void body_start(struct body *b, enum http_framing framing, uint64_t length)
{
	*b = (struct body){.framing = framing, .left = framing == HTTP_LENGTH ? length : 0};
	b->done = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && !length);
}

static int hex(unsigned char c)
{
	if (isdigit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_text(unsigned char c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

static int take_size(struct body *b, unsigned char c)
{
	int digit = hex(c);

	if (digit >= 0) {
		if (++b->digits > BODY_DIGITS_MAX)
			return -EBADMSG;
		b->left = b->left << 4 | (unsigned)digit;
		return CHUNK_SIZE;
	}
	if (!b->digits)
		return -EBADMSG;
	if (c == '\r')
		return CHUNK_SIZE_LF;
	if (c == ';')
		return CHUNK_EXTENSION;
	return c == ' ' || c == '\t' ? CHUNK_SIZE_BLANK : -EBADMSG;
}

static int take_trailer(struct body *b, unsigned char c)
{
	if (++b->line > BODY_TRAILER_MAX)
		return -EBADMSG;
	switch (b->state) {
	case CHUNK_TRAILER:
		if (c == '\r')
			return CHUNK_END_LF;
		return http_is_token_char(c) ? CHUNK_TRAILER_NAME : -EBADMSG;
	case CHUNK_TRAILER_NAME:
		if (c == ':')
			return CHUNK_TRAILER_LINE;
		return http_is_token_char(c) ? CHUNK_TRAILER_NAME : -EBADMSG;
	case CHUNK_TRAILER_LINE:
		return c == '\r' ? CHUNK_TRAILER_LF : is_text(c) ? CHUNK_TRAILER_LINE : -EBADMSG;
	case CHUNK_TRAILER_LF:
		return c == '\n' ? CHUNK_TRAILER : -EBADMSG;
	default:
		b->done = c == '\n';
		return b->done ? CHUNK_TRAILER : -EBADMSG;
	}
}

/* One byte that is not data: the next state or -EBADMSG. */
static int take_byte(struct body *b, unsigned char c)
{
	switch (b->state) {
	case CHUNK_SIZE:
		return take_size(b, c);
	case CHUNK_SIZE_BLANK:
		if (++b->line > BODY_LINE_MAX || hex(c) >= 0)
			return -EBADMSG;
		return take_size(b, c);
	case CHUNK_EXTENSION:
		if (++b->line > BODY_LINE_MAX)
			return -EBADMSG;
		return c == '\r' ? CHUNK_SIZE_LF : is_text(c) ? CHUNK_EXTENSION : -EBADMSG;
	case CHUNK_SIZE_LF:
		b->digits = 0;
		b->line = 0;
		if (c != '\n')
			return -EBADMSG;
		return b->left ? CHUNK_DATA : CHUNK_TRAILER;
	case CHUNK_DATA_CR:
		return c == '\r' ? CHUNK_DATA_LF : -EBADMSG;
	case CHUNK_DATA_LF:
		return c == '\n' ? CHUNK_SIZE : -EBADMSG;
	default:
		return take_trailer(b, c);
	}
}

static int64_t take_chunked(struct body *b, const char *p, size_t len)
{
	size_t i = 0;

	while (i < len && !b->done) {
		if (b->state == CHUNK_DATA) {
			uint64_t n = b->left < len - i ? b->left : len - i;

			body_skip(b, n);
			i += (size_t)n;
			continue;
		}
		int state = take_byte(b, (unsigned char)p[i++]);

		if (state < 0)
			return state;
		b->state = (uint8_t)state;
	}
	return (int64_t)i;
}

int64_t body_take(struct body *b, const char *p, size_t len)
{
	if (b->done)
		return 0;
	if (b->framing == HTTP_CHUNKED)
		return take_chunked(b, p, len);
	if (b->framing == HTTP_LENGTH && len > b->left)
		len = (size_t)b->left;
	body_skip(b, len);
	return (int64_t)len;
}

void body_skip(struct body *b, uint64_t n)
{
	if (b->framing == HTTP_UNTIL_CLOSE)
		return;
	b->left -= n;
	if (b->left)
		return;
	if (b->framing == HTTP_CHUNKED)
		b->state = CHUNK_DATA_CR;
	else
		b->done = true;
}

uint64_t body_raw(const struct body *b)
{
	if (b->done)
		return 0;
	if (b->framing == HTTP_UNTIL_CLOSE)
		return UINT64_MAX;
	if (b->framing == HTTP_CHUNKED)
		return b->state == CHUNK_DATA ? b->left : 0;
	return b->left;
}
