// SPDX-License-Identifier: MIT
// The transport's cipher: vectors, edges, and every implementation against libsodium.
#include "test.h"

#include <dlfcn.h>
#include <sodium.h>
#include <stdlib.h>

#include "wg/aead.h"

static const enum aead_kind kinds[] = {AEAD_SODIUM, AEAD_IPSECMB, AEAD_AVX512};
#ifdef TSGW_SAN
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* In the place of the C library's: a machine on which the library is not installed. */
static bool not_installed;
void *dlopen(const char *name, int flags)
{
	void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");

	return not_installed ? NULL : real(name, flags);
}

/* NULL if this build or machine does not have it. */
static struct aead *make(enum aead_kind kind)
{
	struct aead *a = NULL;

	if (aead_init(kind) == 0)
		a = aead_new();
	return a;
}

static void from_hex(uint8_t *out, size_t len, const char *hex)
{
	size_t got = 0;

	CHECK(sodium_hex2bin(out, len, hex, strlen(hex), NULL, &got, NULL) == 0 && got == len);
}

/* Made with an implementation in Python that reproduces RFC 8439 §2.8.2. */
static const struct {
	const char *key, *plain, *sealed;
	uint64_t counter;
} vectors[] = {
	{"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a"
		"204966"
		"204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f72207468652066"
		"757475"
		"72652c2073756e73637265656e20776f756c642062652069742e",
		"a479cb54628946d6f4042a8e384ef4bd2fbc7330b8be55eb2d8dc18aaa51d66a8ec1f8d3619a258db0"
		"ac5695"
		"6015b7b4937e9b8e6aa957b3dc0214d803d77660aabc913092971da8f207171ce7843608162e2e759d"
		"8efc25"
		"d8d0936990af63c820ba87e8a955b5c8274ef7d10f6fafd04647fa6775577a1a250dcc2df37e95e46c"
		"4a",
		0x4746454443424140},
	{"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "",
		"caa666b0e22456ddb4c58421f60ffc80", UINT64_MAX},
	{"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000000000000000000000000"
		"000000"
		"0000000000000000000000000000000000000000",
		"9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed29b721769ce64e43d5"
		"7133b0"
		"74d839d531ed1f28510afb45ace10a1f4b794d6f75c5180ef52d6921037a3d0af9f0dac8",
		0},
	{"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"a4f1f6e2a6449d71cb21dbc741452f8945cb064b4a8372f857a7da9d913ccdcd7b07815e27221d93bc"
		"38e11c"
		"b69bed10e6",
		1ull << 32},
};

static void known_answers(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);

		for (size_t i = 0; a && i < sizeof(vectors) / sizeof(vectors[0]); i++) {
			uint8_t key[32], buf[256], plain[256], sealed[256];
			size_t len = strlen(vectors[i].plain) / 2;
			struct aead_packet p = {
				.data = buf, .len = (uint32_t)len, .counter = vectors[i].counter};

			from_hex(key, 32, vectors[i].key);
			from_hex(plain, len, vectors[i].plain);
			from_hex(sealed, len + AEAD_TAG, vectors[i].sealed);
			memcpy(buf, plain, len);
			aead_seal(a, key, &p, 1);
			CHECK_MEM(buf, sealed, len + AEAD_TAG);
			CHECK_EQ(aead_open(a, key, &p, 1), 1);
			CHECK_EQ(p.ok, 1);
			CHECK_MEM(buf, plain, len);
		}
		aead_free(a);
	}
}

