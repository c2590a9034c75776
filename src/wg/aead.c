// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 for trains of packets: which implementation, and who says that it is right.
//
//     AVX-512     our own (chapoly512.c): the packets of a train share the vectors
//     libipsec-mb Intel's, where the processor has not what ours needs
//     libsodium   everywhere, and for everybody at first: an idle node is its own
//
// One or two short packets, as an idle node has them, are not worth a batch: our own (short512.c), where it can.
// With the first bulk of packets a thread looks for something faster. The first thread that does so tries
// it against libsodium, for results and for speed; the verdict holds for the process.
#include "wg/aead.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "wg/chapoly512.h"
#include "wg/ipsecmb.h"
#include "wg/short512.h"

#define NONCE 12
/* Bytes that a thread handles before anything is worth its memory. */
#define BULK_BYTES (256u * 1024u)

enum verdict { UNTRIED, GOOD, BAD };

static struct {
	enum aead_kind forced;
	enum aead_kind fast; /* what a bulk of packets gets; AEAD_SODIUM: there is nothing else */
	int verdict;	     /* atomic; of that */
	bool shorts;	     /* few short packets have a way of their own */
} aead_global;

struct aead {
	enum aead_kind kind; /* in use */
	uint64_t bytes;	     /* until BULK_BYTES */
	struct ipsecmb *ipsecmb;
};

static void nonce_make(uint8_t ret[NONCE], uint64_t counter)
{
	memset(ret, 0, 4);
	for (int i = 0; i < 8; i++)
		ret[4 + i] = (uint8_t)(counter >> (8 * i));
}

/* ---- libsodium ---- */

static void sodium_seal(const uint8_t *key, const struct aead_packet *p, size_t n)
{
	uint8_t nonce[NONCE];

	for (size_t i = 0; i < n; i++) {
		nonce_make(nonce, p[i].counter);
		crypto_aead_chacha20poly1305_ietf_encrypt(
			p[i].data, NULL, p[i].data, p[i].len, NULL, 0, NULL, nonce, key);
	}
}

static size_t sodium_open(const uint8_t *key, struct aead_packet *p, size_t n)
{
	uint8_t nonce[NONCE];
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		nonce_make(nonce, p[i].counter);
		p[i].ok = crypto_aead_chacha20poly1305_ietf_decrypt(p[i].data, NULL, NULL,
				  p[i].data, p[i].len + AEAD_TAG, NULL, 0, nonce, key) == 0;
		good += p[i].ok;
	}
	return good;
}

/* ---- all of them ---- */

static void null_seal(const struct aead_packet *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memset(p[i].data + p[i].len, 0, AEAD_TAG);
}

static size_t null_open(struct aead_packet *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i].ok = 1;
	return n;
}

static void seal_by(enum aead_kind kind, struct aead *a, const uint8_t *key,
	const struct aead_packet *p, size_t n)
{
	if (kind == AEAD_AVX512)
		chapoly512_seal(key, p, n);
	else if (kind == AEAD_IPSECMB)
		ipsecmb_seal(a->ipsecmb, key, p, n);
	else if (kind == AEAD_NULL)
		null_seal(p, n);
	else
		sodium_seal(key, p, n);
}

static size_t open_by(
	enum aead_kind kind, struct aead *a, const uint8_t *key, struct aead_packet *p, size_t n)
{
	if (kind == AEAD_AVX512)
		return chapoly512_open(key, p, n);
	if (kind == AEAD_IPSECMB)
		return ipsecmb_open(a->ipsecmb, key, p, n);
	return kind == AEAD_NULL ? null_open(p, n) : sodium_open(key, p, n);
}

/* ---- the choice ---- */

#define TRIAL_PACKETS 24
#define TRIAL_STRIDE  1600

