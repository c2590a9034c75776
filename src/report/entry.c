// SPDX-License-Identifier: MIT
// One tailnet as seen from outside, and as the JSON object that contract §8 and tsgwctl(1)
// describe.
#include "report/entry.h"

#include <stdio.h>

#include "common/cleanup.h"
#include "config/names.h"
#include "report/text.h"

const char *entry_state(const struct entry *e)
{
	if (e->live)
		return tailnet_state_name(e->live->state);
	return e->mute ? "unknown" : tailnet_state_name(TAILNET_DOWN);
}

const char *entry_reason(const struct entry *e)
{
	if (e->live && e->live->state == TAILNET_DOWN && !*e->live->reason)
		return "stopped on request";
	if (e->live)
		return e->live->state == TAILNET_UP ? "" : e->live->reason;
	if (e->mute)
		return "its supervisor could not be asked";
	if (!e->config)
		return "";
	return e->config->broken     ? e->config->broken
		: e->config->enabled ? "not started: no supervisor runs it"
				     : "not enabled: enabled = no";
}

enum engine entry_engine(const struct entry *e)
{
	return e->live	    ? (enum engine)e->live->engine
		: e->config ? e->config->engine
			    : ENGINE_WIREGUARD;
}

const struct addr *entry_address(const struct entry *e, size_t i)
{
	if (e->live && e->live->n_addresses)
		return i < e->live->n_addresses ? &e->live->addresses[i] : NULL;
	if (!e->config || !e->config->wg || i >= e->config->wg->addresses.n)
		return NULL;
	return &e->config->wg->addresses.items[i].addr;
}

bool entry_has_peers(const struct entry *e)
{
	return e->live && e->live->state != TAILNET_DOWN && e->live->has_counters &&
		(e->live->peers || e->live->engine == ENGINE_WIREGUARD);
}

json_t *entry_json_addresses(const struct entry *e)
{
	json_t *list = json_array();
	const struct addr *a;
	char buf[ADDR_TEXT_MAX];

	for (size_t i = 0; (a = entry_address(e, i)); i++)
		json_array_append_new(list, json_string(addr_format(a, buf)));
	return list;
}

static json_t *json_listen(const struct entry *e)
{
	json_t *list = json_array();
	char buf[HOSTPORT_TEXT_MAX];

	for (size_t i = 0; e->live && i < e->live->n_listen; i++)
		json_array_append_new(list, json_string(hostport_format(&e->live->listen[i], buf)));
	return list;
}

static json_t *json_suffixes(const struct entry *e)
{
	json_t *list = json_array();

	for (size_t i = 0; e->config && i < e->config->n_suffixes; i++)
		json_array_append_new(list, text_json(e->config->suffixes[i]));
	return list;
}

static json_t *json_number(bool known, uint64_t n)
{
	return known ? json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n)) : json_null();
}

static void entry_json_names(const struct entry *e, json_t *j)
{
	char link[LINK_NAME_MAX], netns[64], path[64];
	json_t *suffixes = json_suffixes(e);
	uint16_t port = e->live ? e->live->port : e->config ? e->config->port : 0;

	names_link(e->name, link);
	names_netns(e->name, netns, sizeof(netns));
	names_netns_path(e->name, path, sizeof(path));
	json_object_set(
		j, "suffix", json_array_size(suffixes) ? json_array_get(suffixes, 0) : json_null());
	json_object_set_new(j, "suffixes", suffixes);
	json_object_set_new(j, "port", json_number(port, port));
	json_object_set_new(j, "netns", json_string(netns));
	json_object_set_new(j, "netns_path", json_string(path));
	json_object_set_new(
		j, "link", json_string(e->live && *e->live->link ? e->live->link : link));
}

static json_t *json_addr(const struct addr *a)
{
	char buf[ADDR_TEXT_MAX];

	return a->family ? json_string(addr_format(a, buf)) : json_null();
}

/* What UDP associations have moved, and dropped for which reason. */
static json_t *json_udp(const struct proxy_udp_stats *u)
{
	static const char *const reasons[PROXY_UDP_DROPS] = {
		[PROXY_UDP_SOURCE] = "source",
		[PROXY_UDP_MALFORMED] = "malformed",
		[PROXY_UDP_FRAGMENT] = "fragment",
		[PROXY_UDP_POLICY] = "policy",
		[PROXY_UDP_NO_NAME] = "no_name",
		[PROXY_UDP_DOWN] = "down",
		[PROXY_UDP_UNREACHABLE] = "unreachable",
		[PROXY_UDP_TOO_LONG] = "too_long",
		[PROXY_UDP_FULL] = "full",
		[PROXY_UDP_STRANGER] = "stranger",
	};
	json_t *j = json_object(), *dropped = json_object();

	json_object_set_new(j, "associations", json_number(true, u->associations));
	json_object_set_new(j, "opened", json_number(true, u->opened));
	json_object_set_new(j, "up", json_number(true, u->up));
	json_object_set_new(j, "down", json_number(true, u->down));
	json_object_set_new(j, "up_bytes", json_number(true, u->up_bytes));
	json_object_set_new(j, "down_bytes", json_number(true, u->down_bytes));
	for (size_t i = 0; i < PROXY_UDP_DROPS; i++)
		json_object_set_new(dropped, reasons[i], json_number(true, u->dropped[i]));
	json_object_set_new(j, "dropped", dropped);
	return j;
}

