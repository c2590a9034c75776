// SPDX-License-Identifier: MIT
// Poly1305 (RFC 8439 §2.5) block by block, in ordinary registers: what stream512.c does beside its own work.
#pragma once

#include <stdint.h>

#include "wg/vector512.h"

#define POLY64_KEY 32

/* A message under way. Secret. stream512.c's assembler knows where its parts are. */
struct poly64 {
	uint64_t r0, r1, s1; /* s1 = r1 * 5 / 4 */
	uint64_t h[3];	     /* the sum so far, 64, 64 and a few bits */
	const uint8_t *data; /* what comes next */
	const uint8_t *key;
};

#if HAVE_VECTOR512
/* DATA and KEY must stay where they are until the end. */
void poly64_begin(struct poly64 *p, const uint8_t key[POLY64_KEY], const uint8_t *data);
/* Takes N blocks of 16 bytes. */
void poly64_take(struct poly64 *p, unsigned n);
void poly64_tag(const struct poly64 *p, uint8_t ret[16]);

/* What follows after the whole blocks of a message as ChaCha20-Poly1305 has it, without additional data. Copies
 * LEFT bytes, the last ones of LEN, fills up the last block and adds that of the lengths. Returns how many blocks
 * these are; RET has room for two more than there are whole ones. */
unsigned poly64_tail(uint8_t *ret, const uint8_t *data, unsigned left, uint64_t len);
#endif
