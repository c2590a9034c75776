// SPDX-License-Identifier: MIT
// The structs of what tsgw-host is told and reports: look-ups, and a stock node. A part of ipc/msg.h, which
// lists the messages and is what everybody includes.
#pragma once

#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"

/* ---- tsgw-host ---- */

#define HOST_ADDRS_MAX 8

struct msg_host_lookup {
	struct msg_header h;
	uint32_t id;
	char name[MSG_DOMAIN_MAX];
	uint8_t zero[2];
};

struct msg_host_answer {
	struct msg_header h;
	uint32_t id;
	int32_t error; /* 0, or -EAI_* as getaddrinfo(3) names them, positive */
	uint32_t n;
	struct addr addrs[HOST_ADDRS_MAX];
};

struct msg_host_config {
	struct msg_header h;
	uint32_t connect_timeout_s;
	uint32_t idle_timeout_s;
	uint32_t half_close_timeout_s;
};

/* ---- a stock node ---- */

#define ENGINE_URL_MAX	   512 /* with NUL */
#define ENGINE_HOST_MAX	   64
#define ENGINE_TAG_MAX	   128
#define ENGINE_KEY_MAX	   513
#define ENGINE_REASON_MAX  256
#define ENGINE_VERSION_MAX 32
#define ENGINE_RELAY_MAX   16
#define ENGINE_CONNS \
	3 /* connections that tsgw-host has or gets: one listens, one asks, one waits */

struct msg_engine_config {
	struct msg_header h;
	char control_url[ENGINE_URL_MAX]; /* "" = Tailscale's own */
	char hostname[ENGINE_HOST_MAX];	  /* "" = the host's */
	char exit_node[MSG_DOMAIN_MAX];	  /* name or address, "" = none */
	uint8_t accept_routes;
	uint8_t logged_out; /* it stays out until it is told to log in */
};

struct msg_engine_tag {
	struct msg_header h;
	char tag[ENGINE_TAG_MAX];
};

struct msg_engine_key {
	struct msg_header h;
	char key[ENGINE_KEY_MAX];
	uint8_t zero[3];
};

struct msg_engine_node {
	struct msg_header h;
	uint32_t alive;
};

enum engine_act { ENGINE_ACT_LOOK, ENGINE_ACT_LOGIN, ENGINE_ACT_LOGOUT, ENGINE_ACTS };

struct msg_engine_act {
	struct msg_header h;
	uint32_t act; /* enum engine_act */
};

enum engine_state {
	ENGINE_SILENT,	       /* its LocalAPI does not answer */
	ENGINE_STARTING,       /* it talks to the control server */
	ENGINE_FAILED,	       /* it cannot register; tried again at .retry_s */
	ENGINE_NEEDS_LOGIN,    /* at .url, if there is one already */
	ENGINE_NEEDS_APPROVAL, /* the control server's administrator has to let it in */
	ENGINE_RUNNING,
	ENGINE_STATES
};

struct msg_engine_state {
	struct msg_header h;
	uint32_t state;	  /* enum engine_state */
	uint64_t retry_s; /* CLOCK_REALTIME; 0 = not planned */
	uint64_t
		key_expiry_s; /* CLOCK_REALTIME, also of a key that has expired; 0 = never, or not known */
	uint8_t troubled; /* RUNNING, but .reason says what is missing */
	uint8_t logged_out;
	uint8_t registered; /* it has a node key */
	char version[ENGINE_VERSION_MAX];
	char url[ENGINE_URL_MAX]; /* where somebody has to log in, "" = nowhere */
	char reason[ENGINE_REASON_MAX];
	uint8_t zero[5];
};

struct msg_engine_conns {
	struct msg_header h;
	uint32_t n; /* that are open */
};

struct msg_netmap_self {
	struct msg_header h;
	char name[MSG_DOMAIN_MAX];   /* ours: demon.tail1234.ts.net */
	char domain[MSG_DOMAIN_MAX]; /* MagicDNS', "" = off */
	uint64_t key_expiry_s;	     /* CLOCK_REALTIME, 0 = never */
	uint32_t n_addresses;
	uint32_t n_servers;
	struct addr addresses[MSG_PREFIXES];
	struct addr servers[MSG_SERVERS]; /* resolvers for names of no split domain */
};

struct peer_live {
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t last_handshake_s; /* CLOCK_REALTIME, 0 = none */
	uint64_t last_seen_s;	   /* by the control server, while it is offline; 0 = not known */
	struct hostport endpoint;  /* direct path; family 0 = none */
	char relay[ENGINE_RELAY_MAX]; /* its relay, "" = none */
	uint8_t online;
	uint8_t active; /* something was sent of late */
	uint8_t zero[6];
};

#define PEER_EXIT_NODE	   1u /* our exit node */
#define PEER_OFFERS_EXIT   2u
#define PEER_SUBNET_ROUTER 4u
#define PEER_EXPIRED	   8u

struct msg_netmap_peer {
	struct msg_header h;
	uint8_t public_key[WG_KEY];
	char name[MSG_DOMAIN_MAX]; /* gpu1.tail1234.ts.net, "" = none */
	uint16_t zero;
	uint32_t flags; /* PEER_* */
	uint32_t n_addresses;
	struct addr addresses[16];
	struct peer_live live;
};

struct msg_netmap_live {
	struct msg_header h;
	uint8_t public_key[WG_KEY];
	uint32_t zero;
	struct peer_live live;
};