/* What the listener did with whoever came: counters since the tailnet was started. */
static json_t *json_listener(const struct proxy_stats *p)
{
	json_t *j = json_object(), *results = json_object();

	for (unsigned i = 0; i < PROXY_RESULTS; i++)
		json_object_set_new(
			results, proxy_result_name(i), json_number(true, p->results[i]));
	json_object_set_new(j, "accepted", json_number(true, p->accepted));
	json_object_set_new(j, "results", results);
	json_object_set_new(j, "up_bytes", json_number(true, p->up_bytes));
	json_object_set_new(j, "down_bytes", json_number(true, p->down_bytes));
	json_object_set_new(j, "accept_paused", json_number(true, p->accept_paused));
	json_object_set_new(j, "login_queue_full", json_number(true, p->login_queue_full));
	json_object_set_new(j, "login_sources_full", json_number(true, p->login_sources_full));
	return j;
}

/* What the node refused or answered for others: counters since it was started. */
static json_t *json_node(const struct wg_counts *n)
{
	const struct {
		const char *name;
		uint64_t count;
	} drops[] = {
		{"no_peer", n->dropped_no_peer},
		{"source", n->dropped_source},
		{"veth", n->dropped_veth},
		{"ecn", n->dropped_ecn},
		{"loop", n->dropped_loop},
		{"replay", n->dropped_replay},
		{"invalid", n->dropped_invalid},
		{"queue", n->dropped_queue},
	};
	json_t *j = json_object(), *dropped = json_object();

	for (size_t i = 0; i < ELEMENTSOF(drops); i++)
		json_object_set_new(dropped, drops[i].name, json_number(true, drops[i].count));
	json_object_set_new(j, "handshakes", json_number(true, n->handshakes));
	json_object_set_new(j, "dropped", dropped);
	json_object_set_new(j, "cookies_sent", json_number(true, n->cookies_sent));
	json_object_set_new(j, "unreachable_sent", json_number(true, n->unreachable_sent));
	json_object_set_new(j, "unreachable_limited", json_number(true, n->unreachable_limited));
	return j;
}

/* What the tailnet's own resolver was asked. */
static json_t *json_resolver(const struct proxy_stats *p)
{
	json_t *j = json_object();

	json_object_set_new(j, "asked", json_number(true, p->dns_asked));
	json_object_set_new(j, "answered", json_number(true, p->dns_answered));
	json_object_set_new(j, "timeouts", json_number(true, p->dns_timeouts));
	json_object_set_new(j, "cache_hits", json_number(true, p->dns_cache_hits));
	json_object_set_new(j, "limit", json_number(true, p->dns_limit));
	return j;
}

static json_t *json_ports(const struct port_maps *maps)
{
	char text[PORT_TARGET_MAX];
	json_t *list = json_array();

	for (size_t i = 0; maps && i < maps->n; i++) {
		const struct port_map *m = &maps->items[i];

		json_array_append_new(list,
			json_pack("{s:i, s:s, s:s}", "port", m->port, "protocol",
				m->udp ? "udp" : "tcp", "target", port_map_target(m, text)));
	}
	return list;
}

static void json_sessions(json_t *j, const struct udp_stats *u)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{"udp_sessions", u->sessions},
		{"udp_opened", u->opened},
		{"udp_replaced", u->replaced},
		{"udp_full", u->full},
		{"udp_refused", u->refused},
		{"udp_failed", u->failed},
		{"udp_dropped", u->dropped},
		{"udp_up_bytes", u->up_bytes},
		{"udp_down_bytes", u->down_bytes},
	};

	for (size_t i = 0; i < ELEMENTSOF(rows); i++)
		json_object_set_new(j, rows[i].name, json_number(true, rows[i].value));
}

static json_t *json_forward(const struct entry *e)
{
	json_t *j = json_object();

	json_object_set_new(j, "ports", json_ports(e->config ? &e->config->forwards : NULL));
	if (!e->live || !e->live->has_counters)
		return j;
	json_object_set_new(j, "connections", json_number(true, e->live->proxy.forwarded));
	json_sessions(j, &e->live->proxy.forward_udp);
	return j;
}

