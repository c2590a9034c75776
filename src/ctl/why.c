// SPDX-License-Identifier: MIT
// why TARGET: walks from a name to the first byte behind it, says which hop fails and what to do.
//
// Each hop looks at what a client would meet: the configuration, the gateway's own DNS, the supervisor's
// word on the tailnet and its peers, and at last a connection through the listener. What may not be looked
// at is said and passed over; the connection itself tells the truth about it.
#include "ctl/why.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/parse.h"
#include "ctl/host.h"
#include "ctl/reach.h"
#include "ctl/target.h"
#include "report/text.h"

/* ---- the tailnet's state ---- */

static int on_status(void *arg, const union control_any *m)
{
	struct why *w = arg;

	if (m->h.record != CONTROL_TAILNET)
		return -EBADMSG;
	if (!strcmp(m->tailnet.name, w->t->name)) {
		w->live = m->tailnet;
		w->has_live = true;
	}
	return 0;
}

int why_ask(const struct why *w, const struct tailnet_config *t, enum control_verb verb,
	int (*each)(void *arg, const union control_any *m), void *arg)
{
	struct control_request q = {.verb = (uint16_t)verb};
	struct control_end end;
	_cleanup_close_ int fd = -1;
	int r = client_open(w->args->run_dir, t->name, &fd, NULL);

	memcpy(q.name, t->name, strlen(t->name));
	return r < 0 ? r : client_ask(fd, &q, CLIENT_PATIENCE_MS, each, arg, &end);
}

static enum hop_next not_running(struct why *w, struct finding *f)
{
	finding_set(f, FINDING_FAIL, NULL, "nothing runs tailnet %s%s", w->t->name,
		w->t->enabled ? "" : " (enabled = no)");
	if (w->t->broken && !w->t->awaits_credential)
		finding_set(f, FINDING_FAIL, "Correct that line, then start it.",
			"nothing runs tailnet %s, and its configuration is wrong: %s", w->t->name,
			w->t->broken);
	else
		finding_advise(f, "Start it: systemctl enable --now tsgw@%s, or tsgwctl up %s.",
			w->t->name, w->t->name);
	return HOP_STOP;
}

static enum hop_next judge_state(struct why *w, struct finding *f)
{
	const struct control_tailnet *t = &w->live;
	const char *state = tailnet_state_name(t->state), *name = w->t->name;
	char up[TEXT_SIZE_MAX];

	finding_set(f, FINDING_FAIL, NULL, "%s is %s%s%s", name, state, *t->reason ? ": " : "",
		t->reason);
	switch (t->state) {
	case TAILNET_UP:
		finding_set(f, FINDING_OK, NULL, "%s is up for %s", name,
			text_duration(t->uptime_s, up));
		return HOP_NEXT;
	case TAILNET_DEGRADED:
	case TAILNET_STARTING:
		f->kind = FINDING_WARN; /* what is missing may be something else: go on */
		return HOP_NEXT;
	case TAILNET_DOWN:
		finding_advise(f, "Start it: tsgwctl up %s.", name);
		return HOP_STOP;
	case TAILNET_NEEDS_LOGIN:
		finding_advise(f, "Log in: tsgwctl login %s.", name);
		return HOP_STOP;
	case TAILNET_NEEDS_APPROVAL:
		finding_advise(f, "Let an administrator of the tailnet approve this machine.");
		return HOP_STOP;
	default:
		finding_advise(f,
			"Mend what the reason names; then tsgwctl restart %s, and tsgwctl logs %s "
			"says more.",
			name, name);
		return HOP_STOP;
	}
}

static enum hop_next why_state(struct why *w, struct finding *f)
{
	int r = why_ask(w, w->t, CONTROL_STATUS, on_status, w);

	if (r == -ENOENT || (r == 0 && !w->has_live))
		return not_running(w, f);
	if (r == -EACCES || r == -EPERM) {
		w->blind = true;
		finding_set(f, FINDING_SKIP, NULL,
			"not looked at: its supervisor answers root and the group tsgw only");
		return HOP_NEXT;
	}
	if (r < 0) {
		finding_set(f, FINDING_FAIL, "Look at tsgwd: it hangs, or is of another version.",
			"its supervisor: %s", r == -ETIMEDOUT ? "no answer" : strerror(-r));
		return HOP_STOP;
	}
	return judge_state(w, f);
}

