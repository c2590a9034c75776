// SPDX-License-Identifier: MIT
// What watchers hear of a tailnet with engine tailscale: its nodes, the ways to them, its own node's key.
//
// What is so already when the first netmap comes is no event. A node that is not used has no way that could
// change: the one that it had last is remembered until it is used again. Nobody is told more than a burst of
// these, however much a control server changes: the ring of events is for all tailnets.
#include "supervisor/netnews.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/parse.h"
#include "supervisor/netmap.h"
#include "supervisor/watch.h"

#define BURST	  64 /* of news of nodes in one go */
#define REFILL_MS 250

/* ---- nodes ---- */

/* 1: say it; 0: not; -1: not, and this is the first of these. */
static int allow(struct stock *e)
{
	uint64_t now = clock_now_ms(), more = (now - e->news_ms) / REFILL_MS;

	if (!e->news_ms || more >= BURST) {
		e->news_left = BURST;
		e->news_ms = now;
	} else {
		e->news_left = MIN(e->news_left + (uint32_t)more, (uint32_t)BURST);
		e->news_ms += more * REFILL_MS;
	}
	if (!e->news_left) {
		bool first = !e->news_cut;

		e->news_cut = true;
		return first ? -1 : 0;
	}
	e->news_cut = false;
	e->news_left--;
	return 1;
}

static void name_of(const struct netmap *m, const struct netmap_peer *p, char ret[MSG_DOMAIN_MAX])
{
	char key[45];

	format_key_base64(p->key, key);
	if (*p->name && m)
		netmap_relative_name(m, p->name, ret);
	else
		snprintf(ret, MSG_DOMAIN_MAX, "%s", *p->name ? p->name : key);
}

__attribute__((format(printf, 5, 6))) static void say(struct tailnet *t, const struct netmap *m,
	const struct netmap_peer *p, enum event_kind kind, const char *fmt, ...)
{
	char name[MSG_DOMAIN_MAX], text[128];
	int may = t->s->watchers ? allow(&t->engine) : 0;
	va_list ap;

	if (may < 0)
		watch_event(t, kind, NULL, "more changes than are told one by one");
	if (may <= 0)
		return;
	name_of(m, p, name);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	watch_event(t, kind, name, "peer %s %s", name, text);
}

static const char *state_text(enum peer_state s)
{
	return s == PEER_UP ? "up" : "down";
}

static enum netmap_path path_of(const struct netmap_peer *p)
{
	if (!p->live.active)
		return p->path;
	if (p->live.endpoint.addr.family)
		return NETMAP_DIRECT;
	return *p->live.relay ? NETMAP_RELAYED : p->path;
}

static void look_at_path(struct tailnet *t, const struct netmap *m, struct netmap_peer *p)
{
	enum netmap_path before = p->path;
	char at[HOSTPORT_TEXT_MAX];

	p->path = path_of(p);
	if (p->path == before)
		return;
	if (p->path == NETMAP_DIRECT)
		say(t, m, p, EVENT_PATH, "is reached directly at %s",
			hostport_format(&p->live.endpoint, at));
	else
		say(t, m, p, EVENT_PATH, "is reached by relay %s", p->live.relay);
}

bool netnews_live(struct tailnet *t, struct netmap_peer *p)
{
	enum peer_state state = netmap_peer_state(p, clock_real_s());
	bool other = state != p->said;

	if (other)
		say(t, t->netmap, p, EVENT_PEER, "is %s", state_text(state));
	p->said = state;
	look_at_path(t, t->netmap, p);
	return other;
}

static void compare(
	struct tailnet *t, const struct netmap *old, struct netmap *new, struct netmap_peer *p)
{
	const struct netmap_peer *was = netmap_find(old, p->key);

	p->said = netmap_peer_state(p, clock_real_s());
	p->path = was ? was->path : NETMAP_NO_PATH;
	if (!old) {
		p->path = path_of(p);
		return;
	}
	if (!was)
		say(t, new, p, EVENT_PEER, "is new, and %s", state_text(p->said));
	else if (was->said != p->said)
		say(t, new, p, EVENT_PEER, "is %s", state_text(p->said));
	look_at_path(t, new, p);
}

void netnews_netmap(struct tailnet *t, const struct netmap *old, struct netmap *new)
{
	for (size_t i = 0; i < new->n_peers; i++)
		compare(t, old, new, &new->peers[i]);
	for (size_t i = 0; old && i < old->n_peers; i++)
		if (!netmap_find(new, old->peers[i].key))
			say(t, old, &old->peers[i], EVENT_PEER, "is no longer in the tailnet");
}

/* ---- the key of our own node ---- */

/* The clock of the day, so that it is right after a suspend, and when somebody sets it. */
static int on_near(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	netnews_key(t);
	tailnet_evaluate(t); /* the reason says it, too */
	return 0;
}

static void wait_until_near(struct tailnet *t, uint64_t expiry)
{
	struct stock *e = &t->engine;

	e->expiry_timer = sd_event_source_disable_unref(e->expiry_timer);
	if (expiry > clock_real_s() + NETNEWS_EXPIRY_NEAR_S && expiry < INT32_MAX * 2ull)
		(void)sd_event_add_time(t->s->event, &e->expiry_timer, CLOCK_REALTIME,
			(expiry - NETNEWS_EXPIRY_NEAR_S + 1) * 1000000ull, 1000000, on_near, t);
}

static void say_key(struct tailnet *t, enum key_end end, uint64_t expiry)
{
	char when[32];

	if (end == KEY_NEAR) {
		engine_time(expiry, when, sizeof(when));
		watch_event(t, EVENT_EXPIRY, NULL, "the node's key expires at %s", when);
	} else if (end == KEY_ENDED) {
		watch_event(t, EVENT_EXPIRY, NULL, "the node's key has expired");
	} else if (t->engine.key_end != KEY_NOT_KNOWN) {
		watch_event(t, EVENT_EXPIRY, NULL, "the node's key is renewed");
	}
}

void netnews_key(struct tailnet *t)
{
	struct stock *e = &t->engine;
	const struct msg_engine_state *said = &e->said;
	uint64_t now = clock_real_s(), expiry = said->key_expiry_s;
	enum key_end end;

	if (said->state == ENGINE_NEEDS_LOGIN && said->registered && !said->logged_out)
		end = KEY_ENDED;
	else if (said->state != ENGINE_RUNNING)
		return; /* it says nothing of it */
	else if (expiry > now && expiry - now < NETNEWS_EXPIRY_NEAR_S)
		end = KEY_NEAR;
	else
		end = KEY_GOOD;
	wait_until_near(t, expiry);
	if (end != e->key_end || (end == KEY_NEAR && expiry != e->key_expiry_s))
		say_key(t, end, expiry);
	e->key_end = end;
	e->key_expiry_s = expiry;
}
