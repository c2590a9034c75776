// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 with AVX-512: sixteen blocks of key stream at a time, whichever packets they belong to.
//
// A packet of 1,424 bytes needs 23 blocks and one for its one-time key: one by one, packets would leave
// a quarter of all lanes empty. So the blocks of up to sixteen packets are one row here, and a batch takes the
// next sixteen; a lane differs from its neighbour in block number and counter only. Sixteen packets of
// equal length have sixteen times as many blocks, so no lane is ever empty but in the last batch.
//
// A packet's tag is made when its last block was encrypted, or before its first is decrypted: while it is in
// the nearest cache. Nothing here branches on, or looks up by, anything secret. All that is derived from the
// key lies in struct work, or was pushed out of registers into the frames below it: both are wiped.
#include "wg/chapoly512.h"

#include "wg/poly512.h"

#if HAVE_VECTOR512

#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"

#define LANES	     16
#define BLOCK	     64
#define GROUP	     LANES /* packets */
#define FRAMES_BYTES 4096  /* at least, of what is called here, all together */

typedef __m512i v;

/* What makes a lane's block different from the others'. */
struct lanes {
	v block, counter_low, counter_high;
};

/* Bytes of one packet that a batch's lanes from FIRST on are for. */
struct piece {
	uint8_t *data;
	uint32_t bytes;
	uint32_t first;
};

struct work {
	_Alignas(64) uint8_t stream[LANES * BLOCK];
	_Alignas(64) uint32_t first_words[8][GROUP]; /* of each packet's first block */
	struct poly512_keys keys[GROUP / POLY512_KEYS];
	struct piece pieces[LANES];
	unsigned n_pieces;
};

/* Where in the row of all blocks we are. */
struct cursor {
	unsigned packet;
	uint32_t done; /* bytes of it */
};

VECTOR512_INLINE v set32(uint32_t x)
{
	return _mm512_set1_epi32((int)x);
}

#define QUARTER(a, b, c, d)                                       \
	do {                                                      \
		a = _mm512_add_epi32(a, b);                       \
		d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 16); \
		c = _mm512_add_epi32(c, d);                       \
		b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 12); \
		a = _mm512_add_epi32(a, b);                       \
		d = _mm512_rol_epi32(_mm512_xor_si512(d, a), 8);  \
		c = _mm512_add_epi32(c, d);                       \
		b = _mm512_rol_epi32(_mm512_xor_si512(b, c), 7);  \
	} while (0)

/* RFC 8439 §2.3, sixteen times: vector I is word I of all blocks. */
VECTOR512_INLINE void chacha(v x[16], const uint32_t key[8], const struct lanes *l)
{
	static const uint32_t constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	for (int i = 0; i < 4; i++)
		x[i] = set32(constants[i]);
	for (int i = 0; i < 8; i++)
		x[4 + i] = set32(key[i]);
	x[12] = l->block;
	x[13] = _mm512_setzero_si512();
	x[14] = l->counter_low;
	x[15] = l->counter_high;
	for (int round = 0; round < 10; round++) {
		QUARTER(x[0], x[4], x[8], x[12]);
		QUARTER(x[1], x[5], x[9], x[13]);
		QUARTER(x[2], x[6], x[10], x[14]);
		QUARTER(x[3], x[7], x[11], x[15]);
		QUARTER(x[0], x[5], x[10], x[15]);
		QUARTER(x[1], x[6], x[11], x[12]);
		QUARTER(x[2], x[7], x[8], x[13]);
		QUARTER(x[3], x[4], x[9], x[14]);
	}
	for (int i = 0; i < 4; i++)
		x[i] = _mm512_add_epi32(x[i], set32(constants[i]));
	for (int i = 0; i < 8; i++)
		x[4 + i] = _mm512_add_epi32(x[4 + i], set32(key[i]));
	x[12] = _mm512_add_epi32(x[12], l->block);
	x[14] = _mm512_add_epi32(x[14], l->counter_low);
	x[15] = _mm512_add_epi32(x[15], l->counter_high);
}

