// SPDX-License-Identifier: MIT
// Poly1305 block by block, in ordinary registers.
//
// The sum h is kept below 2^130 + a little. As r1 is a multiple of four, what a product with it has above
// 2^130 comes back as r1 / 4 * 5. stream512.c has the same step in assembler.
#include "wg/poly64.h"

#if HAVE_VECTOR512

#include <string.h>

typedef unsigned __int128 u128;

/* h = (h + block + TOP * 2^128) * r */
static inline void step(struct poly64 *p, uint64_t low, uint64_t high)
{
	u128 d0, d1, sum = (u128)p->h[0] + low;
	uint64_t h0 = (uint64_t)sum, h1, h2, d2;

	sum = (u128)p->h[1] + high + (uint64_t)(sum >> 64);
	h1 = (uint64_t)sum;
	h2 = p->h[2] + 1 + (uint64_t)(sum >> 64);
	d0 = (u128)h0 * p->r0 + (u128)h1 * p->s1;
	d1 = (u128)h0 * p->r1 + (u128)h1 * p->r0 + h2 * p->s1 + (uint64_t)(d0 >> 64);
	d2 = h2 * p->r0 + (uint64_t)(d1 >> 64);
	sum = (u128)(uint64_t)d0 + (d2 >> 2) * 5;
	p->h[0] = (uint64_t)sum;
	sum = (u128)(uint64_t)d1 + (uint64_t)(sum >> 64);
	p->h[1] = (uint64_t)sum;
	p->h[2] = (d2 & 3) + (uint64_t)(sum >> 64);
}

void poly64_begin(struct poly64 *p, const uint8_t key[POLY64_KEY], const uint8_t *data)
{
	uint64_t r[2];

	memcpy(r, key, sizeof(r)); /* these processors are little-endian */
	/* RFC 8439 §2.5: some bits of r are zero */
	*p = (struct poly64){.r0 = r[0] & 0x0ffffffc0fffffff,
		.r1 = r[1] & 0x0ffffffc0ffffffc,
		.data = data,
		.key = key};
	p->s1 = p->r1 + (p->r1 >> 2);
}

void poly64_tag(const struct poly64 *p, uint8_t ret[16])
{
	uint64_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2], g0, g1, keep, pad[2], out[2];
	u128 sum = (u128)h0 + 5;

	/* h - (2^130 - 5), unless that is below zero */
	g0 = (uint64_t)sum;
	sum = (u128)h1 + (uint64_t)(sum >> 64);
	g1 = (uint64_t)sum;
	keep = ((h2 + (uint64_t)(sum >> 64)) >> 2) -
		1; /* all ones if there was nothing to take off */
	memcpy(pad, p->key + 16, sizeof(pad));
	sum = (u128)((h0 & keep) | (g0 & ~keep)) + pad[0];
	out[0] = (uint64_t)sum;
	out[1] = ((h1 & keep) | (g1 & ~keep)) + pad[1] + (uint64_t)(sum >> 64);
	memcpy(ret, out, sizeof(out));
}

void poly64_take(struct poly64 *p, unsigned n)
{
	uint64_t block[2];

	for (; n; n--, p->data += 16) {
		memcpy(block, p->data, sizeof(block));
		step(p, block[0], block[1]);
	}
}

unsigned poly64_tail(uint8_t *ret, const uint8_t *data, unsigned left, uint64_t len)
{
	uint64_t lengths[2] = {0, len};
	unsigned n = (left + 15) / 16;

	if (left)
		memset(ret + (n - 1) * 16u, 0, 16);
	memcpy(ret, data, left);
	memcpy(ret + n * 16u, lengths, sizeof(lengths));
	return n + 1;
}

#endif
