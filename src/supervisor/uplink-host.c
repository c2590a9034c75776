// SPDX-License-Identifier: MIT
// The host's part of uplink = veth and of advertise-routes: one nftables table, and forwarding on the link and on
// the interfaces that lead out; both put back when they are not needed any more.
//
// Which interfaces those are the routes say: that to a far address, those to the node's peers and servers as far as
// they are known by address, those to the advertised networks. When a route changes, so does the answer.
#include "supervisor/uplink.h"

#include <errno.h>
#include <linux/ip.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "config/names.h"
#include "supervisor/forwarding.h"
#include "supervisor/nathost.h"
#include "supervisor/policy.h"
#include "supervisor/recover.h"
#include "supervisor/tailnet.h"

#define WAYS_FAR   0xc6290004 /* any far address: nothing is sent there */
#define WAYS_TRIES 4

/* Where it leaves, and an address beyond each, for the probe. */
struct ways {
	char ifnames[STORE_FORWARDS_MAX][16];
	struct addr targets[STORE_FORWARDS_MAX];
	size_t n;
	size_t n_outs;	/* the first of them: any IPv4 may leave there */
	size_t n_outs6; /* those after: any IPv6 */
};

bool host_side_wanted(const struct tailnet_config *c)
{
	return c->uplink == UPLINK_VETH || c->advertise_routes.n;
}

/* ---- which interfaces ---- */

/* 0, also if nothing is to be done for it; -EADDRNOTAVAIL: it is the host itself. */
static int ways_add(struct tailnet *t, struct ways *w, const struct addr *to, size_t max)
{
	char ifname[16];
	int r = policy_way(t->s->host, to, ifname, NULL);

	if (r < 0 || !strncmp(ifname, "tsgw-", 5) || !strcmp(ifname, "lo"))
		return r == -EADDRNOTAVAIL ? r : 0;
	for (size_t i = 0; i < w->n; i++)
		if (!strcmp(w->ifnames[i], ifname) && w->targets[i].family == to->family)
			return 0;
	if (w->n == max) {
		log_warning(t->name, "uplink", "no more than %zu interfaces lead out: not %s", max,
			ifname);
		return 0;
	}
	snprintf(w->ifnames[w->n], sizeof(w->ifnames[0]), "%s", ifname);
	w->targets[w->n++] = *to;
	return 0;
}

static bool ways_url_addr(const char *url, struct addr *ret)
{
	const char *host = url ? strstr(url, "://") : NULL;
	char text[64];
	bool bracketed;

	if (!host)
		return false;
	bracketed = host[3] == '[';
	snprintf(text, sizeof(text), "%s", host + 3 + bracketed);
	text[strcspn(text, bracketed ? "]" : ":/")] = '\0';
	return addr_parse(text, ret) == 0;
}

/* All ways of one FAMILY, to be at most MAX together with those that are there. */
static void ways_out(struct tailnet *t, struct ways *w, uint8_t family, size_t max)
{
	const struct tailnet_config *c = t->config;
	const char *const urls[] = {c->login_server, c->http_proxy};
	struct addr servers[UPLINK_RESOLVERS_MAX], a;
	size_t n = tailnet_is_stock(c) ? uplink_resolvers(c, servers) : 0;

	a = family == 4 ? addr_v4(WAYS_FAR) : uplink_ipv6_far;
	(void)ways_add(t, w, &a, max);
	for (size_t i = 0; c->wg && i < c->wg->n_peers; i++)
		if (c->wg->peers[i].endpoint.addr.family == family)
			(void)ways_add(t, w, &c->wg->peers[i].endpoint.addr, max);
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].found.addr.family == family)
			(void)ways_add(t, w, &t->endpoints[i].found.addr, max);
	for (size_t i = 0; i < ELEMENTSOF(urls); i++)
		if (ways_url_addr(urls[i], &a) && a.family == family)
			(void)ways_add(t, w, &a, max);
	for (size_t i = 0; i < n; i++)
		if (servers[i].family == family)
			(void)ways_add(t, w, &servers[i], max);
}

/* One host of a network stands for all of it: the first that is not this one. */
static void ways_lan(struct tailnet *t, struct ways *w)
{
	const struct prefix_list *l = &t->config->advertise_routes;

	for (size_t i = 0; i < l->n; i++) {
		struct prefix p = prefix_canonical(&l->items[i]);
		uint32_t first = p.addr.family == 4 ? addr_v4_host(&p.addr) : 0;

		if (p.addr.family != 4)
			continue;
		if (!p.len)
			first = WAYS_FAR;
		for (uint32_t k = p.len < 31; k < WAYS_TRIES; k++) {
			p.addr = addr_v4(first + k);
			if (!prefix_contains(&l->items[i], &p.addr) ||
				ways_add(t, w, &p.addr, STORE_FORWARDS_MAX - 1) == 0)
				break;
		}
	}
}

