// SPDX-License-Identifier: MIT
// Strict scanners for numbers, durations, keys and names.
#include "common/parse.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "common/cleanup.h"

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v)) {
			/* a number still, only too large: say so rather than "not a number" */
			return strspn(text, "0123456789") == strlen(text) ? -ERANGE : -EINVAL;
		}
	}
	if (v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

int parse_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"yes", "true", "on", "1"};
	static const char *const no[] = {"no", "false", "off", "0"};

	for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
		if (!strcmp(text, yes[i]) || !strcmp(text, no[i])) {
			*ret = text[0] == yes[i][0] && !strcmp(text, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

int parse_duration_s(const char *text, uint64_t min_s, uint64_t max_s, uint64_t *ret)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = {
		{"", 1},
		{"s", 1},
		{"sec", 1},
		{"m", 60},
		{"min", 60},
		{"h", 3600},
		{"d", 86400},
	};
	size_t digits = strspn(text, "0123456789");
	char number[24];
	const char *unit = text + digits;
	uint64_t v;
	int r;

	if (digits == 0 || digits >= sizeof(number))
		return digits ? -ERANGE : -EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	r = parse_u64(number, 0, UINT64_MAX, &v);
	if (r < 0)
		return r;
	unit += strspn(unit, " \t");
	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		if (strcmp(unit, units[i].unit))
			continue;
		if (__builtin_mul_overflow(v, units[i].seconds, &v) || v < min_s || v > max_s)
			return -ERANGE;
		*ret = v;
		return 0;
	}
	return -EINVAL;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int parse_key_base64(const char *text, uint8_t ret[32])
{
	uint8_t out[33];
	uint32_t acc = 0;
	size_t n = 0;

	if (strlen(text) != 44 || text[43] != '=')
		return -EINVAL;
	for (size_t i = 0; i < 43; i++) {
		int v = base64_value(text[i]);

		if (v < 0)
			return -EINVAL;
		acc = acc << 6 | (uint32_t)v;
		if (i % 4 == 3) {
			out[n++] = (uint8_t)(acc >> 16);
			out[n++] = (uint8_t)(acc >> 8);
			out[n++] = (uint8_t)acc;
			acc = 0;
		}
	}
	/* 3 characters = 18 bits are left, of which the last 2 must be zero */
	if (acc & 3)
		return -EINVAL;
	out[n++] = (uint8_t)(acc >> 10);
	out[n++] = (uint8_t)(acc >> 2);
	memcpy(ret, out, 32);
	explicit_bzero(out, sizeof(out));
	return 0;
}

int parse_key_hex(const char *text, uint8_t ret[32])
{
	uint8_t out[32];

	if (strlen(text) != 64)
		return -EINVAL;
	for (size_t i = 0; i < 64; i++) {
		char c = (char)tolower((unsigned char)text[i]);
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (v < 0)
			return -EINVAL;
		out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | v : v << 4);
	}
	memcpy(ret, out, 32);
	explicit_bzero(out, sizeof(out));
	return 0;
}

void format_key_base64(const uint8_t key[32], char ret[45])
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = 0;

	for (size_t i = 0; i < 30; i += 3) {
		uint32_t v = (uint32_t)key[i] << 16 | (uint32_t)key[i + 1] << 8 | key[i + 2];

		for (int s = 18; s >= 0; s -= 6)
			ret[n++] = alphabet[v >> s & 63];
	}
	uint32_t v = (uint32_t)key[30] << 16 | (uint32_t)key[31] << 8;

	ret[n++] = alphabet[v >> 18 & 63];
	ret[n++] = alphabet[v >> 12 & 63];
	ret[n++] = alphabet[v >> 6 & 63];
	ret[n++] = '=';
	ret[n] = '\0';
}

void format_key_hex(const uint8_t key[32], char ret[65])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 32; i++) {
		ret[i * 2] = digits[key[i] >> 4];
		ret[i * 2 + 1] = digits[key[i] & 15];
	}
	ret[64] = '\0';
}

bool parse_is_dns_name(const char *text)
{
	size_t label = 0, total = strlen(text);

	if (total == 0 || total > 253)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p == '.') {
			if (label == 0 || p[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isascii((unsigned char)*p) ||
			!(isalnum((unsigned char)*p) || *p == '-' || *p == '_'))
			return false;
		if ((*p == '-' && label == 0) || ++label > 63)
			return false;
	}
	return label > 0 && text[total - 1] != '-';
}

bool parse_is_tailnet_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > 32 || text[0] == '-' || text[len - 1] == '-')
		return false;
	return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}
