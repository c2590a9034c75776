// SPDX-License-Identifier: MIT
// Part of ipc/msg.h, which includes it: a port to be served, and what is not served yet.
#pragma once

#include <stdint.h>

struct msg_waits { /* of N one is named, by what gave it */
	struct msg_header h;
	uint32_t n;	/* 0: it serves all, and the rest is 0 */
	uint32_t error; /* errno */
	uint16_t type;	/* PROXY_LISTEN, PROXY_FORWARD, PROXY_RESOLVE, HOST_PUBLISH */
	uint16_t port;
};

struct msg_port { /* PROXY_FORWARD, HOST_PUBLISH; UNFORWARD, UNPUBLISH (.host and .port do not count there) */
	struct msg_header h;
	struct hostport at;
	char host[MSG_DOMAIN_MAX]; /* name or address */
	uint16_t port;
	uint8_t udp;
	uint8_t local; /* published: reached from inside the namespace, not by the tunnel */
	uint8_t zero[2];
};