/* The reference that all others are compared with is itself right: RFC 8439 §2.8.2. */
static void reference_is_rfc8439(void)
{
	static const char text[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you only "
		"one tip for the future, sunscreen would be it.";
	uint8_t key[32], nonce[12], aad[12], out[256], tag[16];

	from_hex(key, 32, vectors[0].key);
	from_hex(nonce, 12, "070000004041424344454647");
	from_hex(aad, 12, "50515253c0c1c2c3c4c5c6c7");
	from_hex(tag, 16, "1ae10b594f09e26a7e902ecbd0600691");
	crypto_aead_chacha20poly1305_ietf_encrypt(
		out, NULL, (const uint8_t *)text, sizeof(text) - 1, aad, 12, NULL, nonce, key);
	CHECK_MEM(out + sizeof(text) - 1, tag, 16);
}

#define TRAIN  24
#define STRIDE 1700
#define ROUNDS 400

static uint32_t edge_length(unsigned i)
{
	static const uint16_t edges[] = {0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129,
		191, 192, 193, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1280, 1392, 1420,
		1424, 1452};

	return i % 3 ? randombytes_uniform(1500)
		     : edges[i / 3 % (sizeof(edges) / sizeof(edges[0]))];
}

static uint64_t edge_counter(unsigned i)
{
	static const uint64_t edges[] = {
		0, 1, UINT32_MAX, 1ull << 32, UINT64_MAX, UINT64_MAX - 8192, 1ull << 63};
	uint64_t v;

	randombytes_buf(&v, sizeof(v));
	return i % 2 ? v : edges[i / 2 % (sizeof(edges) / sizeof(edges[0]))];
}

static void seal_reference(const uint8_t *key, const struct aead_packet *p, uint8_t *out)
{
	uint8_t nonce[12] = {0};

	for (int i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(p->counter >> 8 * i);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		out, NULL, p->data, p->len, NULL, 0, NULL, nonce, key);
}

/* Random lengths, alignments and counters, in trains; neighbours' bytes stay as they are. */
static void trains_equal_libsodium(void)
{
	static uint8_t buf[TRAIN * STRIDE], before[TRAIN * STRIDE], want[TRAIN * STRIDE];

	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);
		unsigned serial = 0;

		for (int round = 0; a && round < ROUNDS; round++) {
			unsigned n = 1 + randombytes_uniform(TRAIN);
			struct aead_packet p[TRAIN];
			uint8_t key[32];

			randombytes_buf(key, sizeof(key));
			randombytes_buf(buf, sizeof(buf));
			memcpy(before, buf, sizeof(buf));
			memcpy(want, buf, sizeof(buf));
			for (unsigned i = 0; i < n; i++, serial++) {
				size_t at = i * STRIDE + randombytes_uniform(64);

				p[i] = (struct aead_packet){.data = buf + at,
					.len = edge_length(serial),
					.counter = edge_counter(serial)};
				seal_reference(key, &p[i], want + at);
			}
			aead_seal(a, key, p, n);
			CHECK_MEM(buf, want, sizeof(buf));
			CHECK_EQ(aead_open(a, key, p, n), n);
			for (unsigned i = 0; i < n; i++) {
				CHECK_EQ(p[i].ok, 1);
				CHECK_MEM(p[i].data, before + (p[i].data - buf), p[i].len);
			}
		}
		aead_free(a);
	}
}

/* As long as they can be, between short ones, and as many as there can be. */
static void large_trains_equal_libsodium(void)
{
	static const uint32_t lengths[] = {65475, 0, 9000, 16, 65474, 1, 32768, 1024};
	static uint8_t buf[64 * 1100 + 3 * 66000], want[sizeof(buf)];

	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);
		struct aead_packet p[64];
		uint8_t key[32] = {9};

		for (unsigned n = 1; a && n <= 64; n++) {
			size_t at = n % 64;

			randombytes_buf(buf, sizeof(buf));
			memcpy(want, buf, sizeof(buf));
			for (unsigned i = 0; i < n; i++) {
				p[i] = (struct aead_packet){.data = buf + at,
					.len = i < 8 && n < 9 ? lengths[i] : 1024 + i % 3 * 16,
					.counter = edge_counter(i)};
				seal_reference(key, &p[i], want + at);
				at += p[i].len + AEAD_TAG;
			}
			aead_seal(a, key, p, n);
			CHECK_MEM(buf, want, sizeof(buf));
			buf[at - 1] ^= 1; /* the last tag */
			CHECK_EQ(aead_open(a, key, p, n), n - 1);
			CHECK_EQ(p[n - 1].ok, 0);
		}
		aead_free(a);
	}
}

