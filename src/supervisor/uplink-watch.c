// SPDX-License-Identifier: MIT
// Changes of the host's network that concern uplinks: routes, links, and rules of others' firewalls.
//
// Events come in bursts, so they are gathered for a moment. Tables called tsgw-… are left out, unless one is deleted:
// gateways beside us make and probe theirs, and two of them must not keep each other awake.
//
// Of iptables-legacy(8) nothing is told, so its rules are looked at every few seconds, while there is a tailnet that
// is forwarded.
#include "supervisor/uplink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/forwarding.h"
#include "supervisor/legacyrules.h"
#include "supervisor/tailnet.h"

#define WATCH_GATHER_US	    200000
#define WATCH_LEGACY_US	    3000000
#define WATCH_RECEIVE_BYTES 32768

struct uplink_watch {
	struct supervisor *s;
	struct links *routes;
	struct nft *rules;
	sd_event_source *routes_source, *rules_source, *timer;
	bool rules_changed;
	sd_event_source *legacy_timer;
	uint64_t legacy; /* digest of its rules */
};

static int watch_on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uplink_watch *w = userdata;
	bool rules_changed = w->rules_changed;

	w->timer = sd_event_source_disable_unref(w->timer);
	w->rules_changed = false;
	for (size_t i = 0; i < w->s->n_tailnets; i++)
		uplink_look_again(w->s->tailnets[i], rules_changed);
	return 0;
}

static void watch_gather(struct uplink_watch *w)
{
	if (!w->timer &&
		sd_event_add_time_relative(w->s->event, &w->timer, CLOCK_MONOTONIC, WATCH_GATHER_US,
			10000, watch_on_timer, w) < 0)
		log_error(NULL, "uplink", "out of memory: a change of the network is missed");
}

static int watch_on_route(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct uplink_watch *w = userdata;

	if (links_watch_drain(w->routes) > 0)
		watch_gather(w);
	return 0;
}

/* The first attribute of tables, chains and rules is the table's name. */
static int watch_table_name(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == 1 && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		*(const char **)arg = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static void watch_judge(struct uplink_watch *w, const struct nlmsghdr *h)
{
	const uint16_t type = h->nlmsg_type & 0xff;
	const char *table = NULL;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || type > NFT_MSG_DELRULE)
		return;
	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), watch_table_name, &table);
	if (!table || strncmp(table, FORWARDING_TABLES, strlen(FORWARDING_TABLES)) != 0)
		w->rules_changed = true;
	else if (type != NFT_MSG_DELTABLE)
		return;
	watch_gather(w);
}

static int watch_on_rules(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct uplink_watch *w = userdata;
	_cleanup_free_ char *buf = malloc(WATCH_RECEIVE_BYTES);
	ssize_t n;

	if (!buf)
		return 0;
	n = recv(fd, buf, WATCH_RECEIVE_BYTES, MSG_DONTWAIT);
	if (n < 0 && errno == ENOBUFS) {
		w->rules_changed = true;
		watch_gather(w);
	}
	for (const struct nlmsghdr *h = (void *)buf; n > 0;) {
		int left = (int)n;

		if (!mnl_nlmsg_ok(h, left))
			break;
		watch_judge(w, h);
		h = mnl_nlmsg_next(h, &left);
		n = left;
	}
	return 0;
}

static void watch_legacy_again(struct uplink_watch *w);

static int watch_on_legacy(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct uplink_watch *w = userdata;
	bool needed = false;
	uint64_t now;

	w->legacy_timer = sd_event_source_disable_unref(w->legacy_timer);
	for (size_t i = 0; i < w->s->n_tailnets; i++)
		needed |= w->s->tailnets[i]->netns_fd >= 0 &&
			host_side_wanted(w->s->tailnets[i]->config);
	if (!needed)
		return 0;
	now = legacyrules_digest();
	if (now != w->legacy) {
		w->legacy = now;
		w->rules_changed = true;
		watch_gather(w);
	}
	watch_legacy_again(w);
	return 0;
}

static void watch_legacy_again(struct uplink_watch *w)
{
	if (sd_event_add_time_relative(w->s->event, &w->legacy_timer, CLOCK_MONOTONIC,
		    WATCH_LEGACY_US, WATCH_LEGACY_US / 4, watch_on_legacy, w) < 0)
		log_error(NULL, "uplink", "out of memory: rules of iptables-legacy are not seen");
}

void uplink_watch_legacy(struct supervisor *s)
{
	struct uplink_watch *w = s->uplink_watch;

	if (!w || w->legacy_timer)
		return;
	w->legacy = legacyrules_digest();
	watch_legacy_again(w);
}

int uplink_watch_start(struct supervisor *s)
{
	static const int groups[] = {
		RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_ROUTE};
	struct uplink_watch *w;
	int r;

	if (s->uplink_watch)
		return 0;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->s = s;
	r = links_watch_groups(-1, groups, ELEMENTSOF(groups), &w->routes);
	if (r == 0)
		r = sd_event_add_io(s->event, &w->routes_source, links_watch_fd(w->routes), EPOLLIN,
			watch_on_route, w);
	/* without it a change of the firewall is seen at the next change of a route */
	if (r >= 0 && nft_open(-1, 1u << (NFNLGRP_NFTABLES - 1), &w->rules) == 0)
		r = sd_event_add_io(
			s->event, &w->rules_source, nft_fd(w->rules), EPOLLIN, watch_on_rules, w);
	if (r < 0) {
		uplink_watch_free(w);
		return r;
	}
	s->uplink_watch = w;
	return 0;
}

void uplink_watch_free(struct uplink_watch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->timer);
	sd_event_source_disable_unref(w->legacy_timer);
	sd_event_source_disable_unref(w->routes_source);
	sd_event_source_disable_unref(w->rules_source);
	links_close(w->routes);
	nft_close(w->rules);
	free(w);
}