static json_t *json_publish(const struct entry *e)
{
	static const char *const results[PUBLISH_RESULTS] = {
		"ok", "no_name", "unreachable", "refused", "timeout", "limit", "internal"};
	const struct host_stats *s = e->live ? &e->live->published : NULL;
	json_t *j = json_object(), *r = json_object();

	json_object_set_new(j, "ports", json_ports(e->config ? &e->config->publishes : NULL));
	if (!s || !e->live->has_counters) {
		json_decref(r);
		return j;
	}
	json_object_set_new(j, "connections", json_number(true, s->connections));
	json_object_set_new(j, "accepted", json_number(true, s->accepted));
	for (size_t i = 0; i < PUBLISH_RESULTS; i++)
		json_object_set_new(r, results[i], json_number(true, s->results[i]));
	json_object_set_new(j, "results", r);
	json_object_set_new(j, "up_bytes", json_number(true, s->up_bytes));
	json_object_set_new(j, "down_bytes", json_number(true, s->down_bytes));
	json_object_set_new(j, "accept_paused", json_number(true, s->accept_paused));
	json_object_set_new(j, "lookups", json_number(true, s->lookups));
	json_object_set_new(j, "lookups_full", json_number(true, s->lookups_full));
	json_sessions(j, &s->udp);
	return j;
}

static void entry_json_detail(const struct entry *e, json_t *j)
{
	const struct control_tailnet *t = e->live;

	json_object_set_new(
		j, "enabled", e->config ? json_boolean(e->config->enabled) : json_null());
	json_object_set_new(j, "configured", json_boolean(e->config));
	json_object_set_new(j, "pid", json_number(e->pid > 0, (uint64_t)e->pid));
	json_object_set_new(
		j, "pid_wg", json_number(t && t->pid_wg > 0, t ? (uint64_t)t->pid_wg : 0));
	json_object_set_new(
		j, "pid_proxy", json_number(t && t->pid_proxy > 0, t ? (uint64_t)t->pid_proxy : 0));
	json_object_set_new(
		j, "pid_host", json_number(t && t->pid_host > 0, t ? (uint64_t)t->pid_host : 0));
	json_object_set_new(j, "restarts_host", json_number(t, t ? t->restarts_host : 0));
	json_object_set_new(j, "forward", json_forward(e));
	json_object_set_new(j, "publish", json_publish(e));
	json_object_set_new(j, "restarts_wg", json_number(t, t ? t->restarts_wg : 0));
	json_object_set_new(j, "restarts_proxy", json_number(t, t ? t->restarts_proxy : 0));
	json_object_set_new(j, "node", t && t->has_counters ? json_node(&t->node) : json_null());
	json_object_set_new(j, "udp", t && t->has_counters ? json_udp(&t->proxy.udp) : json_null());
	json_object_set_new(
		j, "listener", t && t->has_counters ? json_listener(&t->proxy) : json_null());
	json_object_set_new(
		j, "resolver", t && t->has_counters ? json_resolver(&t->proxy) : json_null());
	json_object_set_new(j, "veth_host", t ? json_addr(&t->veth_host) : json_null());
	json_object_set_new(j, "veth_ns", t ? json_addr(&t->veth_ns) : json_null());
}

json_t *entry_json(const struct entry *e, bool detail)
{
	const struct control_tailnet *t = e->live;
	bool peers = entry_has_peers(e), counters = t && t->has_counters;
	bool engine = e->live || e->config;
	json_t *j = json_object();

	json_object_set_new(j, "name", json_string(e->name));
	json_object_set_new(j, "state", json_string(entry_state(e)));
	json_object_set_new(j, "engine",
		!engine ? json_null()
			: json_string(
				  entry_engine(e) == ENGINE_WIREGUARD ? "wireguard" : "tailscale"));
	entry_json_names(e, j);
	json_object_set_new(j, "addresses", entry_json_addresses(e));
	json_object_set_new(j, "listen", json_listen(e));
	json_object_set_new(j, "peers", json_number(peers, t ? t->peers : 0));
	json_object_set_new(j, "peers_up", json_number(peers, t ? t->peers_up : 0));
	json_object_set_new(j, "clients", json_number(counters, t ? t->clients : 0));
	json_object_set_new(j, "rx_bytes", json_number(counters, t ? t->rx_bytes : 0));
	json_object_set_new(j, "tx_bytes", json_number(counters, t ? t->tx_bytes : 0));
	json_object_set_new(j, "uptime_s", json_number(t && t->has_uptime, t ? t->uptime_s : 0));
	json_object_set_new(j, "reason", text_json(entry_reason(e)));
	json_object_set_new(j, "uplink", t && *t->uplink ? text_json(t->uplink) : json_null());
	json_object_set_new(
		j, "login_url", t && *t->login_url ? text_json(t->login_url) : json_null());
	json_object_set_new(
		j, "key_expiry", json_number(t && t->key_expiry_s, t ? t->key_expiry_s : 0));
	if (detail)
		entry_json_detail(e, j);
	return j;
}

json_t *entry_json_status(json_t *tailnets)
{
	json_t *j = json_object();

	json_object_set_new(j, "version", json_string(TSGW_VERSION));
	json_object_set_new(j, "tailnets", tailnets);
	return j;
}
