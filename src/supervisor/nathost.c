// SPDX-License-Identifier: MIT
// The nftables table tsgw-NAME of the host: what a tailnet's link may send, and where to.
//
// Its chains judge only packets that come from that link or go to it; all others pass. An accept of ours does not
// undo a drop of somebody else's chain on the same hook: such a chain is found by a probe (uplink-firewall.c).
#include "supervisor/nathost.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

static void nat_host_forward(struct nft_batch *b, const struct nat_host *h)
{
	const struct prefix source = prefix_of_addr(&h->source),
			    source6 = prefix_of_addr(&h->source6);

	nft_chain(b, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER);
	for (size_t i = 0; i < h->n_targets; i++) {
		if (h->targets[i].addr.family != h->source.family)
			continue;
		nft_rule(b, "forward");
		nft_iif(b, h->link);
		nft_source(b, &source, true);
		nft_target(b, &h->targets[i], true);
		nft_accept(b);
	}
	for (size_t i = 0; i < h->n_outs; i++) {
		nft_rule(b, "forward");
		nft_iif(b, h->link);
		nft_oif(b, h->outs[i]);
		nft_source(b, &source, true);
		nft_accept(b);
	}
	for (size_t i = 0; i < h->n_outs6; i++) {
		nft_rule(b, "forward");
		nft_iif(b, h->link);
		nft_oif(b, h->outs6[i]);
		nft_source(b, &source6, true);
		nft_accept(b);
	}
	nft_rule(b, "forward");
	nft_iif(b, h->link);
	nft_drop(b);
	nft_rule(b, "forward");
	nft_oif(b, h->link);
	nft_answers(b);
	nft_accept(b);
	nft_rule(b, "forward");
	nft_oif(b, h->link);
	nft_drop(b);
}

void nat_host_write(struct nft_batch *b, const struct nat_host *h, const char *comment)
{
	const struct prefix source = prefix_of_addr(&h->source),
			    source6 = prefix_of_addr(&h->source6);

	nft_replace(b, comment);
	nat_host_forward(b, h);
	nft_chain(b, "nat", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC);
	nft_rule(b, "nat");
	nft_not_oif(b, h->link);
	nft_source(b, &source, true);
	nft_masquerade(b);
	if (!h->source6.family)
		return;
	nft_rule(b, "nat");
	nft_not_oif(b, h->link);
	nft_source(b, &source6, true);
	nft_masquerade(b);
}
