// SPDX-License-Identifier: MIT
// The configuration as one struct: what tsgw.ini, tsgw.d/*.ini and the wg-quick files say.
//
// Loading never stops at the first error: every problem is noted with file, line, section and key, and
// what can be understood is filled in. Who asks decides: `--check` and a reload refuse any error; a
// start refuses errors that belong to no tailnet and runs the tailnets without one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/addr.h"

#define CONFIG_FILE_MAX	    (4u << 20) /* bytes of one INI or wg-quick file */
#define CONFIG_LINE_MAX	    199	       /* bytes: inih would cut longer ones */
#define CONFIG_TAILNETS_MAX 4096
#define CONFIG_LIST_MAX	    256 /* entries of one list value */
#define CONFIG_HOSTS_MAX    4096
#define CONFIG_PORTS_MAX    64 /* forwards, and published ports, of one tailnet */
#define CONFIG_PEERS_MAX    4096
#define CONFIG_ALLOWED_MAX  262144 /* of one wg-quick file */
#define CONFIG_USERS_MAX    4096   /* of one users-file */
#define CONFIG_PROBLEMS_MAX 1000

#define CONFIG_TAGS_MAX	    32
#define CONFIG_FLAGS_MAX    16	/* words of tailscaled-args */
#define CONFIG_AUTH_KEY_MAX 512 /* bytes of an auth key */

enum engine { ENGINE_WIREGUARD, ENGINE_TAILSCALE };
enum node { NODE_OWN, NODE_STOCK }; /* who is the node of a tailnet with engine tailscale */
enum uplink { UPLINK_DEFAULT, UPLINK_HOST, UPLINK_PASTA, UPLINK_VETH, UPLINK_MACVLAN };

struct problem {
	char *text;    /* "FILE:LINE: [section] key: what is wrong", ready to print */
	char *tailnet; /* that it belongs to, or NULL: the whole gateway */
	bool warning;
};

struct prefix_list {
	struct prefix *items;
	size_t n;
};

struct addr_list {
	struct addr *items;
	size_t n;
};

struct text_list {
	char **items;
	size_t n;
};

struct primary {	 /* an interface (its addresses, as they come and go) or one address */
	char ifname[16]; /* "" = .addr counts */
	struct addr addr;
};

struct gateway_config {
	struct primary *primaries;
	size_t n_primaries;
	struct prefix_list allow; /* without has_allow: the primaries' networks and loopback */
	bool has_allow;
	struct prefix_list web_allow;
	bool has_web_allow;
	struct prefix veth_pool;
	uint16_t dns_port; /* 0 = off */
	uint16_t web_port;
	uint32_t uid_base;
	char **web_names; /* lower case */
	size_t n_web_names;
};

struct wg_peer_config {
	uint8_t public_key[32];
	uint8_t preshared_key[32]; /* zero = none */
	struct prefix_list allowed;
	char *endpoint_name; /* if Endpoint is a name or has a zone; then .endpoint.addr.family is 0 */
	struct hostport endpoint; /* .port is set either way; family 0 and no name = none */
	uint16_t persistent_keepalive_s;
	unsigned line;
};

struct wg_config { /* a wg-quick(8) file; freed with its keys wiped */
	uint8_t private_key[32];
	uint8_t public_key[32]; /* derived */
	uint16_t listen_port;	/* 0 = any */
	uint16_t mtu;		/* 0 = not set */
	uint32_t fwmark;
	bool table_off;		      /* Table = off: no routes for allowed-ips */
	struct prefix_list addresses; /* with host bits */
	struct addr *dns;
	size_t n_dns;
	char **dns_search;
	size_t n_dns_search;
	struct wg_peer_config *peers;
	size_t n_peers;
};

struct host_entry { /* [hosts NAME]: one address each, names may repeat (A and AAAA) */
	char *name; /* relative to the suffix, lower case */
	struct addr addr;
};

struct user_config {
	char *name;
	char hash[128]; /* crypto_pwhash_STRBYTES */
};

struct port_map {      /* forward, publish: "PORT[/udp] -> HOST:PORT" */
	uint16_t port; /* where we listen */
	bool udp;
	char *name;	    /* HOST if it is a name, else NULL */
	struct hostport to; /* .port is set either way */
	unsigned line;
};

struct port_maps {
	struct port_map *items;
	size_t n;
};

struct tailnet_config {
	char name[33];
	const char *file; /* where its section starts */
	unsigned line;
	bool enabled;
	enum engine engine;
	uint16_t port;
	char **suffixes; /* lower case, at least one */
	size_t n_suffixes;
	char *wg_config_path; /* absolute */
	struct wg_config *wg; /* NULL if it could not be read */
	struct prefix_list allow;
	bool has_allow;
	char *users_path;	   /* absolute; NULL: no password is asked for */
	struct user_config *users; /* sorted by name */
	size_t n_users;
	bool log_connections;
	struct addr dns_server;		       /* family 0 = what the tailnet announces */
	uint16_t mtu;			       /* 0 = auto: the wg file's, else 1420 */
	uint8_t udp_gso, udp_gro, tun_offload; /* enum offload */
	uint32_t greeting_timeout_s;
	uint32_t connect_timeout_s;
	uint32_t idle_timeout_s;
	uint32_t half_close_timeout_s;
	uint32_t ready_timeout_s;
	uint32_t max_clients;
	uint32_t max_clients_per_address;
	uint32_t max_udp;
	uint32_t max_udp_per_address;
	struct port_maps forwards;
	struct port_maps publishes;
	struct host_entry *hosts;
	size_t n_hosts;

