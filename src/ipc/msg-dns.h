// SPDX-License-Identifier: MIT
// Part of ipc/msg.h, which includes it: the messages of tsgw-dns.
#pragma once

#include <stdint.h>

struct msg_dns_zone {
	struct msg_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t asks;	/* the tailnet has a resolver of its own, which knows more names */
	uint8_t unsure; /* what it routes is not known yet */
	uint8_t zero;
};

struct msg_dns_suffix {
	struct msg_header h;
	char suffix[MSG_DOMAIN_MAX];
	uint8_t zero[2];
};

struct msg_dns_listen { /* LISTEN, UNLISTEN */
	struct msg_header h;
	struct hostport at;
};

struct msg_dns_link { /* LINK, LINK_LOST */
	struct msg_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t zero[3];
};
