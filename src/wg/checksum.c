// SPDX-License-Identifier: MIT
// The Internet checksum, 64 bits at a time, alone or while copying.
#include "wg/checksum.h"

#include <string.h>

/* Compiled twice where the linker can choose at run time (sanitizers start too late for that). */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(TSGW_SAN) && \
	!defined(__SANITIZE_THREAD__)
#define VECTORS __attribute__((target_clones("avx2", "default"), optimize("O3")))
#else
#define VECTORS
#endif

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Up to 7 bytes as the beginning of a 64-bit word that ends in zeros. */
static inline uint64_t load_tail(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	memcpy(&v, p, n);
	return v;
}

/* Sums of 32-bit halves in 64-bit lanes need no carries for 16 GiB, and compilers make vectors of
 * them; the halves of the result are joined at the end. */
static inline uint64_t add_halves(uint64_t sum, uint64_t low, uint64_t high)
{
	sum = checksum_add64(sum, low);
	return checksum_add64(sum, (high << 32) | (high >> 32));
}

VECTORS uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t low = 0, high = 0;

	for (; len >= 64; p += 64, len -= 64)
		for (int i = 0; i < 8; i++) {
			uint64_t v = load64(p + 8 * i);

			low += v & 0xffffffff;
			high += v >> 32;
		}
	for (; len >= 8; p += 8, len -= 8)
		sum = checksum_add64(sum, load64(p));
	if (len)
		sum = checksum_add64(sum, load_tail(p, len));
	return add_halves(sum, low, high);
}

VECTORS uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *restrict p = from;
	uint8_t *restrict q = to;
	uint64_t low = 0, high = 0;

	for (; len >= 64; p += 64, q += 64, len -= 64)
		for (int i = 0; i < 8; i++) {
			uint64_t v = load64(p + 8 * i);

			memcpy(q + 8 * i, &v, sizeof(v));
			low += v & 0xffffffff;
			high += v >> 32;
		}
	for (; len >= 8; p += 8, q += 8, len -= 8) {
		uint64_t v = load64(p);

		memcpy(q, &v, sizeof(v));
		sum = checksum_add64(sum, v);
	}
	if (len) {
		memcpy(q, p, len);
		sum = checksum_add64(sum, load_tail(p, len));
	}
	return add_halves(sum, low, high);
}

uint64_t checksum_pseudo4(const void *addresses, uint8_t protocol, uint32_t len)
{
	uint64_t sum = checksum_add(0, addresses, 8);

	sum = checksum_add_be16(sum, protocol);
	sum = checksum_add_be16(sum, (uint16_t)(len >> 16));
	return checksum_add_be16(sum, (uint16_t)len);
}

uint64_t checksum_pseudo6(const void *addresses, uint8_t protocol, uint32_t len)
{
	uint64_t sum = checksum_add(0, addresses, 32);

	sum = checksum_add_be16(sum, protocol);
	sum = checksum_add_be16(sum, (uint16_t)(len >> 16));
	return checksum_add_be16(sum, (uint16_t)len);
}
