// SPDX-License-Identifier: MIT
// Poly1305 with AVX-512: eight blocks of one message at a time, the keys of eight messages at a time.
//
// A number modulo 2^130 - 5 is three limbs of 44, 44 and 42 bits, each in its own vector; a lane of the
// three vectors is one number. The multiplication of 52-bit integers gives low and high halves of the
// products apart; a high half has the weight of the next limb times 2^8. What overflows the third limb comes
// back to the first, times 5; as 3 * 44 = 130 + 2, products are brought back by factors r * 5 * 4.
//
// With eight sums h in the lanes, one step is h = (h + eight blocks) * r^8, and at the end, instead, times
// (r^8, r^7, … r): their sum is the result. Two steps at once need only one reduction:
// h = (h + blocks) * r^16 + blocks * r^8. The message is thought to begin with so many empty blocks that
// the last step, which ends in the block with the lengths, is a full one.
//
// Lanes are in the order that unpacking two vectors of four blocks gives: 0 4 1 5 2 6 3 7.
#include "wg/poly512.h"

#if HAVE_VECTOR512

#include <stdbool.h>
#include <string.h>

#define MASK44 0xfffffffffffull
#define MASK42 0x3ffffffffffull
#define STEP   128 /* bytes */

typedef __m512i v;

struct number {
	v l0, l1, l2;
};
/* A factor: its limbs, and 20 times the upper two. */
struct factor {
	v r0, r1, r2, s1, s2;
};
/* Sums of products, low and high halves. */
struct products {
	v l0, l1, l2, h0, h1, h2;
};

VECTOR512_INLINE v set64(uint64_t x)
{
	return _mm512_set1_epi64((long long)x);
}
VECTOR512_INLINE v add(v a, v b)
{
	return _mm512_add_epi64(a, b);
}
VECTOR512_INLINE v times20(v a)
{
	return add(_mm512_slli_epi64(a, 4), _mm512_slli_epi64(a, 2));
}

VECTOR512_INLINE struct factor factor_of(struct number n)
{
	return (struct factor){n.l0, n.l1, n.l2, times20(n.l1), times20(n.l2)};
}

/* p += a * f; limbs of A below 2^48 */
VECTOR512_INLINE void multiply_add(struct products *p, struct number a, struct factor f)
{
	p->l0 = _mm512_madd52lo_epu64(p->l0, a.l0, f.r0);
	p->h0 = _mm512_madd52hi_epu64(p->h0, a.l0, f.r0);
	p->l1 = _mm512_madd52lo_epu64(p->l1, a.l0, f.r1);
	p->h1 = _mm512_madd52hi_epu64(p->h1, a.l0, f.r1);
	p->l2 = _mm512_madd52lo_epu64(p->l2, a.l0, f.r2);
	p->h2 = _mm512_madd52hi_epu64(p->h2, a.l0, f.r2);
	p->l0 = _mm512_madd52lo_epu64(p->l0, a.l1, f.s2);
	p->h0 = _mm512_madd52hi_epu64(p->h0, a.l1, f.s2);
	p->l1 = _mm512_madd52lo_epu64(p->l1, a.l1, f.r0);
	p->h1 = _mm512_madd52hi_epu64(p->h1, a.l1, f.r0);
	p->l2 = _mm512_madd52lo_epu64(p->l2, a.l1, f.r1);
	p->h2 = _mm512_madd52hi_epu64(p->h2, a.l1, f.r1);
	p->l0 = _mm512_madd52lo_epu64(p->l0, a.l2, f.s1);
	p->h0 = _mm512_madd52hi_epu64(p->h0, a.l2, f.s1);
	p->l1 = _mm512_madd52lo_epu64(p->l1, a.l2, f.s2);
	p->h1 = _mm512_madd52hi_epu64(p->h1, a.l2, f.s2);
	p->l2 = _mm512_madd52lo_epu64(p->l2, a.l2, f.r0);
	p->h2 = _mm512_madd52hi_epu64(p->h2, a.l2, f.r0);
}

VECTOR512_INLINE struct products products_none(void)
{
	v zero = _mm512_setzero_si512();

	return (struct products){zero, zero, zero, zero, zero, zero};
}

/* Limbs of at most 44, 45 and 42 bits. */
VECTOR512_INLINE struct number reduce(struct products p)
{
	const v mask44 = set64(MASK44), mask42 = set64(MASK42);
	struct number n;
	v carry;

	p.l1 = add(p.l1, add(_mm512_slli_epi64(p.h0, 8), _mm512_srli_epi64(p.l0, 44)));
	p.l2 = add(p.l2, add(_mm512_slli_epi64(p.h1, 8), _mm512_srli_epi64(p.l1, 44)));
	carry = add(_mm512_slli_epi64(p.h2, 10), _mm512_srli_epi64(p.l2, 42));
	n.l0 = add(_mm512_and_si512(p.l0, mask44), add(carry, _mm512_slli_epi64(carry, 2)));
	n.l1 = add(_mm512_and_si512(p.l1, mask44), _mm512_srli_epi64(n.l0, 44));
	n.l0 = _mm512_and_si512(n.l0, mask44);
	n.l2 = _mm512_and_si512(p.l2, mask42);
	return n;
}

