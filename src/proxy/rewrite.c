// SPDX-License-Identifier: MIT
// Heads as the proxy passes them on: origin-form, Host from the URI, without the fields that are
// meant for one hop only (RFC 9110 7.6.1).
#include "proxy/rewrite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/cleanup.h"

/* A Connection field may not name these away: the body's end and the destination hang on them. */
static bool is_vital(struct http_text name)
{
	return http_text_is(name, "content-length") || http_text_is(name, "transfer-encoding") ||
		http_text_is(name, "host");
}

static bool is_connection(struct http_text name)
{
	return http_text_is(name, "connection") || http_text_is(name, "proxy-connection");
}

static bool is_nominated(const struct http_head *h, struct http_text name)
{
	for (size_t i = 0; i < h->n_fields; i++)
		if (is_connection(h->fields[i].name) &&
			http_list_has(h->fields[i].value, name.p, name.len))
			return true;
	return false;
}

static bool is_one_hop(const struct http_head *h, struct http_text name)
{
	if (is_vital(name))
		return false;
	if (is_connection(name) || http_text_is(name, "keep-alive") || http_text_is(name, "te") ||
		http_text_is(name, "upgrade"))
		return true;
	if (name.len > 6 && !strncasecmp(name.p, "proxy-", 6))
		return true;
	return is_nominated(h, name);
}

static int put(struct buf *out, const char *text, size_t len)
{
	return buf_append(out, text, len);
}
#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static int put_field(struct buf *out, const struct http_field *f)
{
	int r = put(out, f->name.p, f->name.len);

	r = r < 0 ? r : PUT(out, ": ");
	r = r < 0 ? r : put(out, f->value.p, f->value.len);
	return r < 0 ? r : PUT(out, "\r\n");
}

/* Content-Length may have been a list of equals, or stand beside a coding that overrides it. */
static int put_length(struct buf *out, const struct http_head *h)
{
	char text[48];
	int n;

	if (!h->has_length || h->has_coding)
		return 0;
	n = snprintf(text, sizeof(text), "Content-Length: %llu\r\n", (unsigned long long)h->length);
	return put(out, text, (size_t)n);
}

static int put_fields(struct buf *out, const struct http_head *h, bool upgrade)
{
	int r = put_length(out, h);

	for (size_t i = 0; i < h->n_fields && r >= 0; i++) {
		const struct http_field *f = &h->fields[i];

		if (http_text_is(f->name, "content-length") ||
			(h->kind == HTTP_REQUEST && http_text_is(f->name, "host")))
			continue;
		if (upgrade && http_text_is(f->name, "upgrade"))
			r = put_field(out, f);
		else if (!is_one_hop(h, f->name))
			r = put_field(out, f);
	}
	return r;
}

bool rewrite_wants_upgrade(const struct http_head *h)
{
	bool any = false;

	if (!h->upgrade || !h->minor)
		return false;
	for (size_t i = 0; i < h->n_fields; i++) {
		if (!http_text_is(h->fields[i].name, "upgrade"))
			continue;
		if (http_list_has(h->fields[i].value, "h2c", 3))
			return false;
		any = true;
	}
	return any;
}

static int put_target(struct buf *out, const struct http_head *h, const struct http_target *t)
{
	if (!t->path.len && http_text_is(h->method, "OPTIONS"))
		return PUT(out, "*");
	if (t->path.len && t->path.p[0] == '/')
		return put(out, t->path.p, t->path.len);
	int r = PUT(out, "/");

	return r < 0 ? r : put(out, t->path.p, t->path.len);
}

int rewrite_request(
	struct buf *out, const struct http_head *h, const struct http_target *t, bool upgrade)
{
	char line[HTTP_HOST_MAX + 64];
	int n, r = put(out, h->method.p, h->method.len);

	r = r < 0 ? r : PUT(out, " ");
	r = r < 0 ? r : put_target(out, h, t);
	if (t->port_given)
		n = snprintf(line, sizeof(line), " HTTP/1.%d\r\nHost: %s:%u\r\n", h->minor, t->host,
			t->port);
	else
		n = snprintf(line, sizeof(line), " HTTP/1.%d\r\nHost: %s\r\n", h->minor, t->host);
	r = r < 0 ? r : put(out, line, (size_t)n);
	r = r < 0 ? r : put_fields(out, h, upgrade);
	if (upgrade)
		r = r < 0 ? r : PUT(out, "Connection: Upgrade\r\n");
	else if (!h->minor)
		r = r < 0 ? r : PUT(out, "Connection: close\r\n");
	return r < 0 ? r : PUT(out, "\r\n");
}

int rewrite_response(struct buf *out, const struct http_head *h, bool close)
{
	bool upgrade = h->status == 101;
	char line[32];
	int n = snprintf(line, sizeof(line), "HTTP/1.%d %03d ", h->minor, h->status), r;

	r = put(out, line, (size_t)n);
	r = r < 0 ? r : put(out, h->reason.p, h->reason.len);
	r = r < 0 ? r : PUT(out, "\r\n");
	r = r < 0 ? r : put_fields(out, h, upgrade);
	if (upgrade)
		r = r < 0 ? r : PUT(out, "Connection: Upgrade\r\n");
	else if (close && h->status >= 200)
		r = r < 0 ? r : PUT(out, "Connection: close\r\n");
	return r < 0 ? r : PUT(out, "\r\n");
}
