// SPDX-License-Identifier: MIT
// The MACs at the end of handshake messages, and cookies against floods (whitepaper §5.3, §5.4.4, §5.4.7).
#include "wg/cookie.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "wg/noise.h"

#define MAC 16

static void label_key(uint8_t ret[32], const char label[8], const uint8_t public_key[32])
{
	struct blake2s b;

	blake2s_init(&b, 32, NULL, 0);
	blake2s_update(&b, label, 8);
	blake2s_update(&b, public_key, 32);
	blake2s_final(&b, ret);
}

void cookie_checker_init(struct cookie_checker *c, const uint8_t public_key[32])
{
	uint8_t mac1_key[32];

	memset(c, 0, sizeof(*c));
	label_key(mac1_key, "mac1----", public_key);
	blake2s_prepare(&c->mac1, MAC, mac1_key, sizeof(mac1_key));
	label_key(c->cookie_key, "cookie--", public_key);
}

void cookie_maker_init(struct cookie_maker *m, const uint8_t public_key[32])
{
	memset(m, 0, sizeof(*m));
	label_key(m->mac1_key, "mac1----", public_key);
	label_key(m->cookie_key, "cookie--", public_key);
}

void cookie_add_macs(struct cookie_maker *m, void *msg, size_t len, uint64_t now_ns)
{
	uint8_t *mac1 = (uint8_t *)msg + len - 2 * MAC, *mac2 = mac1 + MAC;

	blake2s(mac1, MAC, m->mac1_key, 32, msg, len - 2 * MAC);
	memcpy(m->last_mac1, mac1, MAC);
	m->has_last_mac1 = true;
	if (m->has_cookie && now_ns - m->cookie_born_ns < COOKIE_FRESH_NS)
		blake2s(mac2, MAC, m->cookie, COOKIE_SIZE, msg, len - MAC);
	else
		memset(mac2, 0, MAC);
}

bool cookie_check_mac1(const struct cookie_checker *c, const void *msg, size_t len)
{
	struct blake2s b = c->mac1;
	uint8_t want[MAC];

	blake2s_update(&b, msg, len - 2 * MAC);
	blake2s_final(&b, want);
	return !sodium_memcmp(want, (const uint8_t *)msg + len - 2 * MAC, MAC);
}

/* The cookie that FROM gets: MAC of its address and port under a secret of at most 120 s. */
static void cookie_for(struct cookie_checker *c, const struct hostport *from, uint64_t now_ns,
	uint8_t ret[COOKIE_SIZE])
{
	uint8_t source[16 + 2] = {0};
	size_t n = addr_len(&from->addr);

	if (!c->has_secret || now_ns - c->secret_born_ns >= COOKIE_SECRET_AGE_NS) {
		randombytes_buf(c->secret, sizeof(c->secret));
		c->secret_born_ns = now_ns;
		c->has_secret = true;
	}
	memcpy(source, from->addr.bytes, n);
	source[n] = (uint8_t)(from->port >> 8);
	source[n + 1] = (uint8_t)from->port;
	blake2s(ret, COOKIE_SIZE, c->secret, sizeof(c->secret), source, n + 2);
}

bool cookie_check_mac2(struct cookie_checker *c, const void *msg, size_t len,
	const struct hostport *from, uint64_t now_ns)
{
	uint8_t cookie[COOKIE_SIZE], want[MAC];
	bool ok;

	if (!c->has_secret || now_ns - c->secret_born_ns >= COOKIE_SECRET_AGE_NS ||
		sodium_is_zero((const uint8_t *)msg + len - MAC, MAC)) /* has none: cheap */
		return false;
	cookie_for(c, from, now_ns, cookie);
	blake2s(want, MAC, cookie, COOKIE_SIZE, msg, len - MAC);
	ok = !sodium_memcmp(want, (const uint8_t *)msg + len - MAC, MAC);
	sodium_memzero(cookie, sizeof(cookie));
	return ok;
}

void cookie_make_reply(struct cookie_checker *c, const void *msg, size_t len,
	const struct hostport *from, const uint8_t receiver[4], uint64_t now_ns,
	struct cookie_reply *ret)
{
	uint8_t cookie[COOKIE_SIZE];
	const uint8_t *mac1 = (const uint8_t *)msg + len - 2 * MAC;

	cookie_for(c, from, now_ns, cookie);
	memset(ret, 0, sizeof(*ret));
	ret->type[0] = NOISE_COOKIE;
	memcpy(ret->receiver, receiver, 4);
	randombytes_buf(ret->nonce, sizeof(ret->nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(ret->sealed_cookie, NULL, cookie, sizeof(cookie),
		mac1, MAC, NULL, ret->nonce, c->cookie_key);
	sodium_memzero(cookie, sizeof(cookie));
}

int cookie_consume_reply(struct cookie_maker *m, const struct cookie_reply *reply, uint64_t now_ns)
{
	uint8_t cookie[COOKIE_SIZE];

	if (!m->has_last_mac1)
		return -EKEYREJECTED;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(cookie, NULL, NULL, reply->sealed_cookie,
		    sizeof(reply->sealed_cookie), m->last_mac1, MAC, reply->nonce, m->cookie_key))
		return -EKEYREJECTED;
	memcpy(m->cookie, cookie, sizeof(cookie));
	m->cookie_born_ns = now_ns;
	m->has_cookie = true;
	m->has_last_mac1 = false;
	sodium_memzero(cookie, sizeof(cookie));
	return 0;
}
