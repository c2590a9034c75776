// SPDX-License-Identifier: MIT
// What tsgw-host is told of a stock node, and reports of it.
#include "supervisor/engine.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "supervisor/facts.h"
#include "supervisor/netmap.h"
#include "supervisor/netnews.h"
#include "supervisor/tailnet.h"
#include "supervisor/told.h"
#include "supervisor/watch.h"

#define SOCKET		   "tailscaled.sock"
#define PEERS_LOOK_S	   10
#define CONNECT_MS	   100
#define CONNECT_REFUSED_MS 250

/* ---- connections to its LocalAPI ---- */

static int on_connect_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->engine.connect_timer = sd_event_source_disable_unref(t->engine.connect_timer);
	engine_connect(t);
	return 0;
}

void engine_connect_in(struct tailnet *t, unsigned ms)
{
	struct stock *e = &t->engine;

	if (e->pid && !e->connect_timer)
		(void)sd_event_add_time_relative(t->s->event, &e->connect_timer, CLOCK_MONOTONIC,
			ms * 1000ull, 10000, on_connect_timer, t);
}

/* 0, or -errno: not yet. It never waits: the node may be hung. */
static int connect_one(struct tailnet *t)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct msg_header m = {0};
	char path[PATH_MAX];
	int r = store_run_path(&t->s->store, t->name, "tailscaled/" SOCKET, path);

	if (fd < 0)
		return -errno;
	if (r < 0 ||
		(size_t)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path) >=
			sizeof(un.sun_path))
		return -ENAMETOOLONG;
	if (connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -errno;
	return worker_send(&t->host, MSG_ENGINE_CONN, &m, sizeof(m), &fd, 1);
}

void engine_connect(struct tailnet *t)
{
	struct stock *e = &t->engine;
	int r = 0;

	if (!e->pid || !t->host.pid)
		return;
	while (e->conns < ENGINE_CONNS && r == 0) {
		r = connect_one(t);
		e->conns += r == 0;
	}
	if (r < 0)
		engine_connect_in(t, r == -ENOENT ? CONNECT_MS : CONNECT_REFUSED_MS);
}

/* ---- telling ---- */

static int send_key(struct tailnet *t)
{
	struct msg_engine_key m = {0};
	int r;

	if (!t->config->auth_key)
		return 0;
	snprintf(m.key, sizeof(m.key), "%s", t->config->auth_key);
	r = worker_tell(&t->host, MSG_ENGINE_KEY, &m);
	sodium_memzero(&m, sizeof(m));
	return r;
}

int engine_send_config(struct tailnet *t)
{
	const struct tailnet_config *c = t->config;
	struct msg_engine_config m = {
		.accept_routes = c->accept_routes, .logged_out = t->engine.logged_out};
	int r;

	snprintf(
		m.control_url, sizeof(m.control_url), "%s", c->login_server ? c->login_server : "");
	snprintf(m.hostname, sizeof(m.hostname), "%s", c->hostname ? c->hostname : "");
	snprintf(m.exit_node, sizeof(m.exit_node), "%s", c->exit_node ? c->exit_node : "");
	r = worker_tell(&t->host, MSG_ENGINE_CONFIG, &m);
	for (size_t i = 0; i < c->tags.n && r == 0; i++) {
		struct msg_engine_tag tag = {0};

		if (strlen(c->tags.items[i]) < sizeof(tag.tag))
			snprintf(tag.tag, sizeof(tag.tag), "%s", c->tags.items[i]);
		r = worker_tell(&t->host, MSG_ENGINE_TAG, &tag);
	}
	if (r == 0)
		r = worker_tell_prefixes(&t->host, MSG_ENGINE_ROUTES, c->advertise_routes.items,
			c->advertise_routes.n);
	return r < 0 ? r : send_key(t);
}

/* Whichever of tsgw-host and the pipe comes first: who nobody reads would fill it, and stand still. */
int engine_send_log(struct tailnet *t)
{
	struct stock *e = &t->engine;
	struct msg_header m = {0};

	if (e->log_fd < 0 || !t->host.pid)
		return 0;
	return worker_send(&t->host, MSG_ENGINE_LOG, &m, sizeof(m), &e->log_fd, 1);
}

int engine_send_live(struct tailnet *t)
{
	struct stock *e = &t->engine;
	struct msg_engine_node node = {.alive = e->pid != 0};
	int r;

	e->conns = 0;
	r = engine_send_log(t);
	if (r == 0)
		r = worker_tell(&t->host, MSG_ENGINE_NODE, &node);
	if (r == 0)
		engine_connect(t);
	return r;
}

