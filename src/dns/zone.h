// SPDX-License-Identifier: MIT
// The zones: what the supervisor said about each tailnet, and what a question about them comes to.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "dns/name.h"
#include "dns/packet.h"
#include "dns/ranges.h"

#define ZONES_MAX	  4096
#define ZONE_SUFFIXES_MAX 256
#define ZONE_HOSTS_MAX	  4096
#define ZONE_RRSET_MAX	  256 /* addresses of one name */

struct zone_host {     /* sorted by name; a name with several addresses has several */
	uint8_t *name; /* wire form, relative to the suffix, with the final zero byte */
	uint8_t len;
	struct addr addr; /* family 0: nothing but a node above a name */
};

struct zone {
	char tailnet[33];
	struct dns_name *suffixes;
	size_t n_suffixes;
	struct zone_host *hosts;
	size_t n_hosts;
	size_t host_names; /* as configured, without the nodes above */
	struct ranges routes;
	struct ranges allow;	      /* clients that may see it; empty = none */
	bool asks;		      /* the tailnet has a resolver of its own */
	bool unsure;		      /* .routes are not known yet */
	struct link *link;	      /* then, to be asked; see dns/link.h */
	struct dns_zone_stats *stats; /* may be NULL */
};

struct zone_set {
	struct zone **zones;
	size_t n_zones;
	struct zone_suffix *index; /* open addressing over all suffixes */
	size_t index_size;
	unsigned labels_max; /* of the longest suffix */
	uint32_t serial;
};

/* Building: add, then zone_set_finish(), then only ask. 0, -EINVAL, -E2BIG, -ENOMEM. */
int zone_set_new(struct zone_set **ret);
void zone_set_free(struct zone_set *s);
int zone_set_add(struct zone_set *s, const char *tailnet, struct zone **ret);
int zone_add_suffix(struct zone *z, const char *suffix);
int zone_add_host(struct zone *z, const char *name, const struct addr *a);
int zone_set_finish(struct zone_set *s, uint32_t serial);

/* The longest suffix that NAME ends with, among the zones that admit CLIENT. *ret_label is the
 * first label of the suffix in NAME. NULL if none. */
const struct zone *zone_find(const struct zone_set *s, const struct dns_name *name,
	const struct addr *client, unsigned *ret_label, const struct dns_name **ret_suffix);
/* The only zone admitting CLIENT that routes A, or NULL. */
const struct zone *zone_routing(
	const struct zone_set *s, const struct addr *a, const struct addr *client);
/* The hosts of exactly NAME's first LABELS labels: the first of *ret_n, or NULL. */
const struct zone_host *zone_hosts(
	const struct zone *z, const struct dns_name *name, unsigned labels, size_t *ret_n);
/* A tailnet routes A, and a client may go there. */
bool zone_reaches(const struct zone *z, const struct addr *a);
