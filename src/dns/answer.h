// SPDX-License-Identifier: MIT
// One DNS message in, one out: parse, decide, build. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "dns/cookie.h"
#include "dns/zone.h"

#define ANSWER_TTL_S	      60
#define ANSWER_NEGATIVE_TTL_S 10

struct answer_context {
	const struct zone_set *zones;
	struct addr client;
	struct addr
		server; /* the address that was asked: also what the name server's own name means */
	uint32_t now_s; /* seconds of the epoch, for cookies */
	bool stream;	/* TCP: no truncation */
	const uint8_t *secret; /* COOKIE_SECRET bytes */
};

/* Answers the message P of LEN bytes into OUT (room for PACKET_TCP_MAX bytes by TCP,
 * PACKET_UDP_MAX by UDP). Returns its length, or 0 if nothing may be sent; *ret_rcode is its
 * rcode. */
size_t answer_message(
	const struct answer_context *c, const uint8_t *p, size_t len, uint8_t *out, int *ret_rcode);
