// SPDX-License-Identifier: MIT
// The MACs at the end of handshake messages, and cookies against floods (whitepaper §5.3, §5.4.4, §5.4.7).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "wg/blake2s.h"

#define COOKIE_SIZE	     16
#define COOKIE_SECRET_AGE_NS (120ull * 1000000000u)
#define COOKIE_FRESH_NS \
	(115ull * 1000000000u) /* the network may take 5 s of the other side's 120 */

struct cookie_reply {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t nonce[24];
	uint8_t sealed_cookie[COOKIE_SIZE + 16];
};
_Static_assert(sizeof(struct cookie_reply) == 64, "whitepaper §5.4.7");

/* For messages to us. */
struct cookie_checker {
	struct blake2s mac1; /* its key is worked in */
	uint8_t cookie_key[32];
	uint8_t secret[32];
	uint64_t secret_born_ns;
	bool has_secret;
};

/* For messages to one peer. */
struct cookie_maker {
	uint8_t mac1_key[32];
	uint8_t cookie_key[32];
	uint8_t cookie[COOKIE_SIZE];
	uint8_t last_mac1[16];
	uint64_t cookie_born_ns;
	bool has_cookie;
	bool has_last_mac1; /* a message of ours that no cookie reply has answered yet */
};

/* PUBLIC_KEY is our own. */
void cookie_checker_init(struct cookie_checker *c, const uint8_t public_key[32]);
void cookie_maker_init(struct cookie_maker *m, const uint8_t public_key[32]);

/* Fills in the last 32 bytes of MSG; mac2 stays zero without a fresh cookie. */
void cookie_add_macs(struct cookie_maker *m, void *msg, size_t len, uint64_t now_ns);
bool cookie_check_mac1(const struct cookie_checker *c, const void *msg, size_t len);
/* Is mac2 made with the cookie that we would give FROM now? */
bool cookie_check_mac2(struct cookie_checker *c, const void *msg, size_t len,
	const struct hostport *from, uint64_t now_ns);
/* Answers MSG, which came FROM with a good mac1 and sender index RECEIVER. */
void cookie_make_reply(struct cookie_checker *c, const void *msg, size_t len,
	const struct hostport *from, const uint8_t receiver[4], uint64_t now_ns,
	struct cookie_reply *ret);
/* 0, or -EKEYREJECTED if it answers nothing that we sent. */
int cookie_consume_reply(struct cookie_maker *m, const struct cookie_reply *reply, uint64_t now_ns);
