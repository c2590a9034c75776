// SPDX-License-Identifier: MIT
// Where the gateway is reachable: the primaries' addresses as they are now, and the networks behind
// the default of `allow`.
#include "config/expose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

/* True if address A of the host belongs to primary P. A loopback primary such as 127.0.0.5 is
 * served by 127.0.0.1/8: every address of an IPv4 loopback network is local. */
static bool expose_matches(const struct primary *p, const struct link_address *a)
{
	if (!a->usable)
		return false;
	if (*p->ifname)
		return !strcmp(p->ifname, a->ifname) &&
			!(a->prefix.addr.family == 6 && addr_is_link_local(&a->prefix.addr));
	if (addr_is_loopback(&p->addr))
		return prefix_contains(&a->prefix, &p->addr);
	return addr_equal(&p->addr, &a->prefix.addr);
}

bool expose_has(const struct expose *e, const struct addr *a)
{
	for (size_t i = 0; i < e->n; i++)
		if (addr_equal(&e->addrs[i], a))
			return true;
	return false;
}

static void expose_add(struct expose *e, const struct addr *a)
{
	if (!expose_has(e, a) && e->n < EXPOSE_MAX)
		e->addrs[e->n++] = *a;
}

static void expose_missing(struct expose *e, const struct primary *p)
{
	char text[ADDR_TEXT_MAX];
	size_t len = strlen(e->missing);

	snprintf(e->missing + len, sizeof(e->missing) - len, "%s%s %s", len ? ", " : "waiting for ",
		*p->ifname ? "interface" : "address",
		*p->ifname ? p->ifname : addr_format(&p->addr, text));
}

void expose_find(
	const struct gateway_config *g, const struct link_address *a, size_t n, struct expose *ret)
{
	*ret = (struct expose){0};
	for (size_t i = 0; i < g->n_primaries; i++) {
		const struct primary *p = &g->primaries[i];
		bool found = false;

		for (size_t k = 0; k < n; k++) {
			if (!expose_matches(p, &a[k]))
				continue;
			expose_add(ret, *p->ifname ? &a[k].prefix.addr : &p->addr);
			found = true;
		}
		if (!found)
			expose_missing(ret, p);
	}
}

bool expose_differs(const struct gateway_config *a, const struct gateway_config *b)
{
	if (a->n_primaries != b->n_primaries)
		return true;
	for (size_t i = 0; i < a->n_primaries; i++)
		if (strcmp(a->primaries[i].ifname, b->primaries[i].ifname) ||
			!addr_equal(&a->primaries[i].addr, &b->primaries[i].addr))
			return true;
	return false;
}

static int allow_add(struct prefix_list *l, const struct prefix *p)
{
	struct prefix c = prefix_canonical(p);
	struct prefix *more;

	for (size_t i = 0; i < l->n; i++)
		if (prefix_equal(&l->items[i], &c))
			return 0;
	more = reallocarray(l->items, l->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->items = more;
	l->items[l->n++] = c;
	return 0;
}

/* Tailscale gives an interface a host address and routes its whole range elsewhere: that range is
 * the interface's own network. */
static struct prefix own_network(const struct prefix *p)
{
	static const char *const ranges[] = {"100.64.0.0/10", "fd7a:115c:a1e0::/48"};
	struct prefix range;

	for (size_t i = 0; i < ELEMENTSOF(ranges); i++)
		if (p->len == addr_bits(&p->addr) && prefix_parse(ranges[i], &range) == 0 &&
			prefix_contains(&range, &p->addr))
			return range;
	return *p;
}

int expose_default_allow(const struct gateway_config *g, const struct link_address *a, size_t n,
	struct prefix_list *ret)
{
	static const char *const loopback[] = {"127.0.0.0/8", "::1/128"};
	struct prefix_list l = {0};
	struct prefix p;
	int r = 0;

	for (size_t i = 0; i < ELEMENTSOF(loopback) && r == 0; i++)
		if (prefix_parse(loopback[i], &p) == 0)
			r = allow_add(&l, &p);
	for (size_t i = 0; i < g->n_primaries; i++) {
		for (size_t k = 0; k < n && r == 0; k++) {
			if (!expose_matches(&g->primaries[i], &a[k]))
				continue;
			p = own_network(&a[k].prefix);
			r = allow_add(&l, &p);
		}
	}
	if (r < 0) {
		free(l.items);
		return r;
	}
	*ret = l;
	return 0;
}

int expose_allow(const struct gateway_config *g, const struct tailnet_config *t,
	const struct link_address *a, size_t n, struct prefix_list *ret)
{
	const struct prefix_list *from;
	struct prefix *copy;

	if (!(t && t->has_allow) && !g->has_allow)
		return expose_default_allow(g, a, n, ret);
	from = t && t->has_allow ? &t->allow : &g->allow;
	copy = calloc(from->n + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	if (from->n)
		memcpy(copy, from->items, from->n * sizeof(*copy));
	*ret = (struct prefix_list){copy, from->n};
	return 0;
}
