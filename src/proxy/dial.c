// SPDX-License-Identifier: MIT
// The outgoing half: from a destination as asked to a connected socket inside the tailnet.
//
//   name or address ── resolve.c ──┬── addresses ───────────────► policy ── race.c ── connected
//                                  └── ask.c: the tailnet's resolver ──┘
//
// The policy judges addresses, never names: whatever a resolver answers is held against what the tailnet
// routes, so a name cannot lead to where its address may not.
#include "proxy/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/ask.h"
#include "proxy/race.h"
#include "proxy/setup.h"

struct dial {
	struct conn *conn;
	struct ask ask;	  /* without addresses yet */
	struct race race; /* with them */
	struct task grave;
	uint64_t deadline_ms; /* of all */
	bool connecting;
	uint16_t port;
	struct resolve_result name;
};

static struct conn *dialing;

static void dial_link(struct conn *c)
{
	c->prev = NULL;
	c->next = dialing;
	if (dialing)
		dialing->prev = c;
	dialing = c;
}

static void dial_bury(struct task *t)
{
	free(container_of(t, struct dial, grave));
}

void dial_free(struct conn *c)
{
	struct dial *d = c->dial;

	if (!d)
		return;
	if (c->prev)
		c->prev->next = c->next;
	else if (dialing == c)
		dialing = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = c->next = NULL;
	c->dial = NULL;
	ask_cancel(&d->ask);
	if (d->connecting)
		race_end(&d->race);
	d->grave.run = dial_bury;
	loop_bury(&d->grave); /* events of this round may still point to its sockets */
}

static void refuse(struct conn *c, enum proxy_result result, const struct resolve_result *r,
	uint16_t port, const char *why)
{
	log_debug(NULL, NULL, "%s:%u: %s", r->name, port, why ? why : reply_result_text(result));
	conn_fail(c,
		&(struct reply_cause){.result = result,
			.dest = r->name,
			.port = port,
			.why = why,
			.foreign = r->foreign});
}

static void dial_fail(struct conn *c, enum proxy_result result, const char *why)
{
	struct resolve_result name = c->dial->name; /* conn_fail() frees c->dial */

	refuse(c, result, &name, c->dial->port, why);
}

/* Keeps the addresses that may be reached; PROXY_OK if there are any. */
static enum proxy_result admit(struct dial *d, const struct addr *addrs, size_t n)
{
	enum proxy_result result = PROXY_POLICY;
	uint32_t peer;

	for (size_t i = 0; i < n; i++) {
		struct hostport to = {.addr = addrs[i], .port = d->port};

		switch (policy_check_port(&setup_now()->policy, &to, false, &peer)) {
		case POLICY_OK:
			race_add(&d->race, &addrs[i], peer);
			break;
		case POLICY_NO_IPV6:
			result = PROXY_NO_IPV6;
			break;
		default:
			break;
		}
	}
	race_interleave(&d->race);
	return d->race.n ? PROXY_OK : result;
}

static enum proxy_result judge(struct dial *d)
{
	const struct resolve_result *r = &d->name;

	switch (r->kind) {
	case RESOLVE_BAD:
		return PROXY_BAD_REQUEST;
	case RESOLVE_FOREIGN:
		return PROXY_POLICY;
	case RESOLVE_NONE:
		return PROXY_NO_NAME;
	case RESOLVE_ASK:
		return PROXY_OK;
	case RESOLVE_ADDRS:
		break;
	}
	return admit(d, r->addrs, r->n);
}

enum proxy_result dial_prepare(struct conn *c, const char *text, size_t len, uint16_t port)
{
	enum proxy_result result;
	struct dial *d = calloc(1, sizeof(*d));

	if (!d) {
		conn_fail_result(c, PROXY_INTERNAL);
		return PROXY_INTERNAL;
	}
	d->conn = c;
	d->port = port;
	resolve_text(&setup_now()->names, text, len, &d->name);
	result = judge(d);
	if (result == PROXY_OK && !peers_node_alive())
		result = PROXY_TAILNET_DOWN;
	if (result != PROXY_OK) {
		refuse(c, result, &d->name, port, NULL);
		free(d);
		return result;
	}
	c->dial = d;
	dial_link(c);
	return PROXY_OK;
}

static void set_timer(struct conn *c, uint64_t at_ms)
{
	if (timers_set(&c->timer, at_ms) < 0)
		conn_close(c, true);
}

static void follow(struct conn *c, enum race_status status)
{
	switch (status) {
	case RACE_ON:
		set_timer(c, race_wake(&c->dial->race));
		break;
	case RACE_WON:
		c->trail.resolved = c->dial->race.winner;
		dial_free(c);
		conn_connected(c);
		break;
	case RACE_LOST:
		dial_fail(c, c->dial->race.last, NULL);
		break;
	}
}

static void race_moved(struct race *r, enum race_status status)
{
	follow(container_of(r, struct dial, race)->conn, status);
}

static void dial_connect(struct conn *c)
{
	struct dial *d = c->dial;

	d->connecting = true;
	d->race.moved = race_moved;
	d->race.at_once = c->protocol == CONN_HTTP || c->up.in.len;
	follow(c, race_start(&d->race, &c->origin, d->port, d->deadline_ms));
}

/* contract §5: a silent resolver is "no such name", unless it is the tailnet that is not up. */
static enum proxy_result result_of(enum ask_kind kind)
{
	switch (kind) {
	case ASK_DOWN:
		return PROXY_TAILNET_DOWN;
	case ASK_LIMIT:
		return PROXY_LIMIT;
	default:
		return PROXY_NO_NAME;
	}
}

static void no_address(struct conn *c, const struct ask_answer *answer)
{
	char why[ASK_WHY_MAX];

	dial_fail(c, result_of(answer->kind), ask_why(answer, why));
}

static void asked(struct ask *a, const struct ask_answer *answer)
{
	struct dial *d = container_of(a, struct dial, ask);
	struct conn *c = d->conn;
	enum proxy_result result;

	if (answer->kind != ASK_ADDRS) {
		no_address(c, answer);
		return;
	}
	result = admit(d, answer->addrs, answer->n);
	if (result == PROXY_OK)
		dial_connect(c);
	else
		dial_fail(c, result, NULL);
}

void dial_go(struct conn *c)
{
	struct dial *d = c->dial;

	c->state = CONN_DIALING;
	d->deadline_ms = loop_now() + setup_now()->config.connect_timeout_s * 1000ull;
	if (d->name.kind != RESOLVE_ASK) {
		dial_connect(c);
		return;
	}
	d->ask.done = asked;
	d->ask.source = c->address;
	ask_start(&d->ask, &d->name);
	set_timer(c, d->deadline_ms);
}

void dial_event(struct conn *c)
{
	follow(c, race_event(&c->dial->race));
}

void dial_timeout(struct conn *c)
{
	if (c->dial->connecting)
		follow(c, race_timeout(&c->dial->race));
	else
		no_address(c, &(struct ask_answer){.kind = ASK_SILENT});
}

void dial_peer_changed(const struct peer *p)
{
	struct conn *next;

	for (struct conn *c = dialing; c; c = next) {
		next = c->next;
		if (c->state == CONN_DIALING && c->dial->connecting)
			follow(c, race_peer(&c->dial->race, p));
	}
}

void dial_node_down(void)
{
	struct conn *next;

	for (struct conn *c = dialing; c; c = next) {
		next = c->next;
		if (c->state == CONN_DIALING)
			dial_fail(c, PROXY_TAILNET_DOWN, NULL);
	}
}
