// SPDX-License-Identifier: MIT
// HTTP heads and chunked bodies, first byte = kind and where to cut. What we rewrite must be read by
// ourselves the same way again: same body, one Host, nothing that belongs to one hop.
#include "proxy/http.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/basic.h"
#include "proxy/body.h"
#include "proxy/resolve.h"
#include "proxy/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_head head, again;

static void must(int condition)
{
	if (!condition)
		abort();
}

static int scan(const char *p, size_t size, size_t step, enum http_kind kind)
{
	struct http_scan s = {0};
	const char *why = NULL;
	int r = 0;

	for (size_t n = step < size ? step : size; !r; n = size - n > step ? n + step : size) {
		r = http_scan(&s, p, n, kind, &why);
		if (n == size)
			break;
	}
	must(r >= 0 || why);
	must(r <= 0 || (size_t)r <= size);
	return r;
}

static void check_again(struct buf *out, enum http_kind kind)
{
	const char *why = NULL, *p = (const char *)buf_data(out);
	int r = scan(p, out->len, 4096, kind);

	must(r == (int)out->len);
	must(http_parse(p, (size_t)r, kind, &again, &why) == 0);
	must(http_framing(&again, false) == http_framing(&head, false));
	must(http_framing(&head, false) != HTTP_LENGTH || again.length == head.length);
	for (size_t i = 0; i < again.n_fields; i++)
		must(!http_text_is(again.fields[i].name, "proxy-authorization") &&
			!http_text_is(again.fields[i].name, "keep-alive") &&
			!http_text_is(again.fields[i].name, "te"));
}

static void check_request(void)
{
	static const struct resolve_names none;
	struct http_target t;
	struct resolve_result r;
	struct buf out = {0};
	struct basic login;
	const char *why = NULL;

	if (basic_parse(&head, &login) == 0)
		must(login.user_len && login.user_len <= 255 && login.password_len &&
			login.password_len <= 255 && !memchr(login.user, ':', login.user_len));
	http_parse_authority(head.target, &t, &why);
	if (http_parse_absolute(head.target, &t, &why) < 0)
		return;
	resolve_text(&none, t.host, strlen(t.host), &r);
	if (r.kind == RESOLVE_BAD)
		return;
	must(t.port > 0);
	must(rewrite_request(&out, &head, &t, rewrite_wants_upgrade(&head)) == 0);
	/* the fields may come to be a few bytes more than the limit */
	if (out.len < HTTP_HEAD_MAX) {
		check_again(&out, HTTP_REQUEST);
		must(again.n_host == 1 && again.target.len > 0);
	}
	buf_free(&out);
}

static void check_response(void)
{
	struct buf out = {0};

	must(rewrite_response(&out, &head, head.status != 101) == 0);
	if (out.len < HTTP_HEAD_MAX)
		check_again(&out, HTTP_RESPONSE);
	buf_free(&out);
}

static void chunks(const char *p, size_t size, size_t step)
{
	struct body whole, cut;
	int64_t n, m = 0, r = 0;

	body_start(&whole, HTTP_CHUNKED, 0);
	body_start(&cut, HTTP_CHUNKED, 0);
	n = body_take(&whole, p, size);
	for (size_t at = 0; at < size && !cut.done && r >= 0; at += (size_t)r) {
		r = body_take(&cut, p + at, size - at < step ? size - at : step);
		m += r > 0 ? r : 0;
	}
	must((n < 0) == (r < 0));
	must(n < 0 || (n == m && whole.done == cut.done && whole.left == cut.left));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum http_kind kind;
	const char *p = (const char *)data + 1, *why = NULL;
	size_t step;
	int r;

	if (size < 1 || size > 65536)
		return 0;
	kind = data[0] & 1 ? HTTP_RESPONSE : HTTP_REQUEST;
	step = (data[0] >> 2) + 1u;
	size--;
	if (data[0] & 2) {
		chunks(p, size, step);
		return 0;
	}
	r = scan(p, size, step, kind);
	must(r == scan(p, size, size ? size : 1, kind));
	if (r <= 0)
		return 0;
	r = http_parse(p, (size_t)r, kind, &head, &why);
	must(r == 0 || why);
	if (r < 0)
		return 0;
	if (kind == HTTP_REQUEST)
		check_request();
	else
		check_response();
	return 0;
}
