// SPDX-License-Identifier: MIT
// HTTP/1 heads (RFC 9112) as bytes in, decisions out.
#include "proxy/http.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

#define WHY_NOT_PROXY                                                                    \
	"This is a proxy: it takes CONNECT host:port and requests with an absolute URI " \
	"(http://host/path). Set it as the proxy of your client instead of opening it as a page."

bool http_is_token_char(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

static bool is_token(struct http_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!http_is_token_char((unsigned char)t.p[i]))
			return false;
	return t.len > 0;
}

bool http_text_is(struct http_text t, const char *word)
{
	return t.len == strlen(word) && !strncasecmp(t.p, word, t.len);
}

bool http_method_is(const struct http_head *h, const char *method)
{
	return h->method.len == strlen(method) && !memcmp(h->method.p, method, h->method.len);
}

static struct http_text trim(struct http_text t)
{
	while (t.len && (t.p[0] == ' ' || t.p[0] == '\t')) {
		t.p++;
		t.len--;
	}
	while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
		t.len--;
	return t;
}

/* Cuts the next member off the comma-separated *LIST. False at its end. */
static bool next_member(struct http_text *list, struct http_text *ret)
{
	const char *comma;

	if (!list->p)
		return false;
	comma = memchr(list->p, ',', list->len);
	*ret = trim((struct http_text){list->p, comma ? (size_t)(comma - list->p) : list->len});
	if (comma)
		*list = (struct http_text){comma + 1, list->len - (size_t)(comma + 1 - list->p)};
	else
		list->p = NULL;
	return true;
}

bool http_list_has(struct http_text t, const char *word, size_t word_len)
{
	struct http_text m;

	while (next_member(&t, &m))
		if (m.len == word_len && !strncasecmp(m.p, word, word_len))
			return true;
	return false;
}

static int fail(int status, const char *why, const char **ret_why)
{
	*ret_why = why;
	return -status;
}

/* "HTTP/1.x" -> x, or -1. */
static int parse_version(const char *p, size_t len)
{
	if (len != 8 || memcmp(p, "HTTP/1.", 7) || (p[7] != '0' && p[7] != '1'))
		return -1;
	return p[7] - '0';
}

static int parse_request_line(const char *p, size_t len, struct http_head *h, const char **ret_why)
{
	const char *a = memchr(p, ' ', len), *b;

	h->method = (struct http_text){p, a ? (size_t)(a - p) : len};
	if (!is_token(h->method) || h->method.len > HTTP_METHOD_MAX)
		return fail(400, "The method is malformed.", ret_why);
	b = a ? memchr(a + 1, ' ', len - (size_t)(a + 1 - p)) : NULL;
	if (!b)
		return fail(400, "The request line is malformed.", ret_why);
	h->target = (struct http_text){a + 1, (size_t)(b - a - 1)};
	h->minor = parse_version(b + 1, len - (size_t)(b + 1 - p));
	if (h->minor < 0)
		return fail(400, "Only HTTP/1.0 and HTTP/1.1 are spoken here.", ret_why);
	if (!h->target.len)
		return fail(400, "The request has no target.", ret_why);
	for (size_t i = 0; i < h->target.len; i++)
		if (!isgraph((unsigned char)h->target.p[i]) && !(h->target.p[i] & 0x80))
			return fail(400, "The target has a control character.", ret_why);
	return 0;
}

/* "HTTP/1.1 200 OK"; the blank before an empty reason may be missing, as old servers have it. */
static int parse_status_line(const char *p, size_t len, struct http_head *h, const char **ret_why)
{
	h->minor = len >= 12 ? parse_version(p, 8) : -1;
	if (h->minor < 0 || p[8] != ' ' || !isdigit((unsigned char)p[9]) ||
		!isdigit((unsigned char)p[10]) || !isdigit((unsigned char)p[11]) ||
		(len > 12 && p[12] != ' '))
		return fail(502, "The server's status line is malformed.", ret_why);
	h->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	if (h->status < 100 || h->status > 599)
		return fail(502, "The server's status code is none.", ret_why);
	if (len > 13)
		h->reason = (struct http_text){p + 13, len - 13};
	return 0;
}

static int first_line(const char *p, size_t len, enum http_kind kind, const char **ret_why)
{
	struct http_head h;

	return kind == HTTP_REQUEST ? parse_request_line(p, len, &h, ret_why)
				    : parse_status_line(p, len, &h, ret_why);
}

static int scan_line_end(
	struct http_scan *s, const char *p, enum http_kind kind, const char **ret_why)
{
	uint32_t begin = s->line, end = s->pos + 1;