void engine_act(struct tailnet *t, enum engine_act act)
{
	struct stock *e = &t->engine;
	struct msg_engine_act m = {.act = act};

	if (act != ENGINE_ACT_LOOK) {
		e->logged_out = act == ENGINE_ACT_LOGOUT;
		e->failure[0] = '\0';
	}
	if (t->host.pid)
		(void)worker_tell(&t->host, MSG_ENGINE_ACT, &m);
	/* what waits for its time is done at once */
	if (act == ENGINE_ACT_LOGIN && (!e->pid || e->said.state == ENGINE_FAILED))
		engine_restart(t);
}

const char *engine_login(struct tailnet *t, bool in)
{
	if (!tailnet_is_stock(t->config))
		return "has no control server: there is nothing to log in to";
	if (t->netns_fd < 0)
		return "does not run";
	engine_act(t, in ? ENGINE_ACT_LOGIN : ENGINE_ACT_LOGOUT);
	return NULL;
}

/* ---- the netmap ---- */

static int tell_peer(struct tailnet *t, const struct netmap_peer *p)
{
	struct msg_peer_state m = {.state = netmap_peer_state(p, clock_real_s())};

	memcpy(m.public_key, p->key, sizeof(m.public_key));
	return t->proxy.pid ? worker_tell(&t->proxy, MSG_PROXY_PEER_UP, &m) : 0;
}

static void tell_peers(struct tailnet *t)
{
	for (size_t i = 0; t->netmap && i < t->netmap->n_peers; i++)
		if (tell_peer(t, &t->netmap->peers[i]) < 0)
			return;
}

/* Behind no peer: the node answers there itself (names, its page), so who is there is always up. */
int engine_send_service(struct tailnet *t)
{
	struct msg_proxy_route m = {.n = 2,
		.prefixes = {{.addr = {.family = 4, .bytes = {100, 100, 100, 100}}, .len = 32},
			{.addr = {.family = 6,
				 .bytes = {0xfd, 0x7a, 0x11, 0x5c, 0xa1, 0xe0, [15] = 0x53}},
				.len = 128}}};
	struct msg_peer_state up = {.state = PEER_UP};
	int r = worker_tell(&t->proxy, MSG_PROXY_ROUTE, &m);

	return r < 0 ? r : worker_tell(&t->proxy, MSG_PROXY_PEER_UP, &up);
}

int engine_send_peers(struct tailnet *t)
{
	tell_peers(t);
	return 0;
}

void tailnet_facts_changed(struct tailnet *t)
{
	if (t->netns_fd < 0)
		return;
	tailnet_write_resolv_conf(t);
	if (t->proxy.pid)
		(void)proxy_send_config(t, true);
	publish_update(t);
	if (told_update(t) < 0)
		log_error(t->name, NULL, "out of memory: watchers are not told of its names");
	supervisor_changed(t->s);
}

static void wait_for_peers(struct tailnet *t);

/* One that is offline, but was heard of a moment ago: nobody will say when it is down by then. */
static bool is_passing(const struct netmap_peer *p)
{
	return p->said == PEER_UP && !p->live.online;
}

static int on_peers_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->engine.peers_timer = sd_event_source_disable_unref(t->engine.peers_timer);
	for (size_t i = 0; t->netmap && i < t->netmap->n_peers; i++) {
		struct netmap_peer *p = &t->netmap->peers[i];

		if (is_passing(p) && netnews_live(t, p))
			(void)tell_peer(t, p);
		if (is_passing(p))
			wait_for_peers(t);
	}
	watch_look(t->s);
	return 0;
}

static void wait_for_peers(struct tailnet *t)
{
	if (!t->engine.peers_timer)
		(void)sd_event_add_time_relative(t->s->event, &t->engine.peers_timer,
			CLOCK_MONOTONIC, PEERS_LOOK_S * 1000000ull, 1000000, on_peers_timer, t);
}

/* Everything that rests on the netmap follows it. */
static void netmap_adopt(struct tailnet *t, struct netmap *m)
{
	bool same = netmap_equal(t->netmap, m);

	netnews_netmap(t, t->netmap, m);
	netmap_free(t->netmap);
	t->netmap = m;
	if (!same) {
		log_info(t->name, "netmap", "%zu peer%s, %zu routes%s%s", m->n_peers,
			m->n_peers == 1 ? "" : "s", m->n_routes, *m->domain ? ", names under " : "",
			m->domain);
		tailnet_facts_changed(t);
	}
	tell_peers(t);
	for (size_t i = 0; i < m->n_peers; i++)
		if (is_passing(&m->peers[i]))
			wait_for_peers(t);
	tailnet_evaluate(t);
}

