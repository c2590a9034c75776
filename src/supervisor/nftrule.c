// SPDX-License-Identifier: MIT
// The expressions of an nftables rule: what is loaded into the register, what it is compared with, the verdict.
#include "supervisor/nftbatch.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#define NFT_REG NFT_REG_1

void nft_rule(struct nft_batch *b, const char *chain)
{
	if (!b || b->failed)
		return;
	b->rule = nftnl_rule_alloc();
	if (!b->rule) {
		b->failed = true;
		return;
	}
	nftnl_rule_set_str(b->rule, NFTNL_RULE_TABLE, b->table);
	nftnl_rule_set_str(b->rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_set_u32(b->rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
}

static struct nftnl_expr *nft_expr(struct nft_batch *b, const char *name)
{
	struct nftnl_expr *e = b && b->rule && !b->failed ? nftnl_expr_alloc(name) : NULL;

	if (e)
		nftnl_rule_add_expr(b->rule, e);
	else if (b)
		b->failed = true;
	return e;
}

static void nft_load_meta(struct nft_batch *b, uint32_t key)
{
	struct nftnl_expr *e = nft_expr(b, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG);
}

static void nft_load_packet(struct nft_batch *b, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nftnl_expr *e = nft_expr(b, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG);
}

static void nft_mask(struct nft_batch *b, const void *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = nft_expr(b, "bitwise");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

static void nft_compare(struct nft_batch *b, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = nft_expr(b, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void nft_ifname(struct nft_batch *b, uint32_t key, uint32_t op, const char *ifname)
{
	char padded[16] = "";

	snprintf(padded, sizeof(padded), "%s", ifname);
	nft_load_meta(b, key);
	nft_compare(b, op, padded, sizeof(padded));
}

void nft_iif(struct nft_batch *b, const char *ifname)
{
	nft_ifname(b, NFT_META_IIFNAME, NFT_CMP_EQ, ifname);
}

void nft_oif(struct nft_batch *b, const char *ifname)
{
	nft_ifname(b, NFT_META_OIFNAME, NFT_CMP_EQ, ifname);
}

void nft_not_oif(struct nft_batch *b, const char *ifname)
{
	nft_ifname(b, NFT_META_OIFNAME, NFT_CMP_NEQ, ifname);
}

void nft_family(struct nft_batch *b, uint8_t family)
{
	uint8_t proto = family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	nft_load_meta(b, NFT_META_NFPROTO);
	nft_compare(b, NFT_CMP_EQ, &proto, sizeof(proto));
}

static void nft_address(struct nft_batch *b, bool source, const struct prefix *p, bool equal)
{
	struct prefix c = prefix_canonical(p);
	uint32_t len = (uint32_t)addr_len(&c.addr);
	uint32_t at = c.addr.family == 4 ? 12 : 8;
	uint8_t mask[16] = {0};

	for (uint32_t i = 0; i < c.len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	nft_family(b, c.addr.family);
	nft_load_packet(b, NFT_PAYLOAD_NETWORK_HEADER, source ? at : at + len, len);
	if (c.len < len * 8)
		nft_mask(b, mask, len);
	nft_compare(b, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, c.addr.bytes, len);
}

void nft_source(struct nft_batch *b, const struct prefix *p, bool equal)
{
	nft_address(b, true, p, equal);
}

void nft_target(struct nft_batch *b, const struct prefix *p, bool equal)
{
	nft_address(b, false, p, equal);
}

void nft_protocol(struct nft_batch *b, uint8_t protocol)
{
	nft_load_meta(b, NFT_META_L4PROTO);
	nft_compare(b, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

static void nft_port(struct nft_batch *b, uint32_t offset, uint16_t port)
{
	uint16_t wire = htons(port);

	nft_load_packet(b, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(wire));
	nft_compare(b, NFT_CMP_EQ, &wire, sizeof(wire));
}

void nft_source_port(struct nft_batch *b, uint16_t port)
{
	nft_port(b, 0, port);
}

void nft_target_port(struct nft_batch *b, uint16_t port)
{
	nft_port(b, 2, port);
}

void nft_uid(struct nft_batch *b, uint32_t uid)
{
	nft_load_meta(b, NFT_META_SKUID);
	nft_compare(b, NFT_CMP_EQ, &uid, sizeof(uid));
}

void nft_unmarked(struct nft_batch *b, uint32_t mark, uint32_t mask)
{
	nft_load_meta(b, NFT_META_MARK);
	nft_mask(b, &mask, sizeof(mask));
	nft_compare(b, NFT_CMP_NEQ, &mark, sizeof(mark));
}

void nft_icmpv6(struct nft_batch *b, uint8_t type)
{
	nft_family(b, 6);
	nft_protocol(b, 58);
	nft_load_packet(b, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_compare(b, NFT_CMP_EQ, &type, sizeof(type));
}

void nft_syn(struct nft_batch *b)
{
	const uint8_t mask = 0x12, syn = 0x02; /* of SYN and ACK, SYN alone */

	nft_protocol(b, 6);
	nft_load_packet(b, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
	nft_mask(b, &mask, sizeof(mask));
	nft_compare(b, NFT_CMP_EQ, &syn, sizeof(syn));
}

void nft_answers(struct nft_batch *b)
{
	const uint32_t mask = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
	const uint32_t none = 0;
	struct nftnl_expr *e = nft_expr(b, "ct");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG);
	nft_mask(b, &mask, sizeof(mask));
	nft_compare(b, NFT_CMP_NEQ, &none, sizeof(none));
}

static void nft_set_meta(struct nft_batch *b, uint32_t key, const void *value, uint32_t len)
{
	struct nftnl_expr *e = nft_expr(b, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, value, len);
	e = nft_expr(b, "meta");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG);
}

void nft_mark(struct nft_batch *b, uint32_t mark)
{
	nft_set_meta(b, NFT_META_MARK, &mark, sizeof(mark));
}

void nft_trace(struct nft_batch *b)
{
	const uint8_t on = 1;

	nft_set_meta(b, NFT_META_NFTRACE, &on, sizeof(on));
}

void nft_counter(struct nft_batch *b)
{
	(void)nft_expr(b, "counter");
}

void nft_end(struct nft_batch *b)
{
	struct nlmsghdr *h;

	if (!b || !b->rule)
		return;
	h = nft_add(b, NFT_MSG_NEWRULE, NFPROTO_INET, NLM_F_CREATE | NLM_F_APPEND);
	if (h) {
		nftnl_rule_nlmsg_build_payload(h, b->rule);
		nft_added(b);
	}
	nftnl_rule_free(b->rule);
	b->rule = NULL;
}

static void nft_verdict(struct nft_batch *b, uint32_t verdict)
{
	struct nftnl_expr *e = nft_expr(b, "immediate");

	if (e) {
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
		nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, verdict);
	}
	nft_end(b);
}

void nft_accept(struct nft_batch *b)
{
	nft_verdict(b, NF_ACCEPT);
}

void nft_drop(struct nft_batch *b)
{
	nft_verdict(b, NF_DROP);
}

void nft_masquerade(struct nft_batch *b)
{
	(void)nft_expr(b, "masq");
	nft_end(b);
}
