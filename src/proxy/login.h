// SPDX-License-Identifier: MIT
// Is this client one of the users? At once for who was checked a short while ago, else after a wait.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proxy/conn.h"

#define LOGIN_WAITING_MAX	 1024  /* connections whose password is to be checked */
#define LOGIN_WAITING_SOURCE_MAX 256   /* of these of one address, IPv6: /64 */
#define LOGIN_PATIENCE_MS	 20000 /* then the answer is no */

enum login_verdict {
	LOGIN_YES,
	LOGIN_WAIT, /* C is in CONN_LOGIN now; greet_login_done() comes with the answer */
	LOGIN_FULL, /* as many are waiting already, or there is no memory */
};

/* Must C, by the present configuration and the listener that it came by? */
bool login_wanted(const struct conn *c);
enum login_verdict login_begin(struct conn *c, const char *user, size_t user_len,
	const char *password, size_t password_len);
/* C waits no longer. */
void login_free(struct conn *c);
/* The configuration has other users than before: nothing that was known holds. */
void login_users_changed(void);
