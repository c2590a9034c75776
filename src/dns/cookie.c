// SPDX-License-Identifier: MIT
// DNS cookies (RFC 7873, RFC 9018): the client sees that the answer comes from where it asked.
#include "dns/cookie.h"

#include <string.h>

#define COOKIE_VERSION 1
#define COOKIE_OLD_S   1800 /* RFC 9018 4.3: renew after half an hour */
#define COOKIE_AHEAD_S 300  /* and if more than five minutes from the future */

static uint64_t rotl(uint64_t v, int n)
{
	return v << n | v >> (64 - n);
}

static uint64_t load64(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	sip_round(v);
	sip_round(v);
	v[0] ^= m;
}

uint64_t cookie_siphash(const uint8_t key[16], const uint8_t *data, size_t len)
{
	uint64_t k0 = load64(key, 8), k1 = load64(key + 8, 8);
	uint64_t v[4] = {k0 ^ 0x736f6d6570736575ull, k1 ^ 0x646f72616e646f6dull,
		k0 ^ 0x6c7967656e657261ull, k1 ^ 0x7465646279746573ull};
	size_t i = 0;

	for (; i + 8 <= len; i += 8)
		sip_word(v, load64(data + i, 8));
	sip_word(v, load64(data + i, len - i) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	for (int n = 0; n < 4; n++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* RFC 9018 4: version, reserved, timestamp, hash of all that and the client's address. */
static void cookie_make(const uint8_t secret[COOKIE_SECRET], const uint8_t client_cookie[8],
	const uint8_t head[8], const struct addr *client, uint8_t ret[16])
{
	uint8_t data[8 + 8 + 16];
	uint64_t hash;

	memcpy(data, client_cookie, 8);
	memcpy(data + 8, head, 8);
	memcpy(data + 16, client->bytes, addr_len(client));
	hash = cookie_siphash(secret, data, 16 + addr_len(client));
	memcpy(ret, head, 8);
	for (int i = 0; i < 8; i++)
		ret[8 + i] = (uint8_t)(hash >> (8 * i));
}

void cookie_answer(const uint8_t secret[COOKIE_SECRET], const uint8_t *given, size_t len,
	const struct addr *client, uint32_t now, uint8_t ret[COOKIE_FULL])
{
	uint8_t head[8] = {COOKIE_VERSION, 0, 0, 0, (uint8_t)(now >> 24), (uint8_t)(now >> 16),
		(uint8_t)(now >> 8), (uint8_t)now};
	uint8_t expected[16];

	memcpy(ret, given, COOKIE_CLIENT);
	if (len == COOKIE_FULL && given[8] == COOKIE_VERSION) {
		const uint8_t *t = given + 12;
		/* serial arithmetic (RFC 1982), as the RFC wants */
		int32_t age = (int32_t)(now -
			((uint32_t)t[0] << 24 | (uint32_t)t[1] << 16 | (uint32_t)t[2] << 8 | t[3]));

		cookie_make(secret, given, given + 8, client, expected);
		if (age >= -COOKIE_AHEAD_S && age < COOKIE_OLD_S &&
			!memcmp(expected, given + 8, sizeof(expected))) {
			memcpy(ret + COOKIE_CLIENT, expected, sizeof(expected));
			return;
		}
	}
	cookie_make(secret, given, head, client, ret + COOKIE_CLIENT);
}