/* ---- the listener ---- */

static bool admits(struct why *w, const char *from, struct finding *f)
{
	struct prefix_list allow = {0};
	struct addr a;
	bool in = false;

	/* the caller has looked at FROM */
	if (addr_parse(from, &a) < 0 ||
		expose_allow(&w->config->gateway, w->t, w->addresses, w->n_addresses, &allow) < 0)
		return true;
	for (size_t i = 0; i < allow.n; i++)
		in = in || prefix_contains(&allow.items[i], &a);
	free(allow.items);
	if (in)
		return true;
	finding_set(f, FINDING_FAIL, NULL,
		"allow of %s does not admit %s: the listener hangs up on it", w->t->name, from);
	finding_advise(f, "Add its network to allow in [%s%s] of %s, then tsgwctl reload.",
		w->t->has_allow ? "tailnet " : "gateway", w->t->has_allow ? w->t->name : "",
		w->config->path);
	return false;
}

static void join_exposed(const struct why *w, char *buf, size_t size)
{
	struct hostport at = {.port = w->t->port};
	char text[HOSTPORT_TEXT_MAX];

	*buf = '\0';
	for (size_t i = 0; w->has_live && i < w->live.n_listen; i++)
		text_join(buf, size, hostport_format(&w->live.listen[i], text));
	for (size_t i = 0; !w->has_live && i < w->expose.n; i++) {
		at.addr = w->expose.addrs[i];
		text_join(buf, size, hostport_format(&at, text));
	}
}

static enum hop_next why_listener(struct why *w, struct finding *f)
{
	const char *from = args_option(w->args, "--from");
	struct args named = *w->args;
	struct places places = {0};
	char list[256], text[HOSTPORT_TEXT_MAX];
	_cleanup_close_ int fd = -1;
	int r = -ENOENT;

	join_exposed(w, list, sizeof(list));
	if (!*list) {
		finding_set(f, FINDING_FAIL, NULL, "it listens nowhere%s%s",
			*w->expose.missing ? ": " : "", w->expose.missing);
		finding_advise(
			f, "Bring that interface up, or name another as primary in [gateway].");
		return HOP_STOP;
	}
	if (from && !admits(w, from, f))
		return HOP_STOP;
	named.name = w->t->name;
	if (w->has_live)
		places_of_live(&places, &w->live);
	else
		places_of_config(&places, &named);
	for (size_t i = 0; r < 0 && i < places.n; i++)
		r = reach_one(&places.at[i], &fd);
	if (r < 0) {
		finding_set(f, FINDING_FAIL, NULL, "the listener at %s: %s",
			places.n ? hostport_format(&places.at[0], text) : list, strerror(-r));
		finding_advise(f, "tsgwctl restart %s; if that does not help, tsgwctl doctor.",
			w->t->name);
		return HOP_STOP;
	}
	finding_set(f, FINDING_OK, NULL, "accepts at %s%s%s%s", list, from ? ", admits " : "",
		from ? from : "", w->t->users_path ? ", asks for a name and a password" : "");
	return HOP_NEXT;
}

/* ---- route and peer ---- */

/* Where such a route comes from. */
static void advise_route(const struct why *w, struct finding *f)
{
	if (w->t->wg)
		finding_advise(f,
			"Add its network to AllowedIPs of the right peer in %s, then tsgwctl "
			"reload.",
			w->t->wg_config_path);
	else if (!w->t->accept_routes)
		finding_advise(f,
			"Set accept-routes = yes in [tailnet %s] of %s, then tsgwctl reload: so "
			"far only the nodes themselves are reached.",
			w->t->name, w->t->file);
	else
		finding_advise(f,
			"Let the node beside it advertise its network, and an administrator of the "
			"tailnet approve that route.");
}

enum hop_next why_not_routed(struct why *w, struct finding *f)
{
	const struct tailnet_config *other = NULL;
	char text[ADDR_TEXT_MAX];
	struct prefix route;