/* From words of all blocks to blocks of all words. */
VECTOR512_INLINE void store_blocks(const v x[16], uint8_t *to)
{
	v t[16];

	for (int i = 0; i < 16; i += 4) {
		v a = _mm512_unpacklo_epi32(x[i], x[i + 1]);
		v b = _mm512_unpacklo_epi32(x[i + 2], x[i + 3]);
		v c = _mm512_unpackhi_epi32(x[i], x[i + 1]);
		v d = _mm512_unpackhi_epi32(x[i + 2], x[i + 3]);

		/* a quarter of t[i + j]: four words of block 4 * (number of the quarter) + j */
		t[i] = _mm512_unpacklo_epi64(a, b);
		t[i + 1] = _mm512_unpackhi_epi64(a, b);
		t[i + 2] = _mm512_unpacklo_epi64(c, d);
		t[i + 3] = _mm512_unpackhi_epi64(c, d);
	}
	for (int j = 0; j < 4; j++) {
		v a = _mm512_shuffle_i32x4(t[j], t[4 + j], 0x88);
		v b = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0x88);
		v c = _mm512_shuffle_i32x4(t[j], t[4 + j], 0xdd);
		v d = _mm512_shuffle_i32x4(t[8 + j], t[12 + j], 0xdd);

		_mm512_store_si512(to + BLOCK * j, _mm512_shuffle_i32x4(a, b, 0x88));
		_mm512_store_si512(to + BLOCK * (j + 4), _mm512_shuffle_i32x4(c, d, 0x88));
		_mm512_store_si512(to + BLOCK * (j + 8), _mm512_shuffle_i32x4(a, b, 0xdd));
		_mm512_store_si512(to + BLOCK * (j + 12), _mm512_shuffle_i32x4(c, d, 0xdd));
	}
}

/* The first block of each packet gives its one-time key. */
VECTOR512 static void prepare_keys(
	struct work *w, const uint32_t key[8], const struct aead_packet *p, unsigned n)
{
	uint32_t low[GROUP] = {0}, high[GROUP] = {0};
	struct lanes l;
	v x[16];

	for (unsigned i = 0; i < n; i++) {
		low[i] = (uint32_t)p[i].counter;
		high[i] = (uint32_t)(p[i].counter >> 32);
	}
	l.block = _mm512_setzero_si512();
	l.counter_low = _mm512_loadu_si512(low);
	l.counter_high = _mm512_loadu_si512(high);
	chacha(x, key, &l);
	for (int i = 0; i < 8; i++)
		_mm512_store_si512(w->first_words[i], x[i]);
	for (unsigned i = 0; i < n; i += POLY512_KEYS)
		poly512_prepare(&w->keys[i / POLY512_KEYS], w->first_words[0] + i, GROUP);
}

/* Gives the lanes of a batch to what comes next. */
VECTOR512_INLINE void fill(
	struct work *w, struct lanes *l, struct cursor *c, const struct aead_packet *p, unsigned n)
{
	const v iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	unsigned lane = 0;

	l->block = l->counter_low = l->counter_high = _mm512_setzero_si512();
	w->n_pieces = 0;
	while (lane < LANES && c->packet < n) {
		const struct aead_packet *q = &p[c->packet];
		uint32_t bytes = MIN(q->len - c->done, (LANES - lane) * BLOCK);
		__mmask16 mask = (__mmask16)(0xffffu << lane);

		/* later lanes are written over by their owners */
		l->block = _mm512_mask_add_epi32(
			l->block, mask, iota, set32(1 + c->done / BLOCK - lane));
		l->counter_low =
			_mm512_mask_mov_epi32(l->counter_low, mask, set32((uint32_t)q->counter));
		l->counter_high = _mm512_mask_mov_epi32(
			l->counter_high, mask, set32((uint32_t)(q->counter >> 32)));
		if (bytes)
			w->pieces[w->n_pieces++] = (struct piece){q->data + c->done, bytes, lane};
		lane += (bytes + BLOCK - 1) / BLOCK;
		c->done += bytes;
		if (c->done == q->len) {
			c->packet++;
			c->done = 0;
		}
	}
}

