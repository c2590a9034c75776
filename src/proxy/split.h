// SPDX-License-Identifier: MIT
// Split DNS: which of the tailnet's resolvers are asked for a name.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"

#define SPLIT_GROUPS_MAX \
	16 /* different lists of resolvers, the one for all other names among them */
#define SPLIT_DOMAINS_MAX 256

/* What split_find() gives besides groups. */
#define SPLIT_NONE   (-1) /* no such name exists: the netmap knows all that do */
#define SPLIT_NOBODY (-2) /* nobody can be asked */

struct split_group {
	uint32_t n;
	struct addr servers[MSG_SERVERS];
};

struct split_domain {
	char domain[MSG_DOMAIN_MAX]; /* lower case */
	int group;
};

struct splits {
	struct split_domain *domains;
	size_t n;
	struct split_group groups[SPLIT_GROUPS_MAX]; /* 0: for names of no domain below */
	size_t n_groups;			     /* without that one */
	uint64_t digest;			     /* of all that was told */
};

/* The resolvers for names of no domain; at most once. Each: 0, -EBADMSG, -EINVAL (not a DNS name), -ENOMEM;
 * -ENOSPC: names under it are asked of nobody, or, if there are too many domains, of the others. */
int split_set_others(struct splits *s, const struct msg_proxy_resolver *m);
int split_add(struct splits *s, const struct msg_proxy_split *m);
void split_free(struct splits *s);
/* The group for NAME, which is in lower case: that of the longest domain that it is in. */
int split_find(const struct splits *s, const char *name);
