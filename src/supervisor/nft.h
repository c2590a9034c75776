// SPDX-License-Identifier: MIT
// nftables over netlink (libmnl, libnftnl): one table of family inet, replaced or removed in one transaction.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"

#define NFT_NAME_MAX	64  /* "tsgw-NAME" with NUL */
#define NFT_COMMENT_MAX 240 /* with NUL; nft(8) shows it with the table */

struct nft; /* a netlink socket that lives in one namespace */

/* NETNS_FD -1: the caller's own. GROUPS: a mask of 1 << (NFNLGRP_… - 1) that it hears. 0 or -errno. */
int nft_open(int netns_fd, uint32_t groups, struct nft **ret);
void nft_close(struct nft *n);
int nft_fd(const struct nft *n);
/* Throws away what was heard: 1 there was something, 0 nothing. */
int nft_drain(struct nft *n);

/* The comment of table NAME ("" = none). -ENOENT. */
int nft_comment(struct nft *n, const char *name, char ret[NFT_COMMENT_MAX]);
/* Every inet table whose name starts with PREFIX. EACH's first result that is not 0 ends it. */
int nft_each_table(struct nft *n, const char *prefix,
	int (*each)(const char *name, const char *comment, void *arg), void *arg);
/* How many packets the first counter of CHAIN in table NAME has seen. */
int nft_packets(struct nft *n, const char *name, const char *chain, uint64_t *ret);

/* ---- a transaction ---- */

struct nft_batch;
/* NULL: out of memory, which all others take and nft_commit() reports. */
struct nft_batch *nft_batch_new(const char *table);
void nft_replace(struct nft_batch *b, const char *comment); /* the table, new and empty */
void nft_remove(struct nft_batch *b);
/* TYPE "filter" or "nat"; policy accept. */
void nft_chain(struct nft_batch *b, const char *name, const char *type, uint32_t hook, int prio);

/* A rule for CHAIN, then its expressions from left to right, then a verdict, which ends it. */
void nft_rule(struct nft_batch *b, const char *chain);
void nft_iif(struct nft_batch *b, const char *ifname);
void nft_oif(struct nft_batch *b, const char *ifname);
void nft_not_oif(struct nft_batch *b, const char *ifname);
void nft_source(struct nft_batch *b, const struct prefix *p, bool equal);
void nft_target(struct nft_batch *b, const struct prefix *p, bool equal);
void nft_family(struct nft_batch *b, uint8_t family); /* 4 or 6 */
void nft_protocol(struct nft_batch *b, uint8_t protocol);
void nft_source_port(struct nft_batch *b, uint16_t port); /* after nft_protocol() */
void nft_target_port(struct nft_batch *b, uint16_t port);
void nft_uid(struct nft_batch *b, uint32_t uid);		      /* of the socket */
void nft_unmarked(struct nft_batch *b, uint32_t mark, uint32_t mask); /* the mark is another */
void nft_icmpv6(struct nft_batch *b, uint8_t type);
void nft_syn(struct nft_batch *b);     /* the first packet of a TCP connection */
void nft_answers(struct nft_batch *b); /* ct state established,related */
void nft_mark(struct nft_batch *b, uint32_t mark);
void nft_trace(struct nft_batch *b);
void nft_counter(struct nft_batch *b);
void nft_accept(struct nft_batch *b);
void nft_drop(struct nft_batch *b);
void nft_masquerade(struct nft_batch *b);
void nft_end(struct nft_batch *b); /* without a verdict */

/* Sends it and frees it. 0 or the kernel's -errno; then nothing was changed. */
int nft_commit(struct nft *n, struct nft_batch *b);

/* What the kernel told on NFNLGRP_NFTRACE of the packet that OURS, a table, has seen first: the table and
 * chain that drop it. 1 one drops, 0 none heard yet. Starts with zeroes. */
struct nft_dropper {
	uint32_t id;	/* of the packet, 0 = not yet known */
	char family[8]; /* "inet", "ip", "ip6" */
	char table[64];
	char chain[64];
	bool policy; /* by its policy, not by a rule */
};
int nft_hear_drop(struct nft *n, const char *ours, struct nft_dropper *d);
