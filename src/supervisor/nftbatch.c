// SPDX-License-Identifier: MIT
// One nftables transaction.
//
// A transaction is one datagram between NFNL_MSG_BATCH_BEGIN and _END: the kernel does all of it or none.
// "Replace" is add, delete, add: the first makes sure that there is something to delete. Errors come back for
// each message that has one; the last message asks for an answer of its own, so the end is always heard.
#include "supervisor/nftbatch.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"

struct nlmsghdr *nft_add(struct nft_batch *b, uint16_t type, uint16_t family, uint16_t flags)
{
	if (b->len + NFT_MESSAGE_BYTES > sizeof(b->bytes))
		b->failed = true;
	if (b->failed)
		return NULL;
	b->last = nftnl_nlmsg_build_hdr(b->bytes + b->len, type, family, flags, b->seq++);
	return b->last;
}

void nft_added(struct nft_batch *b)
{
	b->len += NLMSG_ALIGN(b->last->nlmsg_len);
}

struct nft_batch *nft_batch_new(const char *table)
{
	struct nft_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	snprintf(b->table, sizeof(b->table), "%s", table);
	b->last = nftnl_batch_begin(b->bytes, b->seq++);
	nft_added(b);
	return b;
}

static void nft_table(struct nft_batch *b, uint16_t type, const char *comment)
{
	struct nlmsghdr *h =
		nft_add(b, type, NFPROTO_INET, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
	struct nftnl_table *t = h ? nftnl_table_alloc() : NULL;
	struct nftnl_udata_buf *u = comment ? nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN) : NULL;

	if (!t || (comment && !u)) {
		b->failed = true;
	} else {
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, b->table);
		nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
		if (u && nftnl_udata_put_strz(u, NFTNL_UDATA_TABLE_COMMENT, comment))
			nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(u),
				nftnl_udata_buf_len(u));
		nftnl_table_nlmsg_build_payload(h, t);
		nft_added(b);
	}
	if (t)
		nftnl_table_free(t);
	if (u)
		nftnl_udata_buf_free(u);
}

void nft_remove(struct nft_batch *b)
{
	if (b)
		nft_table(b, NFT_MSG_DELTABLE, NULL);
}

void nft_replace(struct nft_batch *b, const char *comment)
{
	if (!b)
		return;
	nft_table(b, NFT_MSG_NEWTABLE, NULL);
	nft_table(b, NFT_MSG_DELTABLE, NULL);
	nft_table(b, NFT_MSG_NEWTABLE, comment);
}

void nft_chain(struct nft_batch *b, const char *name, const char *type, uint32_t hook, int prio)
{
	struct nlmsghdr *h = b ? nft_add(b, NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE) : NULL;
	struct nftnl_chain *c = h ? nftnl_chain_alloc() : NULL;

	if (!h)
		return;
	if (!c) {
		b->failed = true;
		return;
	}
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, prio);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(h, c);
	nftnl_chain_free(c);
	nft_added(b);
}

int nft_commit(struct nft *n, struct nft_batch *b)
{
	_cleanup_free_ struct nft_batch *owned = b;
	_cleanup_free_ char *buf = malloc(NFT_RECEIVE_BYTES);
	uint32_t first, last;
	int r, error = 0;

	if (!b || !buf || b->failed)
		return -ENOMEM;
	b->last->nlmsg_flags |= NLM_F_ACK;
	last = b->last->nlmsg_seq;
	first = ((struct nlmsghdr *)(void *)b->bytes)->nlmsg_seq;
	b->last = nftnl_batch_end(b->bytes + b->len, b->seq++);
	nft_added(b);
	r = send(nft_fd(n), b->bytes, b->len, 0) < 0 ? -errno : 0;
	for (bool done = false; r == 0 && !done;) {
		ssize_t got = recv(nft_fd(n), buf, NFT_RECEIVE_BYTES, 0);
		int left = (int)got;

		if (got < 0 && errno != EINTR)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (struct nlmsghdr *h = (void *)buf; got > 0 && mnl_nlmsg_ok(h, left);
			h = mnl_nlmsg_next(h, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			error = error ?: e->error;
			done = done || h->nlmsg_seq == last || h->nlmsg_seq == first;
		}
	}
	return r < 0 ? r : error;
}
