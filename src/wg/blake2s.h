// SPDX-License-Identifier: MIT
// BLAKE2s (RFC 7693), keyed and unkeyed, and HMAC and HKDF over it as Noise wants them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BLAKE2S_HASH  32
#define BLAKE2S_BLOCK 64

struct blake2s {
	uint32_t h[8];
	uint64_t total;
	size_t fill;
	size_t out_len;
	uint8_t block[BLAKE2S_BLOCK];
};

/* OUT_LEN 1…32, KEY_LEN 0…32 (0: unkeyed). */
void blake2s_init(struct blake2s *s, size_t out_len, const void *key, size_t key_len);
/* The same for many messages under one key: its block is worked in already, so a copy of *S is where each
 * message begins. At least one byte must follow. */
void blake2s_prepare(struct blake2s *s, size_t out_len, const void *key, size_t key_len);
void blake2s_update(struct blake2s *s, const void *data, size_t len);
/* Writes out_len bytes and wipes the state. */
void blake2s_final(struct blake2s *s, uint8_t *out);
void blake2s(uint8_t *out, size_t out_len, const void *key, size_t key_len, const void *data,
	size_t len);

/* HMAC (RFC 2104) with a key of at most 64 bytes. */
void blake2s_hmac(
	uint8_t out[BLAKE2S_HASH], const void *key, size_t key_len, const void *data, size_t len);
/* Whitepaper §5.4: Kdf1…Kdf3 of (ck, input). Outputs may be NULL from the end on; T1 may be CK. */
void blake2s_kdf(const uint8_t ck[BLAKE2S_HASH], const void *input, size_t len, uint8_t *t1,
	uint8_t *t2, uint8_t *t3);
