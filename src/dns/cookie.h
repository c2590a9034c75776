// SPDX-License-Identifier: MIT
// DNS cookies (RFC 7873, RFC 9018): the client sees that the answer comes from where it asked.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

#define COOKIE_SECRET 16
#define COOKIE_CLIENT 8
#define COOKIE_FULL   24 /* the client's 8 bytes and ours */

/* SipHash-2-4 of LEN bytes, in the byte order of RFC 9018's test vectors. */
uint64_t cookie_siphash(const uint8_t key[16], const uint8_t *data, size_t len);
/* The COOKIE option for an answer to CLIENT at NOW (seconds of the epoch) whose option held LEN
 * bytes at GIVEN: a server cookie of ours that is not stale comes back unchanged, else a fresh
 * one. */
void cookie_answer(const uint8_t secret[COOKIE_SECRET], const uint8_t *given, size_t len,
	const struct addr *client, uint32_t now, uint8_t ret[COOKIE_FULL]);
