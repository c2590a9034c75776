// SPDX-License-Identifier: MIT
// Credentials that were right a short while ago, as fingerprints: they need not be hashed again.
#include "proxy/known.h"

#include <sodium.h>
#include <string.h>

static struct known {
	uint8_t fingerprint[USERS_FINGERPRINT];
	uint64_t until_ms; /* 0 = free */
	uint64_t used;	   /* number of the use */
} known[KNOWN_MAX];
static uint64_t uses;

/* Who does not have the key of the fingerprints learns nothing from how long they are compared. */
static struct known *find(const uint8_t *fingerprint, uint64_t now_ms)
{
	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (known[i].until_ms > now_ms &&
			!memcmp(known[i].fingerprint, fingerprint, USERS_FINGERPRINT))
			return &known[i];
	return NULL;
}

bool known_has(const uint8_t fingerprint[USERS_FINGERPRINT], uint64_t now_ms)
{
	struct known *k = find(fingerprint, now_ms);

	if (k)
		k->used = ++uses;
	return k != NULL;
}

void known_add(const uint8_t fingerprint[USERS_FINGERPRINT], uint64_t now_ms)
{
	struct known *k = find(fingerprint, now_ms);

	for (size_t i = 0; !k && i < KNOWN_MAX; i++)
		if (known[i].until_ms <= now_ms)
			k = &known[i];
	if (!k) {
		k = &known[0];
		for (size_t i = 1; i < KNOWN_MAX; i++)
			if (known[i].used < k->used)
				k = &known[i];
	}
	memcpy(k->fingerprint, fingerprint, USERS_FINGERPRINT);
	k->until_ms = now_ms + KNOWN_MS;
	k->used = ++uses;
}

void known_forget(void)
{
	sodium_memzero(known, sizeof(known));
}