static void ways_find(struct tailnet *t, struct ways *ret)
{
	*ret = (struct ways){0};
	if (t->config->uplink == UPLINK_VETH)
		ways_out(t, ret, 4, UPLINK_OUTS_MAX);
	ret->n_outs = ret->n;
	if (t->config->uplink == UPLINK_VETH && t->uplink.ipv6)
		ways_out(t, ret, 6, ret->n + UPLINK_OUTS6_MAX);
	ret->n_outs6 = ret->n - ret->n_outs;
	ways_lan(t, ret);
}

/* ---- making it ---- */

static struct nat_host host_table(const struct tailnet *t, const struct ways *w)
{
	return (struct nat_host){.table = t->pin,
		.link = t->link,
		.source = t->veth_ns,
		.outs = (const char(*)[16])w->ifnames,
		.n_outs = w->n_outs,
		.source6 = w->n_outs6 ? uplink_ipv6_of(&t->veth_ns) : (struct addr){0},
		.outs6 = (const char(*)[16])w->ifnames + w->n_outs,
		.n_outs6 = w->n_outs6,
		.targets = t->config->advertise_routes.items,
		.n_targets = t->config->advertise_routes.n};
}

static bool same_forward(const struct made_forward *a, const struct made_forward *b)
{
	return !strcmp(a->ifname, b->ifname) && (!*a->ifname || a->family == b->family);
}

/* Both what was and what will be is on record while it changes. */
static int host_record(
	struct tailnet *t, const struct made_forward *old, const struct made_forward *new)
{
	size_t n = 0;

	memset(t->made.forwards, 0, sizeof(t->made.forwards));
	t->made.table = true;
	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++)
		if (*new[i].ifname)
			t->made.forwards[n++] = new[i];
	for (size_t i = 0; old && i < STORE_FORWARDS_MAX && n < STORE_FORWARDS_MAX; i++) {
		bool again = !*old[i].ifname;

		for (size_t k = 0; k < STORE_FORWARDS_MAX; k++)
			again = again || same_forward(&old[i], &new[k]);
		if (!again)
			t->made.forwards[n++] = old[i];
	}
	return tailnet_record(t);
}

static int host_claims(struct tailnet *t, const struct ways *w, const struct made_forward *old,
	struct made_forward ret[STORE_FORWARDS_MAX])
{
	int r = 0;

	for (size_t i = 0; i < w->n && r == 0; i++) {
		struct made_forward *f = &ret[i];
		bool had = false;

		*f = (struct made_forward){.family = w->targets[i].family};
		snprintf(f->ifname, sizeof(f->ifname), "%s", w->ifnames[i]);
		for (size_t k = 0; k < STORE_FORWARDS_MAX; k++) {
			if (!same_forward(&old[k], f))
				continue;
			f->old = old[k].old;
			had = true;
		}
		r = had ? 0 : forwarding_ask(t->s->host, t->uplink.nft, t->pin, f);
	}
	return r;
}

/* A table of our name without our mark is somebody else's. */
static int host_check_owner(struct tailnet *t, const char *mark)
{
	char comment[NFT_COMMENT_MAX];
	int r = nft_comment(t->uplink.nft, t->pin, comment);

	if (r == -ENOENT || (r == 0 && forwarding_is_ours(comment, mark)))
		return 0;
	if (r == 0) {
		snprintf(t->uplink.reason, sizeof(t->uplink.reason),
			"nftables table inet %s exists and is not ours", t->pin);
		t->refused = true;
		r = -EEXIST;
	}
	return r;
}

/* The table is made with its probe, asked, and made again without it. */
static int host_install(struct tailnet *t, const struct ways *w, const char *comment)
{
	const struct nat_host h = host_table(t, w);
	struct nft_batch *b;
	size_t n = 0;
	int r = 0;

	while (n < w->n && r == 0)
		r = firewall_probe(t, &h, comment, &w->targets[n++], t->uplink.reason,
			sizeof(t->uplink.reason));
	if (r < 0 && r != -EPERM)
		log_debug(t->name, "uplink", "the firewall cannot be asked: %s", strerror(-r));
	if (r == -EPERM)
		return w->targets[n - 1].family == 6 ? -EAFNOSUPPORT : r;
	b = nft_batch_new(h.table);
	nat_host_write(b, &h, comment);
	return nft_commit(t->uplink.nft, b);
}

