// SPDX-License-Identifier: MIT
// The Internet checksum, 64 bits at a time, alone or while copying.
#include "wg/checksum.h"

#include <string.h>

/* Compiled several times where the linker can choose at run time (sanitizers start too late for that). */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(TSGW_SAN) && \
	!defined(__SANITIZE_THREAD__)
#define VECTORS __attribute__((target_clones("avx512f", "avx2", "default"), optimize("O3")))
#else
#define VECTORS
#endif

/* Left to themselves, compilers make less of it. */
#define LANES 8
typedef uint64_t lanes __attribute__((vector_size(LANES * 8), aligned(1), may_alias));

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

/* Sums of 32-bit halves in 64-bit lanes need no carries for 16 GiB; they are joined at the end. */
static inline __attribute__((always_inline)) uint64_t add_halves(
	uint64_t sum, const lanes *low_lanes, const lanes *high_lanes)
{
	uint64_t low = 0, high = 0;

	for (int i = 0; i < LANES; i++) {
		low += (*low_lanes)[i];
		high += (*high_lanes)[i];
	}
	sum = checksum_add64(sum, low);
	return checksum_add64(sum, (high << 32) | (high >> 32));
}

VECTORS uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	lanes low = {0}, high = {0};

	if (len >= sizeof(lanes)) {
		for (; len >= sizeof(lanes); p += sizeof(lanes), len -= sizeof(lanes)) {
			lanes v = *(const lanes *)p;

			low += v & 0xffffffff;
			high += v >> 32;
		}
		sum = add_halves(sum, &low, &high);
	}
	for (; len >= 8; p += 8, len -= 8)
		sum = checksum_add64(sum, load64(p));
	return len ? checksum_add64(sum, load_tail(p, len)) : sum;
}

VECTORS uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	const uint8_t *restrict p = from;
	uint8_t *restrict q = to;
	lanes low = {0}, high = {0};

	if (len >= sizeof(lanes)) {
		for (; len >= sizeof(lanes);
			p += sizeof(lanes), q += sizeof(lanes), len -= sizeof(lanes)) {
			lanes v = *(const lanes *)p;

			*(lanes *)q = v;
			low += v & 0xffffffff;
			high += v >> 32;
		}
		sum = add_halves(sum, &low, &high);
	}
	for (; len >= 8; p += 8, q += 8, len -= 8) {
		uint64_t v = load64(p);

		memcpy(q, &v, sizeof(v));
		sum = checksum_add64(sum, v);
	}
	if (!len)
		return sum;
	memcpy(q, p, len);
	return checksum_add64(sum, load_tail(p, len));
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
