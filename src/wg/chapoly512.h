// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 of many packets at once, for processors with AVX-512 and its 52-bit multiplication.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wg/aead.h"

/* Has this processor what it needs, and does the system save those registers? */
bool chapoly512_usable(void);
/* As aead_seal() and aead_open(). Only where it is usable. */
void chapoly512_seal(const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n);
size_t chapoly512_open(const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n);
