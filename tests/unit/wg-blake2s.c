// SPDX-License-Identifier: MIT
// BLAKE2s against RFC 7693 (appendix B and the self-test of appendix E), HMAC against its definition.
#include "test.h"

#include <sodium.h>

#include "wg/blake2s.h"

static void test_abc(void)
{
	static const uint8_t want[32] = {0x50, 0x8C, 0x5E, 0x8C, 0x32, 0x7C, 0x14, 0xE2, 0xE1, 0xA7,
		0x2B, 0xA3, 0x4E, 0xEB, 0x45, 0x2F, 0x37, 0x45, 0x8B, 0x20, 0x9E, 0xD6, 0x3A, 0x29,
		0x4D, 0x99, 0x9B, 0x4C, 0x86, 0x67, 0x59, 0x82};
	uint8_t out[32];

	blake2s(out, 32, NULL, 0, "abc", 3);
	CHECK_MEM(out, want, 32);
}

/* RFC 7693 appendix E: a hash over hashes of many lengths, keyed and unkeyed. */
static void fill(uint8_t *out, size_t len, uint32_t seed)
{
	uint32_t a = 0xDEAD4BAD * seed, b = 1;

	for (size_t i = 0; i < len; i++) {
		uint32_t t = a + b;

		a = b;
		b = t;
		out[i] = (uint8_t)(t >> 24);
	}
}

static void test_rfc_selftest(void)
{
	static const uint8_t want[32] = {0x6A, 0x41, 0x1F, 0x08, 0xCE, 0x25, 0xAD, 0xCD, 0xFB, 0x02,
		0xAB, 0xA6, 0x41, 0x45, 0x1C, 0xEC, 0x53, 0xC5, 0x98, 0xB2, 0x4F, 0x4F, 0xC7, 0x87,
		0xFB, 0xDC, 0x88, 0x79, 0x7F, 0x4C, 0x1D, 0xFE};
	static const size_t md_len[4] = {16, 20, 28, 32};
	static const size_t in_len[6] = {0, 3, 64, 65, 255, 1024};
	uint8_t in[1024], md[32], key[32];
	struct blake2s all;

	blake2s_init(&all, 32, NULL, 0);
	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 6; j++) {
			fill(in, in_len[j], (uint32_t)in_len[j]);
			blake2s(md, md_len[i], NULL, 0, in, in_len[j]);
			blake2s_update(&all, md, md_len[i]);
			fill(key, md_len[i], (uint32_t)md_len[i]);
			blake2s(md, md_len[i], key, md_len[i], in, in_len[j]);
			blake2s_update(&all, md, md_len[i]);
		}
	}
	blake2s_final(&all, md);
	CHECK_MEM(md, want, 32);
}

static void test_any_split(void)
{
	uint8_t in[200], whole[32], parts[32];
	struct blake2s s;

	fill(in, sizeof(in), 7);
	for (size_t len = 0; len <= sizeof(in); len += 13) {
		blake2s(whole, 32, "key", 3, in, len);
		for (size_t cut = 0; cut <= len; cut++) {
			blake2s_init(&s, 32, "key", 3);
			blake2s_update(&s, in, cut);
			blake2s_update(&s, in + cut, len - cut);
			blake2s_final(&s, parts);
			CHECK_MEM(whole, parts, 32);
		}
	}
}

/* Kdf1, Kdf2 and Kdf3 agree on what they share; T1 may overwrite CK. */
static void test_kdf(void)
{
	uint8_t ck[32], a1[32], b1[32], b2[32], c1[32], c2[32], c3[32], t0[32], t1[32];

	fill(ck, 32, 1);
	blake2s_kdf(ck, "input", 5, a1, NULL, NULL);
	blake2s_kdf(ck, "input", 5, b1, b2, NULL);
	blake2s_kdf(ck, "input", 5, c1, c2, c3);
	CHECK_MEM(a1, c1, 32);
	CHECK_MEM(b1, c1, 32);
	CHECK_MEM(b2, c2, 32);
	CHECK(memcmp(c2, c3, 32));
	blake2s_hmac(t0, ck, 32, "input", 5);
	blake2s_hmac(t1, t0, 32, "\x01", 1);
	CHECK_MEM(t1, c1, 32);
	blake2s_kdf(ck, "input", 5, ck, b2, NULL);
	CHECK_MEM(ck, c1, 32);
	CHECK_MEM(b2, c2, 32);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(test_abc);
	RUN(test_rfc_selftest);
	RUN(test_any_split);
	RUN(test_kdf);
	return TEST_END();
}
