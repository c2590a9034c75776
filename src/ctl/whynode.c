// SPDX-License-Identifier: MIT
// why, a tailnet with a control server: which of its nodes has the address or the name, and how it is with
// that node. What the netmap says comes from the supervisor: routes and names as it tells watchers, the nodes
// as `peers` shows them.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/why.h"
#include "report/text.h"

struct facts { /* what is looked for, and whether it was there */
	const struct addr *addr;
	const char *name;
	struct addr named;
	bool routed, is_named;
};

static int on_fact(void *arg, const union control_any *m)
{
	struct facts *s = arg;

	if (m->h.record == CONTROL_TOLD)
		return -ECANCELED; /* that was all */
	for (uint32_t i = 0; s->addr && m->h.record == CONTROL_ROUTES && i < m->routes.n; i++)
		s->routed = s->routed || prefix_contains(&m->routes.prefixes[i], s->addr);
	if (!s->name || m->h.record != CONTROL_NAME || strcmp(m->name.name, s->name) != 0)
		return 0;
	/* programs prefer to be told of IPv4 here as everywhere */
	if (!s->is_named || m->name.addr.family == 4)
		s->named = m->name.addr;
	s->is_named = true;
	return 0;
}

static int ask_facts(const struct why *w, const struct tailnet_config *t, struct facts *s)
{
	int r;

	if (t->engine != ENGINE_TAILSCALE)
		return -ENOENT;
	r = why_ask(w, t, CONTROL_WATCH, on_fact, s);
	return r == -ECANCELED ? 0 : r;
}

bool why_node_has(const struct why *w, const struct tailnet_config *t, const struct addr *a)
{
	struct facts s = {.addr = a};

	return ask_facts(w, t, &s) == 0 && s.routed;
}

/* ---- nodes ---- */

struct search {
	const struct addr *addr;
	const char *name;
	struct control_peer node;
	struct prefix route;
	bool found;
};

static bool has_address(const struct control_peer *p, const struct addr *a)
{
	for (uint32_t i = 0; i < p->n_addresses; i++)
		if (addr_equal(&p->addresses[i], a))
			return true;
	return false;
}

static void offer(struct search *s, const struct control_peer *p, const struct prefix *route)
{
	if (s->found && route->len <= s->route.len)
		return;
	s->found = true;
	s->node = *p;
	s->route = *route;
}

static int on_node(void *arg, const union control_any *m)
{
	struct search *s = arg;
	const struct control_peer *p = &m->peer;
	struct prefix own;

	if (m->h.record != CONTROL_PEER || !p->tailscale)
		return 0;
	if (s->name) {
		if (!s->found && p->n_addresses && !strcmp(p->peer_name, s->name)) {
			s->found = true;
			s->node = *p;
		}
		return 0;
	}
	if (has_address(p, s->addr)) {
		own = prefix_of_addr(s->addr);
		offer(s, p, &own);
	}
	for (uint32_t i = 0; i < p->n_shown; i++)
		if (prefix_contains(&p->allowed[i], s->addr))
			offer(s, p, &p->allowed[i]);
	return 0;
}

bool why_node_named(
	const struct why *w, const struct tailnet_config *t, const char *name, struct addr *ret)
{
	struct search s = {.name = name};
	struct facts facts = {.name = name};

	if (ask_facts(w, t, &facts) < 0)
		return false;
	if (facts.is_named) {
		*ret = facts.named;
		return true;
	}
	if (why_ask(w, t, CONTROL_PEERS, on_node, &s) < 0 || !s.found)
		return false;
	*ret = s.node.addresses[0];
	return true;
}

/* ---- the route ---- */

/* Tailscale's own service addresses: names, and the node's page. */
static bool is_service(const struct addr *a)
{
	static const struct addr service[] = {{.family = 4, .bytes = {100, 100, 100, 100}},
		{.family = 6, .bytes = {0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0, [15] = 0x53}}};

	return addr_equal(a, &service[0]) || addr_equal(a, &service[1]);
}

static bool is_own(const struct why *w, const struct addr *a)
{
	for (uint16_t i = 0; w->has_live && i < w->live.n_addresses; i++)
		if (addr_equal(&w->live.addresses[i], a))
			return true;
	return false;
}

static const char *node_name(const struct control_peer *p, char buf[45])
{
	if (*p->peer_name)
		return p->peer_name;
	format_key_base64(p->public_key, buf);
	return buf;
}

enum hop_next why_node_route(struct why *w, struct finding *f)
{
	char text[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX], key[45];
	struct search s = {.addr = &w->addr};
	int r = w->blind ? -EACCES : why_ask(w, w->t, CONTROL_PEERS, on_node, &s);

	addr_format(&w->addr, text);
	w->has_node = r == 0 && s.found;
	w->node = s.node;
	if (r < 0)
		finding_set(f, FINDING_SKIP, NULL, "not looked at: %s",
			r == -EACCES ? "only root and the group tsgw may" : strerror(-r));
	else if (is_service(&w->addr))
		finding_set(f, FINDING_OK, NULL, "%s is answered by our own node", text);
	else if (is_own(w, &w->addr))
		finding_set(f, FINDING_WARN, NULL,
			"%s is our own node: nothing is reached there but what publish names",
			text);
	else if (s.found)
		finding_set(f, FINDING_OK, NULL, "%s goes to node %s (%s)", text,
			node_name(&s.node, key), prefix_format(&s.route, prefix));
	else if (why_node_has(w, w->t, &w->addr))
		finding_set(f, FINDING_OK, NULL, "%s is routed", text);
	else
		return why_not_routed(w, f);
	return HOP_NEXT;
}

/* ---- the node ---- */

static void path_text(const struct control_peer *p, char *buf, size_t size)
{
	uint64_t now = (uint64_t)time(NULL), then = p->last_handshake_s;
	char at[HOSTPORT_TEXT_MAX], ago[TEXT_SIZE_MAX], shaken[TEXT_SIZE_MAX + 32] = "";

	if (then)
		snprintf(shaken, sizeof(shaken), ", last handshake %s ago",
			text_duration(now > then ? now - then : 0, ago));
	if (p->endpoint.addr.family)
		snprintf(buf, size, "direct at %s%s", hostport_format(&p->endpoint, at), shaken);
	else if (p->active && *p->relay)
		snprintf(buf, size, "by relay %s%s", p->relay, shaken);
	else
		snprintf(buf, size, "nothing was sent to it of late");
}

enum hop_next why_node_state(struct why *w, struct finding *f)
{
	const struct control_peer *p = &w->node;
	uint64_t now = (uint64_t)time(NULL);
	char key[45], path[160], ago[TEXT_SIZE_MAX] = "";
	const char *name = node_name(p, key);

	if (p->flags & PEER_EXPIRED) {
		finding_set(f, FINDING_FAIL, NULL, "the key of node %s has expired", name);
		finding_advise(f, "Log in anew on %s.", name);
		return HOP_STOP;
	}
	if (p->last_seen_s)
		text_duration(now > p->last_seen_s ? now - p->last_seen_s : 0, ago);
	if (p->state == PEER_DOWN) {
		finding_set(f, FINDING_FAIL, NULL, "node %s is offline%s%s%s", name,
			*ago ? ", seen last " : "", ago, *ago ? " ago" : "");
		finding_advise(f, "Switch %s on, and see that Tailscale runs there.", name);
		return HOP_STOP;
	}
	path_text(p, path, sizeof(path));
	finding_set(f, p->online ? FINDING_OK : FINDING_WARN, NULL, "node %s is %s, %s", name,
		p->online ? "online" : "offline, says the control server, but answers", path);
	return HOP_NEXT;
}
