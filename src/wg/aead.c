// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 for trains of packets: libipsec-mb where it is faster, libsodium elsewhere.
//
// libipsec-mb is loaded at start, because no file can be opened in the sandbox, but that alone costs
// little. Its manager (200 KB, and megabytes of code touched by its own self-test) comes with the first
// bulk of packets: an idle node and a few pings are libsodium's. The manager of the first thread that
// needs one is tried against libsodium, for results and for speed; the verdict holds for the process.
//
// Of its interfaces the one without checks, job by job, is the fastest: 339 ns for 1,424 bytes with
// AVX-512, as are bursts; the direct functions need 456 ns. This cipher always completes at once.
#include "wg/aead.h"

#include <dlfcn.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/log.h"

#if defined(__x86_64__) && !defined(TSGW_NO_IPSECMB) && __has_include(<intel-ipsec-mb.h>)
#include <intel-ipsec-mb.h>
#define HAVE_IPSECMB 1
#else
#define HAVE_IPSECMB 0
#endif

#define NONCE 12
/* Bytes that a thread handles before the manager is worth its memory. */
#define BULK_BYTES (256u * 1024u)

enum verdict { UNTRIED, GOOD, BAD };

static struct {
	enum aead_kind forced;
	int verdict; /* atomic; of libipsec-mb */
	void *library;
#if HAVE_IPSECMB
	IMB_MGR *(*alloc)(uint64_t flags);
	void (*free)(IMB_MGR *m);
	void (*init)(IMB_MGR *m, IMB_ARCH *ret_arch);
#endif
} aead_global;

struct aead {
	enum aead_kind kind; /* in use */
	uint64_t bytes;	     /* until BULK_BYTES */
	char name[32];
#if HAVE_IPSECMB
	IMB_MGR *manager;
#endif
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

/* ---- libipsec-mb ---- */

#if HAVE_IPSECMB

static bool ipsecmb_job(IMB_MGR *m, const uint8_t *key, const struct aead_packet *p, uint8_t *tag,
	IMB_CIPHER_DIRECTION direction)
{
	bool enc = direction == IMB_DIR_ENCRYPT;
	IMB_JOB *job = IMB_GET_NEXT_JOB(m);
	uint8_t nonce[NONCE];

	nonce_make(nonce, p->counter);
	job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
	job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
	job->cipher_direction = direction;
	job->chain_order = enc ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
	job->enc_keys = job->dec_keys = key;
	job->key_len_in_bytes = AEAD_KEY;
	job->iv = nonce;
	job->iv_len_in_bytes = NONCE;
	job->src = job->dst = p->data;
	job->cipher_start_src_offset_in_bytes = 0;
	job->hash_start_src_offset_in_bytes = 0;
	job->msg_len_to_cipher_in_bytes = p->len;
	job->msg_len_to_hash_in_bytes = p->len;
	job->u.CHACHA20_POLY1305.aad = NULL;
	job->u.CHACHA20_POLY1305.aad_len_in_bytes = 0;
	job->auth_tag_output = tag;
	job->auth_tag_output_len_in_bytes = AEAD_TAG;
	job = IMB_SUBMIT_JOB_NOCHECK(m);
	return job && job->status == IMB_STATUS_COMPLETED;
}

static void ipsecmb_seal(IMB_MGR *m, const uint8_t *key, const struct aead_packet *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		/* cannot fail; but nothing must ever leave in plain text */
		if (!ipsecmb_job(m, key, &p[i], p[i].data + p[i].len, IMB_DIR_ENCRYPT))
			abort();
}

/* In constant time. */
static inline bool tag_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static size_t ipsecmb_open(IMB_MGR *m, const uint8_t *key, struct aead_packet *p, size_t n)
{
	uint8_t tag[AEAD_TAG];
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		p[i].ok = ipsecmb_job(m, key, &p[i], tag, IMB_DIR_DECRYPT) &&
			tag_equal(tag, p[i].data + p[i].len);
		good += p[i].ok;
	}
	return good;
}

