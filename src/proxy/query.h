// SPDX-License-Identifier: MIT
// Questions to the tailnet's resolvers over the network: c-ares in this worker's loop.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

enum query_status {
	QUERY_ANSWER,	 /* a reply with records */
	QUERY_NO_DATA,	 /* the name has none of this type */
	QUERY_NO_NAME,	 /* NXDOMAIN */
	QUERY_FAILED,	 /* SERVFAIL, REFUSED, a closed port, nonsense, no memory */
	QUERY_SILENT,	 /* nobody answered */
	QUERY_CANCELLED, /* query_servers(), query_forget() */
};

/* REPLY may be NULL but with QUERY_ANSWER. */
typedef void query_done(void *owner, enum query_status status, const uint8_t *reply, size_t len);

#define QUERY_GROUPS_MAX 16

/* Before the sandbox: a library that has read no file then reads none later, nor can it. GROUPS of resolvers, 1 …
 * QUERY_GROUPS_MAX. 0 or -errno. */
int query_open(size_t groups);
size_t query_groups(void);
/* Ends the questions under way of GROUP as QUERY_CANCELLED, then asks these. 0 or -errno. */
int query_servers(size_t group, const struct addr *servers, size_t n);
void query_forget(void); /* ends them only, of all */
/* Asks GROUP for the records of TYPE that NAME has; in NAME a backslash precedes dots and backslashes that are
 * part of a label. DONE may be called before this returns. */
#define QUERY_A	   1
#define QUERY_AAAA 28
void query_start(size_t group, const char *name, uint16_t type, query_done *done, void *owner);
