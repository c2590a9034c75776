// SPDX-License-Identifier: MIT
// The header before every datagram of a UDP association (RFC 1928 section 7):
// 00 00 FRAG ATYP ADDR PORT.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define SOCKSUDP_HEADER_MAX 22 /* of those that we write: an IPv6 address */

enum socksudp_status {
	SOCKSUDP_OK,
	SOCKSUDP_BAD,	   /* too short, RSV not zero, unknown type, empty name, port 0 */
	SOCKSUDP_FRAGMENT, /* FRAG not zero: we do not reassemble, so it must be dropped */
};

struct socksudp {
	struct addr addr; /* family 0: .name counts */
	const char *name; /* inside the datagram: any bytes, .name_len of them */
	size_t name_len;
	uint16_t port;
	size_t size; /* of the header; the payload follows */
};

enum socksudp_status socksudp_parse(const uint8_t *p, size_t len, struct socksudp *ret);
/* The header of a datagram that came from FROM into OUT, its length returned. */
size_t socksudp_header(uint8_t out[SOCKSUDP_HEADER_MAX], const struct hostport *from);
