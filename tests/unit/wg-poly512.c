// SPDX-License-Identifier: MIT
// Poly1305 in vectors against libsodium's, where random messages never come: at the edges of its modulus.
#include "test.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "wg/chapoly512.h"
#include "wg/poly512.h"
#include "wg/short512.h"
#include "wg/stream512.h"

/* Where the processor has not what it needs, nobody can ask for it. */
static void not_offered(void)
{
	CHECK(!chapoly512_usable());
	CHECK(aead_init(AEAD_AVX512) < 0);
}

#if HAVE_VECTOR512

#define LEN_MAX 2000

/* The same key for all eight messages, so that the lanes agree. */
static void prepare(struct poly512_keys *k, const uint8_t key[32])
{
	poly512_prepare(k, key, 0);
}

/* RFC 8439 §2.8 without additional data: padded text, two lengths. */
static void reference(uint8_t tag[16], const uint8_t key[32], const uint8_t *data, uint32_t len)
{
	static uint8_t text[LEN_MAX + 32];
	size_t n = (len + 15) / 16 * 16;
	uint64_t len64 = len;

	memset(text, 0, sizeof(text));
	memcpy(text, data, len);
	memcpy(text + n + 8, &len64, 8);
	crypto_onetimeauth_poly1305(tag, text, n + 16, key);
}

static void one_by_one(const uint8_t key[32], const uint8_t *data, uint32_t len, uint8_t ret[16])
{
	static uint8_t text[LEN_MAX + 32];
	unsigned blocks = poly64_tail(text, data, len, len);
	struct poly64 sum;

	poly64_begin(&sum, key, text);
	poly64_take(&sum, blocks);
	poly64_tag(&sum, ret);
}

/* Two sums of the same message; the last step may be one of the tails. */
static void beside_the_stream(const uint8_t key[32], const uint8_t *data, uint32_t len,
	unsigned steps, uint8_t ret[16], uint8_t ret2[16])
{
	static uint8_t text[2][LEN_MAX + 32];
	static struct stream512 s;
	uint32_t done = steps * STREAM512_STEP;
	unsigned blocks;

	stream512_init(&s, key);
	s.last = steps > 1 && steps % 2 == 0;
	s.steps = steps - s.last;
	for (unsigned i = 0; i < 2; i++) {
		poly64_begin(&s.sums[i], key, data);
		memcpy(s.tails[i], data + s.steps * STREAM512_STEP, s.last * STREAM512_STEP);
	}
	stream512_run(&s);
	for (unsigned i = 0; i < 2; i++) {
		blocks = poly64_tail(text[i], data + done, len - done, len);
		s.sums[i].data = text[i];
		poly64_take(&s.sums[i], blocks);
	}
	poly64_tag(&s.sums[0], ret);
	poly64_tag(&s.sums[1], ret2);
}

static void compare(const uint8_t key[32], const uint8_t *data, uint32_t len)
{
	static struct poly512_keys k;
	uint8_t want[16], got[16];

	prepare(&k, key);
	reference(want, key, data, len);
	for (unsigned which = 0; which < POLY512_KEYS; which += 7) {
		poly512_tag(&k, which, data, len, got);
		CHECK_MEM(got, want, 16);
	}
	one_by_one(key, data, len, got);
	CHECK_MEM(got, want, 16);
	for (unsigned steps = 1; steps <= STREAM512_STEPS; steps += 3) {
		uint8_t other[16];

		if (steps * STREAM512_STEP > len)
			break;
		beside_the_stream(key, data, len, steps, got, other);
		CHECK_MEM(got, want, 16);
		CHECK_MEM(other, want, 16);
	}
}

/* All bits of key and text set, or none, at every length. */
static void extreme_bits(void)
{
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	static uint8_t data[LEN_MAX];
	uint8_t key[32];

	for (unsigned i = 0; i < sizeof(values) * sizeof(values); i++) {
		memset(key, values[i % sizeof(values)], sizeof(key));
		memset(data, values[i / sizeof(values)], sizeof(data));
		for (uint32_t len = 0; len <= 600; len++)
			compare(key, data, len);
		compare(key, data, LEN_MAX);
	}
}

/* r = 1, and a text of two blocks whose sum with the lengths is 2^130 - 5 + i. */
static void around_the_modulus(void)
{
	uint8_t key[32] = {1}, data[32] = {0};

	for (int i = -8; i < 16; i++) {
		unsigned __int128 block = (unsigned __int128)0 - 5 - ((unsigned __int128)32 << 64);

		block += (unsigned __int128)(__int128)i;
		memcpy(data, &block, sizeof(block));
		for (int pad = 0; pad < 2; pad++) {
			memset(key + 16, pad ? 0xff : 0, 16);
			compare(key, data, sizeof(data));
		}
	}
}

/* Each of the eight messages has its own key. */
static void keys_do_not_mix(void)
{
	static uint8_t keys[POLY512_KEYS][40];
	static struct poly512_keys k;
	uint8_t data[1424], want[16], got[16];

	randombytes_buf(keys, sizeof(keys));
	randombytes_buf(data, sizeof(data));
	poly512_prepare(&k, keys[0], sizeof(keys[0]));
	for (unsigned which = 0; which < POLY512_KEYS; which++) {
		reference(want, keys[which], data, sizeof(data));
		poly512_tag(&k, which, data, sizeof(data), got);
		CHECK_MEM(got, want, 16);
	}
}

