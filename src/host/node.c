// SPDX-License-Identifier: MIT
// A stock node: brought to what the configuration says by its LocalAPI, watched, and reported.
//
// One request is under way at a time; step() chooses the next from what is known and what is not:
//
//	status ──► prefs ──► (start, login-interactive) or PATCH of what differs ──► status, DNS ──► wait
//
// The bus says that something has changed, never what: then the status is asked for again. A poll tells
// a node that hangs from one that has nothing to say. A registration that the control server refuses, or
// that does not reach it, is stopped at once (tailscaled itself would try on, several times a second at
// first); the report says when the supervisor starts the node again, later from time to time.
//
// What cannot be done is said, and the rest is done: an exit node that does not exist leaves everything
// else running, and nothing is sent where no exit node is.
#include "host/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "host/ipn.h"
#include "host/localapi.h"
#include "host/netmap.h"
#include "host/nodelog.h"
#include "host/prefs.h"
#include "host/trouble.h"
#include "host/wanted.h"
#include "relay/loop.h"
#include "relay/timers.h"

#define API "/localapi/v0/"
/* initial state, prefs and health; peers that change; no private keys */
#define WATCH	      API "watch-ipn-bus?mask=4246"
#define TIMEOUT_MS    5000
#define LOGIN_MS      15000
#define SETTLE_MS     100 /* the bus says several things at once */
#define POLL_MS	      10000
#define POLL_EAGER_MS 1000
#define EXPIRY_NEAR_S (7 * 86400)
#define REGISTER_MS   30000 /* tailscaled does not say of each registration why nothing comes of it */
#define RENEW_MS      10000 /* for a key to renew an expired node without a login that is forced */

static void (*report)(enum msg_type type, void *m, size_t size);
static struct wanted now, next;
static bool alive; /* tailscaled runs */
static bool known; /* .state and .status are of this tailscaled */
static bool want_status, want_prefs, want_dns, want_login, want_logout, want_stop;
static bool began; /* a registration was begun, or is not needed */
static uint64_t began_ms;
static bool key_refused; /* of an expired node: it goes on interactively */
static bool renews;	 /* a key is to renew an expired node: no login by somebody is begun yet */
static uint64_t renew_until;
static bool touchless;	  /* with the control server */
static bool paused;	  /* stopped until the supervisor starts it again */
static unsigned failures; /* registrations in a row */
static uint64_t retry_s;
static struct trouble trouble;
static char failure[ENGINE_REASON_MAX], exit_trouble[ENGINE_REASON_MAX];
static char refused[ENGINE_REASON_MAX]; /* what it did not take of our settings */
static struct ipn_status status;
static struct ipn_dns dns;
static struct msg_engine_state said;
static struct timer poll_timer, settle_timer;
static struct task step_task;

static void soon(void)
{
	loop_task(&step_task);
}

/* ---- what is said of it ---- */

static enum engine_state state_of(const char **ret_reason)
{
	*ret_reason = "";
	if (!alive || !known)
		return ENGINE_SILENT;
	if (paused) {
		*ret_reason = failure;
		return ENGINE_FAILED;
	}
	switch (status.state) {
	case IPN_RUNNING:
		*ret_reason = *exit_trouble ? exit_trouble
			: *refused	    ? refused
					    : trouble_text(&trouble);
		return ENGINE_RUNNING;
	case IPN_NEEDS_MACHINE_AUTH:
		return ENGINE_NEEDS_APPROVAL;
	case IPN_NEEDS_LOGIN:
		if (now.logged_out)
			*ret_reason = "logged out";
		else if (status.have_node_key)
			*ret_reason = "the node's key has expired";
		else if (*status.auth_url)
			*ret_reason = "";
		else
			break;
		return ENGINE_NEEDS_LOGIN;
	default:
		break;
	}
	*ret_reason = *failure ? failure : *refused ? refused : status.warning;
	return ENGINE_STARTING;
}

