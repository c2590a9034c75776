// SPDX-License-Identifier: MIT
// What the DNS responder has counted, as JSON: "dns" of `status --json`.
#include "report/dnscounts.h"

#include <stddef.h>

#include "common/cleanup.h"

struct field {
	const char *name;
	size_t at; /* of the number in its struct */
};
#define OF(type, field)                       \
	{                                     \
#field, offsetof(type, field) \
	}

static const struct field all_fields[] = {OF(struct dns_counts, queries_udp),
	OF(struct dns_counts, queries_tcp), OF(struct dns_counts, dropped),
	OF(struct dns_counts, tcp_connections), OF(struct dns_counts, tcp_opened),
	OF(struct dns_counts, tcp_evicted), OF(struct dns_counts, tcp_refused),
	OF(struct dns_counts, tcp_paused), OF(struct dns_counts, cache_entries),
	OF(struct dns_counts, cache_bytes), OF(struct dns_counts, cache_evicted),
	OF(struct dns_counts, zones_full)};
static const struct field zone_fields[] = {OF(struct dns_zone_stats, asked),
	OF(struct dns_zone_stats, answered), OF(struct dns_zone_stats, cache_hits),
	OF(struct dns_zone_stats, timeouts), OF(struct dns_zone_stats, down),
	OF(struct dns_zone_stats, full), OF(struct dns_zone_stats, unrouted)};

static void put_number(json_t *j, const char *name, uint64_t n)
{
	json_object_set_new(j, name, json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n)));
}

static void put_fields(json_t *j, const struct field *f, size_t n, const void *from)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *number = (const void *)((const char *)from + f[i].at);

		put_number(j, f[i].name, *number);
	}
}

/* By their names, the others as one; BADVERS and what is above it come as 15. */
static void put_rcodes(json_t *j, const uint64_t rcodes[16])
{
	static const char *const names[] = {
		"noerror", "formerr", "servfail", "nxdomain", "notimp", "refused"};
	json_t *o = json_object();
	uint64_t other = 0;

	for (size_t i = 0; i < 16; i++) {
		if (i < ELEMENTSOF(names))
			put_number(o, names[i], rcodes[i]);
		else
			other += rcodes[i];
	}
	put_number(o, "other", other);
	json_object_set_new(j, "rcodes", o);
}

void dnscounts_json(json_t *j, const struct control_dns *r)
{
	json_t *zones = json_object_get(j, "tailnets"), *o;

	if (!*r->tailnet) {
		put_rcodes(j, r->all.rcodes);
		put_fields(j, all_fields, ELEMENTSOF(all_fields), &r->all);
		return;
	}
	if (!zones) {
		zones = json_object();
		json_object_set_new(j, "tailnets", zones);
	}
	o = json_object();
	put_rcodes(o, r->zone.rcodes);
	put_fields(o, zone_fields, ELEMENTSOF(zone_fields), &r->zone);
	json_object_set_new(zones, r->tailnet, o);
}
