// SPDX-License-Identifier: MIT
// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (whitepaper §5.4): bytes in, bytes out.
#include "wg/noise.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "wg/blake2s.h"

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

/* The symmetric state of Noise while one message is worked on; wiped by its owner. */
struct sym {
	uint8_t hash[NOISE_KEY];
	uint8_t ck[NOISE_KEY];
	uint8_t key[NOISE_KEY];
};

static void sym_mix_hash(struct sym *y, const void *data, size_t len)
{
	struct blake2s b;

	blake2s_init(&b, sizeof(y->hash), NULL, 0);
	blake2s_update(&b, y->hash, sizeof(y->hash));
	blake2s_update(&b, data, len);
	blake2s_final(&b, y->hash);
}

static void sym_start(struct sym *y, const uint8_t responder[NOISE_KEY])
{
	blake2s(y->ck, sizeof(y->ck), NULL, 0, construction, sizeof(construction) - 1);
	memcpy(y->hash, y->ck, sizeof(y->hash));
	sym_mix_hash(y, identifier, sizeof(identifier) - 1);
	sym_mix_hash(y, responder, NOISE_KEY);
}

static void sym_mix_ephemeral(struct sym *y, const uint8_t ephemeral[NOISE_KEY])
{
	sym_mix_hash(y, ephemeral, NOISE_KEY);
	blake2s_kdf(y->ck, ephemeral, NOISE_KEY, y->ck, NULL, NULL);
}

static void sym_mix_key(struct sym *y, const uint8_t input[NOISE_KEY])
{
	blake2s_kdf(y->ck, input, NOISE_KEY, y->ck, y->key, NULL);
}

/* libsodium refuses a result of zero, which low-order points give. */
static int sym_mix_dh(struct sym *y, const uint8_t priv[NOISE_KEY], const uint8_t pub[NOISE_KEY])
{
	uint8_t dh[NOISE_KEY];
	int r = crypto_scalarmult(dh, priv, pub) ? -EKEYREJECTED : 0;

	if (r == 0)
		sym_mix_key(y, dh);
	sodium_memzero(dh, sizeof(dh));
	return r;
}

static void sym_mix_psk(struct sym *y, const uint8_t psk[NOISE_KEY])
{
	uint8_t tau[NOISE_KEY];

	blake2s_kdf(y->ck, psk, NOISE_KEY, y->ck, tau, y->key);
	sym_mix_hash(y, tau, sizeof(tau));
	sodium_memzero(tau, sizeof(tau));
}

static void sym_seal(struct sym *y, uint8_t *out, const void *plain, size_t len)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(
		out, NULL, plain, len, y->hash, sizeof(y->hash), NULL, zero_nonce, y->key);
	sym_mix_hash(y, out, len + NOISE_TAG);
}

static int sym_open(struct sym *y, uint8_t *out, const uint8_t *sealed, size_t len)
{
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, len + NOISE_TAG,
		    y->hash, sizeof(y->hash), zero_nonce, y->key))
		return -EKEYREJECTED;
	sym_mix_hash(y, sealed, len + NOISE_TAG);
	return 0;
}

static void sym_load(struct sym *y, const struct noise_handshake *hs)
{
	memcpy(y->hash, hs->hash, sizeof(y->hash));
	memcpy(y->ck, hs->chaining_key, sizeof(y->ck));
}

static void sym_store(const struct sym *y, struct noise_handshake *hs)
{
	memcpy(hs->hash, y->hash, sizeof(y->hash));
	memcpy(hs->chaining_key, y->ck, sizeof(y->ck));
}

static int ephemeral_public(
	uint8_t ret_priv[NOISE_KEY], uint8_t ret_pub[NOISE_KEY], const uint8_t random[NOISE_KEY])
{
	memcpy(ret_priv, random, NOISE_KEY);
	ret_priv[0] &= 248;
	ret_priv[31] = (ret_priv[31] & 127) | 64;
	return crypto_scalarmult_base(ret_pub, ret_priv) ? -EKEYREJECTED : 0;
}

