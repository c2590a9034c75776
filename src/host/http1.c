// SPDX-License-Identifier: MIT
// HTTP/1.1 answers (RFC 9112) as a client takes them, byte by byte: status, length or chunks, body.
//
// Strict where two readings could be meant: a length beside chunks, two lengths, a chunk size that is not
// a plain hexadecimal number, a field line that begins with a blank. An interim answer (1xx) is skipped.
#include "host/http1.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define CHUNK_DIGITS 15

static int status_line(struct http1 *h)
{
	const char *p = h->line;
	uint64_t status;
	char code[4];

	if (strncmp(p, "HTTP/1.", 7) != 0 || (p[7] != '0' && p[7] != '1') || p[8] != ' ')
		return -EBADMSG;
	h->closes = p[7] == '0';
	memcpy(code, p + 9, strnlen(p + 9, 3));
	code[strnlen(p + 9, 3)] = '\0';
	if (parse_u64(code, 100, 599, &status) < 0 || (p[12] != ' ' && p[12] != '\0'))
		return -EBADMSG;
	h->status = (unsigned)status;
	h->part = HTTP1_FIELDS;
	return 0;
}

/* VALUE without the blanks around it, if the line is a field called NAME. */
static char *field(char *line, const char *name)
{
	size_t len = strlen(name);
	char *value, *end;

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	value = line + len + 1;
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return value;
}

static int field_line(struct http1 *h)
{
	char *value = field(h->line, "content-length");

	if (value) {
		if (h->has_length || parse_u64(value, 0, INT64_MAX, &h->length) < 0)
			return -EBADMSG;
		h->has_length = true;
		return 0;
	}
	value = field(h->line, "transfer-encoding");
	if (value) {
		if (h->chunked || strcasecmp(value, "chunked") != 0)
			return -EBADMSG;
		h->chunked = true;
		return 0;
	}
	value = field(h->line, "connection");
	if (value && !strcasecmp(value, "close"))
		h->closes = true;
	/* anything else has no say; a line without a name or with a blank before it is none */
	return h->line[0] == ' ' || h->line[0] == '\t' || !strchr(h->line, ':') ? -EBADMSG : 0;
}

static int fields_end(struct http1 *h)
{
	if (h->chunked && h->has_length)
		return -EBADMSG;
	if (h->status == 101)
		return -EBADMSG;
	if (h->status < 200) {
		*h = (struct http1){.part = HTTP1_STATUS};
		return 0;
	}
	h->left = h->length;
	if (h->status == 204 || h->status == 304 || (h->has_length && !h->length))
		h->part = HTTP1_DONE;
	else if (h->chunked)
		h->part = HTTP1_CHUNK_SIZE;
	else
		h->part = h->has_length ? HTTP1_BODY : HTTP1_UNTIL_END;
	h->closes |= h->part == HTTP1_UNTIL_END;
	h->head = 0;
	return 0;
}

static int chunk_size(struct http1 *h)
{
	size_t digits = strspn(h->line, "0123456789abcdefABCDEF");

	if (!digits || digits > CHUNK_DIGITS || (h->line[digits] && h->line[digits] != ';'))
		return -EBADMSG;
	h->left = 0;
	for (size_t i = 0; i < digits; i++) {
		char c = h->line[i];

		h->left = h->left << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	h->part = h->left ? HTTP1_CHUNK : HTTP1_TRAILERS;
	h->head = 0;
	return 0;
}

static int take_line(struct http1 *h)
{
	switch (h->part) {
	case HTTP1_STATUS:
		return status_line(h);
	case HTTP1_FIELDS:
		return h->n ? field_line(h) : fields_end(h);
	case HTTP1_CHUNK_SIZE:
		return chunk_size(h);
	case HTTP1_CHUNK_END:
		h->part = HTTP1_CHUNK_SIZE;
		return h->n ? -EBADMSG : 0;
	case HTTP1_TRAILERS:
		if (!h->n)
			h->part = HTTP1_DONE;
		return 0;
	default:
		return -EBADMSG;
	}
}

static int line_byte(struct http1 *h, char c)
{
	int r;

	if (++h->head > HTTP1_HEAD_MAX || c == '\0')
		return -EBADMSG;
	if (c != '\n') {
		if (h->n == sizeof(h->line) - 1)
			return -EBADMSG;
		h->line[h->n++] = c;
		return 0;
	}
	if (h->n && h->line[h->n - 1] == '\r')
		h->n--;
	h->line[h->n] = '\0';
	if (strchr(h->line, '\r'))
		return -EBADMSG;
	r = take_line(h);
	h->n = 0;
	return r;
}

static bool in_body(const struct http1 *h)
{
	return h->part == HTTP1_BODY || h->part == HTTP1_UNTIL_END || h->part == HTTP1_CHUNK;
}

ssize_t http1_take(struct http1 *h, const char *data, size_t len, http1_body *body, void *arg)
{
	size_t i = 0;

	while (i < len && !http1_done(h)) {
		size_t n = len - i;
		int r;

		if (!in_body(h)) {
			r = line_byte(h, data[i++]);
			if (r < 0)
				return r;
			continue;
		}
		if (h->part != HTTP1_UNTIL_END)
			n = (size_t)MIN((uint64_t)n, h->left);
		r = body(arg, data + i, n);
		if (r < 0)
			return r;
		i += n;
		if (h->part == HTTP1_UNTIL_END)
			continue;
		h->left -= n;
		if (!h->left)
			h->part = h->part == HTTP1_BODY ? HTTP1_DONE : HTTP1_CHUNK_END;
	}
	return (ssize_t)i;
}

int http1_end(struct http1 *h)
{
	if (h->part != HTTP1_UNTIL_END)
		return -EBADMSG;
	h->part = HTTP1_DONE;
	return 0;
}
