// SPDX-License-Identifier: MIT
// Inside of a transaction, for nft.c, nftbatch.c and nftrule.c.
#pragma once

#include <libmnl/libmnl.h>
#include <libnftnl/rule.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/nft.h"

#define NFT_BATCH_BYTES	  (512u << 10)
#define NFT_MESSAGE_BYTES (8u << 10) /* more than any one message of ours */
#define NFT_RECEIVE_BYTES (64u << 10)

struct nft_batch {
	char table[NFT_NAME_MAX];
	struct nftnl_rule *rule; /* that is being written */
	bool failed;
	struct nlmsghdr *last;
	uint32_t seq;
	size_t len;
	char bytes[NFT_BATCH_BYTES];
};

/* Room for one more message, or NULL; nft_added() once its payload is complete. */
struct nlmsghdr *nft_add(struct nft_batch *b, uint16_t type, uint16_t family, uint16_t flags);
void nft_added(struct nft_batch *b);
