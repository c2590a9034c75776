// SPDX-License-Identifier: MIT
// nftables over netlink: the socket, the transaction, the expressions of a rule.
//
// A transaction is one datagram between NFNL_MSG_BATCH_BEGIN and _END: the kernel does all of it or none.
// "Replace" is add, delete, add: the first makes sure that there is something to delete. Errors come back for
// each message that has one; the last message asks for an answer of its own, so the end is always heard.
#include "supervisor/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/trace.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisor/netns.h"

#define NFT_BATCH_BYTES	  (512u << 10)
#define NFT_MESSAGE_BYTES (8u << 10) /* more than any one message of ours */
#define NFT_RECEIVE_BYTES (64u << 10)
#define NFT_TIMEOUT_S	  10 /* the kernel answers at once, but may wait for its lock */
#define NFT_REG		  NFT_REG_1

struct nft {
	struct mnl_socket *sock;
	uint32_t seq;
};

/* ---- socket ---- */

static int nft_open_fd(void *arg, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK, .nl_groups = *(uint32_t *)arg};

	if (fd < 0 || bind(fd, (struct sockaddr *)&nl, sizeof(nl)) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

int nft_open(int netns_fd, uint32_t groups, struct nft **ret)
{
	struct timeval patience = {.tv_sec = NFT_TIMEOUT_S};
	_cleanup_close_ int fd = -1;
	int r, size = NFT_BATCH_BYTES;
	struct nft *n;

	r = netns_fd < 0 ? nft_open_fd(&groups, &fd)
			 : netns_run(netns_fd, nft_open_fd, &groups, &fd);
	if (r < 0)
		return r;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	n = calloc(1, sizeof(*n));
	if (n)
		n->sock = mnl_socket_fdopen(fd);
	if (!n || !n->sock) {
		free(n);
		return -ENOMEM;
	}
	(void)take_fd(fd);
	*ret = n;
	return 0;
}

void nft_close(struct nft *n)
{
	if (n)
		mnl_socket_close(n->sock);
	free(n);
}

int nft_fd(const struct nft *n)
{
	return mnl_socket_get_fd(n->sock);
}

int nft_drain(struct nft *n)
{
	char byte;
	int heard = 0;

	while (recv(nft_fd(n), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == ENOBUFS ||
		errno == EINTR)
		heard = 1;
	return heard;
}

/* ---- questions ---- */

/* Receives until the end of the answer to SEQ. */
static int nft_receive(struct nft *n, uint32_t seq, mnl_cb_t each, void *arg)
{
	_cleanup_free_ char *buf = malloc(NFT_RECEIVE_BYTES);
	ssize_t len;
	int r = 1;

	if (!buf)
		return -ENOMEM;
	while (r > 0) {
		len = recv(nft_fd(n), buf, NFT_RECEIVE_BYTES, 0);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		r = mnl_cb_run(buf, (size_t)len, seq, 0, each, arg);
		if (r < 0)
			return -errno;
	}
	return 0;
}

static int nft_send(struct nft *n, const void *data, size_t len)
{
	return mnl_socket_sendto(n->sock, data, len) < 0 ? -errno : 0;
}

static int nft_udata_comment(const struct nftnl_udata *attr, void *arg)
{
	char *ret = arg;
	uint8_t len = nftnl_udata_len(attr);
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT && len && !text[len - 1])
		snprintf(ret, NFT_COMMENT_MAX, "%s", text);
	return 0;
}

static void nft_table_comment(const struct nftnl_table *t, char ret[NFT_COMMENT_MAX])
{
	uint32_t len;
	const void *data = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &len);

	ret[0] = '\0';
	if (data)
		(void)nftnl_udata_parse(data, len, nft_udata_comment, ret);
}

struct nft_tables {
	const char *prefix;
	int (*each)(const char *name, const char *comment, void *arg);
	void *arg;
	int result;
};

static int nft_on_table(const struct nlmsghdr *h, void *arg)
{
	struct nft_tables *q = arg;
	struct nftnl_table *t = nftnl_table_alloc();
	char comment[NFT_COMMENT_MAX];
	const char *name;

	if (!t)
		return MNL_CB_OK;
	if (nftnl_table_nlmsg_parse(h, t) == 0 && q->result == 0) {
		name = nftnl_table_get_str(t, NFTNL_TABLE_NAME);
		nft_table_comment(t, comment);
		if (name && !strncmp(name, q->prefix, strlen(q->prefix)))
			q->result = q->each(name, comment, q->arg);
	}
	nftnl_table_free(t);
	return MNL_CB_OK;
}

int nft_each_table(struct nft *n, const char *prefix,
	int (*each)(const char *name, const char *comment, void *arg), void *arg)
{
	struct nft_tables q = {prefix, each, arg, 0};
	char buf[256];
	struct nlmsghdr *h =
		nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_DUMP, ++n->seq);
	int r = nft_send(n, h, h->nlmsg_len);

	if (r == 0)
		r = nft_receive(n, h->nlmsg_seq, nft_on_table, &q);
	return r < 0 ? r : q.result;
}

