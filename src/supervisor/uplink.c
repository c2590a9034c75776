// SPDX-License-Identifier: MIT
// How a tailnet's encrypted side leaves: the part that makes it, changes it and takes it down.
#include "supervisor/uplink.h"

#include <errno.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "supervisor/policy.h"
#include "supervisor/tailnet.h"

#define UPLINK_RESOLV_BYTES 65536

void uplink_init(struct tailnet *t)
{
	t->uplink = (struct uplink_state){.netns_fd = -1, .pasta = {.pidfd = -1, .output = -1}};
}

/* Is anything to be made at all? */
static bool uplink_wanted(const struct tailnet_config *c)
{
	return c->uplink != UPLINK_HOST || c->advertise_routes.n;
}

bool uplink_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	if (!uplink_equal(old, new) ||
		!prefix_list_equal(&old->advertise_routes, &new->advertise_routes))
		return true;
	if (old->wg && new->wg &&new->uplink == UPLINK_VETH && !wg_config_equal(old->wg, new->wg))
		return true; /* other endpoints may lie behind other interfaces */
	return !addr_list_equal(&old->bootstrap_dns, &new->bootstrap_dns);
}

/* ---- what a node asks for ---- */

int uplink_netns(const struct tailnet *t)
{
	switch (t->config->uplink) {
	case UPLINK_VETH:
		return t->netns_fd;
	case UPLINK_MACVLAN:
		return t->uplink.netns_fd;
	default:
		return -1;
	}
}

uint32_t uplink_fwmark(const struct tailnet_config *c, uint32_t fwmark)
{
	return c->uplink == UPLINK_VETH ? (fwmark & ~UPLINK_MASK) | UPLINK_MARK : fwmark;
}

uid_t uplink_node_uid(const struct tailnet *t)
{
	return t->s->config->gateway.uid_base + 8 * t->slot + UPLINK_NODE_KIND;
}

/* The servers of a resolv.conf(5) that are not this very host. */
static size_t uplink_read_resolvers(const char *path, struct addr ret[UPLINK_RESOLVERS_MAX])
{
	_cleanup_free_ char *text = NULL;
	size_t n = 0;
	char *rest, *line;

	if (file_read(path, UPLINK_RESOLV_BYTES, &text, NULL) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n")) && n < UPLINK_RESOLVERS_MAX) {
		char word[64];

		if (sscanf(line, " nameserver %63s", word) != 1 || addr_parse(word, &ret[n]) < 0 ||
			addr_is_loopback(&ret[n]) || addr_is_unspecified(&ret[n]))
			continue;
		n++;
	}
	return n;
}

static size_t uplink_copy(const struct addr_list *l, struct addr ret[UPLINK_RESOLVERS_MAX])
{
	size_t n = MIN(l->n, (size_t)UPLINK_RESOLVERS_MAX);

	if (n)
		memcpy(ret, l->items, n * sizeof(*ret));
	return n;
}

size_t uplink_resolvers(const struct tailnet_config *c, struct addr ret[UPLINK_RESOLVERS_MAX])
{
	/* where the first names a stub on this host, the others name what the stub asks */
	static const char *const files[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
		"/run/NetworkManager/no-stub-resolv.conf"};
	size_t n = uplink_copy(&c->bootstrap_dns, ret);

	if (!n)
		n = uplink_copy(&c->uplink_dns, ret);
	for (size_t i = 0; i < ELEMENTSOF(files) && !n; i++)
		n = uplink_read_resolvers(files[i], ret);
	return n;
}

/* ---- the tailnet's namespace is listened to ---- */

static int uplink_on_inside(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct tailnet *t = userdata;

	if (links_watch_drain(t->uplink.inside) > 0)
		inside_forward(t);
	return 0;
}

static int uplink_watch_inside(struct tailnet *t)
{
	static const int groups[] = {RTNLGRP_LINK};
	int r;

	if (t->uplink.inside || !t->config->advertise_routes.n)
		return 0;
	r = links_watch_groups(t->netns_fd, groups, ELEMENTSOF(groups), &t->uplink.inside);
	if (r == 0)
		r = sd_event_add_io(t->s->event, &t->uplink.inside_source,
			links_watch_fd(t->uplink.inside), EPOLLIN, uplink_on_inside, t);
	return r < 0 ? r : 0;
}

/* ---- the part ---- */

/* What the host must not keep any more. */
static int uplink_undo_host(struct tailnet *t)
{
	int r = uplink_recover(&t->s->store, t->name, t->s->host, &t->made);

	if (r == 0)
		r = policy_set(t->s->host, t->link, IPV4_DEVCONF_FORWARDING, 0);
	if (r < 0)
		return r;
	t->made.table = false;
	memset(t->made.forwards, 0, sizeof(t->made.forwards));
	return tailnet_record(t);
}

/* The host's part; without IPv6 if that is what its firewall drops. */
static int uplink_make_host(struct tailnet *t)
{
	int r = host_side_make(t);

	uplink_watch_legacy(t->s);
	if (r != -EAFNOSUPPORT || !t->uplink.ipv6)
		return r;
	t->uplink.ipv6_blocked = true;
	(void)uplink_ipv6_decide(t);
	r = inside_make(t);
	return r < 0 ? r : host_side_make(t);
}

static int uplink_follow(struct tailnet *t)
{
	int r;

	(void)uplink_ipv6_decide(t);
	r = inside_make(t);

	if (r == 0)
		r = uplink_watch_inside(t);
	if (r == 0 && host_side_wanted(t->config))
		r = uplink_make_host(t);
	else if (r == 0 && t->made.table)
		r = uplink_undo_host(t);
	return r;
}

