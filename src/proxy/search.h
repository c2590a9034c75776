// SPDX-License-Identifier: MIT
// Under which names the tailnet's resolver is asked for a name that a client used.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "ipc/msg.h"
#include "proxy/resolve.h"

struct search {
	char domains[MSG_SEARCH_MAX][MSG_DOMAIN_MAX]; /* lower case */
	size_t n;
};

/* Names that no question can have (too long together with a domain) are left out by search_name(). */
#define SEARCH_TURNS(s) ((s)->n + 2)

/* 0, -EINVAL (not a DNS name), -ENOSPC. */
int search_add(struct search *s, const char *domain);
/* The name to ask for in TURN (0 … SEARCH_TURNS - 1) for R, which is a RESOLVE_ASK. False: there is
 * none in this turn. No name comes twice. */
bool search_name(const struct search *s, const struct resolve_result *r, size_t turn,
	char ret_name[MSG_DOMAIN_MAX]);