struct nft_wanted {
	const char *name;
	char *comment;
};

static int nft_is_wanted(const char *name, const char *comment, void *arg)
{
	struct nft_wanted *w = arg;

	if (strcmp(name, w->name) != 0)
		return 0;
	snprintf(w->comment, NFT_COMMENT_MAX, "%s", comment);
	return 1;
}

int nft_comment(struct nft *n, const char *name, char ret[NFT_COMMENT_MAX])
{
	struct nft_wanted w = {name, ret};
	int r = nft_each_table(n, name, nft_is_wanted, &w);

	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int nft_counter_of(struct nftnl_expr *e, void *arg)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);

	if (!strcmp(name, "counter"))
		*(uint64_t *)arg = nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS);
	return 0;
}

static int nft_on_rule(const struct nlmsghdr *h, void *arg)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (r && nftnl_rule_nlmsg_parse(h, r) == 0)
		(void)nftnl_expr_foreach(r, nft_counter_of, arg);
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

int nft_packets(struct nft *n, const char *name, const char *chain, uint64_t *ret)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	char buf[1024];
	struct nlmsghdr *h =
		nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETRULE, NFPROTO_INET, NLM_F_DUMP, ++n->seq);
	int r;

	if (!rule)
		return -ENOMEM;
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, name);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	nftnl_rule_nlmsg_build_payload(h, rule);
	nftnl_rule_free(rule);
	*ret = 0;
	r = nft_send(n, h, h->nlmsg_len);
	return r < 0 ? r : nft_receive(n, h->nlmsg_seq, nft_on_rule, ret);
}

/* ---- a transaction ---- */

struct nft_batch {
	char table[NFT_NAME_MAX];
	struct nftnl_rule *rule; /* that is being written */
	bool failed;
	struct nlmsghdr *last;
	uint32_t seq;
	size_t len;
	char bytes[NFT_BATCH_BYTES];
};

static struct nlmsghdr *nft_add(struct nft_batch *b, uint16_t type, uint16_t family, uint16_t flags)
{
	if (b->len + NFT_MESSAGE_BYTES > sizeof(b->bytes))
		b->failed = true;
	if (b->failed)
		return NULL;
	b->last = nftnl_nlmsg_build_hdr(b->bytes + b->len, type, family, flags, b->seq++);
	return b->last;
}

static void nft_added(struct nft_batch *b)
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
	r = nft_send(n, b->bytes, b->len);
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

/* ---- expressions ---- */

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

/* ---- who drops ---- */

static int nft_on_trace(const struct nlmsghdr *h, void *arg)
{
	static const struct {
		uint32_t family;
		const char *name;
	} families[] = {{NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"}};
	struct nft_dropper *ret = arg;
	struct nftnl_trace *t = nftnl_trace_alloc();
	const char *table, *chain;
	uint32_t type;

	if (!t)
		return MNL_CB_OK;
	if (nftnl_trace_nlmsg_parse(h, t) == 0) {
		type = nftnl_trace_get_u32(t, NFTNL_TRACE_TYPE);
		table = nftnl_trace_get_str(t, NFTNL_TRACE_TABLE);
		chain = nftnl_trace_get_str(t, NFTNL_TRACE_CHAIN);
		ret->policy = type == NFT_TRACETYPE_POLICY;
		if (table && chain && strncmp(table, "tsgw-", 5) != 0 &&
			nftnl_trace_get_u32(
				t, ret->policy ? NFTNL_TRACE_POLICY : NFTNL_TRACE_VERDICT) ==
				NF_DROP) {
			snprintf(ret->table, sizeof(ret->table), "%s", table);
			snprintf(ret->chain, sizeof(ret->chain), "%s", chain);
			for (size_t i = 0; i < ELEMENTSOF(families); i++)
				if (families[i].family ==
					nftnl_trace_get_u32(t, NFTNL_TRACE_FAMILY))
					snprintf(ret->family, sizeof(ret->family), "%s",
						families[i].name);
		}
	}
	nftnl_trace_free(t);
	return *ret->table ? MNL_CB_STOP : MNL_CB_OK;
}

int nft_hear_drop(struct nft *n, struct nft_dropper *ret)
{
	_cleanup_free_ char *buf = malloc(NFT_RECEIVE_BYTES);
	ssize_t len;

	*ret = (struct nft_dropper){0};
	while (buf && !*ret->table) {
		len = recv(nft_fd(n), buf, NFT_RECEIVE_BYTES, MSG_DONTWAIT);
		if (len <= 0)
			break;
		(void)mnl_cb_run(buf, (size_t)len, 0, 0, nft_on_trace, ret);
	}
	return *ret->table != '\0';
}