static void trial_fill(struct aead_packet *p, uint8_t *buf)
{
	randombytes_buf(buf, TRIAL_PACKETS * TRIAL_STRIDE);
	for (unsigned i = 0; i < TRIAL_PACKETS; i++) {
		p[i] = (struct aead_packet){
			.data = buf + i * TRIAL_STRIDE + randombytes_uniform(64),
			/* lengths of all kinds, the empty one among them */
			.len = i < 4 ? i * 16 : randombytes_uniform(1440),
			.counter = i % 3 ? i : (uint64_t)i << 58,
		};
	}
}

/* Both seal, and each opens what the other has sealed and refuses what was changed. */
static bool trial_results(struct aead *a, enum aead_kind kind, uint8_t *ours, uint8_t *theirs)
{
	struct aead_packet p[TRIAL_PACKETS], q[TRIAL_PACKETS];
	const size_t bytes = (size_t)TRIAL_PACKETS * TRIAL_STRIDE;
	uint8_t key[AEAD_KEY];

	randombytes_buf(key, sizeof(key));
	trial_fill(p, ours);
	memcpy(theirs, ours, bytes);
	memcpy(q, p, sizeof(p));
	for (unsigned i = 0; i < TRIAL_PACKETS; i++)
		q[i].data = theirs + (p[i].data - ours);
	sodium_seal(key, p, TRIAL_PACKETS);
	seal_by(kind, a, key, q, TRIAL_PACKETS);
	if (memcmp(ours, theirs, bytes))
		return false;
	q[5].data[q[5].len / 2] ^= 1;
	return sodium_open(key, p, TRIAL_PACKETS) == TRIAL_PACKETS &&
		open_by(kind, a, key, q, TRIAL_PACKETS) == TRIAL_PACKETS - 1 && !q[5].ok;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The best of some rounds on full-size packets. */
static uint64_t trial_time(struct aead *a, enum aead_kind kind, uint8_t *buf)
{
	struct aead_packet p[TRIAL_PACKETS];
	uint8_t key[AEAD_KEY] = {1};
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < TRIAL_PACKETS; i++)
		p[i] = (struct aead_packet){
			.data = buf + i * TRIAL_STRIDE, .len = 1420, .counter = i};
	for (int round = 0; round < 4; round++) {
		uint64_t t = cpu_ns();

		seal_by(kind, a, key, p, TRIAL_PACKETS);
		best = MIN(best, cpu_ns() - t);
	}
	return best;
}

static const char *const kind_names[AEAD_KINDS] = {
	[AEAD_AUTO] = "auto",
	[AEAD_SODIUM] = "libsodium",
	[AEAD_IPSECMB] = "libipsec-mb",
	[AEAD_AVX512] = "AVX-512",
	[AEAD_NULL] = "NULL, for measuring only",
};

static bool trial(struct aead *a, enum aead_kind kind)
{
	_cleanup_free_ uint8_t *buf = malloc(2 * (size_t)TRIAL_PACKETS * TRIAL_STRIDE);
	uint64_t fast_ns, sodium_ns;

	if (!buf)
		return false;
	if (!trial_results(a, kind, buf, buf + (size_t)TRIAL_PACKETS * TRIAL_STRIDE)) {
		log_warning(NULL, "cipher", "%s does not compute what libsodium does; not used",
			kind_names[kind]);
		return false;
	}
	fast_ns = trial_time(a, kind, buf);
	sodium_ns = trial_time(a, AEAD_SODIUM, buf);
	log_debug(NULL, "cipher", "%s %llu ns, libsodium %llu ns for 1420 bytes", kind_names[kind],
		(unsigned long long)fast_ns / TRIAL_PACKETS,
		(unsigned long long)sodium_ns / TRIAL_PACKETS);
	return fast_ns < sodium_ns;
}