static int uplink_make_macvlan(struct tailnet *t)
{
	int r = 0;

	if (!tailnet_is_stock(t->config))
		r = netns_create(&t->uplink.netns_fd);
	if (r == 0)
		r = links_open(t->uplink.netns_fd >= 0 ? t->uplink.netns_fd : t->netns_fd,
			&t->uplink.links);
	if (r == 0)
		r = macvlan_make(t);
	return r == -ENODEV ? 0 : r; /* it may come later */
}

int uplink_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	int r = 0;

	if (!uplink_wanted(new) && t->uplink.kind == UPLINK_DEFAULT)
		return 0;
	if (!old || t->uplink.kind == UPLINK_DEFAULT) {
		*t->uplink.reason = *t->uplink.note = '\0';
		t->uplink.kind = new->uplink;
		r = uplink_watch_start(t->s);
		(void)uplink_ipv6_decide(t);
		if (r == 0 && new->uplink == UPLINK_PASTA)
			r = pasta_make(t);
		if (r == 0 && new->uplink == UPLINK_MACVLAN)
			r = uplink_make_macvlan(t);
	}
	return r < 0 ? r : uplink_follow(t);
}

void uplink_teardown(struct tailnet *t)
{
	struct uplink_state *u = &t->uplink;

	pasta_stop(t);
	u->inside_source = sd_event_source_disable_unref(u->inside_source);
	links_close(u->inside);
	links_close(u->links);
	nft_close(u->nft);
	fd_close(u->netns_fd);
	uplink_init(t);
}

size_t uplink_describe(const struct tailnet *t, struct made_process ret[1])
{
	const struct pasta *p = &t->uplink.pasta;
	struct made_process m = {.pid = p->pid, .uid = p->uid};

	if (!p->pid || store_process_start(p->pid, &m.start_ticks) < 0)
		return 0;
	ret[0] = m;
	return 1;
}

/* ---- the host's network has changed ---- */

static void uplink_look_macvlan(struct tailnet *t)
{
	struct link_info info;
	bool had = t->uplink.has_macvlan;
	int r;

	if (had && links_find(t->uplink.links, UPLINK_LINK, &info) == 0)
		return;
	t->uplink.has_macvlan = false;
	r = macvlan_make(t);
	if (r == 0 && t->uplink.netns_fd < 0)
		r = inside_make(t);
	if (r == 0)
		log_info(t->name, "uplink", "%s is there", t->config->uplink_ifname);
	else if (had)
		log_warning(t->name, "uplink", "%s", t->uplink.reason);
}

static bool uplink_lost_table(struct tailnet *t)
{
	char comment[NFT_COMMENT_MAX];

	return t->uplink.nft && nft_comment(t->uplink.nft, t->pin, comment) == -ENOENT;
}

void uplink_look_again(struct tailnet *t, bool rules_changed)
{
	bool other;
	int r = 0;

	if (t->netns_fd < 0 || t->uplink.kind == UPLINK_DEFAULT)
		return;
	t->uplink.ipv6_blocked &= !rules_changed;
	other = uplink_ipv6_decide(t);
	if (other)
		r = inside_make(t);
	if (other && t->uplink.kind == UPLINK_PASTA)
		pasta_again(t);
	if (t->uplink.kind == UPLINK_MACVLAN)
		uplink_look_macvlan(t);
	if (r == 0 && host_side_wanted(t->config) &&
		(rules_changed || other || uplink_lost_table(t) || host_side_moved(t)))
		r = uplink_make_host(t);
	if (r < 0)
		tailnet_rebuild(t, *t->uplink.reason ? t->uplink.reason : strerror(-r));
	else
		tailnet_evaluate(t);
}

/* ---- for people ---- */

void uplink_describe_words(const struct tailnet *t, char *ret, size_t size)
{
	const struct uplink_state *u = &t->uplink;
	const enum uplink kind = t->config->uplink;
	char ipv6[128];

	snprintf(ret, size, "%s%s%s%s%s%s", uplink_name(kind), kind == UPLINK_MACVLAN ? ":" : "",
		kind == UPLINK_MACVLAN ? t->config->uplink_ifname : "", *u->note ? ", " : "",
		u->note,
		kind == UPLINK_PASTA || kind == UPLINK_VETH
			? uplink_ipv6_words(t, ipv6, sizeof(ipv6))
			: "");
}

/* ---- for --check ---- */

void uplink_say(const struct tailnet_config *c, void (*say)(void *arg, const char *line), void *arg)
{
	char line[512], text[PREFIX_TEXT_MAX], gateway[ADDR_TEXT_MAX];

	switch (c->uplink) {
	case UPLINK_PASTA:
		say(arg,
			"start pasta for what leaves encrypted; table 77 of the namespace leads to "
			"it, by mark");
		break;
	case UPLINK_VETH:
		say(arg,
			"forward what leaves encrypted: nftables table with NAT, forwarding on the "
			"veth "
			"and the outgoing interface");
		break;
	case UPLINK_MACVLAN:
		snprintf(line, sizeof(line),
			"make a macvlan on %s with %s%s%s for what leaves encrypted",
			c->uplink_ifname, prefix_format(&c->uplink_address, text),
			c->uplink_gateway.family ? ", gateway " : "",
			c->uplink_gateway.family ? addr_format(&c->uplink_gateway, gateway) : "");
		say(arg, line);
		break;
	default:
		break;
	}
	for (size_t i = 0; i < c->advertise_routes.n; i++) {
		snprintf(line, sizeof(line),
			"let the tailnet reach %s: nftables table with NAT, forwarding on "
			"the veth and the interface that leads there",
			prefix_format(&c->advertise_routes.items[i], text));
		say(arg, line);
	}
}
