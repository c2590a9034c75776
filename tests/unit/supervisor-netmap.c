// SPDX-License-Identifier: MIT
// What root takes of a netmap, what it leaves out, and what ends the worker that says it.
#include "supervisor/netmap.h"

#include <errno.h>
#include <string.h>

#include "test.h"

static struct netmap_rules rules;

static struct addr ip(const char *text)
{
	struct addr a = {0};

	CHECK_EQ(addr_parse(text, &a), 0);
	return a;
}

static struct prefix net(const char *text)
{
	struct prefix p = {0};

	CHECK_EQ(prefix_parse(text, &p), 0);
	return p;
}

static union msg self(void)
{
	union msg m = {.netmap_self = {.n_addresses = 1, .addresses = {ip("100.64.0.1")}}};

	m.h.type = MSG_NETMAP_SELF;
	strcpy(m.netmap_self.name, "demon.tail1234.ts.net");
	strcpy(m.netmap_self.domain, "tail1234.ts.net");
	return m;
}

static union msg peer(uint8_t key, const char *name, const char *address)
{
	union msg m = {.netmap_peer = {.n_addresses = 1}};

	m.h.type = MSG_NETMAP_PEER;
	m.netmap_peer.public_key[0] = key;
	m.netmap_peer.addresses[0] = ip(address);
	strcpy(m.netmap_peer.name, name);
	return m;
}

static union msg routes(const char *prefix)
{
	union msg m = {.prefixes = {.n = 1, .prefixes = {net(prefix)}}};

	m.h.type = MSG_NETMAP_ROUTES;
	return m;
}

static struct netmap *begun(void)
{
	struct netmap *m = netmap_new(7);
	union msg s = self();

	CHECK_EQ(netmap_take(m, &rules, &s), 0);
	return m;
}

static void taken(void)
{
	struct netmap *m = begun();
	union msg a = peer(2, "gpu1.tail1234.ts.net", "100.64.0.2"), b = peer(1, "", "100.64.0.3");
	union msg r = routes("10.100.0.0/16");

	rules.accept_routes = true;
	CHECK_EQ(netmap_take(m, &rules, &a), 0);
	CHECK_EQ(netmap_take(m, &rules, &r), 0);
	CHECK_EQ(netmap_take(m, &rules, &b), 0);
	CHECK_EQ(netmap_seal(m, 8), -EBADMSG);
	CHECK_EQ(netmap_seal(m, 7), 0);
	CHECK_EQ(m->n_peers, 2);
	CHECK_EQ(m->peers[0].key[0], 1); /* sorted */
	CHECK_EQ(m->peers[1].routes.n, 2);
	CHECK(netmap_find(m, a.netmap_peer.public_key) == &m->peers[1]);
	netmap_free(m);
}

/* What the configuration does not allow, or no tailnet may have. */
static void left_out(void)
{
	static const char *const never[] = {"127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4",
		"10.200.7.0/24", "10.200.0.0/30", "::1/128", "fe80::/10", "0.0.0.0/8"};
	struct netmap *m = begun();
	union msg p = peer(1, "", "100.64.0.2"), everything = routes("0.0.0.0/0"),
		  wide = routes("10.0.0.0/8");

	rules = (struct netmap_rules){.accept_routes = true, .pool = net("10.200.0.0/16")};
	CHECK_EQ(netmap_take(m, &rules, &p), 0);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		union msg r = routes(never[i]);

		CHECK_EQ(netmap_take(m, &rules, &r), 0);
	}
	CHECK_EQ(netmap_take(m, &rules, &everything), 0);
	CHECK_EQ(m->peers[0].routes.n, 1); /* its own address */
	CHECK_EQ(netmap_take(m, &rules, &wide), 0);
	CHECK_EQ(m->peers[0].routes.n, 2);
	rules.accept_routes = false;
	CHECK_EQ(netmap_take(m, &rules, &wide), 0);
	CHECK_EQ(m->peers[0].routes.n, 2);
	p = peer(2, "", "10.200.0.9"); /* an address of the pool */
	p.netmap_peer.flags = PEER_EXIT_NODE;
	CHECK_EQ(netmap_take(m, &rules, &p), 0);
	CHECK_EQ(m->peers[1].n_addresses, 0);
	CHECK_EQ(netmap_take(m, &rules, &everything), 0);
	CHECK_EQ(m->peers[1].routes.n, 0); /* no exit node is configured */
	rules.exit_node = true;
	CHECK_EQ(netmap_take(m, &rules, &everything), 0);
	CHECK_EQ(m->peers[1].routes.n, 1);
	netmap_free(m);
}

static void refused(void)
{
	struct netmap *m = netmap_new(7);
	union msg s = self(), p = peer(1, "", "100.64.0.2"), r = routes("10.0.0.0/8");

	rules = (struct netmap_rules){.accept_routes = true, .pool = net("10.200.0.0/16")};
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG); /* before SELF */
	CHECK_EQ(netmap_take(m, &rules, &s), 0);
	CHECK_EQ(netmap_take(m, &rules, &s), -EBADMSG);
	CHECK_EQ(netmap_take(m, &rules, &r), -EBADMSG); /* of nobody */
	p.netmap_peer.n_addresses = 17;
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	p = peer(0, "", "100.64.0.2");
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	p = peer(1, "Upper.Case", "100.64.0.2");
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	p = peer(1, "no name", "100.64.0.2");
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	memset(p.netmap_peer.name, 'a', sizeof(p.netmap_peer.name));
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	p = peer(1, "", "100.64.0.2");
	p.netmap_peer.flags = 1u << 30;
	CHECK_EQ(netmap_take(m, &rules, &p), -EBADMSG);
	p.netmap_peer.flags = 0;
	CHECK_EQ(netmap_take(m, &rules, &p), 0);
	CHECK_EQ(netmap_take(m, &rules, &p), 0);
	r.prefixes.n = MSG_PREFIXES + 1;
	CHECK_EQ(netmap_take(m, &rules, &r), -EBADMSG);
	r = routes("10.0.0.1/8");
	CHECK_EQ(netmap_take(m, &rules, &r), -EBADMSG);
	CHECK_EQ(netmap_seal(m, 7), -EBADMSG); /* the same peer twice */
	netmap_free(m);
}

int main(void)
{
	RUN(taken);
	RUN(left_out);
	RUN(refused);
	return TEST_END();
}
