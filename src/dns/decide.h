// SPDX-License-Identifier: MIT
// What a question comes to: which zone, which rcode, which records. Pure.
#pragma once

#include "common/addr.h"
#include "dns/cache.h"
#include "dns/zone.h"

enum decide_what {
	DECIDE_NONE,  /* no record: the rcode says it */
	DECIDE_ADDRS, /* .hosts, or .addr */
	DECIDE_SOA,
	DECIDE_NS,
	DECIDE_HINFO, /* RFC 8482 */
	DECIDE_PTR,   /* .target */
	DECIDE_FOUND, /* .found */
};

struct decision {
	int rcode;
	enum decide_what what;
	bool authoritative;
	bool negative; /* NODATA or NXDOMAIN: with SOA */
	bool ask;      /* the tailnet itself may know more; what is here holds if nobody asks it */
	bool probe;    /* it only matters whether the name exists: type A is asked for */
	const struct zone *zone;
	const struct dns_name *suffix;
	unsigned apex; /* label of the question's name at which the zone begins */
	const struct zone_host *hosts;
	size_t n_hosts;
	struct addr addr;
	struct dns_name target;
	const struct found *found;
};

/* CLIENT asks Q at our address SERVER. */
void decide_query(const struct zone_set *s, const struct dns_query *q, const struct addr *client,
	const struct addr *server, struct decision *ret);
/* D, which has .ask, after its tailnet has answered F; *ret_unrouted = addresses in it that it does not
 * route, which are left out. F is kept. */
void decide_found(struct decision *d, const struct dns_query *q, const struct found *f,
	unsigned *ret_unrouted);
/* May this record of type A, AAAA, HTTPS or SVCB be told to a client? */
bool decide_may_tell(const struct decision *d, uint16_t type, const uint8_t *data, size_t len);
