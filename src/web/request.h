// SPDX-License-Identifier: MIT
// What a request asks for: Host header, path, client system. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "clients/clients.h"
#include "ipc/msg.h"

/* Decodes %XX in place, but leaves what is no such escape, and %00. Returns the new length. */
size_t request_unescape(char *text);

/* Splits the value of a Host header into *RET, lower case, without brackets, port and a dot at its
 * end; *ret_literal says whether it is an address. 0 or -EINVAL. */
int request_host(const char *value, char ret[CLIENTS_HOST_MAX], struct addr *ret_literal);

enum route {
	ROUTE_NONE,
	ROUTE_PAGE,
	ROUTE_STATUS,
	ROUTE_METRICS,
	ROUTE_HEALTH,
	ROUTE_READY,
	ROUTE_PAC,     /* .tailnet "" = all */
	ROUTE_KINDS,   /* which there are */
	ROUTE_SETUP,   /* .kind, .tailnet */
	ROUTE_PROFILE, /* tsgw.mobileconfig */
	ROUTE_CSS,
	ROUTE_JS,
	ROUTE_ICON,
};

struct request {
	enum route route;
	int kind; /* enum clients_kind, -1 = not one of them */
	char tailnet[MSG_NAME_MAX];
	char wrong[64]; /* the word that is not known, printable, "" = none */
};

/* PATH is decoded and has no query. Whether .tailnet exists is not known here. */
void request_path(const char *path, struct request *ret);
/* The path that is nearest to one that is not known, or NULL. */
const char *request_nearest(const char *path);

/* The card for a User-Agent (may be NULL), or -1. */
int request_system(const char *user_agent);

/* A wireless network's name as 1 to 32 bytes of printable UTF-8 without controls. */
bool request_ssid_ok(const char *ssid);
