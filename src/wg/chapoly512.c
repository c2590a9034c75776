// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 with AVX-512: 32 blocks of key stream at a time, whichever packets they belong to.
//
// A packet of 1,424 bytes needs 23 blocks and one for its one-time key: one by one, packets would leave
// a quarter of all lanes empty. So the blocks of up to 64 packets are one row here, the one-time keys first,
// and a batch takes the next 32; a lane differs from its neighbour in block number and counter only. No lane is
// ever empty but in the last batch.
//
// A packet's tag is made when its last block was encrypted, or before its first is decrypted. There are two ways:
//
//     in vectors (poly512.c)		    four cycles for a block
//     in pairs of packets of one length,   next to nothing; but there is time for three quarters of
//     beside the key stream (stream512.c)  the blocks only
//
// So sealing makes a pair behind itself, opening one ahead, as far as decryption will not have come until it is
// made; what remains is made in vectors, and short ones alone (poly64.c).
//
// Nothing here branches on, or looks up by, anything secret. All that is derived from the key lies in struct work,
// or was pushed out of registers into the frames below it: both are wiped.
#include "wg/chapoly512.h"

#include "wg/poly512.h"
#include "wg/poly64.h"
#include "wg/stream512.h"

#if HAVE_VECTOR512

#include <sodium.h>
#include <string.h>

#include "common/cleanup.h"

#define LANES	     STREAM512_LANES
#define BLOCK	     STREAM512_BLOCK
#define GROUP	     64	 /* packets */
#define SHORT_BYTES  256 /* up to here a tag is made block by block */
#define NO_PAIR	     GROUP
#define STEP_BLOCKS  (STREAM512_STEP / 16u)
#define FRAMES_BYTES 4096 /* at least, of what is called here, all together */

typedef __m512i v;

/* Bytes of one packet that a batch's lanes from FIRST on are for. */
struct piece {
	uint8_t *data;
	uint32_t bytes;
	uint32_t first;
};

struct work {
	struct stream512 stream;
	uint8_t one_time[GROUP + POLY512_KEYS][POLY64_KEY];
	struct poly512_keys keys; /* of eight packets */
	unsigned keys_of;	  /* the first of them; 2 * GROUP = none */
	unsigned pair;	     /* the first of two packets whose tags are under way, or NO_PAIR */
	uint32_t pair_steps; /* left */
	unsigned tail[2];    /* blocks in each one's tail that are left */
	bool tail_begun;
	bool opening;
	bool tagged[GROUP];
	bool good[GROUP]; /* opening: the tag is the right one */
	struct piece pieces[LANES];
	unsigned n_pieces;
};

/* Where in the row of all blocks we are. */
struct cursor {
	unsigned keys; /* one-time keys that are made */
	unsigned packet;
	uint32_t done; /* bytes of it */
};

/* From LANE on they are the packet's with that counter, and its blocks from NUMBER on; later ones are written
 * over by their owners. */
VECTOR512_INLINE void set_lanes(
	struct stream512 *s, unsigned lane, uint32_t number, uint64_t counter)
{
	const v iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	v numbers = _mm512_add_epi32(iota, _mm512_set1_epi32((int)number));
	v low = _mm512_set1_epi32((int)(uint32_t)counter);
	v high = _mm512_set1_epi32((int)(uint32_t)(counter >> 32));

	for (; lane < LANES; lane += 16) {
		_mm512_storeu_si512(s->number + lane, numbers);
		_mm512_storeu_si512(s->low + lane, low);
		_mm512_storeu_si512(s->high + lane, high);
		numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(16));
	}
}

/* Gives the lanes of a batch to what comes next. */
VECTOR512_INLINE void fill(
	struct work *w, struct cursor *c, const struct aead_packet *p, unsigned n)
{
	unsigned lane = 0;