	addr_format(&w->addr, text);
	for (size_t i = 0; i < w->config->n_tailnets; i++)
		if (w->config->tailnets[i] != w->t &&
			(why_route(w->config->tailnets[i], &w->addr, &route) ||
				why_node_has(w, w->config->tailnets[i], &w->addr)))
			other = w->config->tailnets[i];
	finding_set(f, FINDING_FAIL, NULL,
		w->t->wg ? "no peer of %s has %s in its AllowedIPs"
			 : "no node of %s has or routes %s",
		w->t->name, text);
	if (other)
		finding_advise(f, "Tailnet %s routes it: ask for %s.%s there.", other->name, text,
			other->n_suffixes ? other->suffixes[0] : other->name);
	else
		advise_route(w, f);
	return HOP_STOP;
}

static enum hop_next why_routed(struct why *w, struct finding *f)
{
	char text[ADDR_TEXT_MAX], prefix[PREFIX_TEXT_MAX], key[45];
	struct prefix route;

	if (!w->addr.family) {
		finding_set(f, FINDING_SKIP, NULL,
			"not looked at: its address is not known here, the listener will find it");
		return HOP_NEXT;
	}
	addr_format(&w->addr, text);
	if (addr_is_never_proxied(&w->addr) ||
		prefix_contains(&w->config->gateway.veth_pool, &w->addr)) {
		finding_set(f, FINDING_FAIL, "Name the host's address inside the tailnet.",
			"%s is an address that no tailnet may be asked for (loopback, link-local, "
			"multicast, the veth pool)",
			text);
		return HOP_STOP;
	}
	if (!w->t->wg && w->t->engine == ENGINE_WIREGUARD) {
		finding_set(f, FINDING_SKIP, NULL,
			"not looked at: its wg-quick file, which has the key, is for root alone");
		return HOP_NEXT;
	}
	if (!w->t->wg)
		return why_node_route(w, f);
	if (w->addr.family == 6 && !config_has_ipv6(w->t)) {
		finding_set(f, FINDING_FAIL, NULL, "the tunnel of %s has no IPv6", w->t->name);
		finding_advise(f,
			"Ask for its IPv4 address, or give the tunnel an IPv6 Address in %s.",
			w->t->wg_config_path);
		return HOP_STOP;
	}
	w->peer = why_route(w->t, &w->addr, &route);
	if (!w->peer)
		return why_not_routed(w, f);
	format_key_base64(w->peer->public_key, key);
	finding_set(f, FINDING_OK, NULL, "%s goes to peer %.8s... (%s)", text, key,
		prefix_format(&route, prefix));
	return HOP_NEXT;
}

struct peer_search {
	const uint8_t *key;
	struct control_peer peer;
	bool found;
};

static int on_peer(void *arg, const union control_any *m)
{
	struct peer_search *s = arg;

	if (m->h.record == CONTROL_PEER && !memcmp(m->peer.public_key, s->key, WG_KEY)) {
		s->peer = m->peer;
		s->found = true;
	}
	return 0;
}

static enum hop_next judge_peer(struct why *w, struct finding *f, const struct control_peer *p)
{
	uint64_t now = (uint64_t)time(NULL), then = p->last_handshake_s;
	char at[HOSTPORT_TEXT_MAX] = "", key[45], ago[TEXT_SIZE_MAX];

	format_key_base64(p->public_key, key);
	if (p->endpoint.addr.family)
		hostport_format(&p->endpoint, at);
	if (!*at && !then) {
		finding_set(f, FINDING_FAIL, NULL,
			"peer %.8s... has never called, and has no Endpoint", key);
		finding_advise(f, "Start the peer, or give it an Endpoint%s%s.",
			*p->endpoint_name ? "; nobody knows the name " : "", p->endpoint_name);
		return HOP_STOP;
	}
	if (p->state == PEER_DOWN) {
		finding_set(f, FINDING_FAIL, NULL,
			"peer %.8s... at %s gives no answer (last handshake: %s%s)", key, at,
			then ? text_duration(now > then ? now - then : 0, ago) : "never",
			then ? " ago" : "");
		finding_advise(f,
			"See that the peer runs, knows our public key, and that UDP to %s passes.",
			at);
		return HOP_STOP;
	}
	if (p->state == PEER_UNKNOWN)
		finding_set(
			f, FINDING_WARN, NULL, "peer %.8s... at %s has not answered yet", key, at);
	else
		finding_set(f, FINDING_OK, NULL, "peer %.8s... at %s, %s ago", key, at,
			text_duration(now > then ? now - then : 0, ago));
	return HOP_NEXT;
}

