// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 of one short packet: four blocks of key stream at once, in four registers.
//
// The first block is the one-time key, the others are for 192 bytes. A register has the same row of all four
// blocks. This is as little code and memory as can be: after a pause, what counts is not
// how long it computes, but what has to be brought from memory for it.
#include "wg/short512.h"

#include "wg/chapoly512.h"
#include "wg/poly64.h"

#if HAVE_VECTOR512

#include <sodium.h>
#include <string.h>

#define BLOCK	     64
#define FRAMES_BYTES 1024 /* at least, of what is called here, all together */

typedef __m512i v;

VECTOR512_INLINE v rows(const void *row)
{
	return _mm512_broadcast_i32x4(_mm_loadu_si128(row));
}

/* RFC 8439 §2.3: blocks 0…3 of the packet with that counter. */
VECTOR512_INLINE void key_stream(const uint8_t key[AEAD_KEY], uint64_t counter, v ret[4])
{
	static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	const v number = _mm512_setr_epi64(0, 0, 1, 0, 2, 0, 3, 0);
	const v a0 = rows(constants), b0 = rows(key), c0 = rows(key + 16);
	const v d0 = _mm512_or_si512(number, _mm512_maskz_set1_epi64(0xaa, (long long)counter));
	v a = a0, b = b0, c = c0, d = d0, s, t;

	for (int round = 0; round < 20; round++) {
		a = _mm512_add_epi32(a, b);
		d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 16);
		c = _mm512_add_epi32(c, d);
		b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 12);
		a = _mm512_add_epi32(a, b);
		d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 8);
		c = _mm512_add_epi32(c, d);
		b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 7);
		/* the diagonals become columns, and back: by 1, 2, 3 words, then by 3, 2, 1 */
		s = round % 2 ? _mm512_shuffle_epi32(b, 0x93) : _mm512_shuffle_epi32(b, 0x39);
		t = round % 2 ? _mm512_shuffle_epi32(d, 0x39) : _mm512_shuffle_epi32(d, 0x93);
		b = s;
		c = _mm512_shuffle_epi32(c, 0x4e);
		d = t;
	}
	a = _mm512_add_epi32(a, a0);
	b = _mm512_add_epi32(b, b0);
	c = _mm512_add_epi32(c, c0);
	d = _mm512_add_epi32(d, d0);
	/* from rows of all blocks to blocks of all rows */
	s = _mm512_shuffle_i32x4(a, b, 0x44);
	t = _mm512_shuffle_i32x4(c, d, 0x44);
	ret[0] = _mm512_shuffle_i32x4(s, t, 0x88);
	ret[1] = _mm512_shuffle_i32x4(s, t, 0xdd);
	s = _mm512_shuffle_i32x4(a, b, 0xee);
	t = _mm512_shuffle_i32x4(c, d, 0xee);
	ret[2] = _mm512_shuffle_i32x4(s, t, 0x88);
	ret[3] = _mm512_shuffle_i32x4(s, t, 0xdd);
}

VECTOR512_INLINE void apply(const v stream[4], uint8_t *data, uint32_t len)
{
	for (int i = 1; i < 4; i++, data += BLOCK) {
		__mmask64 mask = len < BLOCK ? (1ull << len) - 1 : ~0ull;

		_mm512_mask_storeu_epi8(data, mask,
			_mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, data), stream[i]));
		if (len <= BLOCK)
			return;
		len -= BLOCK;
	}
}

VECTOR512_INLINE void tag_of(v first, const struct aead_packet *p, uint8_t ret[AEAD_TAG])
{
	uint8_t key[BLOCK], tail[32];
	uint32_t whole = p->len / 16 * 16;
	struct poly64 sum;
	unsigned blocks = poly64_tail(tail, p->data + whole, p->len - whole, p->len);

	_mm512_storeu_si512(key, first);
	poly64_begin(&sum, key, p->data);
	poly64_take(&sum, whole / 16);
	sum.data = tail;
	poly64_take(&sum, blocks);
	poly64_tag(&sum, ret);
}

VECTOR512 __attribute__((noinline)) static void seal(
	const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	v stream[4];

	key_stream(key, p->counter, stream);
	apply(stream, p->data, p->len);
	tag_of(stream[0], p, p->data + p->len);
}

VECTOR512 __attribute__((noinline)) static bool open(
	const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	uint64_t want[2], got[2];
	v stream[4];

	key_stream(key, p->counter, stream);
	tag_of(stream[0], p, (uint8_t *)want);
	memcpy(got, p->data + p->len, sizeof(got));
	apply(stream, p->data, p->len);
	return ((want[0] ^ got[0]) | (want[1] ^ got[1])) == 0; /* in constant time */
}

/* What these leave behind is wiped from outside of them. */

void short512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	seal(key, p);
	sodium_stackzero(FRAMES_BYTES);
}

bool short512_open(const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	bool good = open(key, p);

	sodium_stackzero(FRAMES_BYTES);
	return good;
}

static bool test(uint32_t len)
{
	uint8_t key[AEAD_KEY], text[SHORT512_MAX + AEAD_TAG] = {0}, other[sizeof(text)];
	uint8_t nonce[12] = {0};
	struct aead_packet p = {.data = text, .len = len, .counter = len * 0x0102030405060708ull};
	unsigned long long n;

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(len + i * 7);
	memcpy(nonce + 4, &p.counter, sizeof(p.counter));
	short512_seal(key, &p);
	memset(other, 0, sizeof(other));
	crypto_aead_chacha20poly1305_ietf_encrypt(other, &n, other, len, NULL, 0, NULL, nonce, key);
	if (memcmp(text, other, sizeof(text)) || !short512_open(key, &p))
		return false;
	memcpy(text, other, sizeof(text));
	text[len / 2] ^= 1;
	return !short512_open(key, &p);
}

bool short512_works(void)
{
	static const uint8_t lengths[] = {0, 1, 16, 63, 64, 100, 128, 191, SHORT512_MAX};

	if (!chapoly512_usable())
		return false;
	for (unsigned i = 0; i < sizeof(lengths); i++)
		if (!test(lengths[i]))
			return false;
	return true;
}

#else

#include <stdlib.h>

bool short512_works(void)
{
	return false;
}

void short512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	abort();
}

bool short512_open(const uint8_t key[AEAD_KEY], const struct aead_packet *p)
{
	return false;
}

#endif
