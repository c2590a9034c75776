// SPDX-License-Identifier: MIT
// Domain names in wire form, lower case: read from packets and from text.
#include "dns/name.h"

#include <errno.h>
#include <string.h>

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

/* RFC 1035 4.1.4; RFC 4343 for the case. */
int name_read(const uint8_t *p, size_t len, size_t at, struct dns_name *ret)
{
	unsigned n = 0, labels = 0;

	for (;;) {
		uint8_t l;

		if (at >= len)
			return -EBADMSG;
		l = p[at];
		if (l > 63 || n + 1 + l + (l ? 1 : 0) > NAME_WIRE_MAX || at + 1 + l > len)
			return -EBADMSG;
		ret->at[labels] = (uint8_t)n;
		ret->wire[n++] = l;
		at++;
		if (l == 0)
			break;
		labels++;
		for (unsigned i = 0; i < l; i++)
			ret->wire[n++] = lower(p[at++]);
	}
	ret->len = (uint8_t)n;
	ret->labels = (uint8_t)labels;
	return (int)at;
}

int name_skip(const uint8_t *p, size_t len, size_t at)
{
	size_t start = at, wire = 0;

	while (at < len) {
		uint8_t l = p[at];

		if (l == 0)
			return wire + 1 > NAME_WIRE_MAX ? -EBADMSG : (int)at + 1;
		if ((l & 0xc0) == 0xc0) {
			if (at + 2 > len)
				return -EBADMSG;
			size_t target = (size_t)(l & 0x3f) << 8 | p[at + 1];

			return target >= 12 && target < start ? (int)at + 2 : -EBADMSG;
		}
		if (l > 63)
			return -EBADMSG;
		wire += 1u + l;
		at += 1u + l;
		if (wire >= NAME_WIRE_MAX)
			return -EBADMSG;
	}
	return -EBADMSG;
}

int name_from_text(const char *text, struct dns_name *ret)
{
	uint8_t wire[NAME_WIRE_MAX];
	size_t n = 0;

	if (!*text)
		return -EINVAL;
	while (*text) {
		size_t l = strcspn(text, ".");

		if (l == 0 || l > 63 || n + 1 + l + 1 > sizeof(wire))
			return -EINVAL;
		wire[n++] = (uint8_t)l;
		memcpy(wire + n, text, l);
		n += l;
		text += l;
		if (*text == '.' && !*++text)
			return -EINVAL;
	}
	wire[n++] = 0;
	return name_read(wire, n, 0, ret) < 0 ? -EINVAL : 0;
}

bool name_ends(const struct dns_name *a, unsigned i, const struct dns_name *b)
{
	unsigned start = a->at[i];

	return a->labels == i + b->labels && (unsigned)a->len - start == b->len &&
		!memcmp(a->wire + start, b->wire, b->len);
}
