// SPDX-License-Identifier: MIT
// What the protocol is built of, held against published vectors: X25519 (RFC 7748, Wycheproof), ChaCha20-Poly1305
// and its X form (RFC 8439, Wycheproof), as the node calls them. BLAKE2s has a test of its own.
#include "test.h"

#include <sodium.h>

#include "wg-wycheproof.h"
#include "wg/aead.h"
#include "wg/noise.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static size_t hex(uint8_t *out, size_t size, const char *text)
{
	size_t len = 0;

	CHECK_EQ(sodium_hex2bin(out, size, text, strlen(text), NULL, &len, NULL), 0);
	CHECK_EQ(len, strlen(text) / 2);
	return len;
}

/* ---- X25519 ---- */

/* RFC 7748 §5.2, §6.1 */
static void x25519_rfc7748(void)
{
	static const struct wycheproof_x25519 cases[] = {
		{1, false, "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
			"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
			"c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{2, false, "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
			"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
			"95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	};
	uint8_t public[32], private[32], shared[32], got[32], k[32] = {9}, u[32] = {9};

	for (size_t i = 0; i < 2; i++) {
		hex(public, 32, cases[i].public);
		hex(private, 32, cases[i].private);
		hex(shared, 32, cases[i].shared);
		CHECK_EQ(crypto_scalarmult(got, private, public), 0);
		CHECK_MEM(got, shared, 32);
	}
	/* iterated 1, then 1000 times */
	for (int i = 1; i <= 1000; i++) {
		CHECK_EQ(crypto_scalarmult(got, k, u), 0);
		memcpy(u, k, 32);
		memcpy(k, got, 32);
		if (i == 1) {
			hex(shared, 32,
				"422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
			CHECK_MEM(k, shared, 32);
		}
	}
	hex(shared, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
	CHECK_MEM(k, shared, 32);
}

/* As the node has them: a peer with that public key, and our own private one. */
static void x25519_wycheproof(void)
{
	for (size_t i = 0; i < N(wycheproof_x25519); i++) {
		const struct wycheproof_x25519 *t = &wycheproof_x25519[i];
		struct noise_static s = {0};
		struct noise_remote r = {0};
		uint8_t public[32], private[32], shared[32];

		hex(public, 32, t->public);
		hex(private, 32, t->private);
		hex(shared, 32, t->shared);
		noise_set_static(&s, private);
		noise_set_remote(&r, &s, public);
		if (r.usable == t->zero || (r.usable && memcmp(r.static_static, shared, 32))) {
			fprintf(stderr, "case %d\n", t->id);
			test_failed_checks++;
		}
		if (!r.usable)
			CHECK(sodium_is_zero(r.static_static, 32));
	}
}

/* ---- ChaCha20-Poly1305 ---- */

struct sizes {
	uint8_t key[32], iv[24], aad[256], msg[256], sealed[256 + 16], got[256 + 16];
	size_t n_aad, n_msg;
};

static void load(struct sizes *s, const struct wycheproof_aead *t)
{
	hex(s->key, 32, t->key);
	hex(s->iv, sizeof(s->iv), t->iv);
	s->n_aad = hex(s->aad, sizeof(s->aad), t->aad);
	s->n_msg = hex(s->msg, sizeof(s->msg), t->msg);
	hex(s->sealed, sizeof(s->sealed), t->ct);
	hex(s->sealed + s->n_msg, 16, t->tag);
}

/* What handshakes are sealed with. */
static void chacha20_wycheproof(void)
{
	static struct sizes s;

	for (size_t i = 0; i < N(wycheproof_chacha20); i++) {
		const struct wycheproof_aead *t = &wycheproof_chacha20[i];
		int r;

		load(&s, t);
		crypto_aead_chacha20poly1305_ietf_encrypt(
			s.got, NULL, s.msg, s.n_msg, s.aad, s.n_aad, NULL, s.iv, s.key);
		CHECK_EQ(!memcmp(s.got, s.sealed, s.n_msg + 16), t->valid);
		r = crypto_aead_chacha20poly1305_ietf_decrypt(
			s.got, NULL, NULL, s.sealed, s.n_msg + 16, s.aad, s.n_aad, s.iv, s.key);
		CHECK_EQ(r, t->valid ? 0 : -1);
		if (t->valid)
			CHECK_MEM(s.got, s.msg, s.n_msg);
	}
}

/* What cookies are sealed with. */
static void xchacha20_wycheproof(void)
{
	static struct sizes s;

	for (size_t i = 0; i < N(wycheproof_xchacha20); i++) {
		const struct wycheproof_aead *t = &wycheproof_xchacha20[i];
		int r;

		load(&s, t);
		crypto_aead_xchacha20poly1305_ietf_encrypt(
			s.got, NULL, s.msg, s.n_msg, s.aad, s.n_aad, NULL, s.iv, s.key);
		CHECK_EQ(!memcmp(s.got, s.sealed, s.n_msg + 16), t->valid);
		r = crypto_aead_xchacha20poly1305_ietf_decrypt(
			s.got, NULL, NULL, s.sealed, s.n_msg + 16, s.aad, s.n_aad, s.iv, s.key);
		CHECK_EQ(r, t->valid ? 0 : -1);
		if (t->valid)
			CHECK_MEM(s.got, s.msg, s.n_msg);
	}
}

/* The transport's cipher knows neither additional data nor other nonces than counters. With the keys of
 * each case it must do what libsodium does with the case's message, and refuse each case's mutilation of the tag. */
static void transport_with_wycheproof_keys(enum aead_kind kind)
{
	struct aead *a = aead_init(kind) == 0 ? aead_new() : NULL;
	static struct sizes s;

	for (size_t i = 0; a && i < N(wycheproof_chacha20); i++) {
		const struct wycheproof_aead *t = &wycheproof_chacha20[i];
		uint64_t counter;
		uint8_t nonce[12] = {0}, buf[256 + 16];
		struct aead_packet p = {.data = buf};

		load(&s, t);
		memcpy(nonce + 4, s.iv + 4, 8);
		counter = noise_get64(nonce + 4);
		crypto_aead_chacha20poly1305_ietf_encrypt(
			s.got, NULL, s.msg, s.n_msg, NULL, 0, NULL, nonce, s.key);
		memcpy(buf, s.msg, s.n_msg);
		p.len = (uint32_t)s.n_msg;
		p.counter = counter;
		aead_seal(a, s.key, &p, 1);
		CHECK_MEM(buf, s.got, s.n_msg + 16);
		for (int bit = 0; bit < 128; bit += 7) {
			memcpy(buf, s.got, s.n_msg + 16);
			buf[s.n_msg + bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_EQ(aead_open(a, s.key, &p, 1), 0);
			CHECK_EQ(p.ok, 0);
		}
		memcpy(buf, s.got, s.n_msg + 16);
		CHECK_EQ(aead_open(a, s.key, &p, 1), 1);
		CHECK_MEM(buf, s.msg, s.n_msg);
	}
	aead_free(a);
}

static void transport_libsodium(void)
{
	transport_with_wycheproof_keys(AEAD_SODIUM);
}

static void transport_fast(void)
{
	transport_with_wycheproof_keys(AEAD_IPSECMB);
	transport_with_wycheproof_keys(AEAD_AVX512);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	RUN(x25519_rfc7748);
	RUN(x25519_wycheproof);
	RUN(chacha20_wycheproof);
	RUN(xchacha20_wycheproof);
	RUN(transport_libsodium);
	RUN(transport_fast);
	return TEST_END();
}
