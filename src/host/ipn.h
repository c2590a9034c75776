// SPDX-License-Identifier: MIT
// What tailscaled's LocalAPI says, from JSON to plain structs: state, netmap, DNS.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"

#define IPN_PEERS_MAX	 8192
#define IPN_ROUTES_MAX	 1024 /* of one peer */
#define IPN_ADDRS_MAX	 16
#define IPN_SPLITS_MAX	 128
#define IPN_WARNINGS_MAX 16

enum ipn_state { /* as ipn.State numbers them */
	IPN_NO_STATE,
	IPN_IN_USE_OTHER_USER,
	IPN_NEEDS_LOGIN,
	IPN_NEEDS_MACHINE_AUTH,
	IPN_STOPPED,
	IPN_STARTING,
	IPN_RUNNING,
	IPN_STATES
};

struct ipn_peer {
	uint8_t key[WG_KEY];
	char name[MSG_DOMAIN_MAX]; /* lower case, without a dot at its end */
	char id[64];		   /* StableID */
	uint32_t flags;		   /* PEER_* of ipc/msg.h */
	uint32_t n_addresses;
	struct addr addresses[IPN_ADDRS_MAX];
	uint32_t n_routes;
	struct prefix *routes; /* of its AllowedIPs, those that are not its addresses */
	struct peer_live live;
};

struct ipn_status {
	enum ipn_state state;
	bool have_node_key;
	bool expired; /* our own key */
	bool online;  /* in touch with the control server */
	char version[ENGINE_VERSION_MAX];
	char auth_url[ENGINE_URL_MAX];
	char warning[ENGINE_REASON_MAX]; /* the first of its health warnings, "" = none */
	char name[MSG_DOMAIN_MAX];
	char domain[MSG_DOMAIN_MAX]; /* "" = MagicDNS is off */
	uint64_t key_expiry_s;
	uint32_t n_addresses;
	struct addr addresses[IPN_ADDRS_MAX];
	struct ipn_peer *peers; /* sorted by key */
	size_t n_peers;
};

struct ipn_split {
	char domain[MSG_DOMAIN_MAX];
	uint32_t n;
	struct addr servers[MSG_SERVERS];
	bool nobody; /* it has resolvers, but none that is known of here */
};

struct ipn_dns {
	uint32_t n_servers;
	struct addr servers[MSG_SERVERS];
	uint32_t n_search;
	char search[MSG_SEARCH_MAX][MSG_DOMAIN_MAX];
	uint32_t n_splits;
	struct ipn_split splits[IPN_SPLITS_MAX];
};

/* A line of the bus that watches. */
struct ipn_notify {
	bool changed;	/* something of the netmap: worth a look */
	bool has_error; /* the control server's own words */
	char error[ENGINE_REASON_MAX];
	bool has_health;
	/* the warning that counts, "" = none: of the control connection or the relays */
	char trouble[ENGINE_REASON_MAX];
	bool has_login_error; /* or that it cannot be reached */
	char login_error[ENGINE_REASON_MAX];
};

/* Text from elsewhere for people: one line, printable ASCII, cut where it is too long. */
void ipn_clean(const char *text, char *ret, size_t size);
/* RFC 3339 to seconds of CLOCK_REALTIME; 0 for none, Go's zero time, and what is not one. */
uint64_t ipn_time(const char *text);
/* TEXT as a domain name, lower case and without a dot at its end, or "". */
void ipn_domain(const char *text, char ret[MSG_DOMAIN_MAX]);

/* Each: 0, -EBADMSG for what is not such a thing, -ENOMEM. Unknown fields do not count. */
int ipn_status_parse(const char *text, size_t len, struct ipn_status *ret);
void ipn_status_free(struct ipn_status *s);
int ipn_dns_parse(const char *text, size_t len, struct ipn_dns *ret);
int ipn_notify_parse(const char *text, size_t len, struct ipn_notify *ret);
/* {"Error": …} or {"error": …} or plain text, for people. */
void ipn_error(const char *text, size_t len, char *ret, size_t size);
