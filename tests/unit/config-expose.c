// SPDX-License-Identifier: MIT
// Which addresses are exposed, and who is admitted where nothing is configured.
#include "config/expose.h"

#include <stdlib.h>

#include "test.h"

static struct link_address address(const char *ifname, const char *prefix)
{
	struct link_address a = {.usable = true};

	snprintf(a.ifname, sizeof(a.ifname), "%s", ifname);
	if (prefix_parse(prefix, &a.prefix) < 0)
		abort();
	return a;
}

static struct primary primary(const char *text)
{
	struct primary p = {0};

	if (addr_parse(text, &p.addr) < 0)
		snprintf(p.ifname, sizeof(p.ifname), "%s", text);
	return p;
}

static bool has(const struct prefix *items, size_t n, const char *text)
{
	struct prefix p;

	if (prefix_parse(text, &p) < 0)
		abort();
	for (size_t i = 0; i < n; i++)
		if (prefix_equal(&items[i], &p))
			return true;
	return false;
}

static void interface_gives_all_but_link_local(void)
{
	struct link_address a[] = {address("lo", "127.0.0.1/8"),
		address("tailscale0", "100.121.76.21/32"),
		address("tailscale0", "fd7a:115c:a1e0::1/128"),
		address("tailscale0", "fe80::1/64")};
	struct primary p[] = {primary("tailscale0")};
	struct gateway_config g = {.primaries = p, .n_primaries = 1};
	struct expose e;

	expose_find(&g, a, 4, &e);
	CHECK_EQ(e.n, 2);
	CHECK_STR(e.missing, "");
	CHECK(addr_equal(&e.addrs[0], &a[1].prefix.addr));
}

static void missing_ones_are_named(void)
{
	struct link_address a[] = {address("lo", "127.0.0.1/8")};
	struct primary p[] = {primary("tailscale0"), primary("10.9.9.9"), primary("127.0.0.7")};
	struct gateway_config g = {.primaries = p, .n_primaries = 3};
	struct expose e;

	expose_find(&g, a, 1, &e);
	CHECK_EQ(e.n, 1);
	CHECK(addr_equal(&e.addrs[0], &p[2].addr));
	CHECK_STR(e.missing, "waiting for interface tailscale0, address 10.9.9.9");
}

static void unusable_does_not_count(void)
{
	struct link_address a[] = {address("eth0", "10.0.0.1/24")};
	struct primary p[] = {primary("eth0")};
	struct gateway_config g = {.primaries = p, .n_primaries = 1};
	struct expose e;

	a[0].usable = false;
	expose_find(&g, a, 1, &e);
	CHECK_EQ(e.n, 0);
	CHECK_STR(e.missing, "waiting for interface eth0");
}

static void same_address_once(void)
{
	struct link_address a[] = {address("eth0", "10.0.0.1/24")};
	struct primary p[] = {primary("eth0"), primary("10.0.0.1")};
	struct gateway_config g = {.primaries = p, .n_primaries = 2};
	struct expose e;

	expose_find(&g, a, 1, &e);
	CHECK_EQ(e.n, 1);
}

static void default_allow_is_own_networks(void)
{
	struct link_address a[] = {address("lo", "127.0.0.1/8"), address("eth0", "10.0.0.77/24"),
		address("ts0", "100.121.76.21/32"), address("eth1", "192.168.5.1/24")};
	struct primary p[] = {primary("eth0"), primary("ts0")};
	struct gateway_config g = {.primaries = p, .n_primaries = 2};
	struct prefix_list l = {0};

	CHECK_EQ(expose_default_allow(&g, a, 4, &l), 0);
	CHECK_EQ(l.n, 4);
	CHECK(has(l.items, l.n, "127.0.0.0/8"));
	CHECK(has(l.items, l.n, "::1/128"));
	CHECK(has(l.items, l.n, "10.0.0.0/24"));
	CHECK(has(l.items, l.n, "100.64.0.0/10")); /* what a Tailscale host address stands for */
	free(l.items);
}

static void own_allow_replaces(void)
{
	struct prefix gw[1], own[1];
	struct gateway_config g = {.allow = {gw, 1}, .has_allow = true};
	struct tailnet_config t = {.allow = {own, 1}, .has_allow = true};
	struct prefix_list l = {0};

	prefix_parse("10.0.0.0/8", &gw[0]);
	prefix_parse("10.1.0.0/16", &own[0]);
	CHECK_EQ(expose_allow(&g, &t, NULL, 0, &l), 0);
	CHECK_EQ(l.n, 1);
	CHECK(has(l.items, l.n, "10.1.0.0/16"));
	free(l.items);
	t.has_allow = false;
	CHECK_EQ(expose_allow(&g, &t, NULL, 0, &l), 0);
	CHECK(has(l.items, l.n, "10.0.0.0/8"));
	free(l.items);
}

int main(void)
{
	RUN(interface_gives_all_but_link_local);
	RUN(missing_ones_are_named);
	RUN(unusable_does_not_count);
	RUN(same_address_once);
	RUN(default_allow_is_own_networks);
	RUN(own_allow_replaces);
	return TEST_END();
}
