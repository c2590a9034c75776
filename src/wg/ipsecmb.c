// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 by Intel's libipsec-mb.
//
// Of its interfaces the one without checks, job by job, is the fastest; this cipher always completes at
// once. The library is loaded at start, because no file can be opened in the sandbox, but that alone costs
// little: its manager comes with the first bulk of packets.
#include "wg/ipsecmb.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && !defined(TSGW_NO_IPSECMB) && __has_include(<intel-ipsec-mb.h>)
#include <intel-ipsec-mb.h>

#define NONCE 12

static struct {
	void *handle;
	IMB_MGR *(*alloc)(uint64_t flags);
	void (*free)(IMB_MGR *m);
	void (*init)(IMB_MGR *m, IMB_ARCH *ret_arch);
} library;

struct ipsecmb {
	IMB_MGR *manager;
	char name[32];
};

static void nonce_make(uint8_t ret[NONCE], uint64_t counter)
{
	memset(ret, 0, 4);
	for (int i = 0; i < 8; i++)
		ret[4 + i] = (uint8_t)(counter >> (8 * i));
}

static bool run_job(IMB_MGR *m, const uint8_t *key, const struct aead_packet *p, uint8_t *tag,
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

void ipsecmb_seal(
	struct ipsecmb *m, const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		/* cannot fail; but nothing must ever leave in plain text */
		if (!run_job(m->manager, key, &p[i], p[i].data + p[i].len, IMB_DIR_ENCRYPT))
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

size_t ipsecmb_open(struct ipsecmb *m, const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n)
{
	uint8_t tag[AEAD_TAG];
	size_t good = 0;

	for (size_t i = 0; i < n; i++) {
		p[i].ok = run_job(m->manager, key, &p[i], tag, IMB_DIR_DECRYPT) &&
			tag_equal(tag, p[i].data + p[i].len);
		good += p[i].ok;
	}
	return good;
}

/* The manager's shape is that of the headers we were built with: no other library will do. */
bool ipsecmb_load(void)
{
	unsigned (*version)(void);
	char name[32];
	void *lib;

	if (library.handle)
		return true;
	snprintf(name, sizeof(name), "libIPSec_MB.so.%u", (unsigned)IMB_VERSION_NUM >> 16);
	lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return false;
	version = (unsigned (*)(void))dlsym(lib, "imb_get_version");
	library.alloc = (IMB_MGR * (*)(uint64_t)) dlsym(lib, "alloc_mb_mgr");
	library.free = (void (*)(IMB_MGR *))dlsym(lib, "free_mb_mgr");
	library.init = (void (*)(IMB_MGR *, IMB_ARCH *))dlsym(lib, "init_mb_mgr_auto");
	if (!version || version() < (unsigned)IMB_VERSION_NUM || !library.alloc || !library.free ||
		!library.init)
		dlclose(lib);
	else
		library.handle = lib;
	return library.handle;
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

struct ipsecmb *ipsecmb_new(void)
{
	struct ipsecmb *m = library.handle ? calloc(1, sizeof(*m)) : NULL;
	IMB_ARCH arch = IMB_ARCH_NONE;

	if (!m)
		return NULL;
	m->manager = library.alloc(0);
	if (m->manager)
		library.init(m->manager, &arch);
	if (arch == IMB_ARCH_NONE) { /* its own self-test failed, or no such CPU */
		ipsecmb_free(m);
		return NULL;
	}
	snprintf(m->name, sizeof(m->name), "libipsec-mb %s", arch_name(arch));
	return m;
}

void ipsecmb_free(struct ipsecmb *m)
{
	if (m && m->manager)
		library.free(m->manager); /* wipes it */
	free(m);
}

const char *ipsecmb_name(const struct ipsecmb *m)
{
	return m->name;
}

#else

bool ipsecmb_load(void)
{
	return false;
}

struct ipsecmb *ipsecmb_new(void)
{
	return NULL;
}

void ipsecmb_free(struct ipsecmb *m)
{
}

const char *ipsecmb_name(const struct ipsecmb *m)
{
	return "";
}

void ipsecmb_seal(
	struct ipsecmb *m, const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n)
{
	abort();
}

size_t ipsecmb_open(struct ipsecmb *m, const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n)
{
	return 0;
}

#endif