	for (; lane < LANES && c->keys < n; lane++, c->keys++) {
		w->stream.number[lane] = 0;
		w->stream.low[lane] = (uint32_t)p[c->keys].counter;
		w->stream.high[lane] = (uint32_t)(p[c->keys].counter >> 32);
	}
	w->n_pieces = 0;
	while (lane < LANES && c->packet < n) {
		const struct aead_packet *q = &p[c->packet];
		uint32_t bytes = MIN(q->len - c->done, (LANES - lane) * BLOCK);

		set_lanes(&w->stream, lane, 1 + c->done / BLOCK, q->counter);
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

/* What is done for the pair in the next batch. */
static void pair_go_on(struct work *w)
{
	struct stream512 *s = &w->stream;

	s->steps = MIN(w->pair_steps, (uint32_t)STREAM512_STEPS);
	s->last = s->steps && s->steps == w->pair_steps && s->steps < STREAM512_STEPS &&
		w->tail[0] >= STEP_BLOCKS && w->tail[1] >= STEP_BLOCKS;
	w->pair_steps -= s->steps;
	w->tail_begun = s->last;
	for (unsigned i = 0; i < 2 && s->last; i++)
		w->tail[i] -= STEP_BLOCKS;
}

/* Makes the key stream for what comes next, and goes on with the pair. */
VECTOR512_INLINE void next_batch(
	struct work *w, struct cursor *c, const struct aead_packet *p, unsigned n)
{
	unsigned first = c->keys;

	fill(w, c, p, n);
	pair_go_on(w);
	stream512_run(&w->stream);
	for (unsigned i = first; i < c->keys; i++)
		memcpy(w->one_time[i], w->stream.blocks[i - first], POLY64_KEY);
}

VECTOR512_INLINE void apply(const struct piece *piece, const uint8_t *stream)
{
	uint8_t *p = piece->data;
	uint32_t left = piece->bytes;

	for (; left >= BLOCK; left -= BLOCK, p += BLOCK, stream += BLOCK)
		_mm512_storeu_si512(
			p, _mm512_xor_si512(_mm512_loadu_si512(p), _mm512_load_si512(stream)));
	for (; left >= 16; left -= 16, p += 16, stream += 16)
		_mm_storeu_si128((void *)p,
			_mm_xor_si128(_mm_loadu_si128((const void *)p),
				_mm_load_si128((const void *)stream)));
	for (; left >= 4; left -= 4, p += 4, stream += 4) {
		uint32_t word, key_word;

		memcpy(&word, p, sizeof(word));
		memcpy(&key_word, stream, sizeof(key_word));
		word ^= key_word;
		memcpy(p, &word, sizeof(word));
	}
	for (; left; left--)
		*p++ ^= *stream++;
}

/* Encrypts or decrypts what the batch covers. */
VECTOR512_INLINE void apply_all(const struct work *w)
{
	for (unsigned i = 0; i < w->n_pieces; i++)
		apply(&w->pieces[i], w->stream.blocks[w->pieces[i].first]);
}

/* ---- tags ---- */

/* Opening: in constant time. */
static void settle(
	struct work *w, const struct aead_packet *p, unsigned which, const uint8_t tag[AEAD_TAG])
{
	uint8_t *place = p[which].data + p[which].len;
	uint64_t want[2], got[2];

	w->tagged[which] = true;
	if (w->opening) {
		memcpy(want, tag, sizeof(want));
		memcpy(got, place, sizeof(got));
		w->good[which] = ((want[0] ^ got[0]) | (want[1] ^ got[1])) == 0;
	} else {
		memcpy(place, tag, AEAD_TAG);
	}
}

static void tag_alone(struct work *w, const struct aead_packet *p, unsigned which)
{
	const uint8_t *data = p[which].data;
	uint8_t tag[AEAD_TAG];
	struct poly64 sum;

	if (p[which].len <= SHORT_BYTES) {
		uint8_t text[SHORT_BYTES + 16];
		unsigned blocks = poly64_tail(text, data, p[which].len, p[which].len);

		poly64_begin(&sum, w->one_time[which], text);
		poly64_take(&sum, blocks);
		poly64_tag(&sum, tag);
		sodium_memzero(&sum, sizeof(sum));
	} else {
		if (which < w->keys_of || which >= w->keys_of + POLY512_KEYS) {
			poly512_prepare(&w->keys, w->one_time[which], POLY64_KEY);
			w->keys_of = which;
		}
		poly512_tag(&w->keys, which - w->keys_of, data, p[which].len, tag);
	}
	settle(w, p, which, tag);
}

/* Packets FIRST and the next one are of one length, and long enough. */
static bool pair_begin(struct work *w, const struct aead_packet *p, unsigned first)
{
	uint32_t steps = p[first].len / STREAM512_STEP, whole = steps * STREAM512_STEP;

	if (p[first].len <= SHORT_BYTES || steps != p[first + 1].len / STREAM512_STEP)
		return false;
	for (unsigned i = 0; i < 2; i++) {
		const struct aead_packet *q = &p[first + i];

		poly64_begin(&w->stream.sums[i], w->one_time[first + i], q->data);
		w->tail[i] =
			poly64_tail(w->stream.tails[i], q->data + whole, q->len - whole, q->len);
	}
	w->pair = first;
	w->pair_steps = steps;
	w->tail_begun = false;
	return true;
}

/* What is left of it, without help. */
static void pair_end(struct work *w, const struct aead_packet *p)
{
	uint8_t tag[AEAD_TAG];

	if (w->pair == NO_PAIR)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct poly64 *sum = &w->stream.sums[i];

		poly64_take(sum, w->pair_steps * STEP_BLOCKS);
		if (!w->tail_begun)
			sum->data = w->stream.tails[i];
		poly64_take(sum, w->tail[i]);
		poly64_tag(sum, tag);
		settle(w, p, w->pair + i, tag);
	}
	w->pair = NO_PAIR;
	w->pair_steps = 0;
}

static unsigned batches_for(uint32_t steps)
{
	return (steps + STREAM512_STEPS - 1) / STREAM512_STEPS;
}

/* Lanes that packets FROM … TO - 1 need, without their one-time keys. */
static uint32_t lanes_of(const struct aead_packet *p, unsigned from, unsigned to)
{
	uint32_t lanes = 0;

	for (; from < to; from++)
		lanes += (p[from].len + BLOCK - 1) / BLOCK;
	return lanes;
}

static void group_begin(struct work *w, bool opening)
{
	w->opening = opening;
	w->pair = NO_PAIR;
	w->pair_steps = 0;
	w->keys_of = 2 * GROUP;
	memset(w->tagged, 0, sizeof(w->tagged));
}

/* ---- groups ---- */

/* A pair of what is encrypted, from NEXT on, if its tags are made before all is done. LANES: that are left. */
static unsigned pair_behind(struct work *w, const struct cursor *c, const struct aead_packet *p,
	unsigned next, uint32_t lanes)
{
	while (w->pair == NO_PAIR && next + 1 < c->packet &&
		batches_for(p[next].len / STREAM512_STEP) * LANES <= lanes) {
		if (pair_begin(w, p, next))
			return next + 2;
		tag_alone(w, p, next++);
	}
	return next;
}

VECTOR512 static void seal_group(struct work *w, const struct aead_packet *p, unsigned n)
{
	uint32_t lanes = lanes_of(p, 0, n) + n;
	struct cursor c = {0};
	unsigned next = 0;

	group_begin(w, false);
	while (c.packet < n) {
		next = pair_behind(w, &c, p, next, lanes);
		next_batch(w, &c, p, n);
		lanes -= MIN(lanes, (uint32_t)LANES);
		apply_all(w);
		if (!w->pair_steps)
			pair_end(w, p);
	}
	pair_end(w, p);
	for (; next < n; next++)
		tag_alone(w, p, next);
}

/* A pair from NEXT on, of the first whose tags are made before they are decrypted. Returns what may be the
 * next one's. */
static unsigned pair_ahead(struct work *w, const struct cursor *c, const struct aead_packet *p,
	unsigned n, unsigned next)
{
	uint32_t lanes = 0;

	if (w->pair != NO_PAIR)
		return next;
	for (unsigned i = c->packet; i + 1 < n && i + 1 < c->keys; i++) {
		if (i >= next && lanes >= batches_for(p[i].len / STREAM512_STEP) * LANES)
			return pair_begin(w, p, i) ? i + 2 : i + 1;
		lanes += lanes_of(p, i, i + 1) - (i == c->packet ? c->done / BLOCK : 0);
	}
	return next;
}

VECTOR512 static size_t open_group(struct work *w, struct aead_packet *p, unsigned n)
{
	unsigned checked = 0, next = 1;
	struct cursor c = {0};
	size_t good = 0;

	group_begin(w, true);
	while (c.packet < n) {
		next = pair_ahead(w, &c, p, n, next);
		next_batch(w, &c, p, n);
		if (!w->pair_steps)
			pair_end(w, p);
		/* all that the batch touches, if only with its beginning */
		for (; checked < c.packet + (c.done > 0); checked++) {
			if (checked == w->pair)
				pair_end(w, p);
			if (!w->tagged[checked])
				tag_alone(w, p, checked);
		}
		apply_all(w);
	}
	for (unsigned i = 0; i < n; i++) {
		p[i].ok = w->good[i];
		good += p[i].ok;
	}
	return good;
}

bool chapoly512_usable(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		__builtin_cpu_supports("avx512ifma") && __builtin_cpu_supports("avx512vbmi2") &&
		__builtin_cpu_supports("bmi2");
}

static void wipe(struct work *w)
{
	sodium_memzero(w, sizeof(*w));
	sodium_stackzero(FRAMES_BYTES);
}

void chapoly512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n)
{
	struct work w;

	stream512_init(&w.stream, key);
	for (size_t i = 0; i < n; i += GROUP)
		seal_group(&w, p + i, (unsigned)MIN(n - i, (size_t)GROUP));
	wipe(&w);
}

size_t chapoly512_open(const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n)
{
	size_t good = 0;
	struct work w;

	stream512_init(&w.stream, key);
	for (size_t i = 0; i < n; i += GROUP)
		good += open_group(&w, p + i, (unsigned)MIN(n - i, (size_t)GROUP));
	wipe(&w);
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