static void say(void)
{
	struct msg_engine_state m = {.retry_s = paused ? retry_s : 0,
		.key_expiry_s = known && status.have_node_key ? status.key_expiry_s : 0,
		.logged_out = now.logged_out,
		.registered = status.have_node_key};
	const char *reason;

	m.state = state_of(&reason);
	m.troubled = m.state == ENGINE_RUNNING && *reason;
	snprintf(m.reason, sizeof(m.reason), "%s", reason);
	memcpy(m.version, status.version, sizeof(m.version));
	if ((m.state == ENGINE_NEEDS_LOGIN || m.state == ENGINE_RUNNING) && !now.logged_out)
		memcpy(m.url, status.auth_url, sizeof(m.url));
	m.h = said.h;
	if (!memcmp(&m, &said, sizeof(m)))
		return;
	said = m;
	report(MSG_ENGINE_STATE, &m, sizeof(m));
}

/* ---- a registration that failed ---- */

/* An expired node goes on without the key that the control server itself refused: somebody has to log in.
 * A server that is busy refuses nothing. */
static void renewal_refused(const char *why)
{
	if (!now.has_key || key_refused || strstr(why, "rate limited"))
		return;
	log_notice(NULL, "tailscaled", "the auth key does not renew the node's key: %s", why);
	key_refused = want_prefs = true;
	began = false;
}

/* Never over one that is registered: it has a netmap, or a key that expired, and tries on by itself. */
static void registration_failed(const char *why, bool by_server)
{
	trouble_explain(why, failure, sizeof(failure));
	if (paused || !began || now.logged_out)
		return;
	if (status.have_node_key) {
		if (by_server)
			renewal_refused(why);
		return;
	}
	retry_s = clock_real_s() + wanted_pause_s(failures);
	failures++;
	paused = want_stop = true;
	log_warning(NULL, "tailscaled", "cannot register: %s", failure);
}

/* ---- answers ---- */

static void broken(const char *what, int error, unsigned code, const char *body, size_t len)
{
	if (error == -ECANCELED)
		return;
	localapi_complain(what, error, code, body, len);
	if (error == -ETIMEDOUT) { /* it hangs: what it said before does not count any more */
		known = false;
		say();
	}
}

static void got_status(int error, unsigned code, const char *body, size_t len)
{
	struct ipn_status fresh = {0};
	char exit_before[sizeof(now.prefs.exit_id)];
	int r = error ? error : code == 200 ? ipn_status_parse(body, len, &fresh) : -EPROTO;

	if (r < 0) {
		broken("status", r == -EPROTO ? 0 : r, code, body, len);
		want_status = true;
		return;
	}
	ipn_status_free(&status);
	status = fresh;
	known = true;
	touchless = trouble_look(&trouble, &status, loop_now());
	if (status.state == IPN_RUNNING) {
		failures = 0;
		failure[0] = '\0';
		began = key_refused = renews = false; /* should its key expire, it begins anew */
		want_dns = true;
		memcpy(exit_before, now.prefs.exit_id, sizeof(exit_before));
		wanted_choose_exit(&now, &status, exit_trouble, sizeof(exit_trouble));
		want_prefs |= strcmp(exit_before, now.prefs.exit_id) != 0;
	} else if (status.state == IPN_NEEDS_LOGIN && !status.have_node_key && !*status.auth_url) {
		want_prefs |= !began;
	} else if (status.state == IPN_NEEDS_LOGIN && status.have_node_key && !*status.auth_url) {
		want_prefs |= !began; /* its key has expired */
		if (renews && loop_now() >= renew_until) {
			renews = false;
			want_login = true;
		}
	}
	say();
	soon();
}

/* A netmap is told once the DNS that belongs to it is known. A server that is too old has none to say. */
static void got_dns(int error, unsigned code, const char *body, size_t len)
{
	if (!error && code == 200)
		(void)ipn_dns_parse(body, len, &dns);
	if (known && status.state == IPN_RUNNING && trouble_early(&trouble, &status, loop_now())) {
		/* what stands in such a netmap would be refused for a moment */
		(void)timers_set(&settle_timer, loop_now() + SETTLE_MS);
	} else if (known && status.state == IPN_RUNNING) {
		struct ipn_status copy = status;

		/* what is reported is not needed here any more but for these */
		status.peers = NULL;
		status.n_peers = 0;
		netmap_tell(&copy, &dns, now.prefs.accept_routes, report);
	}
	soon();
}

