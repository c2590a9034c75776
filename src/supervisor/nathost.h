// SPDX-License-Identifier: MIT
// The nftables table tsgw-NAME of the host: what a tailnet's link may send, and where to.
#pragma once

#include <stddef.h>

#include "common/addr.h"
#include "supervisor/nft.h"

struct nat_host {
	const char *table;	/* "tsgw-NAME" */
	const char *link;	/* the host's end of the veth */
	struct addr source;	/* the namespace's side of the /30 */
	const char (*outs)[16]; /* anywhere by these interfaces */
	size_t n_outs;
	struct addr source6; /* the same for IPv6; family 0: it carries none */
	const char (*outs6)[16];
	size_t n_outs6;
	const struct prefix *targets; /* and to these networks, by whatever interface */
	size_t n_targets;
};

/* Adds the table to a transaction, in place of the one that may be there. */
void nat_host_write(struct nft_batch *b, const struct nat_host *h, const char *comment);
