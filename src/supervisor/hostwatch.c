// SPDX-License-Identifier: MIT
// What the host tells the supervisor: its addresses, and that they or its links have changed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "config/names.h"
#include "supervisor/front.h"
#include "supervisor/heal.h"
#include "supervisor/retry.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"

int supervisor_read_addresses(struct supervisor *s)
{
	struct link_address *a;
	size_t n;
	int r = links_addresses(s->host, &a, &n);

	if (r < 0) {
		log_error(NULL, "netlink", "addresses cannot be read: %s", strerror(-r));
		return r;
	}
	free(s->addresses);
	s->addresses = a;
	s->n_addresses = n;
	return 0;
}

/* Our own links come and go too: only what can matter to a listener is worth a look. ONLY: of the link of that name;
 * NULL: of all. */
static uint64_t addresses_digest(const struct link_address *all, size_t n, const char *only)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */

	for (size_t i = 0; i < n; i++) {
		const struct link_address *a = &all[i];
		const uint8_t *p = (const uint8_t *)&a->prefix;

		if (!strncmp(a->ifname, "tsgw-", 5) || !a->usable ||
			(only && strcmp(a->ifname, only) != 0))
			continue;
		for (size_t k = 0; k < sizeof(a->prefix); k++)
			h = (h ^ p[k]) * 1099511628211u;
		for (const char *c = a->ifname; *c; c++)
			h = (h ^ (uint8_t)*c) * 1099511628211u;
	}
	return h;
}

static void supervisor_look(struct supervisor *s)
{
	uint64_t before = addresses_digest(s->addresses, s->n_addresses, NULL);

	if (supervisor_read_addresses(s) < 0)
		return;
	heal_links(s);
	if (addresses_digest(s->addresses, s->n_addresses, NULL) == before)
		return;
	for (size_t i = 0; i < s->n_tailnets; i++)
		tailnet_addresses_changed(s->tailnets[i]);
	retry_all(s);
	if (s->front)
		front_addresses_changed(s->front);
}

/* A supervisor of one tailnet, or of the front alone, has no use for news of the links of others. */
static void supervisor_watch_less(struct supervisor *s)
{
	const struct options *o = s->options;
	char link[LINK_NAME_MAX];

	if (o->all || o->n_names > 1)
		return;
	if (o->n_names)
		names_link(o->names[0], link);
	links_watch_less(s->watch, "tsgw-", o->n_names ? link : NULL);
}

/* ---- the look after the start ---- */

/* The link that serves primary P, as far as is known; NULL: none. */
static const char *primary_link(const struct supervisor *s, const struct primary *p)
{
	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct link_address *a = &s->addresses[i];

		if (*p->ifname ? !strcmp(p->ifname, a->ifname)
			       : addr_equal(&p->addr, &a->prefix.addr) ||
					(addr_is_loopback(&p->addr) &&
						prefix_contains(&a->prefix, &p->addr)))
			return a->ifname;
	}
	return NULL;
}

static bool link_is_as_before(const struct supervisor *s, const char *ifname)
{
	_cleanup_free_ struct link_address *now = NULL;
	size_t n;

	return links_addresses_of(s->host, ifname, &now, &n) == 0 &&
		addresses_digest(now, n, ifname) ==
		addresses_digest(s->addresses, s->n_addresses, ifname);
}

static bool has_its_veth(const struct supervisor *s, const struct tailnet *t)
{
	_cleanup_free_ struct link_address *now = NULL;
	size_t n = 0;

	if (t->netns_fd < 0 || links_addresses_of(s->host, t->link, &now, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&now[i].prefix.addr, &t->veth_host))
			return true;
	return false;
}

/* The only tailnet of this supervisor, if its own link is all of ours that is heard of. */
static const struct tailnet *only_tailnet(const struct supervisor *s)
{
	return !s->front && !s->options->all && s->n_tailnets == 1 ? s->tailnets[0] : NULL;
}

/* Who runs one tailnet, on primaries that are all there, need not look at the addresses of thousands of others: the
 * links that concern it tell whether anything has happened since the first look. */
static bool nothing_has_happened(const struct supervisor *s)
{
	const struct gateway_config *g = &s->config->gateway;
	const struct tailnet *t = only_tailnet(s);

	if (!t || tailnet_is_stock(t->config) || !has_its_veth(s, t))
		return false;
	for (size_t i = 0; i < g->n_primaries; i++) {
		const char *ifname = primary_link(s, &g->primaries[i]);

		if (!ifname || !link_is_as_before(s, ifname))
			return false;
	}
	return true;
}

/* Of its own link, which has gone up a moment after it was made: that it is there, with its address, is all that there
 * is to know, and no reason to look at the addresses of thousands of others. */
static int supervisor_on_link(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct supervisor *s = userdata;
	const struct tailnet *t = only_tailnet(s);
	int own = t && t->netns_fd >= 0 ? links_find_index(s->host, t->link) : -1;
	int r = links_watch_drain_but(s->watch, own);

	if (r < 0)
		log_error(NULL, "netlink", "%s", strerror(-r));
	if (r == 1 || (r == 2 && !has_its_veth(s, t)))
		supervisor_look(s);
	return 0;
}

/* After the start, so that it is not told of its own doing, and a thousand that start at the same time do not tell each
 * other of theirs: each event costs the kernel a copy for everybody who listens. Then it looks once more. */
int supervisor_watch(struct supervisor *s)
{
	int r = links_watch_open(&s->watch);

	if (r == 0) {
		supervisor_watch_less(s);
		r = sd_event_add_io(
			s->event, NULL, links_watch_fd(s->watch), EPOLLIN, supervisor_on_link, s);
	}
	if (r < 0) {
		log_error(NULL, "netlink", "links cannot be watched: %s", strerror(-r));
		return r;
	}
	if (!nothing_has_happened(s))
		supervisor_look(s);
	return 0;
}