static enum hop_next why_handshake(struct why *w, struct finding *f)
{
	struct peer_search s = {0};
	int r;

	if (w->has_node)
		return why_node_state(w, f);
	if (!w->peer)
		return HOP_SKIPPED;
	s.key = w->peer->public_key;
	r = w->blind ? -EACCES : why_ask(w, w->t, CONTROL_PEERS, on_peer, &s);
	if (r == 0 && s.found)
		return judge_peer(w, f, &s.peer);
	if (r == 0)
		finding_set(f, FINDING_WARN, "Run tsgwctl reload.",
			"the running node does not have this peer: the configuration was changed");
	else
		finding_set(f, FINDING_SKIP, NULL, "not looked at: %s",
			r == -EACCES ? "only root and the group tsgw may" : strerror(-r));
	return HOP_NEXT;
}

/* ---- the walk ---- */

static const struct hop {
	const char *name;
	enum hop_next (*go)(struct why *w, struct finding *f);
} hops[] = {
	{"name", why_name},
	{"dns", why_dns},
	{"tailnet", why_state},
	{"listener", why_listener},
	{"route", why_routed},
	{"handshake", why_handshake},
	{"connect", why_connect},
	{"first-byte", why_first_byte},
};

static void walk(struct why *w, struct report *r)
{
	enum hop_next next = HOP_NEXT;

	for (size_t i = 0; i < ELEMENTSOF(hops) && next != HOP_STOP; i++) {
		struct finding f = {0};
		uint64_t start = clock_now_ns();

		next = hops[i].go(w, &f);
		if (next != HOP_SKIPPED)
			report_add(r, hops[i].name, clock_now_ns() - start, &f);
	}
}

static int finish(const struct why *w, struct report *r)
{
	bool broken = *r->broken;
	json_t *j;

	if (!r->json) {
		if (broken)
			printf("%s: broken at: %s. %s\n", w->args->words[0], r->broken, r->advice);
		else
			printf("%s: it works%s\n", w->args->words[0],
				r->counts[FINDING_WARN] ? ", with warnings" : "");
		return broken ? CTL_FAILED : CTL_DONE;
	}
	j = json_object();
	json_object_set_new(j, "target", text_json(w->args->words[0]));
	json_object_set_new(j, "tailnet", w->t ? json_string(w->t->name) : json_null());
	json_object_set_new(j, "ok", json_boolean(!broken));
	json_object_set_new(j, "broken", broken ? json_string(r->broken) : json_null());
	json_object_set_new(j, "advice", broken ? text_json(r->advice) : json_null());
	json_object_set_new(j, "hops", r->items);
	r->items = NULL;
	return text_print_json(j) != CTL_DONE || broken ? CTL_FAILED : CTL_DONE;
}

/* The options, before anything is looked at. */
static int check_options(const struct args *a)
{
	const char *from = args_option(a, "--from");
	struct args named = *a;
	struct addr addr;

	if (from && addr_parse(from, &addr) < 0) {
		fprintf(stderr, "tsgwctl: why: --from: \"%s\" is no address\n", from);
		return CTL_USAGE;
	}
	named.name = args_option(a, "--in");
	return named.name ? target_configured(&named) : CTL_DONE;
}

int why_show(const struct args *a)
{
	struct why w = {.args = a, .sock = -1};
	struct report r;
	char error[256];
	int code = check_options(a);

	if (code == CTL_DONE && aim_parse(a->words[0], &w.aim, error, sizeof(error)) < 0) {
		fprintf(stderr, "tsgwctl: why: %s\n", error);
		return CTL_USAGE;
	}
	if (code != CTL_DONE)
		return code;
	if (config_load(a->config_path, &w.config) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	if (w.config->fatal && !w.config->n_tailnets) {
		fprintf(stderr, "tsgwctl: %s\n",
			w.config->n_problems ? w.config->problems[0].text : a->config_path);
		config_free(w.config);
		return CTL_FAILED;
	}
	if (host_addresses(&w.addresses, &w.n_addresses) == 0)
		expose_find(&w.config->gateway, w.addresses, w.n_addresses, &w.expose);
	report_begin(&r, a->json);
	walk(&w, &r);
	code = finish(&w, &r);
	json_decref(r.items);
	fd_close(w.sock);
	free(w.addresses);
	config_free(w.config);
	return code;
}