/* Packets of equal length, as bulk has them: neighbours may share what is computed. Each in turn is forged. */
static void equal_lengths(struct aead *a, unsigned n, uint32_t len, uint32_t last)
{
	static uint8_t buf[64 * 1600], want[sizeof(buf)];
	size_t stride = len + AEAD_TAG + len % 7;
	struct aead_packet p[64];
	uint8_t key[32];
	unsigned forged = randombytes_uniform(n);

	randombytes_buf(key, sizeof(key));
	randombytes_buf_deterministic(buf, sizeof(buf), key);
	memcpy(want, buf, sizeof(buf));
	for (unsigned i = 0; i < n; i++) {
		p[i] = (struct aead_packet){.data = buf + i * stride,
			.len = i + 1 < n ? len : last,
			.counter = UINT32_MAX - n / 2 + i};
		seal_reference(key, &p[i], want + i * stride);
	}
	aead_seal(a, key, p, n);
	CHECK_MEM(buf, want, sizeof(buf));
	buf[forged * stride + randombytes_uniform(p[forged].len + AEAD_TAG)] ^= 1;
	CHECK_EQ(aead_open(a, key, p, n), n - 1);
	randombytes_buf_deterministic(want, sizeof(want), key);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(p[i].ok, i != forged);
		CHECK(i == forged || !memcmp(p[i].data, want + i * stride, p[i].len));
	}
}

static void equal_trains_equal_libsodium(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);

		for (uint32_t len = 1; a && len <= 1500; len += 1 + len % 5)
			for (unsigned n = 2; n <= 64; n += 1 + randombytes_uniform(24))
				equal_lengths(a, n, len,
					randombytes_uniform(4) ? len : randombytes_uniform(len));
		for (unsigned n = 2; a && n <= 64; n++)
			for (unsigned i = 0; i < 8; i++)
				equal_lengths(a, n, 1420, i % 2 ? 1420 : 100);
		aead_free(a);
	}
}

/* One or two, as an idle node has them; each byte of the text and the tag is changed in turn. */
static void short_packets_equal_libsodium(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);

		for (uint32_t len = 0; a && len <= 200; len++) {
			uint8_t buf[2][256], before[2][256], want[2][256], key[32];
			unsigned n = 1 + len % 2;
			struct aead_packet p[2];

			randombytes_buf(key, sizeof(key));
			randombytes_buf(buf, sizeof(buf));
			memcpy(before, buf, sizeof(buf));
			memcpy(want, buf, sizeof(buf));
			for (unsigned i = 0; i < n; i++) {
				p[i] = (struct aead_packet){.data = buf[i] + len % 32,
					.len = len,
					.counter = edge_counter(len + i)};
				seal_reference(key, &p[i], want[i] + len % 32);
			}
			aead_seal(a, key, p, n);
			CHECK_MEM(buf, want, sizeof(buf));
			for (uint32_t at = 0; at < len + AEAD_TAG; at++) {
				memcpy(buf, want, sizeof(buf));
				p[0].data[at] ^= (uint8_t)(1u << at % 8);
				CHECK_EQ(aead_open(a, key, p, n), n - 1);
				CHECK(!p[0].ok);
			}
			memcpy(buf, want, sizeof(buf));
			CHECK_EQ(aead_open(a, key, p, n), n);
			for (unsigned i = 0; i < n; i++) {
				memcpy(p[i].data + len, before[i] + len % 32 + len, AEAD_TAG);
				CHECK(p[i].ok);
			}
			CHECK_MEM(buf, before, sizeof(buf));
		}
		aead_free(a);
	}
}

