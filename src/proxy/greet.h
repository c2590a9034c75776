// SPDX-License-Identifier: MIT
// Reads what a client wants, in whichever protocol its first byte chose.
#pragma once

#include "proxy/conn.h"

/* State CONN_GREETING: reads, and goes on to dial, forward or an error. */
void greet_advance(struct conn *c);
/* State CONN_LOGIN: its password has been checked. */
void greet_login_done(struct conn *c, bool right);
