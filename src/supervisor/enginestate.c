// SPDX-License-Identifier: MIT
// What the tailnet's state becomes by what a stock node is and says.
#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "supervisor/engine.h"
#include "supervisor/netmap.h"
#include "supervisor/netnews.h"
#include "supervisor/tailnet.h"

bool engine_serves(const struct tailnet *t)
{
	return t->engine.pid && t->engine.said.state == ENGINE_RUNNING;
}

void engine_time(uint64_t s, char *ret, size_t size)
{
	time_t at = (time_t)s;
	struct tm tm;

	if (!localtime_r(&at, &tm) || !strftime(ret, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(ret, size, "?");
}

static enum tailnet_state derive_running(const struct tailnet *t, char *reason, size_t size)
{
	const struct stock *e = &t->engine;
	uint64_t now = clock_real_s(), expiry = t->netmap ? t->netmap->key_expiry_s : 0;
	char when[32];

	if (e->said.troubled) {
		snprintf(reason, size, "%s", e->said.reason);
		return TAILNET_DEGRADED;
	}
	if (!t->netmap)
		return t->late ? TAILNET_DEGRADED : TAILNET_STARTING;
	if (expiry > now && expiry - now < NETNEWS_EXPIRY_NEAR_S) {
		engine_time(expiry, when, sizeof(when));
		snprintf(reason, size, "the node's key expires at %s: tsgwctl login %s renews it",
			when, t->name);
	}
	return TAILNET_UP;
}

static enum tailnet_state derive_login(const struct tailnet *t, char *reason, size_t size)
{
	const struct msg_engine_state *said = &t->engine.said;

	if (said->logged_out)
		snprintf(reason, size, "logged out: tsgwctl login %s", t->name);
	else if (*said->url && *said->reason)
		snprintf(reason, size, "%s: log in at %s", said->reason, said->url);
	else if (*said->url)
		snprintf(reason, size, "log in at %s", said->url);
	else
		snprintf(reason, size, "%s", *said->reason ? said->reason : "nobody has logged in");
	return TAILNET_NEEDS_LOGIN;
}

static enum tailnet_state derive_failed(const struct tailnet *t, char *reason, size_t size)
{
	const struct msg_engine_state *said = &t->engine.said;
	const char *server = t->config->login_server;
	char when[32], next[64] = "trying it again";

	if (said->state == ENGINE_FAILED && said->retry_s) {
		engine_time(said->retry_s, when, sizeof(when));
		snprintf(next, sizeof(next), "next try at %s", when);
	}
	snprintf(reason, size, "login server %s: %s; %s", server ? server : "of Tailscale",
		t->engine.failure, next);
	return TAILNET_FAILED;
}

enum tailnet_state engine_derive(const struct tailnet *t, char *reason, size_t size)
{
	const struct stock *e = &t->engine;

	/* a further try is no news until something comes of it */
	if (*e->failure && !*e->reason && e->said.state <= ENGINE_FAILED)
		return derive_failed(t, reason, size);
	if (!e->pid) {
		snprintf(reason, size, "%s", *e->reason ? e->reason : "tailscaled is starting");
		return e->cannot		? TAILNET_FAILED
			: *e->reason || t->late ? TAILNET_DEGRADED
						: TAILNET_STARTING;
	}
	switch (e->said.state) {
	case ENGINE_RUNNING:
		return derive_running(t, reason, size);
	case ENGINE_NEEDS_LOGIN:
		return derive_login(t, reason, size);
	case ENGINE_NEEDS_APPROVAL:
		snprintf(reason, size,
			"the node is registered: an administrator of the tailnet has to approve "
			"it");
		return TAILNET_NEEDS_APPROVAL;
	case ENGINE_STARTING:
		snprintf(reason, size, "%s",
			*e->said.reason ? e->said.reason : "waiting for the login server");
		break;
	default:
		snprintf(reason, size, "%s",
			t->late ? "tailscaled does not answer" : "waiting for tailscaled");
	}
	return t->late ? TAILNET_DEGRADED : TAILNET_STARTING;
}