void noise_set_static(struct noise_static *s, const uint8_t private_key[NOISE_KEY])
{
	memcpy(s->private_key, private_key, NOISE_KEY);
	s->set = !sodium_is_zero(private_key, NOISE_KEY);
	if (!s->set) {
		sodium_memzero(s, sizeof(*s));
		return;
	}
	s->private_key[0] &= 248;
	s->private_key[31] = (s->private_key[31] & 127) | 64;
	crypto_scalarmult_base(s->public_key, s->private_key);
}

void noise_set_remote(
	struct noise_remote *r, const struct noise_static *s, const uint8_t public_key[NOISE_KEY])
{
	memmove(r->public_key, public_key, NOISE_KEY);
	r->usable = s->set && !crypto_scalarmult(r->static_static, s->private_key, r->public_key);
	if (!r->usable)
		sodium_memzero(r->static_static, sizeof(r->static_static));
}

void noise_timestamp(uint8_t ret[NOISE_TIMESTAMP], uint64_t sec, uint32_t nsec)
{
	uint64_t tai = 0x400000000000000aull + sec;

	nsec &= ~((1u << 24) - 1);
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(tai >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		ret[8 + i] = (uint8_t)(nsec >> (24 - 8 * i));
}

int noise_create_initiation(struct noise_handshake *hs, const struct noise_static *s,
	const struct noise_remote *r, const uint8_t ephemeral[NOISE_KEY],
	const uint8_t timestamp[NOISE_TIMESTAMP], uint32_t index, struct noise_initiation *ret)
{
	struct noise_initiation m = {.type = {NOISE_INITIATION}};
	uint8_t priv[NOISE_KEY];
	struct sym y;
	int err = -EKEYREJECTED;

	if (!s->set || !r->usable)
		return -EKEYREJECTED;
	sym_start(&y, r->public_key);
	if (ephemeral_public(priv, m.ephemeral, ephemeral) < 0)
		goto out;
	noise_put32(m.sender, index);
	sym_mix_ephemeral(&y, m.ephemeral);
	if (sym_mix_dh(&y, priv, r->public_key) < 0)
		goto out;
	sym_seal(&y, m.sealed_static, s->public_key, NOISE_KEY);
	sym_mix_key(&y, r->static_static);
	sym_seal(&y, m.sealed_timestamp, timestamp, NOISE_TIMESTAMP);
	*hs = (struct noise_handshake){.state = NOISE_SENT_INITIATION, .local_index = index};
	memcpy(hs->ephemeral_private, priv, NOISE_KEY);
	sym_store(&y, hs);
	*ret = m;
	err = 0;
out:
	sodium_memzero(&y, sizeof(y));
	sodium_memzero(priv, sizeof(priv));
	return err;
}

int noise_open_initiation(const struct noise_static *s, const struct noise_initiation *m,
	struct noise_handshake *ret_hs, uint8_t ret_public_key[NOISE_KEY])
{
	uint8_t who[NOISE_KEY];
	struct sym y;
	int r = -EKEYREJECTED;

	if (!s->set)
		return -EKEYREJECTED;
	sym_start(&y, s->public_key);
	sym_mix_ephemeral(&y, m->ephemeral);
	if (sym_mix_dh(&y, s->private_key, m->ephemeral) < 0)
		goto out;
	if (sym_open(&y, who, m->sealed_static, NOISE_KEY) < 0)
		goto out;
	*ret_hs = (struct noise_handshake){
		.state = NOISE_NOTHING, .remote_index = noise_get32(m->sender)};
	memcpy(ret_hs->remote_ephemeral, m->ephemeral, NOISE_KEY);
	sym_store(&y, ret_hs);
	memcpy(ret_public_key, who, NOISE_KEY);
	r = 0;
out:
	sodium_memzero(&y, sizeof(y));
	return r;
}

int noise_accept_initiation(struct noise_handshake *hs, const struct noise_remote *r,
	const struct noise_initiation *m, uint8_t ret_timestamp[NOISE_TIMESTAMP])
{
	uint8_t stamp[NOISE_TIMESTAMP];
	struct sym y;
	int err = -EKEYREJECTED;

	if (!r->usable)
		return -EKEYREJECTED;
	sym_load(&y, hs);
	sym_mix_key(&y, r->static_static);
	if (sym_open(&y, stamp, m->sealed_timestamp, NOISE_TIMESTAMP) < 0)
		goto out;
	sym_store(&y, hs);
	hs->state = NOISE_GOT_INITIATION;
	memcpy(ret_timestamp, stamp, NOISE_TIMESTAMP);
	err = 0;
out:
	sodium_memzero(&y, sizeof(y));
	return err;
}

int noise_create_response(struct noise_handshake *hs, const struct noise_remote *r,
	const uint8_t ephemeral[NOISE_KEY], uint32_t index, struct noise_response *ret)
{
	struct noise_response m = {.type = {NOISE_RESPONSE}};
	uint8_t priv[NOISE_KEY];
	struct sym y;
	int err = -EKEYREJECTED;

	if (hs->state != NOISE_GOT_INITIATION)
		return -EKEYREJECTED;
	sym_load(&y, hs);
	if (ephemeral_public(priv, m.ephemeral, ephemeral) < 0)
		goto out;
	noise_put32(m.sender, index);
	noise_put32(m.receiver, hs->remote_index);
	sym_mix_ephemeral(&y, m.ephemeral);
	if (sym_mix_dh(&y, priv, hs->remote_ephemeral) < 0 ||
		sym_mix_dh(&y, priv, r->public_key) < 0)
		goto out;
	sym_mix_psk(&y, r->preshared_key);
	sym_seal(&y, m.sealed_nothing, NULL, 0);
	sym_store(&y, hs);
	hs->local_index = index;
	hs->state = NOISE_SENT_RESPONSE;
	*ret = m;
	err = 0;
out:
	sodium_memzero(&y, sizeof(y));
	sodium_memzero(priv, sizeof(priv));
	return err;
}

int noise_consume_response(struct noise_handshake *hs, const struct noise_static *s,
	const struct noise_remote *r, const struct noise_response *m)
{
	uint8_t nothing[1];
	struct sym y;
	int err = -EKEYREJECTED;

	if (hs->state != NOISE_SENT_INITIATION || !s->set)
		return -EKEYREJECTED;
	sym_load(&y, hs);
	sym_mix_ephemeral(&y, m->ephemeral);
	if (sym_mix_dh(&y, hs->ephemeral_private, m->ephemeral) < 0 ||
		sym_mix_dh(&y, s->private_key, m->ephemeral) < 0)
		goto out;
	sym_mix_psk(&y, r->preshared_key);
	if (sym_open(&y, nothing, m->sealed_nothing, 0) < 0)
		goto out;
	sym_store(&y, hs);
	memcpy(hs->remote_ephemeral, m->ephemeral, NOISE_KEY);
	hs->remote_index = noise_get32(m->sender);
	hs->state = NOISE_GOT_RESPONSE;
	err = 0;
out:
	sodium_memzero(&y, sizeof(y));
	return err;
}

void noise_derive(struct noise_handshake *hs, struct noise_keys *ret)
{
	ret->initiator = hs->state == NOISE_GOT_RESPONSE;
	if (ret->initiator)
		blake2s_kdf(hs->chaining_key, NULL, 0, ret->send, ret->receive, NULL);
	else
		blake2s_kdf(hs->chaining_key, NULL, 0, ret->receive, ret->send, NULL);
	sodium_memzero(hs, sizeof(*hs));
}
