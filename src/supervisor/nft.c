// SPDX-License-Identifier: MIT
// nftables over netlink: the socket, what is there, who drops.
#include "supervisor/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/trace.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisor/netns.h"
#include "supervisor/nftbatch.h"

#define NFT_TIMEOUT_S 10 /* the kernel answers at once, but may wait for its lock */

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

/* ---- who drops ---- */

struct nft_hearing {
	const char *ours;
	struct nft_dropper *d;
};

static void nft_note_drop(const struct nftnl_trace *t, struct nft_dropper *d)
{
	static const struct {
		uint32_t family;
		const char *name;
	} families[] = {{NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"}};

	snprintf(d->table, sizeof(d->table), "%s", nftnl_trace_get_str(t, NFTNL_TRACE_TABLE));
	snprintf(d->chain, sizeof(d->chain), "%s", nftnl_trace_get_str(t, NFTNL_TRACE_CHAIN));
	for (size_t i = 0; i < ELEMENTSOF(families); i++)
		if (families[i].family == nftnl_trace_get_u32(t, NFTNL_TRACE_FAMILY))
			snprintf(d->family, sizeof(d->family), "%s", families[i].name);
}

/* Others trace their packets, too: ours is the one that our own table tells of. */
static void nft_judge(const struct nftnl_trace *t, const char *ours, struct nft_dropper *d)
{
	const char *table = nftnl_trace_get_str(t, NFTNL_TRACE_TABLE);
	const char *chain = nftnl_trace_get_str(t, NFTNL_TRACE_CHAIN);
	uint32_t id = nftnl_trace_get_u32(t, NFTNL_TRACE_ID);

	if (!table || !chain)
		return;
	if (!strcmp(table, ours)) {
		d->id = id;
		return;
	}
	d->policy = nftnl_trace_get_u32(t, NFTNL_TRACE_TYPE) == NFT_TRACETYPE_POLICY;
	if (d->id && id == d->id &&
		nftnl_trace_get_u32(t, d->policy ? NFTNL_TRACE_POLICY : NFTNL_TRACE_VERDICT) ==
			NF_DROP)
		nft_note_drop(t, d);
}

static int nft_on_trace(const struct nlmsghdr *h, void *arg)
{
	const struct nft_hearing *hearing = arg;
	struct nftnl_trace *t = nftnl_trace_alloc();

	if (!t)
		return MNL_CB_OK;
	if (nftnl_trace_nlmsg_parse(h, t) == 0)
		nft_judge(t, hearing->ours, hearing->d);
	nftnl_trace_free(t);
	return *hearing->d->table ? MNL_CB_STOP : MNL_CB_OK;
}

int nft_hear_drop(struct nft *n, const char *ours, struct nft_dropper *d)
{
	_cleanup_free_ char *buf = malloc(NFT_RECEIVE_BYTES);
	struct nft_hearing hearing = {ours, d};
	ssize_t len;

	while (buf && !*d->table) {
		len = recv(nft_fd(n), buf, NFT_RECEIVE_BYTES, MSG_DONTWAIT);
		if (len <= 0)
			break;
		(void)mnl_cb_run(buf, (size_t)len, 0, 0, nft_on_trace, &hearing);
	}
	return *d->table != '\0';
}