VECTOR512_INLINE struct number multiply(struct number a, struct factor f)
{
	struct products p = products_none();

	multiply_add(&p, a, f);
	return reduce(p);
}

/* Limbs of 128-bit numbers. */
VECTOR512_INLINE struct number split(v low, v high)
{
	const v mask44 = set64(MASK44);

	return (struct number){_mm512_and_si512(low, mask44),
		_mm512_and_si512(_mm512_shrdi_epi64(low, high, 44), mask44),
		_mm512_srli_epi64(high, 24)};
}

VECTOR512_INLINE struct number plus(struct number a, struct number b)
{
	return (struct number){add(a.l0, b.l0), add(a.l1, b.l1), add(a.l2, b.l2)};
}

/* ---- keys ---- */

/* Number I of eight keys' 64-bit words. */
VECTOR512_INLINE v words(const uint8_t *first, unsigned stride, int i)
{
	const v places =
		_mm512_mullo_epi64(_mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7), set64(stride));

	return _mm512_i64gather_epi64(places, (const void *)(first + i * 8), 1);
}

/* Row I of M is written to element I of each of the eight columns, STRIDE bytes apart. */
VECTOR512_INLINE void transpose(const v m[8], uint8_t *to, size_t stride)
{
	v a[8], b[8];

	for (int i = 0; i < 8; i += 2) {
		a[i] = _mm512_unpacklo_epi64(m[i], m[i + 1]);
		a[i + 1] = _mm512_unpackhi_epi64(m[i], m[i + 1]);
	}
	for (int i = 0; i < 2; i++) {
		b[i] = _mm512_shuffle_i64x2(a[i], a[i + 2], 0x88);
		b[i + 2] = _mm512_shuffle_i64x2(a[i], a[i + 2], 0xdd);
		b[i + 4] = _mm512_shuffle_i64x2(a[i + 4], a[i + 6], 0x88);
		b[i + 6] = _mm512_shuffle_i64x2(a[i + 4], a[i + 6], 0xdd);
	}
	for (int i = 0; i < 4; i++) {
		/* lanes of b[i]: columns i, i + 4; then of the next two rows */
		_mm512_store_si512((void *)(to + (size_t)i * stride),
			_mm512_shuffle_i64x2(b[i], b[i + 4], 0x88));
		_mm512_store_si512((void *)(to + (size_t)(i + 4) * stride),
			_mm512_shuffle_i64x2(b[i], b[i + 4], 0xdd));
	}
}

VECTOR512 void poly512_prepare(struct poly512_keys *k, const uint8_t *first, unsigned stride)
{
	v low = words(first, stride, 0), high = words(first, stride, 1);
	/* RFC 8439 §2.5: some bits of r are zero */
	struct number r1 = split(_mm512_and_si512(low, set64(0x0ffffffc0fffffff)),
		_mm512_and_si512(high, set64(0x0ffffffc0ffffffc)));
	struct factor by1 = factor_of(r1);
	struct number r2 = multiply(r1, by1), r3 = multiply(r2, by1);
	struct factor by2 = factor_of(r2);
	struct number r4 = multiply(r2, by2), r5 = multiply(r3, by2);
	struct factor by4 = factor_of(r4);
	struct number r6 = multiply(r2, by4), r7 = multiply(r3, by4), r8 = multiply(r4, by4);
	struct number r16 = multiply(r8, factor_of(r8));
	v limb0[8] = {r8.l0, r4.l0, r7.l0, r3.l0, r6.l0, r2.l0, r5.l0, r1.l0};
	v limb1[8] = {r8.l1, r4.l1, r7.l1, r3.l1, r6.l1, r2.l1, r5.l1, r1.l1};
	v limb2[8] = {r8.l2, r4.l2, r7.l2, r3.l2, r6.l2, r2.l2, r5.l2, r1.l2};

	transpose(limb0, (uint8_t *)k->last[0][0], sizeof(k->last[0]));
	transpose(limb1, (uint8_t *)k->last[0][1], sizeof(k->last[0]));
	transpose(limb2, (uint8_t *)k->last[0][2], sizeof(k->last[0]));
	_mm512_store_si512(k->r8[0], r8.l0);
	_mm512_store_si512(k->r8[1], r8.l1);
	_mm512_store_si512(k->r8[2], r8.l2);
	_mm512_store_si512(k->r16[0], r16.l0);
	_mm512_store_si512(k->r16[1], r16.l1);
	_mm512_store_si512(k->r16[2], r16.l2);
	_mm512_store_si512(k->pad[0], words(first, stride, 2));
	_mm512_store_si512(k->pad[1], words(first, stride, 3));
}

/* ---- messages ---- */

VECTOR512_INLINE struct number blocks(v first, v second, v top)
{
	struct number n =
		split(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));

	n.l2 = _mm512_or_si512(n.l2, top);
	return n;
}

