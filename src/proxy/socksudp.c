// SPDX-License-Identifier: MIT
// The header before every datagram of a UDP association (RFC 1928 section 7).
#include "proxy/socksudp.h"

#include <string.h>

enum { RSV = 0, FRAG = 2, ATYP = 3, ADDR = 4 };
enum { ATYP_V4 = 1, ATYP_NAME = 3, ATYP_V6 = 4 };

enum socksudp_status socksudp_parse(const uint8_t *p, size_t len, struct socksudp *ret)
{
	struct socksudp r = {0};
	size_t at = ADDR, size;

	if (len < ADDR + 1 || p[RSV] || p[RSV + 1])
		return SOCKSUDP_BAD;
	if (p[FRAG])
		return SOCKSUDP_FRAGMENT;
	switch (p[ATYP]) {
	case ATYP_V4:
		r.addr.family = 4;
		size = 4;
		break;
	case ATYP_V6:
		r.addr.family = 6;
		size = 16;
		break;
	case ATYP_NAME:
		size = p[at++];
		break;
	default:
		return SOCKSUDP_BAD;
	}
	if (!size || len < at + size + 2)
		return SOCKSUDP_BAD;
	if (r.addr.family) {
		memcpy(r.addr.bytes, p + at, size);
	} else {
		r.name = (const char *)p + at;
		r.name_len = size;
	}
	at += size;
	r.port = (uint16_t)(p[at] << 8 | p[at + 1]);
	r.size = at + 2;
	if (!r.port)
		return SOCKSUDP_BAD;
	*ret = r;
	return SOCKSUDP_OK;
}

size_t socksudp_header(uint8_t out[SOCKSUDP_HEADER_MAX], const struct hostport *from)
{
	size_t n = addr_len(&from->addr);

	memset(out, 0, ATYP);
	out[ATYP] = from->addr.family == 4 ? ATYP_V4 : ATYP_V6;
	memcpy(out + ADDR, from->addr.bytes, n);
	out[ADDR + n] = (uint8_t)(from->port >> 8);
	out[ADDR + n + 1] = (uint8_t)from->port;
	return ADDR + n + 2;
}
