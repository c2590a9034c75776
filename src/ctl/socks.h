// SPDX-License-Identifier: MIT
// The client's side of SOCKS5 CONNECT without authentication (RFC 1928).
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SOCKS_NAME_MAX	  255
#define SOCKS_REQUEST_MAX (4 + 1 + SOCKS_NAME_MAX + 2)

/* Writes the CONNECT request for HOST (an address or a name of 1…SOCKS_NAME_MAX bytes) to RET.
 * Returns its length. */
size_t socks_request(const char *host, uint16_t port, uint8_t ret[SOCKS_REQUEST_MAX]);
/* What a reply code says (RFC 1928 §6, with the reasons of tsgw's listener). */
const char *socks_reply_text(uint8_t code);
/* Goes through the whole conversation on SOCK (blocking). The code of the reply, 0 = connected; or
 * -EPROTO: it does not speak SOCKS5; -EACCES: it wants a password; -EPIPE: it hung up; -EAGAIN: it said
 * nothing for as long as SOCK waits; other -errno. */
int socks_ask(int sock, const char *host, uint16_t port);
/* The same. NULL: connected; else why not. */
const char *socks_connect(int sock, const char *host, uint16_t port);
