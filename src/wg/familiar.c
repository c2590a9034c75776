// SPDX-License-Identifier: MIT
// Which addresses are those of peers: a guess that is cheap under a flood.
#include "wg/familiar.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static uint32_t bit_of(const struct familiar *f, const struct addr *a)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t h;

	crypto_shorthash(out, a->bytes, addr_len(a), f->key);
	memcpy(&h, out, sizeof(h));
	return h % FAMILIAR_BITS;
}

bool familiar_reset(struct familiar *f)
{
	if (!f->bits) {
		f->bits = malloc(FAMILIAR_BITS / 8);
		if (!f->bits)
			return false;
		randombytes_buf(f->key, sizeof(f->key));
	}
	memset(f->bits, 0, FAMILIAR_BITS / 8);
	return true;
}

void familiar_add(struct familiar *f, const struct addr *a)
{
	uint32_t bit = bit_of(f, a);

	f->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

bool familiar_has(const struct familiar *f, const struct addr *a)
{
	uint32_t bit;

	if (!f->bits)
		return false;
	bit = bit_of(f, a);
	return f->bits[bit / 8] >> bit % 8 & 1;
}

void familiar_free(struct familiar *f)
{
	free(f->bits);
	f->bits = NULL;
}