	s->line = end;
	if (!s->first) {
		s->first = end;
		return first_line(p + begin, end - begin - 2, kind, ret_why);
	}
	return end - begin == 2 ? (int)end : 0;
}

int http_scan(
	struct http_scan *s, const char *p, size_t len, enum http_kind kind, const char **ret_why)
{
	int bad = kind == HTTP_REQUEST ? 400 : 502, big = kind == HTTP_REQUEST ? 431 : 502;

	for (; s->pos < len; s->pos++) {
		unsigned char c = (unsigned char)p[s->pos];

		if (s->pos >= HTTP_HEAD_MAX)
			return fail(big, "The head is larger than 32 KiB.", ret_why);
		if (s->cr != (c == '\n'))
			return fail(bad, "A line ends with CR or LF alone.", ret_why);
		s->cr = c == '\r';
		if (c == '\n') {
			int r = scan_line_end(s, p, kind, ret_why);

			if (r) {
				s->pos++;
				return r;
			}
		} else if ((c < 0x20 && c != '\t' && c != '\r') || c == 0x7f) {
			return fail(bad, "The head has a control character.", ret_why);
		}
	}
	return 0;
}

/* Digits only; every member of a list and every field must say the same (RFC 9112 6.3). */
static int take_length(struct http_head *h, struct http_text value)
{
	struct http_text m;

	while (next_member(&value, &m)) {
		uint64_t n = 0;

		if (!m.len || m.len > 18)
			return -1;
		for (size_t i = 0; i < m.len; i++) {
			if (!isdigit((unsigned char)m.p[i]))
				return -1;
			n = n * 10 + (uint64_t)(m.p[i] - '0');
		}
		if (h->has_length && h->length != n)
			return -1;
		h->has_length = true;
		h->length = n;
	}
	return 0;
}

/* .chunked is whether "chunked" is the last coding; -1 if it stands anywhere else too. */
static int take_coding(struct http_head *h, struct http_text value)
{
	struct http_text m;

	h->has_coding = true;
	while (next_member(&value, &m)) {
		if (h->chunked)
			return -1;
		h->chunked = http_text_is(m, "chunked");
		if (!h->chunked && h->kind == HTTP_REQUEST)
			return -2;
	}
	return 0;
}

static int take_field(struct http_head *h, const struct http_field *f, const char **ret_why)
{
	bool request = h->kind == HTTP_REQUEST;
	int bad = request ? 400 : 502, r;

	if (http_text_is(f->name, "content-length")) {
		if (take_length(h, f->value) < 0)
			return fail(
				bad, "Content-Length is malformed or contradicts itself.", ret_why);
	} else if (http_text_is(f->name, "transfer-encoding")) {
		r = take_coding(h, f->value);
		if (r == -2)
			return fail(
				501, "Only the transfer coding chunked is known here.", ret_why);
		if (r < 0)
			return fail(bad, "Transfer-Encoding is malformed.", ret_why);
	} else if (http_text_is(f->name, "connection") ||
		http_text_is(f->name, "proxy-connection")) {
		h->close |= http_list_has(f->value, "close", 5);
		h->keep_alive |= http_list_has(f->value, "keep-alive", 10);
		h->upgrade |= http_list_has(f->value, "upgrade", 7);
	} else if (http_text_is(f->name, "host")) {
		h->n_host++;
	}
	return 0;
}

static int parse_field(struct http_head *h, const char *line, size_t len, const char **ret_why)
{
	int bad = h->kind == HTTP_REQUEST ? 400 : 502;
	const char *colon = memchr(line, ':', len);
	struct http_field f;

	if (line[0] == ' ' || line[0] == '\t')
		return fail(bad, "A header field is folded over two lines.", ret_why);
	if (!colon)
		return fail(bad, "A header field has no colon.", ret_why);
	f.name = (struct http_text){line, (size_t)(colon - line)};
	if (!is_token(f.name))
		return fail(bad, "The name of a header field is malformed.", ret_why);
	f.value = trim((struct http_text){colon + 1, len - (size_t)(colon + 1 - line)});
	if (h->n_fields == HTTP_FIELDS_MAX)
		return fail(
			h->kind == HTTP_REQUEST ? 431 : 502, "Too many header fields.", ret_why);
	h->fields[h->n_fields++] = f;
	return take_field(h, &f, ret_why);
}

static int check_request(const struct http_head *h, const char **ret_why)
{
	if (h->has_coding && h->has_length)
		return fail(400, "Content-Length beside Transfer-Encoding.", ret_why);
	if (h->has_coding && !h->chunked)
		return fail(400, "Transfer-Encoding is empty.", ret_why);
	if (h->has_coding && h->minor == 0)
		return fail(400, "Transfer-Encoding in HTTP/1.0.", ret_why);
	if (h->n_host > 1)
		return fail(400, "More than one Host.", ret_why);
	return 0;
}