static int netmap_message(struct tailnet *t, const union msg *m)
{
	struct stock *e = &t->engine;
	const struct netmap_rules rules = {.accept_routes = t->config->accept_routes,
		.exit_node = t->config->exit_node != NULL,
		.pool = t->s->config->gateway.veth_pool};
	int r;

	if (m->h.type == MSG_NETMAP_BEGIN) {
		netmap_free(e->staging);
		e->staging = netmap_new(m->generation.generation);
		return e->staging ? 0 : -ENOMEM;
	}
	if (!e->staging)
		return -EBADMSG;
	if (m->h.type != MSG_NETMAP_COMMIT) {
		r = netmap_take(e->staging, &rules, m);
		if (r == -ENOSPC)
			log_warning(t->name, "netmap", "is larger than what is supported: cut");
		return r == -ENOSPC ? 0 : r;
	}
	r = netmap_seal(e->staging, m->generation.generation);
	if (r < 0)
		return r;
	netmap_adopt(t, e->staging);
	e->staging = NULL;
	return 0;
}

static int netmap_live(struct tailnet *t, const struct msg_netmap_live *m)
{
	struct netmap_peer *p = netmap_find(t->netmap, m->public_key);
	bool other;

	if (!memchr(m->live.relay, '\0', sizeof(m->live.relay)))
		return -EBADMSG;
	if (!p)
		return 0;
	p->live = m->live;
	other = netnews_live(t, p);
	if (is_passing(p))
		wait_for_peers(t);
	return other ? tell_peer(t, p) : 0;
}

/* ---- reports ---- */

static bool printable(const char *text, size_t size)
{
	if (!memchr(text, '\0', size))
		return false;
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->engine.retry_timer = sd_event_source_disable_unref(t->engine.retry_timer);
	if (t->engine.said.state == ENGINE_FAILED)
		engine_restart(t);
	return 0;
}

/* It said when; a worker that lies does not get more than one try in two seconds. */
static void plan_retry(struct tailnet *t)
{
	struct stock *e = &t->engine;
	uint64_t now = clock_real_s(), in_s = e->said.retry_s > now ? e->said.retry_s - now : 1;

	e->retry_timer = sd_event_source_disable_unref(e->retry_timer);
	if (e->said.state == ENGINE_FAILED && e->said.retry_s)
		(void)sd_event_add_time_relative(t->s->event, &e->retry_timer, CLOCK_BOOTTIME,
			MIN(in_s, (uint64_t)600) * 1000000, 100000, on_retry, t);
}

static int state_message(struct tailnet *t, const struct msg_engine_state *m)
{
	struct stock *e = &t->engine;
	bool served = engine_serves(t);

	if (m->state >= ENGINE_STATES || !printable(m->version, sizeof(m->version)) ||
		!printable(m->url, sizeof(m->url)) || !printable(m->reason, sizeof(m->reason)))
		return -EBADMSG;
	if (!e->pid)
		return 0; /* of one that is gone */
	if (*m->url && strcmp(m->url, e->said.url) != 0)
		log_notice(t->name, "login", "somebody has to log in at %s", m->url);
	e->said = *m;
	if (m->state == ENGINE_FAILED)
		memcpy(e->failure, m->reason, sizeof(e->failure));
	else if (m->state > ENGINE_FAILED)
		e->failure[0] = '\0';
	plan_retry(t);
	netnews_key(t);
	engine_watch_silence(t);
	if (served != engine_serves(t))
		proxy_tell_node(t);
	tailnet_evaluate(t);
	return 0;
}

int engine_report(struct tailnet *t, const union msg *m)
{
	struct stock *e = &t->engine;

	switch (m->h.type) {
	case MSG_ENGINE_STATE:
		return state_message(t, &m->engine_state);
	case MSG_ENGINE_CONNS:
		if (m->engine_conns.n > ENGINE_CONNS)
			return -EBADMSG;
		e->conns = m->engine_conns.n;
		if (e->conns < ENGINE_CONNS)
			engine_connect_in(t, 250);
		return 0;
	case MSG_NETMAP_LIVE:
		return netmap_live(t, &m->netmap_live);
	default:
		return netmap_message(t, m);
	}
}

void engine_lost_host(struct tailnet *t)
{
	struct stock *e = &t->engine;

	netmap_free(e->staging);
	e->staging = NULL;
	e->conns = 0;
	/* the last netmap stays: a new one will say what has changed */
}
