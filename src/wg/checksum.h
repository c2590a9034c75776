// SPDX-License-Identifier: MIT
// The Internet checksum (RFC 1071), 64 bits at a time, alone or while copying.
//
// A sum is a 64-bit ones' complement number in the byte order of the machine; pieces may be added in any
// order as long as each begins at an even offset of the whole.
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint64_t checksum_add64(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
/* Copies as well. The areas do not overlap. */
uint64_t checksum_copy(uint64_t sum, void *to, const void *from, size_t len);

/* Adds a number as it would lie in the packet. */
static inline uint64_t checksum_add_be16(uint64_t sum, uint16_t host_order)
{
	return checksum_add64(sum,
		__builtin_bswap16(host_order) *
				(uint64_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) +
			host_order * (uint64_t)(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__));
}

/* The 16-bit sum, to be stored with memcpy(); not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* The pseudo header of RFC 9293 §3.1 and RFC 8200 §8.1: ADDRESSES are source and destination as
 * they lie in the IP header, LEN is that of the upper layer's header and data. */
uint64_t checksum_pseudo4(const void *addresses, uint8_t protocol, uint32_t len);
uint64_t checksum_pseudo6(const void *addresses, uint8_t protocol, uint32_t len);