static void got_stop(int error, unsigned code, const char *body, size_t len)
{
	if (error || code != 200)
		broken("stop", error, code, body, len);
	soon();
}

static void got_logged(int error, unsigned code, const char *body, size_t len)
{
	if (error || code >= 300)
		broken("login or logout", error, code, body, len);
	want_status = true;
	soon();
}

static void got_applied(int error, unsigned code, const char *body, size_t len)
{
	refused[0] = '\0';
	if (error || code >= 300)
		broken("settings", error, code, body, len);
	if (!error && code >= 300)
		ipn_error(body, len, refused, sizeof(refused));
	want_status = true;
	soon();
}

static void got_started(int error, unsigned code, const char *body, size_t len)
{
	got_applied(error, code, body, len);
	want_login = !error && code < 300 && !renews;
	if (error)
		began = false;
}

/* The node is not registered, or no more: with what we want of it, and perhaps the key. A node whose key has
 * expired tries that one, hears so, and makes itself a new one; a login that is forced besides would be a
 * second registration, for which an auth key for one use is used up. */
static void register_node(const json_t *prefs, const json_t *difference)
{
	bool key = now.has_key && !key_refused;

	began = true;
	began_ms = loop_now();
	renews = key && status.have_node_key && status.state == IPN_NEEDS_LOGIN;
	renew_until = loop_now() + RENEW_MS;
	failure[0] = '\0';
	if (localapi_send("POST", API "start", prefs_start(prefs, difference, key ? now.key : NULL),
		    LOGIN_MS, got_started) < 0)
		began = false;
}

static void apply(const json_t *prefs)
{
	json_t *difference = prefs_difference(&now.prefs, prefs);
	bool out = status.state == IPN_NEEDS_LOGIN || !status.have_node_key;

	if (!difference)
		return;
	if (out && !began)
		register_node(prefs, difference);
	else if (json_object_size(difference) && prefs_registers(difference) && !out)
		register_node(prefs, difference);
	else if (json_object_size(difference))
		(void)localapi_send(
			"PATCH", API "prefs", prefs_patch(difference), TIMEOUT_MS, got_applied);
	json_decref(difference);
}

static void got_prefs(int error, unsigned code, const char *body, size_t len)
{
	json_t *prefs = error || code != 200 ? NULL : json_loadb(body, len, 0, NULL);

	if (!prefs) {
		broken("settings", error, code, body, len);
		want_prefs = true;
	} else if (!now.logged_out && !paused) {
		apply(prefs);
	}
	json_decref(prefs);
	soon();
}

/* ---- what comes next ---- */

static void step(struct task *t)
{
	if (!alive || !now.any || (!localapi_watching() && localapi_watch(WATCH) < 0))
		return; /* a connection will come */
	if (!localapi_idle() ||
		localapi_ask(&want_stop, "PATCH", API "prefs",
			"{\"WantRunning\":false,\"WantRunningSet\":true}", TIMEOUT_MS, got_stop) ||
		localapi_ask(&want_logout, "POST", API "logout", NULL, LOGIN_MS, got_logged) ||
		localapi_ask(
			&want_login, "POST", API "login-interactive", NULL, LOGIN_MS, got_logged))
		return;
	if (want_status || !known) {
		want_status = true;
		(void)localapi_ask(&want_status, "GET", API "status", NULL, TIMEOUT_MS, got_status);
		return;
	}
	if (!localapi_ask(&want_prefs, "GET", API "prefs", NULL, TIMEOUT_MS, got_prefs))
		(void)localapi_ask(&want_dns, "GET", API "dns-config", NULL, TIMEOUT_MS, got_dns);
}

static bool is_unanswered(void)
{
	return known && began && !paused && !now.logged_out && !status.have_node_key &&
		!*status.auth_url && status.state != IPN_RUNNING &&
		status.state != IPN_NEEDS_MACHINE_AUTH && loop_now() - began_ms >= REGISTER_MS;
}