/* Every bit of a tag and every byte of the text count; a verdict is of its own packet only. */
static void forgeries_are_found(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);

		for (unsigned i = 0; a && i < 64 + 128; i++) {
			uint8_t key[32] = {(uint8_t)i}, buf[3][64 + AEAD_TAG] = {{0}};
			struct aead_packet p[3];

			for (unsigned j = 0; j < 3; j++)
				p[j] = (struct aead_packet){
					.data = buf[j], .len = 64, .counter = i + j};
			aead_seal(a, key, p, 3);
			if (i < 64)
				buf[1][i] ^= 0x80;
			else
				buf[1][64 + (i - 64) / 8] ^= (uint8_t)(1u << (i - 64) % 8);
			p[0].ok = p[2].ok = 0;
			p[1].ok = 1;
			CHECK_EQ(aead_open(a, key, p, 3), 2);
			CHECK(p[0].ok && !p[1].ok && p[2].ok);
		}
		aead_free(a);
	}
}

static void wrong_counter_or_key(void)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct aead *a = make(kinds[k]);
		uint8_t key[32] = {7}, buf[100 + AEAD_TAG] = {0};
		struct aead_packet p = {.data = buf, .len = 100, .counter = 5};

		if (!a)
			continue;
		aead_seal(a, key, &p, 1);
		p.counter = 5ull + (1ull << 32);
		CHECK_EQ(aead_open(a, key, &p, 1), 0);
		p.counter = 5;
		randombytes_buf(buf, sizeof(buf));
		memset(buf, 0, 100);
		aead_seal(a, key, &p, 1);
		key[31] ^= 1;
		CHECK_EQ(aead_open(a, key, &p, 1), 0);
		CHECK_EQ(p.ok, 0);
		aead_free(a);
	}
}

/* Before all others: what is loaded stays loaded. */
static void without_the_library(void)
{
	static uint8_t buf[1u << 16];
	uint8_t key[32] = {9};
	const char *want = aead_init(AEAD_AVX512) == 0 ? "AVX-512" : "libsodium";
	struct aead *a;

	not_installed = true;
	CHECK(aead_init(AEAD_IPSECMB) < 0);
	a = make(AEAD_AUTO);
	for (uint64_t i = 0; i < 30; i++) { /* more than what a choice is worth */
		struct aead_packet p = {.data = buf, .len = sizeof(buf) - AEAD_TAG, .counter = i};

		aead_seal(a, key, &p, 1);
		CHECK_EQ(aead_open(a, key, &p, 1), 1);
	}
	/* a sanitizer slows down our code and not libsodium's: then either may be the faster one */
	if (SANITIZED && strcmp(aead_name(a), want))
		want = "libsodium";
	CHECK_STR(aead_name(a), want);
	aead_free(a);
	not_installed = false;
}

/* The choice is made in the middle of the traffic, and nobody notices. */
static void promotion_is_seamless(void)
{
	static uint8_t buf[TRAIN * STRIDE], want[TRAIN * STRIDE];
	struct aead *a = make(AEAD_AUTO);
	struct aead_packet p[TRAIN];
	uint8_t key[32] = {3};
	uint64_t counter = 0;

	CHECK_STR(aead_name(a), "libsodium");
	for (int round = 0; round < 30; round++) {
		randombytes_buf(buf, sizeof(buf));
		memcpy(want, buf, sizeof(buf));
		for (unsigned i = 0; i < TRAIN; i++) {
			p[i] = (struct aead_packet){
				.data = buf + i * STRIDE, .len = 1420, .counter = counter++};
			seal_reference(key, &p[i], want + i * STRIDE);
		}
		aead_seal(a, key, p, TRAIN);
		CHECK_MEM(buf, want, sizeof(buf));
	}
	printf("# cipher in use: %s\n", aead_name(a));
	aead_free(a);
}

static void null_cipher_is_not_built_in(void)
{
#ifndef TSGW_NULL_AEAD
	CHECK(aead_init(AEAD_NULL) < 0);
#endif
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(without_the_library);
	RUN(reference_is_rfc8439);
	RUN(known_answers);
	RUN(trains_equal_libsodium);
	RUN(large_trains_equal_libsodium);
	RUN(equal_trains_equal_libsodium);
	RUN(short_packets_equal_libsodium);
	RUN(forgeries_are_found);
	RUN(wrong_counter_or_key);
	RUN(promotion_is_seamless);
	RUN(null_cipher_is_not_built_in);
	return TEST_END();
}
