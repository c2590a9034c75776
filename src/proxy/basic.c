// SPDX-License-Identifier: MIT
// Proxy-Authorization: Basic (RFC 7617): bytes in, user name and password out.
#include "proxy/basic.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

/* Padding may be missing, as some clients have it; nothing else may be wrong. */
static int decode(struct http_text t, uint8_t *out, size_t size, size_t *ret_len)
{
	static const int variants[] = {
		sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING};

	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++)
		if (sodium_base642bin(out, size, t.p, t.len, NULL, ret_len, NULL, variants[i]) == 0)
			return 0;
	return -EINVAL;
}

static int split(const uint8_t *p, size_t len, struct basic *ret)
{
	const uint8_t *colon = memchr(p, ':', len);
	struct basic b = {0};

	if (!colon)
		return -EINVAL;
	b.user_len = (size_t)(colon - p);
	b.password_len = len - b.user_len - 1;
	if (!b.user_len || b.user_len >= sizeof(b.user) || !b.password_len ||
		b.password_len > VERIFY_PASSWORD_MAX)
		return -EINVAL;
	memcpy(b.user, p, b.user_len);
	memcpy(b.password, colon + 1, b.password_len);
	*ret = b;
	sodium_memzero(&b, sizeof(b));
	return 0;
}

int basic_parse(const struct http_head *h, struct basic *ret)
{
	uint8_t text[MSG_USER_MAX + VERIFY_PASSWORD_MAX + 1];
	const struct http_field *found = NULL;
	struct http_text t;
	size_t len;
	int r;

	for (size_t i = 0; i < h->n_fields; i++) {
		if (!http_text_is(h->fields[i].name, "proxy-authorization"))
			continue;
		if (found)
			return -EINVAL;
		found = &h->fields[i];
	}
	if (!found)
		return -ENOENT;
	t = found->value;
	if (t.len < 6 || strncasecmp(t.p, "Basic ", 6) != 0)
		return -EINVAL;
	for (t.p += 6, t.len -= 6; t.len && *t.p == ' '; t.len--)
		t.p++;
	r = decode(t, text, sizeof(text), &len);
	if (r == 0)
		r = split(text, len, ret);
	sodium_memzero(text, sizeof(text));
	return r;
}
