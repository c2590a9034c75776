// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 as WireGuard's transport uses it, for many packets at a time.
//
// The nonce is 32 zero bits and the packet's 64-bit counter, little-endian; there is no additional
// data; everything happens in place. aead.c chooses between our own code for processors with AVX-512,
// Intel's libipsec-mb and libsodium.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY 32
#define AEAD_TAG 16

enum aead_kind {
	AEAD_AUTO,
	AEAD_SODIUM,
	AEAD_IPSECMB,
	AEAD_AVX512, /* our own */
	AEAD_NULL,   /* only in a build with -DTSGW_NULL_AEAD, for measuring everything else */
	AEAD_KINDS
};

/* One packet. Sealing: LEN bytes of plaintext at DATA, AEAD_TAG writable bytes behind them.
 * Opening: LEN bytes of plaintext to be (so LEN + AEAD_TAG at DATA). */
struct aead_packet {
	uint8_t *data;
	uint64_t counter;
	uint32_t len;
	uint8_t ok; /* out, of aead_open(): authentic. If not, the bytes at DATA are worthless */
};

/* What one thread needs. */
struct aead;

/* Loads what is there; before the sandbox, and before threads start. Never fails: libsodium is
 * always there (sodium_init() must have been called). KIND other than AEAD_AUTO forces one, for
 * tests and measurements: -ENOTSUP if it is not available. */
int aead_init(enum aead_kind kind);

/* A context for one thread; small until the first bulk of packets goes through it, when the fastest
 * implementation is chosen by a test of its results and its speed. NULL without memory. */
struct aead *aead_new(void);
void aead_free(struct aead *a);
/* "libsodium", "libipsec-mb AVX512", … as chosen by now. */
const char *aead_name(const struct aead *a);

/* N packets with one key. Wipes nothing: the key is the caller's. */
void aead_seal(
	struct aead *a, const uint8_t key[AEAD_KEY], const struct aead_packet *packets, size_t n);
/* Sets .ok of each; returns how many are authentic. */
size_t aead_open(
	struct aead *a, const uint8_t key[AEAD_KEY], struct aead_packet *packets, size_t n);