	/* how the encrypted side leaves; never UPLINK_DEFAULT once it is loaded */
	enum uplink uplink;
	char uplink_ifname[16];	      /* MACVLAN */
	struct prefix uplink_address; /* with host bits; family 0 = none */
	struct addr uplink_gateway;   /* family 0 = none */
	struct addr_list uplink_dns;
	struct addr_list bootstrap_dns; /* empty = the host's own upstream servers */

	/* engine tailscale; a text that is NULL was not given */
	uint8_t node; /* enum node */
	char *login_server;
	char *login_ca_path; /* absolute */
	char *http_proxy;
	char *auth_key_path;	   /* absolute; of a credential, too */
	unsigned auth_key_missing; /* line of an auth-key-file that is not there, 0 = none such */
	char *auth_key; /* what it holds, wiped when it is freed; NULL: there is no such file */
	char *hostname;
	struct text_list tags;
	bool accept_routes;
	bool ephemeral;
	struct prefix_list advertise_routes;
	char *exit_node;
	char *tailscaled_path; /* absolute; NULL = looked for in PATH */
	char *tailscaled_args; /* words with blanks between them */
	char *broken;	       /* first error that belongs to it, or NULL: it may run */
	bool awaits_credential; /* nothing but that its wg-config is a credential, and its unit does not run */
};

struct config {
	char *path;
	struct gateway_config gateway;
	struct tailnet_config **tailnets; /* in the order of the files */
	size_t n_tailnets;
	struct problem *problems;
	size_t n_problems;
	bool fatal;  /* an error that belongs to no tailnet */
	bool errors; /* any error at all */
};

/* Reads PATH, then tsgw.d/<name>.ini beside it in name order, then the wg-quick files they name.
 * Always gives a config (its .problems say how good it is); only out of memory is -ENOMEM. */
int config_load(const char *path, struct config **ret);
/* The same for who only runs NAMES (N 0: all): files that the sections of others name are not read, so what they
 * say of themselves is all that is known of them. */
int config_load_only(const char *path, const char *const *names, size_t n, struct config **ret);
/* The same without any file that a section names. */
int config_load_sections(const char *path, struct config **ret);
/* The same for who only looks: a peer with our own key, which costs more to see than all else, is not. */
int config_load_view(const char *path, struct config **ret);
/* The same, as if files had other texts, or were not there: to try a change before it is made. */
struct config_overlay {
	const char *path; /* as the loader names it: beside PATH, in tsgw.d, as a key has it */
	const char *text; /* NULL: there is no such file */
};
int config_load_over(
	const char *path, const struct config_overlay *over, size_t n, struct config **ret);
void config_free(struct config *c);
struct tailnet_config *config_find(const struct config *c, const char *name);

/* Prints the configuration back as an INI text that loads to the same struct, every key with its
 * value, defaults included (keys that have no value, like dns-server = none, are left out). */
void config_print(const struct config *c, FILE *out);

/* Deep equality of what concerns one property, for the reload diff. */
bool prefix_list_equal(const struct prefix_list *a, const struct prefix_list *b);
bool wg_config_equal(const struct wg_config *a, const struct wg_config *b);
bool port_maps_equal(const struct port_maps *a, const struct port_maps *b);
bool addr_list_equal(const struct addr_list *a, const struct addr_list *b);
bool text_list_equal(const struct text_list *a, const struct text_list *b);
bool text_equal(const char *a, const char *b); /* NULL equals NULL alone */
bool uplink_equal(const struct tailnet_config *a, const struct tailnet_config *b);
/* What a running node of engine tailscale can be told to change. */
bool prefs_equal(const struct tailnet_config *a, const struct tailnet_config *b);
const char *uplink_name(enum uplink uplink); /* "host", "pasta", "veth", "macvlan" */

#define PORT_TARGET_MAX 262 /* "HOST:PORT" with NUL */
/* "db.lan:5432", "[fd00::1]:22". Returns BUF. */
const char *port_map_target(const struct port_map *m, char buf[PORT_TARGET_MAX]);

/* Engine wireguard: all prefixes that the tailnet routes into its tunnel, the peers' allowed-ips. Fresh
 * memory. What a tailnet of engine tailscale routes is not configured: see supervisor/facts.h. */
int config_routes(const struct tailnet_config *t, struct prefix_list *ret);
/* The tunnel has an IPv6 address and an IPv6 route. */
bool config_has_ipv6(const struct tailnet_config *t);

/* Every key of every section, for tsgw.ini(5) and its test: prints "section key default" lines. */
void config_print_keys(FILE *out);
