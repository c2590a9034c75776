// SPDX-License-Identifier: MIT
// From the text a client names a destination with to addresses: literals, dotted and dashed addresses
// under a suffix, [hosts].
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/suffixes.h"

#define RESOLVE_SUFFIXES_MAX 16384
#define RESOLVE_HOSTS_MAX    65536
#define RESOLVE_ADDRS_MAX    8

struct resolve_suffix {
	char text[MSG_DOMAIN_MAX]; /* lower case */
};

struct resolve_host {
	char name[MSG_DOMAIN_MAX]; /* lower case, relative to the suffix */
	uint32_t order; /* as configured: addresses of one name are tried in this order */
	struct addr addr;
};

struct resolve_names {
	struct resolve_suffix *suffixes; /* our own */
	size_t n_suffixes;
	const struct suffix_entry *all; /* ipc/suffixes.h; not ours to free */
	size_t n_all;
	struct resolve_host *hosts;
	size_t n_hosts;
};

/* Whose a name is, if it is another tailnet's. */
struct resolve_foreign {
	const char *tailnet; /* belongs to the names; NULL: it is not */
	uint16_t port;
};

enum resolve_kind {
	RESOLVE_BAD,	 /* no name at all: empty, NUL, characters that no host name has */
	RESOLVE_ADDRS,	 /* .addrs */
	RESOLVE_FOREIGN, /* under .foreign */
	RESOLVE_NONE,	 /* under our suffix, and it does not exist */
	RESOLVE_ASK,	 /* only the tailnet's resolver could know .name */
};

struct resolve_result {
	enum resolve_kind kind;
	char name[MSG_DOMAIN_MAX]; /* lower case, without the trailing dot; "" if RESOLVE_BAD */
	size_t n;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	struct resolve_foreign foreign;
	size_t relative; /* under our suffix: bytes of .name before it and its dot; else 0 */
	bool absolute;	 /* asked for with a trailing dot: no search domain is tried */
};

/* 0, -EINVAL (not a DNS name), -ENOSPC, -ENOMEM. */
int resolve_add_suffix(struct resolve_names *n, const char *text);
int resolve_add_host(struct resolve_names *n, const char *name, const struct addr *a);
/* A table of BYTES that lives as long as the names do. -EBADMSG if it is not as ipc/suffixes.h says. */
int resolve_set_all(
	struct resolve_names *n, const struct suffix_entry *all, size_t n_all, size_t bytes);
/* Sorts; before the first question. */
void resolve_seal(struct resolve_names *n);
void resolve_free(struct resolve_names *n);

/* TEXT may hold any bytes, also a bracketed IPv6 address. Never asks anybody: what only a resolver
 * knows comes back as RESOLVE_ASK. */
void resolve_text(
	const struct resolve_names *n, const char *text, size_t len, struct resolve_result *ret);
