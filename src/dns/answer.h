// SPDX-License-Identifier: MIT
// One DNS message in, one out: parse, decide, build. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "dns/cookie.h"
#include "dns/decide.h"
#include "dns/packet.h"
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

/* A question, and what it comes to. */
struct answer {
	const struct answer_context *c;
	struct dns_query q;
	struct decision d;
	struct dns_writer w;
};

/* Understands the message P of LEN bytes. 0, or -EBADMSG: nothing may be answered. With A->d.ask the
 * tailnet may know more (decide_found()). */
int answer_begin(struct answer *a, const struct answer_context *c, const uint8_t *p, size_t len);
/* Writes the answer to P into OUT (room for PACKET_TCP_MAX bytes by TCP, PACKET_UDP_MAX by UDP).
 * Returns its length. */
size_t answer_end(struct answer *a, const uint8_t *p, uint8_t *out);

/* Both at once, with what is known here. Returns 0 if nothing may be sent; *ret_rcode is its rcode. */
size_t answer_message(
	const struct answer_context *c, const uint8_t *p, size_t len, uint8_t *out, int *ret_rcode);
