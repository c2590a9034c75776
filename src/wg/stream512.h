// SPDX-License-Identifier: MIT
// Thirty-two blocks of ChaCha20's key stream at a time, and two Poly1305 sums beside them.
#pragma once

#include <stdint.h>

#include "wg/poly64.h"
#include "wg/vector512.h"

#define STREAM512_LANES 32
#define STREAM512_BLOCK 64
#define STREAM512_STEPS 10 /* at most, of the sums, in one run */
#define STREAM512_STEP	80 /* bytes of each sum's message in a step */
#define STREAM512_TAIL	96

/* Secret, all of it. The assembler knows where its parts are. */
struct stream512 {
	_Alignas(64) uint8_t blocks[STREAM512_LANES][STREAM512_BLOCK]; /* out */
	/* in: of each block its number and its packet's counter, low and high half; behind the lanes
	 * there is room for whoever stores a whole vector */
	uint32_t number[STREAM512_LANES + 16];
	uint32_t low[STREAM512_LANES + 16];
	uint32_t high[STREAM512_LANES + 16];
	uint8_t rotations[2][64]; /* of words, by 16 and by 8 bits, for shuffles */
	uint32_t words[12];	  /* the constants, and the key */
	uint64_t spilled[8];
	struct poly64 sums[2]; /* in and out: begun, and STEPS further */
	uint32_t steps;	       /* in: how many; then worthless, as what follows */
	uint32_t left;
	uint32_t last; /* in: 1: then one more step, of the tails; their data is behind that then */
	uint32_t unused[5];
	uint8_t tails[2][STREAM512_TAIL]; /* what does not lie in a row with the rest */
};

#if HAVE_VECTOR512
void stream512_init(struct stream512 *s, const uint8_t key[32]);
/* From the lanes to the blocks. Takes STEPS steps of both sums, if any, meanwhile, at next to no cost. */
void stream512_run(struct stream512 *s);
#endif
