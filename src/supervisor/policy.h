// SPDX-License-Identifier: MIT
// Policy routing (ip-rule(8)), routes by a gateway in tables of their own, and the settings of one link.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addr.h"
#include "supervisor/links.h"

struct policy_rule {
	uint32_t pref;
	uint8_t family; /* 4 or 6 */
	uint32_t table;
	uint32_t mark, mask; /* mask 0 = any */
	const char *iif;     /* NULL = any */
	struct prefix from;  /* addr.family 0 = from anywhere */
	struct prefix to;    /* the same */
	bool has_uid;
	uid_t uid;
	uint8_t protocol; /* 0 = any */
	uint16_t port;	  /* of the target, 0 = any */
};
int policy_add_rule(struct links *l, const struct policy_rule *rule); /* existing = success */
/* Every rule with this preference. */
int policy_clear_rules(struct links *l, uint32_t pref);

struct policy_route {
	uint32_t table;
	struct prefix to;   /* with length 0: default */
	const char *ifname; /* NULL: "throw", as if the table had no route */
	struct addr via;    /* family 0 = on the link */
	struct addr source; /* family 0 = the kernel's choice */
};
int policy_add_route(struct links *l, const struct policy_route *route); /* replaces */
int policy_clear_table(struct links *l, uint32_t table);

/* The interface and the source address by which this namespace reaches TO. -ENETUNREACH, -EHOSTUNREACH,
 * …; -EADDRNOTAVAIL: it is the namespace's own. */
int policy_way(
	struct links *l, const struct addr *to, char ret_ifname[16], struct addr *ret_source);

/* An IPV4_DEVCONF_… setting of a link. */
int policy_get(struct links *l, const char *ifname, int key, uint32_t *ret);
int policy_set(struct links *l, const char *ifname, int key, uint32_t value);
/* Does the namespace forward between all its links? */
bool policy_forwards_all(struct links *l, uint8_t family);
