// SPDX-License-Identifier: MIT
// peers: the WireGuard peers, or the nodes, of one tailnet.
#include "ctl/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/client.h"
#include "ctl/target.h"
#include "report/text.h"

#define PEERS_SHOWN_MAX 3 /* allowed-ips in the table; JSON has what the record has */

struct listing {
	struct table table; /* one of the two is filled */
	bool headed;
	json_t *json;
};

static const char *state_name(uint32_t state)
{
	static const char *const names[] = {"unknown", "up", "down"};

	return names[state]; /* record_check() keeps it in range */
}

static void endpoint_text(const struct control_peer *p, char *buf, size_t size)
{
	char at[HOSTPORT_TEXT_MAX] = "";

	if (p->endpoint.addr.family)
		hostport_format(&p->endpoint, at);
	if (*p->endpoint_name && *at)
		snprintf(buf, size, "%s (%s)", at, p->endpoint_name);
	else
		snprintf(buf, size, "%s", *at ? at : p->endpoint_name);
}

static void allowed_text(const struct control_peer *p, char *buf, size_t size)
{
	char text[PREFIX_TEXT_MAX];
	uint32_t n = MIN(p->n_shown, (uint32_t)PEERS_SHOWN_MAX);

	*buf = '\0';
	for (uint32_t i = 0; i < n; i++)
		text_join(buf, size, prefix_format(&p->allowed[i], text));
	if (MAX(p->n_allowed, p->n_shown) > n) {
		snprintf(text, sizeof(text), "+%" PRIu32, MAX(p->n_allowed, p->n_shown) - n);
		text_join(buf, size, text);
	}
}

static int peer_row(struct table *t, const struct control_peer *p)
{
	char key[45], text[TEXT_CELL_MAX], size[TEXT_SIZE_MAX];
	uint64_t now = (uint64_t)time(NULL), then = p->last_handshake_s;
	int r = 0;

	format_key_base64(p->public_key, key);
	r |= table_add(t, "%s", key);
	endpoint_text(p, text, sizeof(text));
	r |= table_add(t, "%s", text);
	r |= table_add(t, "%s", state_name(p->state));
	if (then)
		r |= table_add(t, "%s ago", text_duration(now > then ? now - then : 0, size));
	else
		r |= table_add(t, "never");
	r |= table_add(t, "%s", text_bytes(p->rx_bytes, size));
	r |= table_add(t, "%s", text_bytes(p->tx_bytes, size));
	allowed_text(p, text, sizeof(text));
	r |= table_add(t, "%s", text);
	return r;
}

/* ---- nodes of engine tailscale ---- */

/* How what we send reaches it. */
static void path_text(const struct control_peer *p, char *buf, size_t size)
{
	char at[HOSTPORT_TEXT_MAX];

	if (p->endpoint.addr.family)
		snprintf(buf, size, "direct %s", hostport_format(&p->endpoint, at));
	else if (p->active && *p->relay)
		snprintf(buf, size, "relay %s", p->relay);
	else
		snprintf(buf, size, "-");
}

static void role_text(const struct control_peer *p, char *buf, size_t size)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} roles[] = {{PEER_EXIT_NODE, "exit node"}, {PEER_OFFERS_EXIT, "offers exit node"},
		{PEER_SUBNET_ROUTER, "subnet router"}, {PEER_EXPIRED, "expired"}};

	*buf = '\0';
	for (size_t i = 0; i < ELEMENTSOF(roles); i++)
		if (p->flags & roles[i].flag &&
			!(roles[i].flag == PEER_OFFERS_EXIT && p->flags & PEER_EXIT_NODE))
			text_join(buf, size, roles[i].word);
}

static int node_row(struct table *t, const struct control_peer *p)
{
	char key[45], text[TEXT_CELL_MAX] = "", size[TEXT_SIZE_MAX];
	uint64_t now = (uint64_t)time(NULL);
	int r = 0;

	format_key_base64(p->public_key, key);
	r |= table_add(t, "%s", *p->peer_name ? p->peer_name : key);
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		char one[ADDR_TEXT_MAX];

		text_join(text, sizeof(text), addr_format(&p->addresses[i], one));
	}
	r |= table_add(t, "%s", text);
	r |= table_add(t, "%s", p->online ? "yes" : "no");
	path_text(p, text, sizeof(text));
	r |= table_add(t, "%s", text);
	if (p->online)
		r |= table_add(t, "now");
	else if (p->last_seen_s)
		r |= table_add(t, "%s ago",
			text_duration(now > p->last_seen_s ? now - p->last_seen_s : 0, size));
	else
		r |= table_add(t, "-");
	r |= table_add(t, "%s", text_bytes(p->rx_bytes, size));
	r |= table_add(t, "%s", text_bytes(p->tx_bytes, size));
	role_text(p, text, sizeof(text));
	r |= table_add(t, "%s", text);
	return r;
}