/* ---- the key stream ---- */

/* Each lane is a block of its own; whether sums are made beside it or not. */
static void lanes_equal_libsodium(void)
{
	static struct stream512 s;
	static uint8_t text[2][STREAM512_STEPS * STREAM512_STEP];

	for (unsigned round = 0; round < 50; round++) {
		uint8_t key[32], nonce[12] = {0}, want[STREAM512_BLOCK];

		randombytes_buf(key, sizeof(key));
		stream512_init(&s, key);
		randombytes_buf(s.number, sizeof(s.number));
		randombytes_buf(s.low, sizeof(s.low));
		randombytes_buf(s.high, sizeof(s.high));
		s.steps = round % (STREAM512_STEPS + 1);
		s.last = s.steps && s.steps < STREAM512_STEPS && round % 2;
		for (unsigned i = 0; i < 2; i++)
			poly64_begin(&s.sums[i], key, text[i]);
		stream512_run(&s);
		for (unsigned i = 0; i < STREAM512_LANES; i++) {
			memcpy(nonce + 4, &s.low[i], 4);
			memcpy(nonce + 8, &s.high[i], 4);
			memset(want, 0, sizeof(want));
			crypto_stream_chacha20_ietf_xor_ic(
				want, want, sizeof(want), nonce, s.number[i], key);
			CHECK_MEM(s.blocks[i], want, sizeof(want));
		}
	}
}

/* ---- what stays behind ---- */

#ifndef TSGW_SAN
#define STACK_BYTES (256u * 1024u)
#define PACKETS	    16

static struct {
	uint8_t key[AEAD_KEY];
	uint8_t data[PACKETS][1440];
	struct aead_packet packets[PACKETS];
	bool open, alone;
} job;

static void *work(void *arg)
{
	for (unsigned i = 0; job.alone && i < PACKETS; i++)
		if (job.open)
			short512_open(job.key, &job.packets[i]);
		else
			short512_seal(job.key, &job.packets[i]);
	if (job.alone)
		return NULL;
	if (job.open)
		chapoly512_open(job.key, job.packets, PACKETS);
	else
		chapoly512_seal(job.key, job.packets, PACKETS);
	return NULL;
}

static bool contains(const uint8_t *stack, const void *secret, size_t len)
{
	return memmem(stack, STACK_BYTES, secret, len) != NULL;
}

/* RFC 8439 §2.5: r and s, and r as the vectors have it, in limbs. */
static void look_for_one_time_key(const uint8_t *stack, uint64_t counter)
{
	uint8_t nonce[12] = {0}, block[64] = {0};
	uint64_t low, high, limbs[2];

	memcpy(nonce + 4, &counter, sizeof(counter));
	crypto_stream_chacha20_ietf(block, sizeof(block), nonce, job.key);
	for (size_t at = 0; at < 32; at += 4)
		CHECK(!contains(stack, block + at, 4));
	memcpy(&low, block, 8);
	memcpy(&high, block + 8, 8);
	low &= 0x0ffffffc0fffffff;
	high &= 0x0ffffffc0ffffffc;
	limbs[0] = low & 0xfffffffffff;
	limbs[1] = (low >> 44 | high << 20) & 0xfffffffffff;
	CHECK(!contains(stack, &limbs[0], 8) && !contains(stack, &limbs[1], 8));
}

/* Neither the key nor what was made of it, as far as it can be told from chance: by four bytes and more. */
static void nothing_stays_on_the_stack(void)
{
	_Alignas(64) static uint8_t stack[STACK_BYTES];
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	CHECK_EQ(pthread_attr_setstack(&attr, stack, sizeof(stack)), 0);
	for (int round = 0; round < 4; round++) {
		memset(stack, 0, sizeof(stack));
		for (size_t i = 0; i < sizeof(job.key); i++)
			job.key[i] = (uint8_t)(i * 37 + 101);
		for (unsigned i = 0; i < PACKETS; i++)
			job.packets[i] = (struct aead_packet){.data = job.data[i],
				.len = round < 2 ? 1424 : 100 + i,
				.counter = 1000 + i};
		job.open = round % 2;
		job.alone = round >= 2;
		CHECK_EQ(pthread_create(&thread, &attr, work, NULL), 0);
		pthread_join(thread, NULL);
		for (size_t at = 0; at < sizeof(job.key); at += 4)
			CHECK(!contains(stack, job.key + at, 4));
		for (unsigned i = 0; i < PACKETS; i++)
			look_for_one_time_key(stack, 1000 + i);
	}
	pthread_attr_destroy(&attr);
}

#endif

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	if (!chapoly512_usable()) {
		RUN(not_offered);
		return TEST_END();
	}
	RUN(extreme_bits);
	RUN(around_the_modulus);
	RUN(keys_do_not_mix);
	RUN(lanes_equal_libsodium);
#ifndef TSGW_SAN /* which keeps variables in places of its own */
	RUN(nothing_stays_on_the_stack);
#endif
	return TEST_END();
}

#else

int main(void)
{
	RUN(not_offered);
	return TEST_END();
}

#endif
