// SPDX-License-Identifier: MIT
// "Destination unreachable" for packets that no peer takes: pure, a packet in, a packet out.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICMP_BYTES_MAX	1280 /* RFC 4443 §2.4(c): never above the least MTU of IPv6 */
#define ICMP4_BYTES_MAX 576  /* RFC 1812 §4.3.2.3 */
#define ICMP_PER_SECOND 100
#define ICMP_BURST	50

/* How many are sent (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)); zeroed at first. */
struct icmp_limit {
	uint64_t last_ns;
	uint64_t tokens_ns;
};

/* False: not this one. */
bool icmp_limit_allow(struct icmp_limit *l, uint64_t now_ns);

/* Writes to OUT (ICMP_BYTES_MAX bytes) what tells the sender of the LEN bytes at IP, as the TUN device
 * gave them, that its destination cannot be reached: code "host" (RFC 792), "address" (RFC 4443). It
 * comes from the address that was asked for: what is routed to the TUN is also believed to come from
 * there, whatever rp_filter says, and one of our own addresses would be a martian. Returns its length, or
 * 0 where there must be none: for errors, fragments but the first, to or from groups and addresses that
 * are nobody's (RFC 1812 §4.3.2.7, RFC 4443 §2.4(e)). */
size_t icmp_unreachable(const uint8_t *ip, size_t len, uint8_t *out);