/* Time for the fast one, if it is good; it is tried if nobody has yet. */
static void aead_promote(struct aead *a)
{
	int verdict = __atomic_load_n(&aead_global.verdict, __ATOMIC_ACQUIRE);
	enum aead_kind kind = aead_global.fast;

	a->bytes = UINT64_MAX / 2; /* once */
	if (kind == AEAD_SODIUM || (verdict == BAD && aead_global.forced == AEAD_AUTO))
		return;
	if (kind == AEAD_IPSECMB) {
		a->ipsecmb = ipsecmb_new();
		if (!a->ipsecmb)
			return;
	}
	if (aead_global.forced != AEAD_AUTO)
		verdict = GOOD;
	if (verdict == UNTRIED) {
		verdict = trial(a, kind) ? GOOD : BAD;
		__atomic_store_n(&aead_global.verdict, verdict, __ATOMIC_RELEASE);
	}
	if (verdict == GOOD) {
		a->kind = kind;
		return;
	}
	ipsecmb_free(a->ipsecmb);
	a->ipsecmb = NULL;
}

static enum aead_kind kind_from_env(void)
{
	const char *text = getenv("TSGW_AEAD");

	if (text && !strcmp(text, "libsodium"))
		return AEAD_SODIUM;
	if (text && !strcmp(text, "libipsec-mb"))
		return AEAD_IPSECMB;
	if (text && !strcmp(text, "avx512"))
		return AEAD_AVX512;
	return AEAD_AUTO;
}

static enum aead_kind best_kind(void)
{
	if (chapoly512_usable())
		return AEAD_AVX512;
	return ipsecmb_load() ? AEAD_IPSECMB : AEAD_SODIUM;
}

int aead_init(enum aead_kind kind)
{
	if (kind == AEAD_AUTO)
		kind = kind_from_env();
#ifndef TSGW_NULL_AEAD
	if (kind == AEAD_NULL)
		return -ENOTSUP;
#endif
	if ((kind == AEAD_IPSECMB && !ipsecmb_load()) ||
		(kind == AEAD_AVX512 && !chapoly512_usable()))
		return -ENOTSUP;
	aead_global.forced = kind;
	aead_global.fast = kind == AEAD_AUTO ? best_kind() : kind;
	aead_global.shorts = (kind == AEAD_AUTO || kind == AEAD_AVX512) && short512_works();
	return 0;
}

struct aead *aead_new(void)
{
	struct aead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->kind = AEAD_SODIUM;
	if (aead_global.forced != AEAD_AUTO)
		aead_promote(a);
#ifdef TSGW_NULL_AEAD
	a->kind = AEAD_NULL;
	a->bytes = UINT64_MAX / 2;
#endif
	return a;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	ipsecmb_free(a->ipsecmb);
	free(a);
}

const char *aead_name(const struct aead *a)
{
	return a->kind == AEAD_IPSECMB ? ipsecmb_name(a->ipsecmb) : kind_names[a->kind];
}

#define SHORT_PACKETS 2

static bool is_short(const struct aead *a, const struct aead_packet *p, size_t n)
{
	if (n > SHORT_PACKETS || !aead_global.shorts || a->kind == AEAD_NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i].len > SHORT512_MAX)
			return false;
	return true;
}

static void count(struct aead *a, const struct aead_packet *p, size_t n)
{
	if (a->bytes > BULK_BYTES)
		return;
	for (size_t i = 0; i < n; i++)
		a->bytes += p[i].len;
	if (a->bytes > BULK_BYTES)
		aead_promote(a);
}

void aead_seal(
	struct aead *a, const uint8_t key[AEAD_KEY], const struct aead_packet *packets, size_t n)
{
	if (!is_short(a, packets, n)) {
		count(a, packets, n);
		seal_by(a->kind, a, key, packets, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		short512_seal(key, &packets[i]);
}

size_t aead_open(struct aead *a, const uint8_t key[AEAD_KEY], struct aead_packet *packets, size_t n)
{
	size_t good = 0;

	if (!is_short(a, packets, n)) {
		count(a, packets, n);
		return open_by(a->kind, a, key, packets, n);
	}
	for (size_t i = 0; i < n; i++) {
		packets[i].ok = short512_open(key, &packets[i]);
		good += packets[i].ok;
	}
	return good;
}
