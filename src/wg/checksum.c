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

/* Compilers know how to make vectors of a plain sum of these, if the loop has nothing left over. In 64 bits they need
 * no carries for 16 GiB. */
typedef uint32_t word __attribute__((aligned(1), may_alias));
#define CHUNK 64

/* For a sum while copying, left to themselves, they make less of it. */
#define LANES 8
typedef uint64_t lanes __attribute__((vector_size(LANES * 8), aligned(1), may_alias));

static inline uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Pieces of 32 and 16 bits may be added in any place of a sum that is a multiple of that. */
static inline __attribute__((always_inline)) uint64_t add_few(
	uint64_t sum, const uint8_t *p, size_t len)
{
	uint32_t four;
	uint16_t two;

	for (; len >= 8; p += 8, len -= 8)
		sum = checksum_add64(sum, load64(p));
	if (len & 4) {
		memcpy(&four, p, sizeof(four));
		sum = checksum_add64(sum, four);
	}
	if (len & 2) {
		memcpy(&two, p + (len & 4), sizeof(two));
		sum = checksum_add64(sum, two);
	}
	if (len & 1) {
		two = 0; /* as if that followed */
		memcpy(&two, p + (len & 6), 1);
		sum = checksum_add64(sum, two);
	}
	return sum;
}

VECTORS uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
	size_t words = len / CHUNK * (CHUNK / sizeof(word));
	const word *p = data;
	uint64_t all = 0;

	for (size_t i = 0; i < words; i++)
		all += p[i];
	return add_few(checksum_add64(sum, all), (const uint8_t *)(p + words), len % CHUNK);
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
	if (len)
		memcpy(q, p, len);
	return add_few(sum, p, len);
}

uint64_t checksum_pseudo4(const void *addresses, uint8_t protocol, uint32_t len)
{
	uint64_t sum = add_few(0, addresses, 8);

	sum = checksum_add_be16(sum, protocol);
	sum = checksum_add_be16(sum, (uint16_t)(len >> 16));
	return checksum_add_be16(sum, (uint16_t)len);
}

uint64_t checksum_pseudo6(const void *addresses, uint8_t protocol, uint32_t len)
{
	uint64_t sum = add_few(0, addresses, 32);

	sum = checksum_add_be16(sum, protocol);
	sum = checksum_add_be16(sum, (uint16_t)(len >> 16));
	return checksum_add_be16(sum, (uint16_t)len);
}
