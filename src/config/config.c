// SPDX-License-Identifier: MIT
// The loaded configuration as a value: freeing, finding, comparing, routes.
#include "config/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/load.h"
#include "config/users.h"

static void free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

void wg_config_free(struct wg_config *wg)
{
	if (!wg)
		return;
	for (size_t i = 0; i < wg->n_peers; i++) {
		free(wg->peers[i].allowed.items);
		free(wg->peers[i].endpoint_name);
	}
	if (wg->peers)
		sodium_memzero(wg->peers, wg->n_peers * sizeof(*wg->peers));
	free(wg->peers);
	free(wg->addresses.items);
	free(wg->dns);
	free_strings(wg->dns_search, wg->n_dns_search);
	sodium_memzero(wg, sizeof(*wg));
	free(wg);
}

static void free_port_maps(struct port_maps *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].name);
	free(l->items);
}

static void free_tailnet(struct tailnet_config *t)
{
	free_port_maps(&t->forwards);
	free_port_maps(&t->publishes);
	for (size_t i = 0; i < t->n_hosts; i++)
		free(t->hosts[i].name);
	free(t->hosts);
	free_strings(t->suffixes, t->n_suffixes);
	free(t->wg_config_path);
	free(t->uplink_dns.items);
	free(t->bootstrap_dns.items);
	free(t->login_server);
	free(t->login_ca_path);
	free(t->http_proxy);
	free(t->auth_key_path);
	if (t->auth_key)
		sodium_memzero(t->auth_key, strlen(t->auth_key));
	free(t->auth_key);
	free(t->hostname);
	free_strings(t->tags.items, t->tags.n);
	free(t->advertise_routes.items);
	free(t->exit_node);
	free(t->tailscaled_path);
	free(t->tailscaled_args);
	free(t->users_path);
	users_free(t);
	wg_config_free(t->wg);
	free(t->allow.items);
	free(t->broken);
	free(t);
}

void config_free(struct config *c)
{
	struct loaded *out = c ? container_of(c, struct loaded, c) : NULL;

	if (!c)
		return;
	for (size_t i = 0; i < c->n_tailnets; i++)
		free_tailnet(c->tailnets[i]);
	free(c->tailnets);
	for (size_t i = 0; i < c->n_problems; i++) {
		free(c->problems[i].text);
		free(c->problems[i].tailnet);
	}
	free(c->problems);
	free(c->gateway.primaries);
	free(c->gateway.allow.items);
	free(c->gateway.web_allow.items);
	free_strings(c->gateway.web_names, c->gateway.n_web_names);
	free(c->path);
	free_strings(out->files, out->n_files);
	free(out);
}

struct tailnet_config *config_find(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_tailnets; i++)
		if (!strcmp(c->tailnets[i]->name, name))
			return c->tailnets[i];
	return NULL;
}

bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!prefix_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

bool text_equal(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool peer_equal(const struct wg_peer_config *a, const struct wg_peer_config *b)
{
	return !memcmp(a->public_key, b->public_key, 32) &&
		!sodium_memcmp(a->preshared_key, b->preshared_key, 32) &&
		prefix_list_equal(&a->allowed, &b->allowed) &&
		text_equal(a->endpoint_name, b->endpoint_name) &&
		addr_equal(&a->endpoint.addr, &b->endpoint.addr) &&
		a->endpoint.port == b->endpoint.port &&
		a->persistent_keepalive_s == b->persistent_keepalive_s;
}

static bool dns_equal(const struct wg_config *a, const struct wg_config *b)
{
	if (a->n_dns != b->n_dns || a->n_dns_search != b->n_dns_search)
		return false;
	for (size_t i = 0; i < a->n_dns; i++)
		if (!addr_equal(&a->dns[i], &b->dns[i]))
			return false;
	for (size_t i = 0; i < a->n_dns_search; i++)
		if (strcmp(a->dns_search[i], b->dns_search[i]))
			return false;
	return true;
}

bool wg_config_equal(const struct wg_config *a, const struct wg_config *b)
{
	if (!a || !b)
		return a == b;
	if (sodium_memcmp(a->private_key, b->private_key, 32) || a->listen_port != b->listen_port ||
		a->mtu != b->mtu || a->fwmark != b->fwmark || a->table_off != b->table_off ||
		a->n_peers != b->n_peers || !prefix_list_equal(&a->addresses, &b->addresses) ||
		!dns_equal(a, b))
		return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (!peer_equal(&a->peers[i], &b->peers[i]))
			return false;
	return true;
}

bool port_maps_equal(const struct port_maps *a, const struct port_maps *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct port_map *x = &a->items[i], *y = &b->items[i];

		if (x->port != y->port || x->udp != y->udp || !text_equal(x->name, y->name) ||
			x->to.port != y->to.port || !addr_equal(&x->to.addr, &y->to.addr))
			return false;
	}
	return true;
}

bool addr_list_equal(const struct addr_list *a, const struct addr_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

bool text_list_equal(const struct text_list *a, const struct text_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

bool uplink_equal(const struct tailnet_config *a, const struct tailnet_config *b)
{
	return a->uplink == b->uplink && !strcmp(a->uplink_ifname, b->uplink_ifname) &&
		prefix_equal(&a->uplink_address, &b->uplink_address) &&
		addr_equal(&a->uplink_gateway, &b->uplink_gateway) &&
		addr_list_equal(&a->uplink_dns, &b->uplink_dns);
}

bool prefs_equal(const struct tailnet_config *a, const struct tailnet_config *b)
{
	return text_equal(a->login_server, b->login_server) &&
		text_equal(a->hostname, b->hostname) && text_list_equal(&a->tags, &b->tags) &&
		a->accept_routes == b->accept_routes &&
		prefix_list_equal(&a->advertise_routes, &b->advertise_routes) &&
		text_equal(a->exit_node, b->exit_node);
}

int config_routes(const struct tailnet_config *t, struct prefix_list *ret)
{
	struct prefix_list all = {0};
	size_t n = 0;

	for (size_t i = 0; t->wg && i < t->wg->n_peers; i++)
		n += t->wg->peers[i].allowed.n;
	all.items = calloc(n + 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; t->wg && i < t->wg->n_peers; i++) {
		const struct prefix_list *allowed = &t->wg->peers[i].allowed;

		if (allowed->n)
			memcpy(all.items + all.n, allowed->items, allowed->n * sizeof(*all.items));
		all.n += allowed->n;
	}
	*ret = all;
	return 0;
}

bool config_has_ipv6(const struct tailnet_config *t)
{
	bool address = false;

	for (size_t i = 0; t->wg && i < t->wg->addresses.n; i++)
		address |= t->wg->addresses.items[i].addr.family == 6;
	for (size_t i = 0; address && i < t->wg->n_peers; i++)
		for (size_t j = 0; j < t->wg->peers[i].allowed.n; j++)
			if (t->wg->peers[i].allowed.items[j].addr.family == 6)
				return true;
	return false;
}
