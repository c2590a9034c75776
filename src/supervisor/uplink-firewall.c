// SPDX-License-Identifier: MIT
// Would the host's firewall let our packets through? It is asked, not read: rules of nft(8), of both kinds of
// iptables(8) and of whatever comes next can only be judged by the kernel.
//
// For a moment the table has two more chains: the first of all in prerouting, which counts one datagram of ours and
// has it traced, and the last of all in forward, which counts and drops it. It is sent from the namespace with
// a mark, to the target, and never leaves the host. What arrives at the first and not at the last was dropped in
// between, and the trace names table and chain. Where it names none, it was no nftables: iptables-legacy.
#include "supervisor/uplink.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "supervisor/nathost.h"
#include "supervisor/tailnet.h"

#define PROBE_PORT    9 /* discard */
#define PROBE_MS      1500
#define PROBE_STEP_MS 5
#define PROBE_LOST_MS 500 /* seen by the first chain, and not by the last */
#define PROBE_FIRST   "probe-first"
#define PROBE_LAST    "probe-last"

struct probe {
	struct addr source;
	uint32_t mark;
};

static int probe_open(void *arg, int *ret_fd)
{
	const struct probe *p = arg;
	const struct hostport from = {.addr = p->source};
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(&from, &ss);
	_cleanup_close_ int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &p->mark, sizeof(p->mark)) < 0 ||
		bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int probe_port(int fd, uint16_t *ret)
{
	struct sockaddr_storage ss = {0};
	socklen_t len = sizeof(ss);
	struct hostport at;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
		hostport_from_sockaddr((struct sockaddr *)&ss, &at) < 0)
		return -errno;
	*ret = at.port;
	return 0;
}

static int probe_send(int fd, const struct addr *target)
{
	const struct hostport to = {.addr = *target, .port = PROBE_PORT};
	struct sockaddr_storage ss;
	socklen_t len = hostport_to_sockaddr(&to, &ss);

	return sendto(fd, "", 1, 0, (struct sockaddr *)&ss, len) < 0 ? -errno : 0;
}

static void probe_match(
	struct nft_batch *b, const struct nat_host *h, const char *chain, uint16_t port)
{
	nft_rule(b, chain);
	nft_iif(b, h->link);
	nft_protocol(b, IPPROTO_UDP);
	nft_source_port(b, port);
	nft_counter(b);
}

static int probe_install(
	struct nft *nft, const struct nat_host *h, const char *comment, uint16_t port)
{
	struct nft_batch *b = nft_batch_new(h->table);

	nat_host_write(b, h, comment);
	nft_chain(b, PROBE_FIRST, "filter", NF_INET_PRE_ROUTING, INT_MIN);
	probe_match(b, h, PROBE_FIRST, port);
	nft_trace(b);
	nft_accept(b);
	nft_chain(b, PROBE_LAST, "filter", NF_INET_FORWARD, INT_MAX);
	probe_match(b, h, PROBE_LAST, port);
	nft_drop(b);
	return nft_commit(nft, b);
}

static void probe_explain(const struct nft_dropper *d, char *ret_why, size_t size)
{
	if (*d->table)
		snprintf(ret_why, size,
			"the firewall of this host drops what it forwards: nftables table %s "
			"%s, chain %s%s",
			d->family, d->table, d->chain, d->policy ? " (its policy)" : "");
	else
		snprintf(ret_why, size,
			"the firewall of this host drops what it forwards, and it is not "
			"nftables: see iptables-legacy -S FORWARD");
}

/* 0 it came through, or nothing can be said; -EPERM. */
static int probe_watch(
	struct tailnet *t, struct nft *trace, const struct nat_host *h, char *ret_why, size_t size)
{
	uint64_t start = clock_now_ms(), seen_ms = 0, first = 0, last = 0;
	struct nft_dropper d = {0};

	while (clock_now_ms() - start < PROBE_MS) {
		struct pollfd p = {.fd = nft_fd(trace), .events = POLLIN};

		(void)poll(&p, 1, PROBE_STEP_MS);
		if (nft_hear_drop(trace, h->table, &d)) {
			probe_explain(&d, ret_why, size);
			return -EPERM;
		}
		if (nft_packets(t->uplink.nft, h->table, PROBE_LAST, &last) < 0 || last)
			return 0;
		if (!first &&
			(nft_packets(t->uplink.nft, h->table, PROBE_FIRST, &first) < 0 || !first))
			continue;
		seen_ms = seen_ms ?: clock_now_ms();
		if (clock_now_ms() - seen_ms < PROBE_LOST_MS)
			continue;
		probe_explain(&d, ret_why, size);
		return -EPERM;
	}
	log_debug(t->name, h->link, "the probe of the firewall did not arrive");
	return 0;
}

int firewall_probe(struct tailnet *t, const struct nat_host *table, const char *comment,
	const struct addr *target, char *ret_why, size_t size)
{
	struct probe p = {.source = target->family == 4 ? t->veth_ns : uplink_ipv6_of(&t->veth_ns),
		.mark = t->config->uplink == UPLINK_VETH ? UPLINK_MARK : UPLINK_LAN_MARK};
	_cleanup_close_ int fd = -1;
	struct nft *trace = NULL;
	uint16_t port = 0;
	int r = netns_run(t->netns_fd, probe_open, &p, &fd);

	if (r == 0)
		r = probe_port(fd, &port);
	if (r == 0)
		r = nft_open(-1, 1u << (NFNLGRP_NFTRACE - 1), &trace);
	if (r < 0)
		return r;
	r = probe_install(t->uplink.nft, table, comment, port);
	if (r == 0)
		r = probe_send(fd, target);
	if (r == 0)
		r = probe_watch(t, trace, table, ret_why, size);
	nft_close(trace);
	return r;
}
