// SPDX-License-Identifier: MIT
// Who may log in: names and hashes, and a keyed fingerprint in place of every comparison of secrets.
#include "proxy/users.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void users_fingerprint(
	uint8_t ret[USERS_FINGERPRINT], const void *a, size_t a_len, const void *b, size_t b_len)
{
	static uint8_t key[crypto_generichash_KEYBYTES];
	static bool has_key;
	crypto_generichash_state state;
	uint32_t len = (uint32_t)a_len;

	if (!has_key)
		randombytes_buf(key, sizeof(key));
	has_key = true;
	crypto_generichash_init(&state, key, sizeof(key), USERS_FINGERPRINT);
	crypto_generichash_update(&state, (const uint8_t *)&len, sizeof(len));
	crypto_generichash_update(&state, a, a_len);
	crypto_generichash_update(&state, b, b_len);
	crypto_generichash_final(&state, ret, USERS_FINGERPRINT);
	sodium_memzero(&state, sizeof(state));
}

int users_add(struct users *u, const char *name, const char *hash)
{
	struct user *more, *one;

	if (u->n >= USERS_MAX)
		return -ENOSPC;
	/* in steps of 64, copied by hand: realloc() would leave hashes behind */
	if (u->n % 64 == 0) {
		more = calloc(u->n + 64, sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (u->n) {
			memcpy(more, u->items, u->n * sizeof(*more));
			sodium_memzero(u->items, u->n * sizeof(*more));
		}
		free(u->items);
		u->items = more;
	}
	one = &u->items[u->n++];
	users_fingerprint(one->name, name, strlen(name), "", 0);
	memcpy(one->hash, hash, strnlen(hash, sizeof(one->hash) - 1));
	return 0;
}

bool users_equal(const struct users *a, const struct users *b)
{
	return a->n == b->n &&
		(!a->n || !sodium_memcmp(a->items, b->items, a->n * sizeof(*a->items)));
}

void users_free(struct users *u)
{
	if (u->items)
		sodium_memzero(u->items, u->n * sizeof(*u->items));
	free(u->items);
	*u = (struct users){0};
}

const char *users_find(const struct users *u, const char *name, size_t len, bool *ret_known)
{
	uint8_t wanted[USERS_FINGERPRINT];
	uint64_t number;
	size_t at;

	*ret_known = false;
	if (!u->n)
		return NULL;
	users_fingerprint(wanted, name, len, "", 0);
	memcpy(&number, wanted, sizeof(number));
	at = number % u->n;
	for (size_t i = 0; i < u->n; i++) {
		bool same = !sodium_memcmp(u->items[i].name, wanted, sizeof(wanted));

		at = same ? i : at;
		*ret_known |= same;
	}
	return u->items[at].hash;
}
