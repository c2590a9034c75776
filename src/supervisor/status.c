// SPDX-License-Identifier: MIT
// A tailnet's records for tsgwctl, read off its counters page.
#include "supervisor/status.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "ipc/stats.h"
#include "supervisor/facts.h"
#include "supervisor/netmap.h"
#include "supervisor/memory.h"

static uint32_t n_peers(const struct tailnet *t)
{
	const struct wg_stats *stats = t->node.stats;

	return stats ? MIN(STAT_GET(stats->n_peers), (uint32_t)STATS_PEERS_MAX) : 0;
}

static uint64_t newest_handshake(const struct wg_stats *wg, uint32_t n)
{
	uint64_t newest = 0;

	for (uint32_t i = 0; i < n; i++)
		newest = MAX(newest, STAT_GET(wg->peers[i].last_handshake_s));
	return newest;
}

static void status_stock(const struct tailnet *t, struct control_tailnet *r)
{
	const struct netmap *m = t->netmap;
	uint64_t now = (uint64_t)time(NULL);

	snprintf(r->login_url, sizeof(r->login_url), "%s", t->engine.said.url);
	r->key_expiry_s = t->engine.said.key_expiry_s;
	if (!m)
		return;
	for (size_t i = 0; i < m->n_peers; i++) {
		const struct peer_live *l = &m->peers[i].live;

		r->peers++;
		r->peers_up += netmap_peer_state(&m->peers[i], now) == PEER_UP;
		r->rx_bytes += l->rx_bytes;
		r->tx_bytes += l->tx_bytes;
		r->last_handshake_s = MAX(r->last_handshake_s, l->last_handshake_s);
	}
}

static void status_counters(const struct tailnet *t, struct control_tailnet *r)
{
	const struct wg_stats *wg = t->node.stats;
	const struct proxy_stats *proxy = t->proxy.stats;
	struct peers_seen seen;

	tailnet_see_peers(t, &seen);
	r->peers = seen.counted;
	r->peers_up = seen.up;
	if (wg) {
		r->rx_bytes = STAT_GET(wg->rx_bytes);
		r->tx_bytes = STAT_GET(wg->tx_bytes);
		r->node = wg->counts;
		r->last_handshake_s = newest_handshake(wg, n_peers(t));
	}
	if (proxy) {
		r->clients = STAT_GET(proxy->clients);
		r->proxy = *proxy;
	}
	if (tailnet_is_stock(t->config))
		status_stock(t, r);
	if (t->host.stats)
		memcpy(&r->published, t->host.stats, sizeof(r->published));
	r->has_counters = (wg || tailnet_is_stock(t->config)) && proxy;
}

void status_tailnet(const struct tailnet *t, struct control_tailnet *ret)
{
	const struct prefix_list *own = facts_addresses(t);
	struct control_tailnet r = {.state = (uint8_t)t->state,
		.engine = (uint8_t)t->config->engine,
		.port = t->config->port};

	memcpy(r.name, t->name, sizeof(r.name));
	memcpy(r.link, t->link, sizeof(r.link));
	memcpy(r.reason, t->reason, strlen(t->reason) + 1);
	for (size_t i = 0; i < own->n && r.n_addresses < CONTROL_ADDRS_MAX; i++)
		r.addresses[r.n_addresses++] = own->items[i].addr;
	for (size_t i = 0; i < t->n_listeners; i++)
		r.listen[r.n_listen++] = t->listeners[i].at;
	if (t->netns_fd >= 0) {
		status_counters(t, &r);
		r.veth_host = t->veth_host;
		r.veth_ns = t->veth_ns;
		uplink_describe_words(t, r.uplink, sizeof(r.uplink));
	}
	if (t->wanted && t->started_ms) {
		r.has_uptime = 1;
		r.uptime_s = (clock_now_ms() - t->started_ms) / 1000;
	}
	r.restarts_wg = t->node.restarts;
	r.restarts_proxy = t->proxy.restarts;
	r.pid_wg = t->node.pid;
	r.pid_proxy = t->proxy.pid;
	r.restarts_host = t->host.restarts;
	r.pid_host = t->host.pid;
	*ret = r;
}

void status_memory(const struct tailnet *t, struct control_tailnet *ret)
{
	memory_of(t->node.pid, &ret->memory_wg);
	memory_of(t->proxy.pid, &ret->memory_proxy);
	memory_of(t->host.pid, &ret->memory_host);
}

