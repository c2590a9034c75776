// SPDX-License-Identifier: MIT
// A service behind a connection: does it say anything?
#pragma once

#include "ctl/aim.h"

#define PROBE_CONNECTS_MAX 4

/* One CONNECT through a listener. */
struct probe {
	struct hostport listener;
	const char *host;
	uint16_t port;
	unsigned patience_ms;
	int fd;	  /* connected, or -1 */
	int code; /* as socks_ask(); REACHED_NOT: the listener itself could not be reached */
};
#define PROBE_NO_LISTENER -9999

/* Tries all N (at most PROBE_CONNECTS_MAX) at once, until all have ended, one is connected, or one was
 * refused and the others stay silent. */
void probe_connect(struct probe *all, size_t n);
void probe_close(struct probe *all, size_t n);

struct first_byte {
	size_t n;	 /* bytes that came, 0 = none */
	bool closed;	 /* the other side hung up instead */
	char banner[80]; /* what can be printed of it */
};

/* Says on FD what gets the server to talk, where it does not talk first, and waits for it.
 * 0; -ETIMEDOUT: nothing came; -errno. */
int probe_first_byte(int fd, const struct aim *aim, unsigned patience_ms, struct first_byte *ret);
/* A TLS ClientHello for HOST (RFC 8446, section 4.1.2; also understood by TLS 1.2). Returns its length. */
#define PROBE_HELLO_MAX 512
size_t probe_client_hello(const char *host, uint8_t ret[PROBE_HELLO_MAX]);