static void node_json(const struct control_peer *p, json_t *j)
{
	json_t *addresses = json_array();
	char text[ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < p->n_addresses; i++)
		json_array_append_new(addresses, json_string(addr_format(&p->addresses[i], text)));
	json_object_set_new(j, "name", *p->peer_name ? text_json(p->peer_name) : json_null());
	json_object_set_new(j, "addresses", addresses);
	json_object_set_new(j, "online", json_boolean(p->online));
	json_object_set_new(j, "active", json_boolean(p->active));
	json_object_set_new(j, "direct", json_boolean(p->endpoint.addr.family != 0));
	json_object_set_new(j, "relay", *p->relay ? text_json(p->relay) : json_null());
	json_object_set_new(j, "last_seen",
		p->last_seen_s ? json_integer((json_int_t)p->last_seen_s) : json_null());
	json_object_set_new(j, "exit_node", json_boolean(p->flags & PEER_EXIT_NODE));
	json_object_set_new(j, "offers_exit_node", json_boolean(p->flags & PEER_OFFERS_EXIT));
	json_object_set_new(j, "subnet_router", json_boolean(p->flags & PEER_SUBNET_ROUTER));
	json_object_set_new(j, "expired", json_boolean(p->flags & PEER_EXPIRED));
}

static json_t *peer_json(const struct control_peer *p)
{
	json_t *j = json_object(), *allowed = json_array();
	char key[45], at[HOSTPORT_TEXT_MAX], text[PREFIX_TEXT_MAX];

	format_key_base64(p->public_key, key);
	for (uint32_t i = 0; i < p->n_shown; i++)
		json_array_append_new(allowed, json_string(prefix_format(&p->allowed[i], text)));
	json_object_set_new(j, "public_key", json_string(key));
	json_object_set_new(j, "endpoint",
		!p->endpoint.addr.family ? json_null()
					 : json_string(hostport_format(&p->endpoint, at)));
	json_object_set_new(
		j, "endpoint_name", !*p->endpoint_name ? json_null() : text_json(p->endpoint_name));
	json_object_set_new(j, "state", json_string(state_name(p->state)));
	json_object_set_new(j, "last_handshake",
		!p->last_handshake_s ? json_null() : json_integer((json_int_t)p->last_handshake_s));
	json_object_set_new(j, "rx_bytes", json_integer((json_int_t)p->rx_bytes));
	json_object_set_new(j, "tx_bytes", json_integer((json_int_t)p->tx_bytes));
	json_object_set_new(j, "allowed_ips", allowed);
	json_object_set_new(j, "allowed_ips_total", json_integer(MAX(p->n_allowed, p->n_shown)));
	json_object_set_new(j, "persistent_keepalive_s", json_integer(p->persistent_keepalive_s));
	if (p->tailscale)
		node_json(p, j);
	return j;
}

/* A table has the columns of what comes first; without any peer, those of WireGuard. */
static int peers_head(struct listing *l, bool tailscale)
{
	static const char *const peers[] = {
		"PUBLIC KEY", "ENDPOINT", "STATE", "LAST HANDSHAKE", "RX", "TX", "ALLOWED IPS"};
	static const char *const nodes[] = {
		"NAME", "ADDRESSES", "ONLINE", "PATH", "LAST SEEN", "RX", "TX", "ROLE"};
	const char *const *heads = tailscale ? nodes : peers;
	int r = 0;

	if (l->headed)
		return 0;
	l->headed = true;
	l->table.columns = tailscale ? ELEMENTSOF(nodes) : ELEMENTSOF(peers);
	for (size_t i = 0; i < l->table.columns; i++)
		r |= table_add(&l->table, "%s", heads[i]);
	return r;
}

static int on_record(void *arg, const union control_any *m)
{
	struct listing *l = arg;

	if (m->h.record != CONTROL_PEER)
		return -EBADMSG;
	if (l->json)
		return json_array_append_new(l->json, peer_json(&m->peer)) < 0 ? -ENOMEM : 0;
	if (peers_head(l, m->peer.tailscale))
		return -ENOMEM;
	return (m->peer.tailscale ? node_row : peer_row)(&l->table, &m->peer) ? -ENOMEM : 0;
}

static int peers_print(struct listing *l)
{
	if (!l->json) {
		if (peers_head(l, false))
			return CTL_FAILED;
		table_print(&l->table, stdout);
		return CTL_DONE;
	}
	return text_print_json(take_ptr(l->json));
}

static int peers_ask(const struct args *a, int fd, struct listing *l)
{
	struct control_request q = {.verb = CONTROL_PEERS};
	struct control_end end;
	int r;

	memcpy(q.name, a->name, strlen(a->name));
	r = client_ask(fd, &q, CLIENT_PATIENCE_MS, on_record, l, &end);
	if (r < 0)
		return client_complain(a->run_dir, a->name, r);
	if (end.code != CTL_DONE) {
		fprintf(stderr, "tsgwctl: %s: %s\n", a->name, end.text);
		return end.code;
	}
	return peers_print(l);
}

int peers_show(const struct args *a)
{
	struct listing l = {0};
	_cleanup_close_ int fd = -1;
	int code = target_open(a, false, &fd, NULL);

	if (code != CTL_DONE)
		return code;
	if (a->json)
		l.json = json_array();
	if (a->json && !l.json)
		code = client_complain(a->run_dir, a->name, -ENOMEM);
	else
		code = peers_ask(a, fd, &l);
	table_free(&l.table);
	json_decref(l.json);
	return code;
}
