// SPDX-License-Identifier: MIT
// SOCKS 5 (RFC 1928) and 4/4a as bytes in, decisions out.
#include "proxy/socks.h"

#include <string.h>

enum { ATYP_V4 = 1, ATYP_NAME = 3, ATYP_V6 = 4 };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

enum socks_status socks5_greeting(const uint8_t *p, size_t len, uint8_t method, size_t *ret_size)
{
	if (len < 2)
		return len && p[0] != 5 ? SOCKS_BAD : SOCKS_MORE;
	if (p[0] != 5)
		return SOCKS_BAD;
	if (!p[1])
		return SOCKS_NO_METHOD;
	if (len < 2u + p[1])
		return SOCKS_MORE;
	if (!memchr(p + 2, method, p[1]))
		return SOCKS_NO_METHOD;
	*ret_size = 2u + p[1];
	return SOCKS_DONE;
}

enum socks_status socks5_login(const uint8_t *p, size_t len, struct socks_login *ret)
{
	struct socks_login l = {0};

	if (len && p[0] != 1)
		return SOCKS_BAD;
	if (len < 2)
		return SOCKS_MORE;
	l.user_len = p[1];
	if (!l.user_len)
		return SOCKS_BAD;
	if (len < 3 + l.user_len)
		return SOCKS_MORE;
	l.password_len = p[2 + l.user_len];
	if (!l.password_len)
		return SOCKS_BAD;
	l.size = 3 + l.user_len + l.password_len;
	if (len < l.size)
		return SOCKS_MORE;
	l.user = (const char *)p + 2;
	l.password = (const char *)p + 3 + l.user_len;
	*ret = l;
	return SOCKS_DONE;
}

/* ATYP at P[3], the address behind it: its length, 0 = not known yet, -1 = unknown type. */
static int address_size(const uint8_t *p, size_t len)
{
	switch (p[3]) {
	case ATYP_V4:
		return 4;
	case ATYP_V6:
		return 16;
	case ATYP_NAME:
		return len > 4 ? 1 + p[4] : 0;
	default:
		return -1;
	}
}

enum socks_status socks5_request(const uint8_t *p, size_t len, struct socks_request *ret)
{
	struct socks_request r = {0};
	int size;

	if (len && p[0] != 5)
		return SOCKS_BAD;
	if (len >= 2 && p[1] != SOCKS_CONNECT && p[1] != SOCKS_UDP_ASSOCIATE)
		return SOCKS_BAD_COMMAND;
	if (len < 4)
		return SOCKS_MORE;
	size = address_size(p, len);
	if (size < 0)
		return SOCKS_BAD_TYPE;
	if (size == 1)
		return SOCKS_BAD;
	if (!size || len < 6u + (size_t)size)
		return SOCKS_MORE;
	if (p[3] == ATYP_NAME) {
		r.name_len = p[4];
		memcpy(r.name, p + 5, r.name_len);
	} else {
		r.addr.family = p[3] == ATYP_V4 ? 4 : 6;
		memcpy(r.addr.bytes, p + 4, (size_t)size);
	}
	r.port = get16(p + 4 + size);
	r.size = 6u + (size_t)size;
	r.command = p[1];
	if (!r.port && r.command == SOCKS_CONNECT)
		return SOCKS_BAD;
	*ret = r;
	return SOCKS_DONE;
}

/* The text at P[FROM…] up to its NUL, at most MAX bytes: SOCKS_DONE and *ret_len. */
static enum socks_status take_text(
	const uint8_t *p, size_t len, size_t from, size_t max, size_t *ret_len)
{
	const uint8_t *end = memchr(p + from, 0, len - from);
	size_t n = end ? (size_t)(end - p) - from : len - from;

	if (n > max)
		return SOCKS_BAD;
	*ret_len = n;
	return end ? SOCKS_DONE : SOCKS_MORE;
}

enum socks_status socks4_request(const uint8_t *p, size_t len, struct socks_request *ret)
{
	struct socks_request r = {0};
	enum socks_status s;
	size_t user, name;

	if (len && p[0] != 4)
		return SOCKS_BAD;
	if (len >= 2 && p[1] != SOCKS_CONNECT)
		return SOCKS_BAD_COMMAND;
	if (len < 9)
		return SOCKS_MORE;
	r.command = SOCKS_CONNECT;
	r.port = get16(p + 2);
	if (!r.port)
		return SOCKS_BAD;
	s = take_text(p, len, 8, SOCKS4_USER_MAX, &user);
	if (s != SOCKS_DONE)
		return s;
	r.size = 8 + user + 1;
	if (p[4] || p[5] || p[6] || !p[7]) {
		r.addr.family = 4;
		memcpy(r.addr.bytes, p + 4, 4);
	} else {
		s = take_text(p, len, r.size, SOCKS_NAME_MAX, &name);
		if (s != SOCKS_DONE)
			return s;
		if (!name)
			return SOCKS_BAD;
		memcpy(r.name, p + r.size, name);
		r.name_len = name;
		r.size += name + 1;
	}
	*ret = r;
	return SOCKS_DONE;
}

size_t socks5_reply(uint8_t out[SOCKS_REPLY_MAX], uint8_t code, const struct hostport *bound)
{
	size_t n = bound && bound->addr.family == 6 ? 16 : 4;

	memset(out, 0, SOCKS_REPLY_MAX);
	out[0] = 5;
	out[1] = code;
	out[3] = n == 16 ? ATYP_V6 : ATYP_V4;
	if (bound) {
		memcpy(out + 4, bound->addr.bytes, n);
		out[4 + n] = (uint8_t)(bound->port >> 8);
		out[5 + n] = (uint8_t)bound->port;
	}
	return 6 + n;
}

size_t socks4_reply(uint8_t out[SOCKS_REPLY_MAX], uint8_t code, const struct hostport *bound)
{
	memset(out, 0, SOCKS_REPLY_MAX);
	out[1] = code;
	if (bound && bound->addr.family == 4) {
		out[2] = (uint8_t)(bound->port >> 8);
		out[3] = (uint8_t)bound->port;
		memcpy(out + 4, bound->addr.bytes, 4);
	}
	return 8;
}
