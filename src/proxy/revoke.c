// SPDX-License-Identifier: MIT
// Another configuration is in force: whom it does not admit any more is cut off.
//
// A connection is asked again what it was asked when it came: is its address in `allow`, is its user one of the
// users. (Whose password has changed goes on, as with ssh.) One that has not yet come so far will be asked anyhow.
#include "proxy/revoke.h"

#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "proxy/conn.h"
#include "proxy/fixed.h"
#include "proxy/login.h"
#include "proxy/setup.h"
#include "proxy/trail.h"

static bool is_user(const char *name)
{
	bool is = false;

	if (name)
		(void)users_find(&setup_now()->users, name, strlen(name), &is);
	return is;
}

/* Has C, or the request at hand, gone where only users come? */
static bool is_behind_login(const struct conn *c)
{
	switch (c->protocol) {
	case CONN_UNKNOWN:
	case CONN_SOCKS5_GREETING:
	case CONN_SOCKS5_LOGIN:
	case CONN_FIXED:
		return false;
	case CONN_SOCKS5:
		return c->state != CONN_LINGER;
	default:
		return c->state != CONN_GREETING && c->state != CONN_LOGIN &&
			c->state != CONN_LINGER;
	}
}

void revoke(bool other_users)
{
	const struct setup *now = setup_now();
	unsigned n_addresses = 0, n_users = 0;
	struct trail *next;

	for (struct trail *t = trail_first(); t; t = next) {
		struct conn *c = container_of(t, struct conn, trail);
		bool allowed = now->config.keep_clients || c->trusted ||
			policy_admits(&now->policy, &c->address);

		next = t->newer;
		if (allowed &&
			(!other_users || !login_wanted(c) || !is_behind_login(c) ||
				is_user(t->user)))
			continue;
		n_addresses += !allowed;
		n_users += allowed;
		t->result = PROXY_REFUSED_CLIENT;
		conn_close(c, true);
	}
	n_addresses += now->config.keep_clients ? 0 : fixed_revoke();
	if (n_addresses)
		log_notice(NULL, NULL, "%u connections ended: their clients are no longer in allow",
			n_addresses);
	if (n_users)
		log_notice(NULL, NULL, "%u connections ended: their users are no longer there",
			n_users);
}