/* The manager's shape is that of the headers we were built with: no other library will do. */
static void ipsecmb_load(void)
{
	unsigned (*version)(void);
	char name[32];
	void *lib;

	snprintf(name, sizeof(name), "libIPSec_MB.so.%u", (unsigned)IMB_VERSION_NUM >> 16);
	lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return;
	version = (unsigned (*)(void))dlsym(lib, "imb_get_version");
	aead_global.alloc = (IMB_MGR * (*)(uint64_t)) dlsym(lib, "alloc_mb_mgr");
	aead_global.free = (void (*)(IMB_MGR *))dlsym(lib, "free_mb_mgr");
	aead_global.init = (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(lib, "init_mb_mgr_auto");
	if (!version || version() < (unsigned)IMB_VERSION_NUM || !aead_global.alloc ||
		!aead_global.free || !aead_global.init)
		dlclose(lib);
	else
		aead_global.library = lib;
}

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

/* Both libraries seal, and each opens what the other has sealed and refuses what was changed. */
static bool trial_results(IMB_MGR *m, uint8_t *ours, uint8_t *theirs)
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
	ipsecmb_seal(m, key, q, TRIAL_PACKETS);
	if (memcmp(ours, theirs, bytes))
		return false;
	q[5].data[q[5].len / 2] ^= 1;
	return sodium_open(key, p, TRIAL_PACKETS) == TRIAL_PACKETS &&
		ipsecmb_open(m, key, q, TRIAL_PACKETS) == TRIAL_PACKETS - 1 && !q[5].ok;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The best of some rounds on full-size packets. */
static uint64_t trial_time(IMB_MGR *m, uint8_t *buf)
{
	struct aead_packet p[TRIAL_PACKETS];
	uint8_t key[AEAD_KEY] = {1};
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < TRIAL_PACKETS; i++)
		p[i] = (struct aead_packet){
			.data = buf + i * TRIAL_STRIDE, .len = 1420, .counter = i};
	for (int round = 0; round < 4; round++) {
		uint64_t t = cpu_ns();

		if (m)
			ipsecmb_seal(m, key, p, TRIAL_PACKETS);
		else
			sodium_seal(key, p, TRIAL_PACKETS);
		best = MIN(best, cpu_ns() - t);
	}
	return best;
}

static bool trial(IMB_MGR *m)
{
	_cleanup_free_ uint8_t *buf = malloc(2 * (size_t)TRIAL_PACKETS * TRIAL_STRIDE);
	uint64_t mb_ns, sodium_ns;

	if (!buf)
		return false;
	if (!trial_results(m, buf, buf + (size_t)TRIAL_PACKETS * TRIAL_STRIDE)) {
		log_warning(NULL, "cipher",
			"libipsec-mb does not compute what libsodium does; not used");
		return false;
	}
	mb_ns = trial_time(m, buf);
	sodium_ns = trial_time(NULL, buf);
	log_debug(NULL, "cipher", "libipsec-mb %llu ns, libsodium %llu ns for 1420 bytes",
		(unsigned long long)mb_ns / TRIAL_PACKETS,
		(unsigned long long)sodium_ns / TRIAL_PACKETS);
	return mb_ns < sodium_ns;
}

static const char *arch_name(IMB_ARCH arch)
{
	switch (arch) {
	case IMB_ARCH_AVX512:
		return "AVX512";
	case IMB_ARCH_AVX2:
		return "AVX2";
	case IMB_ARCH_SSE:
		return "SSE";
	default:
		return "x86";
	}
}

static void manager_free(struct aead *a)
{
	if (a->manager)
		aead_global.free(a->manager); /* wipes it */
	a->manager = NULL;
}

