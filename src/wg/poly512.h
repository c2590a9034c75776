// SPDX-License-Identifier: MIT
// Poly1305 (RFC 8439 §2.5) over eight blocks at a time.
#pragma once

#include <stdint.h>

#include "wg/vector512.h"

#define POLY512_KEYS 8

/* The one-time keys of eight messages, made ready. Secret. */
struct poly512_keys {
	/* of each message, for each of three limbs: the powers of r by which the last eight blocks are
	 * multiplied, in the order in which poly512_tag() has them */
	_Alignas(64) uint64_t last[POLY512_KEYS][3][8];
	/* for each limb, of each message: r^8 and r^16 */
	_Alignas(64) uint64_t r8[3][POLY512_KEYS];
	_Alignas(64) uint64_t r16[3][POLY512_KEYS];
	_Alignas(64) uint64_t pad[2][POLY512_KEYS]; /* s, its low and its high half */
};

#if HAVE_VECTOR512
/* FIRST: the first block of the first message's key stream, those of the others STRIDE bytes apart. */
void poly512_prepare(struct poly512_keys *k, const uint8_t *first, unsigned stride);
/* The tag that ChaCha20-Poly1305 makes of LEN bytes of ciphertext, without additional data, by key
 * number WHICH. */
void poly512_tag(const struct poly512_keys *k, unsigned which, const uint8_t *data, uint32_t len,
	uint8_t ret[16]);
#endif
