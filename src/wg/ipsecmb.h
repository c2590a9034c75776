// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 by Intel's libipsec-mb, which is loaded at run time where it is installed.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wg/aead.h"

/* What one thread needs: some 200 KB, and megabytes of code touched by the library's self-test. */
struct ipsecmb;

/* Before the sandbox. False: it is not there, or not what we were built with. */
bool ipsecmb_load(void);
/* NULL without the library, without memory, or if its own self-test failed. */
struct ipsecmb *ipsecmb_new(void);
void ipsecmb_free(struct ipsecmb *m);
/* "libipsec-mb AVX2", … */
const char *ipsecmb_name(const struct ipsecmb *m);
void ipsecmb_seal(
	struct ipsecmb *m, const uint8_t key[AEAD_KEY], const struct aead_packet *p, size_t n);
size_t ipsecmb_open(
	struct ipsecmb *m, const uint8_t key[AEAD_KEY], struct aead_packet *p, size_t n);