static void poll_fire(struct timer *t)
{
	if (is_unanswered())
		registration_failed("no answer", false);
	bool calm = known &&
		((status.state == IPN_RUNNING && !touchless) || *status.auth_url || paused ||
			now.logged_out);

	want_status = true;
	(void)timers_set(&poll_timer, loop_now() + (calm ? POLL_MS : POLL_EAGER_MS));
	soon();
}

static void settle_fire(struct timer *t)
{
	want_status = true;
	soon();
}

static void notified(const char *text, size_t len)
{
	struct ipn_notify n = {.changed = true};

	if (text && ipn_notify_parse(text, len, &n) < 0)
		return;
	if (n.has_health) {
		trouble_explain(n.trouble, trouble.heard, sizeof(trouble.heard));
		if (n.has_login_error)
			registration_failed(n.login_error, false);
	}
	if (n.has_error)
		registration_failed(n.error, true);
	if (n.changed && !settle_timer.index)
		(void)timers_set(&settle_timer, loop_now() + SETTLE_MS);
	say();
	soon();
}

static void watch_ended(void)
{
	want_status = true;
	soon();
}

static void connections(unsigned n)
{
	struct msg_engine_conns m = {.n = n};

	report(MSG_ENGINE_CONNS, &m, sizeof(m));
}

/* ---- what we are told ---- */

/* All that was known was of the one before. */
static void begin_anew(bool runs)
{
	alive = runs;
	known = paused = began = key_refused = renews = false;
	want_login = want_logout = want_stop = want_dns = false;
	want_status = want_prefs = true;
	trouble = (struct trouble){0};
	failure[0] = exit_trouble[0] = refused[0] = '\0';
	retry_s = 0;
	localapi_reset();
	ipn_status_free(&status);
	netmap_forget();
	timers_cancel(&settle_timer);
	if (runs)
		(void)timers_set(&poll_timer, loop_now() + POLL_EAGER_MS);
	else
		timers_cancel(&poll_timer);
	say();
	soon();
}

static int act(uint32_t what)
{
	switch (what) {
	case ENGINE_ACT_LOOK:
		want_status = true;
		break;
	case ENGINE_ACT_LOGIN:
		/* who waits for somebody to log in has told where */
		began = began && !now.logged_out && *status.auth_url;
		now.logged_out = key_refused = false;
		failures = 0;
		want_status = want_prefs = true;
		/* one that runs, but not for long any more: a new key before the old one ends */
		want_login = known && status.state == IPN_RUNNING && status.key_expiry_s &&
			status.key_expiry_s < clock_real_s() + EXPIRY_NEAR_S;
		break;
	case ENGINE_ACT_LOGOUT:
		now.logged_out = want_logout = true;
		break;
	default:
		return -EBADMSG;
	}
	say();
	soon();
	return 0;
}

int node_told(const union msg *m, int *fd)
{
	switch (m->h.type) {
	case MSG_ENGINE_NODE:
		begin_anew(m->engine_node.alive);
		return 0;
	case MSG_ENGINE_CONN:
		localapi_add(take_fd(*fd));
		soon();
		return 0;
	case MSG_ENGINE_LOG:
		nodelog_open(take_fd(*fd));
		return 0;
	case MSG_ENGINE_ACT:
		return act(m->engine_act.act);
	default:
		return wanted_take(&next, m);
	}
}

void node_begin(void)
{
	explicit_bzero(&next, sizeof(next));
}

/* An auth key that is new gives a registration that was refused another chance, and a node whose key has
 * expired, even while somebody is expected to log in. */
void node_commit(void)
{
	if (strcmp(now.key, next.key) != 0) {
		failures = 0;
		began = key_refused = false;
	}
	memcpy(next.prefs.exit_id, now.prefs.exit_id, sizeof(next.prefs.exit_id));
	now = next;
	explicit_bzero(&next, sizeof(next));
	if (!now.any)
		return;
	exit_trouble[0] = '\0';
	want_status = want_prefs = true;
	soon();
}

void node_setup(void (*tell)(enum msg_type type, void *m, size_t size))
{
	static const struct localapi_events events = {notified, watch_ended, connections};

	report = tell;
	localapi_setup(&events);
	step_task.run = step;
	poll_timer.fire = poll_fire;
	settle_timer.fire = settle_fire;
}