static const struct wg_peer_config *configured(const struct tailnet *t, const uint8_t *key)
{
	const struct wg_config *wg = t->config->wg;

	for (size_t i = 0; wg && i < wg->n_peers; i++)
		if (!memcmp(wg->peers[i].public_key, key, 32))
			return &wg->peers[i];
	return NULL;
}

static bool status_stock_peer(const struct tailnet *t, uint32_t i, struct control_peer *ret)
{
	const struct netmap *m = t->netmap;
	struct control_peer r = {.tailscale = 1};
	const struct netmap_peer *p;

	if (!m || i >= m->n_peers)
		return false;
	p = &m->peers[i];
	memcpy(r.public_key, p->key, sizeof(r.public_key));
	memcpy(r.peer_name, p->name, sizeof(r.peer_name));
	memcpy(r.relay, p->live.relay, sizeof(r.relay));
	r.endpoint = p->live.endpoint;
	r.state = netmap_peer_state(p, (uint64_t)time(NULL));
	r.last_handshake_s = p->live.last_handshake_s;
	r.last_seen_s = p->live.last_seen_s;
	r.rx_bytes = p->live.rx_bytes;
	r.tx_bytes = p->live.tx_bytes;
	r.online = p->live.online != 0;
	r.active = p->live.active != 0;
	r.flags = p->flags;
	r.n_addresses = MIN(p->n_addresses, (uint32_t)CONTROL_ADDRS_MAX);
	memcpy(r.addresses, p->addresses, r.n_addresses * sizeof(r.addresses[0]));
	r.n_allowed = (uint32_t)p->routes.n;
	r.n_shown = (uint32_t)MIN(p->routes.n, (size_t)MSG_PREFIXES);
	if (r.n_shown)
		memcpy(r.allowed, p->routes.items, r.n_shown * sizeof(r.allowed[0]));
	*ret = r;
	return true;
}

bool status_peer(const struct tailnet *t, uint32_t i, struct control_peer *ret)
{
	const struct wg_stats *stats = t->node.stats;
	const struct wg_peer_config *c;
	struct wg_peer_stats p;
	struct control_peer r = {0};

	if (tailnet_is_stock(t->config))
		return t->netns_fd >= 0 && status_stock_peer(t, i, ret);
	if (t->netns_fd < 0 || i >= n_peers(t))
		return false;
	p = stats->peers[i];
	memcpy(r.public_key, p.public_key, sizeof(r.public_key));
	r.endpoint = p.endpoint;
	if (r.endpoint.addr.family != 4 && r.endpoint.addr.family != 6)
		r.endpoint = (struct hostport){0};
	r.state = MIN(p.state, (uint32_t)PEER_DOWN);
	r.last_handshake_s = p.last_handshake_s;
	r.rx_bytes = p.rx_bytes;
	r.tx_bytes = p.tx_bytes;
	r.n_allowed = p.n_allowed;
	r.persistent_keepalive_s = p.persistent_keepalive_s;
	c = configured(t, p.public_key);
	if (c) {
		r.n_shown = (uint32_t)MIN(c->allowed.n, (size_t)MSG_PREFIXES);
		memcpy(r.allowed, c->allowed.items, r.n_shown * sizeof(r.allowed[0]));
		if (c->endpoint_name)
			snprintf(r.endpoint_name, sizeof(r.endpoint_name), "%s", c->endpoint_name);
	}
	*ret = r;
	return true;
}

/* ---- all of them ---- */

void status_tell_tailnets(
	const struct supervisor *s, const char *name, bool memory, status_send send, void *arg)
{
	struct control_tailnet r;

	for (size_t i = 0; i < s->n_tailnets; i++) {
		if (*name && strcmp(name, s->tailnets[i]->name))
			continue;
		status_tailnet(s->tailnets[i], &r);
		if (memory)
			status_memory(s->tailnets[i], &r);
		if (send(arg, CONTROL_TAILNET, &r, sizeof(r)) < 0)
			return;
	}
}

void status_tell_peers(const struct tailnet *t, status_send send, void *arg)
{
	struct control_peer r;

	for (uint32_t i = 0; status_peer(t, i, &r); i++)
		if (send(arg, CONTROL_PEER, &r, sizeof(r)) < 0)
			return;
}
