// SPDX-License-Identifier: MIT
// Forwarding of single interfaces of the host: turned on for whoever needs it, put back by the last one.
//
// Who forwards has an nftables table tsgw-NAME, and its comment says what it has turned on and how that was
// before: "tsgw:/run/tsgw forwards 4:0:eth0". So every gateway on this host, whatever its directories, sees
// what the others need, and a table outlives a supervisor that is killed. A lock on the network namespace
// itself keeps two of them from reading and writing at the same time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/links.h"
#include "supervisor/nft.h"
#include "supervisor/store.h"

#define FORWARDING_TABLES "tsgw-" /* how the names of all such tables start */

/* Held until the descriptor is closed. 0 or -errno. */
int forwarding_lock(int *ret_fd);

/* The comment of a table. MARK is shortened if it is too long; so are the claims, never silently: -E2BIG. */
int forwarding_format(
	const char *mark, const struct made_forward *f, size_t n, char ret[NFT_COMMENT_MAX]);
/* The claims of a comment; those without any give 0. */
size_t forwarding_parse(const char *comment, struct made_forward ret[STORE_FORWARDS_MAX]);
/* Does the comment carry MARK? */
bool forwarding_is_ours(const char *comment, const char *mark);

/* How forwarding of F's interface was before any of us came; into F->old. Under the lock. */
int forwarding_ask(struct links *host, struct nft *nft, const char *table, struct made_forward *f);
int forwarding_on(struct links *host, const struct made_forward *f);
/* As it was, unless a table other than TABLE still needs it. Under the lock. A link that is gone is no
 * error. */
int forwarding_back(
	struct links *host, struct nft *nft, const char *table, const struct made_forward *f);
/* Can IPv6 be forwarded for single interfaces here, or does the host do it anyway? */
bool forwarding_has_ipv6(struct links *host);
