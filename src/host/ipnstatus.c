// SPDX-License-Identifier: MIT
// The answer to /localapi/v0/status: our own node and its peers.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "host/ipn.h"
#include "host/ipnjson.h"

static const char *const state_names[IPN_STATES] = {"NoState", "InUseOtherUser", "NeedsLogin",
	"NeedsMachineAuth", "Stopped", "Starting", "Running"};

static bool node_key(const char *text, uint8_t ret[WG_KEY])
{
	static const char prefix[] = "nodekey:";

	return !strncmp(text, prefix, strlen(prefix)) &&
		parse_key_hex(text + strlen(prefix), ret) == 0;
}

static uint32_t take_addresses(const json_t *list, struct addr *ret)
{
	uint32_t n = 0;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);

		if (n < IPN_ADDRS_MAX && text && addr_parse(text, &ret[n]) == 0)
			n++;
	}
	return n;
}

static bool is_address_of(const struct ipn_peer *p, const struct prefix *route)
{
	if (route->len != addr_bits(&route->addr))
		return false;
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (addr_equal(&p->addresses[i], &route->addr))
			return true;
	return false;
}

static int take_routes(const json_t *list, struct ipn_peer *p)
{
	size_t n = MIN(json_array_size(list), (size_t)IPN_ROUTES_MAX);

	if (!n)
		return 0;
	p->routes = calloc(n, sizeof(*p->routes));
	if (!p->routes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));
		struct prefix route;

		if (!text || prefix_parse(text, &route) < 0 || is_address_of(p, &route))
			continue;
		p->routes[p->n_routes++] = prefix_canonical(&route);
	}
	return 0;
}

static uint64_t take_count(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

static void take_live(const json_t *o, struct peer_live *ret)
{
	ret->rx_bytes = take_count(o, "RxBytes");
	ret->tx_bytes = take_count(o, "TxBytes");
	ret->last_handshake_s = ipn_time(ipn_string(o, "LastHandshake"));
	ret->last_seen_s = ipn_time(ipn_string(o, "LastSeen"));
	if (hostport_parse(ipn_string(o, "CurAddr"), &ret->endpoint) < 0)
		ret->endpoint = (struct hostport){0};
	ipn_clean(ipn_string(o, "Relay"), ret->relay, sizeof(ret->relay));
	ret->online = json_is_true(json_object_get(o, "Online"));
	ret->active = json_is_true(json_object_get(o, "Active"));
}

/* Any of them but the whole Internet, which an exit node offers. */
static bool has_subnet(const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		struct prefix route;

		if (text && prefix_parse(text, &route) == 0 && route.len)
			return true;
	}
	return false;
}

/* 1: taken, 0: one without a key, -ENOMEM. */
static int take_peer(const char *key, const json_t *o, struct ipn_peer *ret)
{
	struct ipn_peer p = {0};
	int r;

	if (!node_key(key, p.key) || json_is_true(json_object_get(o, "ShareeNode")))
		return 0;
	ipn_domain(ipn_string(o, "DNSName"), p.name);
	ipn_clean(ipn_string(o, "ID"), p.id, sizeof(p.id));
	p.n_addresses = take_addresses(json_object_get(o, "TailscaleIPs"), p.addresses);
	take_live(o, &p.live);
	r = take_routes(json_object_get(o, "AllowedIPs"), &p);
	if (r < 0)
		return r;
	if (json_is_true(json_object_get(o, "ExitNode")))
		p.flags |= PEER_EXIT_NODE;
	if (json_is_true(json_object_get(o, "ExitNodeOption")))
		p.flags |= PEER_OFFERS_EXIT;
	if (json_is_true(json_object_get(o, "Expired")))
		p.flags |= PEER_EXPIRED;
	for (uint32_t i = 0; i < p.n_routes; i++)
		if (p.routes[i].len)
			p.flags |= PEER_SUBNET_ROUTER;
	if (has_subnet(json_object_get(o, "PrimaryRoutes")))
		p.flags |= PEER_SUBNET_ROUTER;
	*ret = p;
	return 1;
}

static int compare_peers(const void *a, const void *b)
{
	return memcmp(((const struct ipn_peer *)a)->key, ((const struct ipn_peer *)b)->key, WG_KEY);
}

static int take_peers(const json_t *peers, struct ipn_status *ret)
{
	size_t room = MIN(json_object_size(peers), (size_t)IPN_PEERS_MAX);
	const json_t *o;
	const char *key;
	void *next;

	if (!room)
		return 0;
	ret->peers = calloc(room, sizeof(*ret->peers));
	if (!ret->peers)
		return -ENOMEM;
	json_object_foreach_safe((json_t *)(uintptr_t)peers, next, key, o)
	{
		int r = ret->n_peers < room ? take_peer(key, o, &ret->peers[ret->n_peers]) : 0;

		if (r < 0)
			return r;
		ret->n_peers += (size_t)r;
	}
	qsort(ret->peers, ret->n_peers, sizeof(*ret->peers), compare_peers);
	return 0;
}

static void take_self(const json_t *root, struct ipn_status *ret)
{
	const json_t *self = json_object_get(root, "Self");
	const json_t *tailnet = json_object_get(root, "CurrentTailnet");

	ipn_domain(ipn_string(self, "DNSName"), ret->name);
	ret->key_expiry_s = ipn_time(ipn_string(self, "KeyExpiry"));
	ret->online = json_is_true(json_object_get(self, "Online"));
	ret->expired = json_is_true(json_object_get(self, "Expired"));
	ret->n_addresses = take_addresses(json_object_get(root, "TailscaleIPs"), ret->addresses);
	if (json_is_true(json_object_get(tailnet, "MagicDNSEnabled")))
		ipn_domain(ipn_string(tailnet, "MagicDNSSuffix"), ret->domain);
}

int ipn_status_parse(const char *text, size_t len, struct ipn_status *ret)
{
	json_t *root = ipn_load(text, len);
	struct ipn_status s = {.state = IPN_STATES};
	const char *state;
	int r;

	if (!root)
		return -EBADMSG;
	state = ipn_string(root, "BackendState");
	for (unsigned i = 0; i < IPN_STATES; i++)
		if (!strcmp(state, state_names[i]))
			s.state = (enum ipn_state)i;
	s.have_node_key = json_is_true(json_object_get(root, "HaveNodeKey"));
	ipn_clean(ipn_string(root, "Version"), s.version, sizeof(s.version));
	ipn_clean(ipn_string(root, "AuthURL"), s.auth_url, sizeof(s.auth_url));
	ipn_clean(json_string_value(json_array_get(json_object_get(root, "Health"), 0)), s.warning,
		sizeof(s.warning));
	take_self(root, &s);
	r = s.state == IPN_STATES ? -EBADMSG : take_peers(json_object_get(root, "Peer"), &s);
	json_decref(root);
	if (r < 0) {
		ipn_status_free(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void ipn_status_free(struct ipn_status *s)
{
	for (size_t i = 0; i < s->n_peers; i++)
		free(s->peers[i].routes);
	free(s->peers);
	*s = (struct ipn_status){0};
}
