// SPDX-License-Identifier: MIT
// What a question comes to: which zone, which rcode, which records. Pure.
#pragma once

#include "common/addr.h"
#include "dns/zone.h"

enum decide_what {
	DECIDE_NONE,  /* no record: the rcode says it */
	DECIDE_ADDRS, /* .hosts, or .addr */
	DECIDE_SOA,
	DECIDE_NS,
	DECIDE_HINFO, /* RFC 8482 */
	DECIDE_PTR,   /* .target */
};

struct decision {
	int rcode;
	enum decide_what what;
	bool authoritative;
	bool negative; /* NODATA or NXDOMAIN: with SOA */
	bool ask; /* the tailnet's own resolver would know; what is here holds if nobody asks it */
	const struct zone *zone;
	const struct dns_name *suffix;
	unsigned apex; /* label of the question's name at which the zone begins */
	const struct zone_host *hosts;
	size_t n_hosts;
	struct addr addr;
	struct dns_name target;
};

/* CLIENT asks Q at our address SERVER. */
void decide_query(const struct zone_set *s, const struct dns_query *q, const struct addr *client,
	const struct addr *server, struct decision *ret);
