// SPDX-License-Identifier: MIT
// One answer of a resolver, off the wire: addresses, or how long there are none.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "proxy/resolve.h"

struct dnsreply {
	size_t n;
	struct addr addrs[RESOLVE_ADDRS_MAX]; /* of one family; more than these are left out */
	uint32_t ttl_s;			      /* the shortest on the way to them */
};

/* FAMILY 4 or 6. 0 (N may be 0: the name has none of this family), -EBADMSG, -ENOMEM. */
int dnsreply_addresses(const uint8_t *p, size_t len, int family, struct dnsreply *ret);
/* How long a "no such name" holds: the lower of the SOA's own TTL and its minimum (RFC 2308, section
 * 5); 0 without an SOA. Takes any bytes. */
uint32_t dnsreply_negative_ttl(const uint8_t *p, size_t len);
/* A and AAAA as a client tries them (RFC 8305, section 4): IPv6 first, then by turns, at most
 * RESOLVE_ADDRS_MAX. */
size_t dnsreply_merge(
	const struct dnsreply *v4, const struct dnsreply *v6, struct addr ret[RESOLVE_ADDRS_MAX]);
