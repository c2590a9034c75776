// SPDX-License-Identifier: MIT
// Is this client one of the users? At once for who was checked a short while ago, else after a wait.
//
// Checking a password takes long and much memory (verify.c), so one is checked at a time, and what was
// right is remembered by its fingerprint (known.c): a browser's hundred connections cost one hash. Who
// waits, waits in the order of arrival, but those whose source has failed of late stand behind those
// whose has not, and not before their time has come (suspects.c). So guessing from one address gets
// slower and slower and neither stops the loop nor those who know their password. Nor can one source
// take all places.
#include "proxy/login.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/greet.h"
#include "proxy/known.h"
#include "proxy/setup.h"
#include "proxy/suspects.h"
#include "proxy/verify.h"

struct login {
	struct login *prev, *next;
	struct conn *conn;
	struct addr source;
	uint8_t fingerprint[USERS_FINGERPRINT];
	size_t user_len, password_len;
	char user[MSG_USER_MAX];
	char password[VERIFY_PASSWORD_MAX + 1];
};

static struct login *first, *last;
static struct login *checked; /* whose password the thread has; NULL if that one has left */
static struct addr checked_source;
static uint8_t checked_fingerprint[USERS_FINGERPRINT];
static bool checked_known, checked_stale; /* the name exists; the users have changed since */
static unsigned n_waiting;
static struct clients waiting; /* how many of each source */
static struct timer retry;
static struct log_limit failed_limit = {.burst = 5, .interval_ms = 10000};

static void login_next(void);

bool login_wanted(const struct conn *c)
{
	return setup_now()->config.users && !c->trusted;
}

void login_free(struct conn *c)
{
	struct login *l = c->login;

	if (!l)
		return;
	*(l->prev ? &l->prev->next : &first) = l->next;
	*(l->next ? &l->next->prev : &last) = l->prev;
	if (checked == l)
		checked = NULL;
	clients_leave(&waiting, &l->source);
	sodium_memzero(l, sizeof(*l));
	free(l);
	c->login = NULL;
	n_waiting--;
}

static void settle(struct login *l, bool right)
{
	struct conn *c = l->conn;

	if (right)
		trail_user(&c->trail, l->user, l->user_len);
	login_free(c);
	greet_login_done(c, right);
}

/* Whoever waits with what has just been found right. */
static void settle_known(void)
{
	struct login *l = first;

	while (l) {
		struct login *next = l->next;

		if (known_has(l->fingerprint, loop_now()))
			settle(l, true);
		l = next;
	}
}

static void log_failure(const struct addr *source)
{
	char text[ADDR_TEXT_MAX], more[48] = "";
	uint32_t suppressed;

	if (!log_limit_ok(&failed_limit, loop_now(), &suppressed))
		return;
	if (suppressed)
		snprintf(more, sizeof(more), " (and %u others)", suppressed);
	log_notice(
		NULL, "login", "wrong user or password from %s%s", addr_format(source, text), more);
}

static void on_checked(bool right)
{
	struct login *l = checked;

	checked = NULL;
	if (checked_stale) { /* once more, by the new file */
		login_next();
		return;
	}
	right = right && checked_known;
	if (right) {
		known_add(checked_fingerprint, loop_now());
		settle_known();
	} else {
		log_failure(&checked_source);
		if (suspects_failed(&checked_source, loop_now()))
			STAT_ADD(setup_stats->login_sources_full, 1);
		if (l)
			settle(l, false);
	}
	login_next();
}

static void retry_fire(struct timer *t)
{
	login_next();
}

/* The next one whose time has come; else *ret_ms is when the first will be ready. */
static struct login *choose(uint64_t *ret_ms)
{
	struct login *best = NULL;
	uint32_t best_failures = 0, failures;

	*ret_ms = TIMER_NEVER;
	for (struct login *l = first; l; l = l->next) {
		uint64_t ready = suspects_ready_ms(&l->conn->address, loop_now(), &failures);

		if (ready > loop_now()) {
			*ret_ms = MIN(*ret_ms, ready);
		} else if (!best || failures < best_failures) {
			best = l;
			best_failures = failures;
			if (!failures)
				break;
		}
	}
	return best;
}

static void login_next(void)
{
	uint64_t at = TIMER_NEVER;
	struct login *l;
	const char *hash;
	int r;

	if (verify_busy())
		return;
	l = choose(&at);
	if (!l) {
		retry.fire = retry_fire;
		if (at != TIMER_NEVER && timers_set(&retry, at) < 0)
			log_error(NULL, "login", "out of memory");
		return;
	}
	hash = users_find(&setup_now()->users, l->user, l->user_len, &checked_known);
	r = hash ? verify_start(hash, l->password, l->password_len, on_checked) : -ENOENT;
	if (r == 0) {
		checked = l;
		checked_source = l->conn->address;
		checked_stale = false;
		memcpy(checked_fingerprint, l->fingerprint, sizeof(checked_fingerprint));
		return;
	}
	if (r != -ENOENT)
		log_error(NULL, "login", "cannot check a password: %s", strerror(-r));
	settle(l, false);
	login_next();
}

static void next_run(struct task *t)
{
	login_next();
}

/* Not at once: who asks is in the middle of something. */
static void login_next_soon(void)
{
	static struct task soon = {.run = next_run};

	loop_task(&soon);
}

/* A place in the queue, of which no source has more than its share. NULL: none is left. */
static struct login *login_new(struct conn *c)
{
	struct addr source = suspects_source(&c->address);
	struct login *l;

	if (n_waiting == LOGIN_WAITING_MAX ||
		clients_enter(&waiting, &source, LOGIN_WAITING_SOURCE_MAX) <= 0)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (!l || timers_set(&c->timer, loop_now() + LOGIN_PATIENCE_MS) < 0) {
		clients_leave(&waiting, &source);
		free(l);
		return NULL;
	}
	l->conn = c;
	l->source = source;
	return l;
}

enum login_verdict login_begin(struct conn *c, const char *user, size_t user_len,
	const char *password, size_t password_len)
{
	uint8_t fingerprint[USERS_FINGERPRINT];
	struct login *l;

	users_fingerprint(fingerprint, user, user_len, password, password_len);
	if (known_has(fingerprint, loop_now())) {
		trail_user(&c->trail, user, user_len);
		return LOGIN_YES;
	}
	l = login_new(c);
	if (!l) {
		STAT_ADD(setup_stats->login_queue_full, 1);
		return LOGIN_FULL;
	}
	l->user_len = MIN(user_len, sizeof(l->user) - 1);
	l->password_len = MIN(password_len, sizeof(l->password) - 1);
	memcpy(l->user, user, l->user_len);
	memcpy(l->password, password, l->password_len);
	memcpy(l->fingerprint, fingerprint, sizeof(l->fingerprint));
	l->prev = last;
	*(last ? &last->next : &first) = l;
	last = l;
	n_waiting++;
	c->login = l;
	c->state = CONN_LOGIN;
	login_next_soon();
	return LOGIN_WAIT;
}

void login_users_changed(void)
{
	known_forget();
	checked_stale = true;
	login_next_soon();
}