VECTOR512_INLINE struct number full_step(const uint8_t *data)
{
	return blocks(_mm512_loadu_si512(data), _mm512_loadu_si512(data + 64), set64(1ull << 40));
}

/* Which of 64 bytes from AT on are among the LEN of the message. */
static inline uint64_t bytes_within(int64_t at, int64_t len)
{
	uint64_t mask = ~0ull;

	if (at <= -64 || at >= len)
		return 0;
	if (at < 0)
		mask <<= -at;
	if (len - at < 64)
		mask &= (1ull << (len - at)) - 1;
	return mask;
}

/* Which of four blocks there are, as bits of the lanes that they get (0 2 4 6). */
static inline unsigned lanes_within(uint64_t bytes)
{
	return (bytes & 1) | (bytes >> 16 & 1) << 2 | (bytes >> 32 & 1) << 4 |
		(bytes >> 48 & 1) << 6;
}

/* The step at AT, which may begin before the message; the LAST ends with the block of the lengths. */
VECTOR512_INLINE struct number edge_step(const uint8_t *data, int64_t at, int64_t len, bool is_last)
{
	uint64_t m0 = bytes_within(at, len), m1 = bytes_within(at + 64, len);
	const uint8_t *p = (const uint8_t *)((uintptr_t)data + (uintptr_t)at);
	v first = _mm512_maskz_loadu_epi8(m0, p);
	v second = _mm512_maskz_loadu_epi8(m1, (const uint8_t *)((uintptr_t)p + 64));
	unsigned lanes = lanes_within(m0) | lanes_within(m1) << 1;

	if (is_last) {
		second = _mm512_mask_set1_epi64(second, 0x80, len);
		lanes |= 0x80;
	}
	return blocks(first, second, _mm512_maskz_set1_epi64((__mmask8)lanes, 1ll << 40));
}

/* h + pad modulo 2^128, h being the sum of all lanes modulo 2^130 - 5. */
VECTOR512_INLINE void finish(struct number n, uint64_t pad0, uint64_t pad1, uint8_t ret[16])
{
	uint64_t h0 = (uint64_t)_mm512_reduce_add_epi64(n.l0);
	uint64_t h1 = (uint64_t)_mm512_reduce_add_epi64(n.l1);
	uint64_t h2 = (uint64_t)_mm512_reduce_add_epi64(n.l2), g0, g1, g2, keep, out[2];
	unsigned __int128 sum;

	for (int i = 0; i < 2; i++) {
		h1 += h0 >> 44;
		h2 += h1 >> 44;
		h0 = (h0 & MASK44) + (h2 >> 42) * 5;
		h1 &= MASK44;
		h2 &= MASK42;
	}
	h1 += h0 >> 44;
	h0 &= MASK44;
	h2 += h1 >> 44;
	h1 &= MASK44;
	/* h - (2^130 - 5), unless that is below zero */
	g0 = h0 + 5;
	g1 = h1 + (g0 >> 44);
	g2 = h2 + (g1 >> 44) - (1ull << 42);
	keep = 0 - (g2 >> 63);
	h0 = (h0 & keep) | (g0 & MASK44 & ~keep);
	h1 = (h1 & keep) | (g1 & MASK44 & ~keep);
	h2 = (h2 & keep) | (g2 & ~keep);
	sum = (unsigned __int128)(h0 | h1 << 44) + pad0;
	out[0] = (uint64_t)sum;
	out[1] = (h1 >> 20 | h2 << 24) + pad1 + (uint64_t)(sum >> 64);
	memcpy(ret, out, 16);
}

VECTOR512_INLINE struct factor broadcast(const uint64_t limbs[3][POLY512_KEYS], unsigned which)
{
	return factor_of((struct number){
		set64(limbs[0][which]), set64(limbs[1][which]), set64(limbs[2][which])});
}

VECTOR512 void poly512_tag(const struct poly512_keys *k, unsigned which, const uint8_t *data,
	uint32_t len, uint8_t ret[16])
{
	int64_t data_blocks = (len + 15) / 16, at = -((7 - data_blocks) & 7) * 16;
	int64_t steps = data_blocks / 8 + 1;
	struct factor by8 = broadcast(k->r8, which);
	struct number h;

	h = edge_step(data, at, len, steps == 1);
	if (steps > 2) {
		struct factor by16 = broadcast(k->r16, which);

		for (; steps > 2; steps -= 2, at += 2 * STEP) {
			struct number next = steps == 3 ? edge_step(data, at + 2 * STEP, len, true)
							: full_step(data + at + 2 * STEP);
			struct products p = products_none();

			multiply_add(&p, full_step(data + at + STEP), by8);
			multiply_add(&p, h, by16);
			h = plus(reduce(p), next);
		}
	}
	if (steps == 2)
		h = plus(multiply(h, by8), edge_step(data, at + STEP, len, true));
	h = multiply(h,
		factor_of((struct number){_mm512_load_si512(k->last[which][0]),
			_mm512_load_si512(k->last[which][1]),
			_mm512_load_si512(k->last[which][2])}));
	finish(h, k->pad[0][which], k->pad[1][which], ret);
}

#endif