/* Time for the fast one: makes this thread's manager, and tries it if nobody has yet. */
static void aead_promote(struct aead *a)
{
	int verdict = __atomic_load_n(&aead_global.verdict, __ATOMIC_ACQUIRE);
	IMB_ARCH arch = IMB_ARCH_NONE;

	a->bytes = UINT64_MAX / 2; /* once */
	if (!aead_global.library || verdict == BAD)
		return;
	a->manager = aead_global.alloc(0);
	if (!a->manager)
		return;
	aead_global.init(a->manager, &arch);
	if (arch == IMB_ARCH_NONE) { /* its own self-test failed, or no such CPU */
		manager_free(a);
		return;
	}
	if (verdict == UNTRIED && aead_global.forced == AEAD_AUTO) {
		verdict = trial(a->manager) ? GOOD : BAD;
		__atomic_store_n(&aead_global.verdict, verdict, __ATOMIC_RELEASE);
		if (verdict == BAD) {
			manager_free(a);
			return;
		}
	}
	a->kind = AEAD_IPSECMB;
	snprintf(a->name, sizeof(a->name), "libipsec-mb %s", arch_name(arch));
}

#else /* !HAVE_IPSECMB */

static void ipsecmb_load(void)
{
}
static void aead_promote(struct aead *a)
{
	a->bytes = UINT64_MAX / 2;
}
static void manager_free(struct aead *a)
{
}

#endif

/* ---- both ---- */

static enum aead_kind kind_from_env(void)
{
	const char *text = getenv("TSGW_AEAD");

	if (text && !strcmp(text, "libsodium"))
		return AEAD_SODIUM;
	if (text && !strcmp(text, "libipsec-mb"))
		return AEAD_IPSECMB;
	return AEAD_AUTO;
}

int aead_init(enum aead_kind kind)
{
	if (kind == AEAD_AUTO)
		kind = kind_from_env();
#ifndef TSGW_NULL_AEAD
	if (kind == AEAD_NULL)
		return -ENOTSUP;
#endif
	if (kind != AEAD_SODIUM && !aead_global.library)
		ipsecmb_load();
	if (kind == AEAD_IPSECMB && !aead_global.library)
		return -ENOTSUP;
	aead_global.forced = kind;
	return 0;
}

struct aead *aead_new(void)
{
	struct aead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->kind = AEAD_SODIUM;
	snprintf(a->name, sizeof(a->name), "libsodium");
	if (aead_global.forced == AEAD_IPSECMB)
		aead_promote(a);
	else if (aead_global.forced == AEAD_SODIUM)
		a->bytes = UINT64_MAX / 2;
#ifdef TSGW_NULL_AEAD
	a->kind = AEAD_NULL;
	a->bytes = UINT64_MAX / 2;
	snprintf(a->name, sizeof(a->name), "NULL, for measuring only");
#endif
	return a;
}

void aead_free(struct aead *a)
{
	if (!a)
		return;
	manager_free(a);
	free(a);
}

const char *aead_name(const struct aead *a)
{
	return a->name;
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
	count(a, packets, n);
#ifdef TSGW_NULL_AEAD
	if (a->kind == AEAD_NULL) {
		for (size_t i = 0; i < n; i++)
			memset(packets[i].data + packets[i].len, 0, AEAD_TAG);
		return;
	}
#endif
#if HAVE_IPSECMB
	if (a->kind == AEAD_IPSECMB) {
		ipsecmb_seal(a->manager, key, packets, n);
		return;
	}
#endif
	sodium_seal(key, packets, n);
}

size_t aead_open(struct aead *a, const uint8_t key[AEAD_KEY], struct aead_packet *packets, size_t n)
{
	count(a, packets, n);
#ifdef TSGW_NULL_AEAD
	if (a->kind == AEAD_NULL) {
		for (size_t i = 0; i < n; i++)
			packets[i].ok = 1;
		return n;
	}
#endif
#if HAVE_IPSECMB
	if (a->kind == AEAD_IPSECMB)
		return ipsecmb_open(a->manager, key, packets, n);
#endif
	return sodium_open(key, packets, n);
}