VECTOR512_INLINE void apply(const struct piece *piece, const uint8_t *stream)
{
	uint8_t *p = piece->data;
	uint32_t left = piece->bytes;

	stream += (size_t)piece->first * BLOCK;
	for (; left >= BLOCK; left -= BLOCK, p += BLOCK, stream += BLOCK)
		_mm512_storeu_si512(
			p, _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_load_si512(stream)));
	for (; left >= 16; left -= 16, p += 16, stream += 16)
		_mm_storeu_si128((void *)p,
			_mm_xor_si128(_mm_loadu_si128((const void *)p),
				_mm_load_si128((const void *)stream)));
	for (uint32_t i = 0; i < left; i++)
		p[i] ^= stream[i];
}

/* Encrypts or decrypts what the next sixteen blocks cover. */
VECTOR512_INLINE void batch(struct work *w, const uint32_t key[8], const struct lanes *l)
{
	v x[16];

	chacha(x, key, l);
	store_blocks(x, w->stream);
	for (unsigned i = 0; i < w->n_pieces; i++)
		apply(&w->pieces[i], w->stream);
}

static void tag_of(
	const struct work *w, const struct aead_packet *p, unsigned which, uint8_t ret[16])
{
	poly512_tag(&w->keys[which / POLY512_KEYS], which % POLY512_KEYS, p[which].data,
		p[which].len, ret);
}

VECTOR512 static void seal_group(
	struct work *w, const uint32_t key[8], const struct aead_packet *p, unsigned n)
{
	struct cursor c = {0};
	unsigned tagged = 0;
	struct lanes l;

	prepare_keys(w, key, p, n);
	while (c.packet < n) {
		fill(w, &l, &c, p, n);
		if (w->n_pieces)
			batch(w, key, &l);
		for (; tagged < c.packet; tagged++)
			tag_of(w, p, tagged, p[tagged].data + p[tagged].len);
	}
}

/* In constant time. */
static bool tag_good(const struct work *w, const struct aead_packet *p, unsigned which)
{
	uint64_t want[2], got[2];

	tag_of(w, p, which, (uint8_t *)want);
	memcpy(got, p[which].data + p[which].len, sizeof(got));
	return ((want[0] ^ got[0]) | (want[1] ^ got[1])) == 0;
}

VECTOR512 static size_t open_group(
	struct work *w, const uint32_t key[8], struct aead_packet *p, unsigned n)
{
	struct cursor c = {0};
	unsigned checked = 0;
	size_t good = 0;
	struct lanes l;

	prepare_keys(w, key, p, n);
	while (c.packet < n) {
		fill(w, &l, &c, p, n);
		/* all that the batch touches, if only with its beginning */
		for (; checked < c.packet + (c.done > 0); checked++) {
			p[checked].ok = tag_good(w, p, checked);
			good += p[checked].ok;
		}
		if (w->n_pieces)
			batch(w, key, &l);
	}
	return good;
}

bool chapoly512_usable(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2");
}

static void key_words(uint32_t ret[8], const uint8_t key[AEAD_KEY])
{
	memcpy(ret, key, AEAD_KEY); /* these processors are little-endian */
}

static void wipe(struct work *w, uint32_t words[8])
{
	sodium_memzero(w, sizeof(*w));
	sodium_memzero(words, AEAD_KEY);
	sodium_stackzero(FRAMES_BYTES);
}

void chapoly512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n)
{
	uint32_t words[8];
	struct work w;

	key_words(words, key);
	for (size_t i = 0; i < n; i += GROUP)
		seal_group(&w, words, p + i, (unsigned)MIN(n - i, (size_t)GROUP));
	wipe(&w, words);
}

size_t chapoly512_open(const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n)
{
	uint32_t words[8];
	size_t good = 0;
	struct work w;

	key_words(words, key);
	for (size_t i = 0; i < n; i += GROUP)
		good += open_group(&w, words, p + i, (unsigned)MIN(n - i, (size_t)GROUP));
	wipe(&w, words);
	return good;
}

#else

#include <stdlib.h>

bool chapoly512_usable(void)
{
	return false;
}

void chapoly512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n)
{
	abort();
}

size_t chapoly512_open(const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n)
{
	return 0;
}

#endif
