// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 of one short packet, for processors with AVX-512: what an idle node sends and receives.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wg/aead.h"

#define SHORT512_MAX 192 /* bytes */

/* Has this processor what it needs, and does it compute what libsodium does? */
bool short512_works(void);
/* As aead_seal() and aead_open(), of one packet of at most SHORT512_MAX bytes. Only where it works. */
void short512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p);
bool short512_open(const uint8_t key[AEAD_KEY], const struct aead_packet *p);
