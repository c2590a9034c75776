// SPDX-License-Identifier: MIT
// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (whitepaper §5.4): bytes in, bytes out.
//
//   initiator                                   responder
//   noise_create_initiation() --- 148 bytes --> noise_open_initiation()   who is it?
//                                               noise_accept_initiation() is it really, and when?
//   noise_consume_response() <--- 92 bytes ---- noise_create_response()
//   noise_derive()                              noise_derive()
//
// Nothing here knows a clock, a socket or a table; random ephemeral keys and time stamps are handed in,
// so that a test can repeat a handshake byte by byte. The MAC fields at the end of the messages belong
// to cookie.h. A consumed message changes nothing unless all of it is authentic: a forged response must
// not destroy the handshake that waits for the real one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY	32
#define NOISE_TAG	16
#define NOISE_TIMESTAMP 12

enum noise_type { NOISE_INITIATION = 1, NOISE_RESPONSE = 2, NOISE_COOKIE = 3, NOISE_DATA = 4 };

/* On the wire; integers are little-endian, see noise_get32(). */
struct noise_initiation {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t ephemeral[NOISE_KEY];
	uint8_t sealed_static[NOISE_KEY + NOISE_TAG];
	uint8_t sealed_timestamp[NOISE_TIMESTAMP + NOISE_TAG];
	uint8_t mac1[16];
	uint8_t mac2[16];
};

struct noise_response {
	uint8_t type[4];
	uint8_t sender[4];
	uint8_t receiver[4];
	uint8_t ephemeral[NOISE_KEY];
	uint8_t sealed_nothing[NOISE_TAG];
	uint8_t mac1[16];
	uint8_t mac2[16];
};

struct noise_data {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t counter[8];
	uint8_t sealed[];
};

_Static_assert(sizeof(struct noise_initiation) == 148, "whitepaper §5.4.2");
_Static_assert(sizeof(struct noise_response) == 92, "whitepaper §5.4.3");

static inline uint32_t noise_get32(const uint8_t b[4])
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline void noise_put32(uint8_t b[4], uint32_t v)
{
	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
	b[2] = (uint8_t)(v >> 16);
	b[3] = (uint8_t)(v >> 24);
}
static inline uint64_t noise_get64(const uint8_t b[8])
{
	return noise_get32(b) | (uint64_t)noise_get32(b + 4) << 32;
}
static inline void noise_put64(uint8_t b[8], uint64_t v)
{
	noise_put32(b, (uint32_t)v);
	noise_put32(b + 4, (uint32_t)(v >> 32));
}

/* Our own long-term key. */
struct noise_static {
	bool set;
	uint8_t private_key[NOISE_KEY]; /* clamped */
	uint8_t public_key[NOISE_KEY];
};

/* What is known about the other side; secret. */
struct noise_remote {
	uint8_t public_key[NOISE_KEY];
	uint8_t static_static
		[NOISE_KEY]; /* DH of both long-term keys; .usable says that it is not zero */
	uint8_t preshared_key[NOISE_KEY];
	bool usable;
};

enum noise_state {
	NOISE_NOTHING,
	NOISE_SENT_INITIATION,
	NOISE_GOT_INITIATION,
	NOISE_SENT_RESPONSE,
	NOISE_GOT_RESPONSE,
};

/* A handshake under way; secret. */
struct noise_handshake {
	enum noise_state state;
	uint32_t local_index;
	uint32_t remote_index;
	uint8_t hash[NOISE_KEY];
	uint8_t chaining_key[NOISE_KEY];
	uint8_t ephemeral_private[NOISE_KEY];
	uint8_t remote_ephemeral[NOISE_KEY];
};

/* The transport keys that come out of it; secret. */
struct noise_keys {
	uint8_t send[NOISE_KEY];
	uint8_t receive[NOISE_KEY];
	bool initiator;
};

/* Clamps the private key and computes the public one. A zero key unsets. */
void noise_set_static(struct noise_static *s, const uint8_t private_key[NOISE_KEY]);
/* Computes what depends on both long-term keys. PRESHARED_KEY stays as it is. */
void noise_set_remote(
	struct noise_remote *r, const struct noise_static *s, const uint8_t public_key[NOISE_KEY]);

/* TAI64N of a CLOCK_REALTIME, rounded down to 2^24 ns so that it tells nothing about load. */
void noise_timestamp(uint8_t ret[NOISE_TIMESTAMP], uint64_t sec, uint32_t nsec);

/* All: 0, or -EKEYREJECTED for what is not authentic (also for a DH result of zero). On failure the
 * outputs are untouched. */
int noise_create_initiation(struct noise_handshake *hs, const struct noise_static *s,
	const struct noise_remote *r, const uint8_t ephemeral[NOISE_KEY],
	const uint8_t timestamp[NOISE_TIMESTAMP], uint32_t index, struct noise_initiation *ret);
/* One DH: whose initiation is it? *ret_hs is half-way, for noise_accept_initiation(). */
int noise_open_initiation(const struct noise_static *s, const struct noise_initiation *m,
	struct noise_handshake *ret_hs, uint8_t ret_public_key[NOISE_KEY]);
int noise_accept_initiation(struct noise_handshake *hs, const struct noise_remote *r,
	const struct noise_initiation *m, uint8_t ret_timestamp[NOISE_TIMESTAMP]);
int noise_create_response(struct noise_handshake *hs, const struct noise_remote *r,
	const uint8_t ephemeral[NOISE_KEY], uint32_t index, struct noise_response *ret);
int noise_consume_response(struct noise_handshake *hs, const struct noise_static *s,
	const struct noise_remote *r, const struct noise_response *m);
/* After a response was sent or consumed; wipes the handshake. */
void noise_derive(struct noise_handshake *hs, struct noise_keys *ret);