static int host_change(struct tailnet *t, const struct ways *w, const char *mark)
{
	struct made_forward old[STORE_FORWARDS_MAX], claims[STORE_FORWARDS_MAX] = {0};
	char comment[NFT_COMMENT_MAX];
	_cleanup_close_ int lock = -1;
	int r = forwarding_lock(&lock);

	memcpy(old, t->made.forwards, sizeof(old));
	if (r == 0)
		r = host_check_owner(t, mark);
	if (r == 0)
		r = host_claims(t, w, old, claims);
	if (r == 0)
		r = forwarding_format(mark, claims, w->n, comment);
	if (r == 0)
		r = host_record(t, old, claims);
	/* before the probe: a packet that is not forwarded meets no firewall */
	for (size_t i = 0; i < w->n && r == 0; i++)
		r = forwarding_on(t->s->host, &claims[i]);
	if (r == 0)
		r = policy_set(t->s->host, t->link, IPV4_DEVCONF_FORWARDING, 1);
	if (r == 0 && t->config->uplink == UPLINK_VETH)
		r = uplink_ipv6_host(t);
	if (r == 0)
		r = host_install(t, w, comment);
	for (size_t i = 0; i < STORE_FORWARDS_MAX && r == 0; i++) {
		bool still = false;

		for (size_t k = 0; k < w->n; k++)
			still = still || same_forward(&old[i], &claims[k]);
		if (!still)
			r = forwarding_back(t->s->host, t->uplink.nft, t->pin, &old[i]);
	}
	return r < 0 ? r : host_record(t, NULL, claims);
}

static void host_note(struct tailnet *t, const struct ways *w)
{
	size_t len = 0;

	memset(t->uplink.outs, 0, sizeof(t->uplink.outs));
	for (size_t i = 0; i < w->n && i < UPLINK_OUTS_MAX; i++)
		memcpy(t->uplink.outs[i], w->ifnames[i], sizeof(t->uplink.outs[0]));
	*t->uplink.reason = '\0';
	if (!w->n && t->config->uplink == UPLINK_VETH)
		snprintf(t->uplink.reason, sizeof(t->uplink.reason),
			"uplink: this host has no route out");
	for (size_t i = 0; i < w->n; i++) {
		bool said = false;

		for (size_t k = 0; k < i; k++)
			said |= !strcmp(w->ifnames[i], w->ifnames[k]);
		if (said)
			continue;
		len += (size_t)snprintf(t->uplink.note + MIN(len, sizeof(t->uplink.note)),
			sizeof(t->uplink.note) - MIN(len, sizeof(t->uplink.note)), "%s%s",
			i ? ", " : "forwarded by ", w->ifnames[i]);
	}
}

int host_side_make(struct tailnet *t)
{
	char mark[RECOVER_ALIAS_MAX];
	struct ways w;
	int r = 0;

	if (!t->uplink.nft)
		r = nft_open(-1, 0, &t->uplink.nft);
	if (r < 0)
		return r;
	ways_find(t, &w);
	recover_alias(&t->s->store, mark);
	r = host_change(t, &w, mark);
	if (r == 0)
		host_note(t, &w);
	return r;
}

/* Everything of B is in A. */
static bool has_all(const struct made_forward *a, const struct made_forward *b)
{
	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++) {
		bool found = !*b[i].ifname;

		for (size_t k = 0; k < STORE_FORWARDS_MAX; k++)
			found = found || same_forward(&a[k], &b[i]);
		if (!found)
			return false;
	}
	return true;
}

bool host_side_moved(struct tailnet *t)
{
	struct made_forward now[STORE_FORWARDS_MAX] = {0};
	struct ways w;

	ways_find(t, &w);
	for (size_t i = 0; i < w.n; i++) {
		now[i].family = w.targets[i].family;
		memcpy(now[i].ifname, w.ifnames[i], sizeof(now[i].ifname));
	}
	return !has_all(t->made.forwards, now) || !has_all(now, t->made.forwards);
}

/* ---- removing it ---- */

int uplink_recover(
	const struct store *s, const char *name, struct links *host, const struct made *made)
{
	struct made_forward claims[STORE_FORWARDS_MAX];
	char mark[RECOVER_ALIAS_MAX], comment[NFT_COMMENT_MAX], table[48];
	_cleanup_close_ int lock = -1;
	struct nft *nft = NULL;
	size_t n = 0;
	int r;

	if (!made->table)
		return 0;
	names_netns(name, table, sizeof(table));
	recover_alias(s, mark);
	r = forwarding_lock(&lock);
	if (r == 0)
		r = nft_open(-1, 0, &nft);
	if (r < 0)
		return r;
	r = nft_comment(nft, table, comment);
	if (r == 0 && forwarding_is_ours(comment, mark)) {
		struct nft_batch *b = nft_batch_new(table);

		n = forwarding_parse(comment, claims);
		nft_remove(b);
		r = nft_commit(nft, b);
	}
	r = r == -ENOENT ? 0 : r;
	/* what the table said and what the record says is the same, but for a moment or a table that others removed */
	for (size_t i = 0; i < n && r == 0; i++)
		r = forwarding_back(host, nft, table, &claims[i]);
	for (size_t i = 0; i < STORE_FORWARDS_MAX && r == 0; i++)
		r = forwarding_back(host, nft, table, &made->forwards[i]);
	nft_close(nft);
	return r;
}
