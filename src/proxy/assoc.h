// SPDX-License-Identifier: MIT
// A UDP association of SOCKS 5 (RFC 1928 section 7): lives as long as the connection that asked for it.
#pragma once

#include <stdint.h>

#include "proxy/conn.h"

/* The client wants one; it will send from PORT (0: it does not know yet). Answers by itself. */
void assoc_begin(struct conn *c, uint16_t port);
/* State CONN_UDP. */
void assoc_advance(struct conn *c);
void assoc_timeout(struct conn *c);
void assoc_free(struct conn *c);
/* How many there are now. */
uint32_t assoc_total(void);