int http_parse(const char *p, size_t size, enum http_kind kind, struct http_head *ret,
	const char **ret_why)
{
	const char *end = p + size, *eol = memchr(p, '\n', size);
	struct http_head *h = ret;
	int r;

	memset(h, 0, offsetof(struct http_head, fields));
	memset((char *)h + offsetof(struct http_head, n_fields), 0,
		sizeof(*h) - offsetof(struct http_head, n_fields));
	h->kind = kind;
	h->size = size;
	if (!eol || eol == p)
		return fail(kind == HTTP_REQUEST ? 400 : 502, "There is no first line.", ret_why);
	r = kind == HTTP_REQUEST ? parse_request_line(p, (size_t)(eol - p) - 1, h, ret_why)
				 : parse_status_line(p, (size_t)(eol - p) - 1, h, ret_why);
	if (r < 0)
		return r;
	for (p = eol + 1; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol || eol - p < 2)
			break;
		r = parse_field(h, p, (size_t)(eol - p) - 1, ret_why);
		if (r < 0)
			return r;
	}
	return kind == HTTP_REQUEST ? check_request(h, ret_why) : 0;
}

/* "host", "host:port", "[v6]:port"; the characters of the host are the resolver's business. */
static int parse_host_port(struct http_text t, struct http_target *ret, const char **ret_why)
{
	const char *close = t.len && t.p[0] == '[' ? memchr(t.p, ']', t.len) : NULL;
	const char *from = close ? close : t.p;
	const char *colon = memchr(from, ':', t.len - (size_t)(from - t.p));
	size_t host = colon ? (size_t)(colon - t.p) : t.len;
	unsigned port = 0;

	if (memchr(t.p, '@', t.len))
		return fail(400, "User information in a URI is not taken.", ret_why);
	if (!host || host > HTTP_HOST_MAX || (close && host != (size_t)(close - t.p) + 1))
		return fail(400, "The host is malformed.", ret_why);
	memcpy(ret->host, t.p, host);
	ret->host[host] = '\0';
	ret->port_given = colon && t.len > host + 1;
	for (size_t i = host + 1; i < t.len; i++) {
		if (!isdigit((unsigned char)t.p[i]) || i > host + 5)
			return fail(400, "The port is malformed.", ret_why);
		port = port * 10 + (unsigned)(t.p[i] - '0');
	}
	if (port > 65535 || (ret->port_given && !port))
		return fail(400, "The port is out of range.", ret_why);
	ret->port = (uint16_t)port;
	return 0;
}

int http_parse_authority(struct http_text t, struct http_target *ret, const char **ret_why)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	r = parse_host_port(t, ret, ret_why);
	if (r < 0)
		return r;
	return ret->port_given ? 0 : fail(400, "CONNECT wants host:port.", ret_why);
}

int http_parse_absolute(struct http_text t, struct http_target *ret, const char **ret_why)
{
	const char *colon = memchr(t.p, ':', t.len);
	struct http_text authority;
	size_t n;
	int r;

	memset(ret, 0, sizeof(*ret));
	if (!colon || t.p[0] == '/' || t.len - (size_t)(colon - t.p) < 3 || memcmp(colon, "://", 3))
		return fail(400, WHY_NOT_PROXY, ret_why);
	if (!http_text_is((struct http_text){t.p, (size_t)(colon - t.p)}, "http"))
		return fail(501, "Only http:// is fetched here; for https clients use CONNECT.",
			ret_why);
	if (memchr(t.p, '#', t.len))
		return fail(400, "A request target has no fragment.", ret_why);
	authority.p = colon + 3;
	n = t.len - (size_t)(authority.p - t.p);
	for (authority.len = 0; authority.len < n; authority.len++)
		if (authority.p[authority.len] == '/' || authority.p[authority.len] == '?')
			break;
	r = parse_host_port(authority, ret, ret_why);
	if (r < 0)
		return r;
	if (!ret->port_given)
		ret->port = 80;
	ret->path = (struct http_text){authority.p + authority.len, n - authority.len};
	return 0;
}

enum http_framing http_framing(const struct http_head *h, bool head_request)
{
	if (h->kind == HTTP_RESPONSE &&
		(head_request || h->status < 200 || h->status == 204 || h->status == 304))
		return HTTP_NO_BODY;
	if (h->chunked)
		return HTTP_CHUNKED;
	if (h->kind == HTTP_RESPONSE && (h->has_coding || !h->has_length))
		return HTTP_UNTIL_CLOSE;
	return h->has_length && h->length ? HTTP_LENGTH : HTTP_NO_BODY;
}
