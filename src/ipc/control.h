// SPDX-License-Identifier: MIT
// What tsgwctl and the supervisor say to each other over RUN/NAME/control.sock and RUN/front.sock.
//
// SOCK_SEQPACKET. The client sends one struct control_request; the supervisor answers with any number
// of records, each a datagram that starts with struct control_header, and ends with CONTROL_END, then
// closes. Fixed sizes, no pointers; strings are NUL-terminated within their arrays.
#pragma once

#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"
#include "ipc/stats.h"

#define CONTROL_MAGIC	   0x77677374u /* "tsgw" */
#define CONTROL_VERSION	   1
#define CONTROL_REASON_MAX 512
#define CONTROL_ADDRS_MAX  16
#define CONTROL_LISTEN_MAX 32

enum control_verb {
	CONTROL_STATUS = 1, /* -> TAILNET records, one for each tailnet that this supervisor owns */
	CONTROL_PEERS,	    /* name -> PEER records */
	CONTROL_UP,	 /* name: start it; END comes when it is up, or with the state it reached */
	CONTROL_DOWN,	 /* name: stop it, keep the ownership; END comes when all is removed */
	CONTROL_RESTART, /* name */
	CONTROL_RELOAD, /* -> STEP records (with dry_run the steps that would be), PROBLEM records */
	CONTROL_WAIT,	/* name, state: END comes when the state is reached, or after timeout_ms */
	CONTROL_CLIENTS, /* name -> CONNECTION records */
};

struct control_request {
	uint32_t magic;
	uint16_t version;
	uint16_t verb; /* enum control_verb */
	char name[MSG_NAME_MAX];
	uint8_t dry_run;
	uint8_t state; /* WAIT: enum tailnet_state */
	uint8_t zero;
	uint32_t timeout_ms;
};

enum control_record {
	CONTROL_TAILNET = 1,
	CONTROL_PEER,
	CONTROL_STEP,
	CONTROL_PROBLEM,
	CONTROL_END,
	CONTROL_CONNECTION,
};

struct control_header {
	uint16_t record;
	uint16_t size;
};

enum tailnet_state { /* contract: the words of `tsgwctl list` */
	TAILNET_DOWN,
	TAILNET_STARTING,
	TAILNET_UP,
	TAILNET_DEGRADED,
	TAILNET_NEEDS_LOGIN,
	TAILNET_NEEDS_APPROVAL,
	TAILNET_FAILED,
	TAILNET_STATES
};

/* "down", "starting", …; "unknown" out of range. */
static inline const char *tailnet_state_name(unsigned state)
{
	static const char *const names[TAILNET_STATES] = {
		"down", "starting", "up", "degraded", "needs-login", "needs-approval", "failed"};

	return state < TAILNET_STATES ? names[state] : "unknown";
}

struct control_tailnet {
	struct control_header h;
	char name[MSG_NAME_MAX];
	char link[16];
	uint8_t state;	      /* enum tailnet_state */
	uint8_t engine;	      /* enum engine of config.h */
	uint8_t has_counters; /* rx, tx, clients are known */
	uint8_t has_uptime;
	uint8_t zero;
	uint16_t port;
	uint16_t n_addresses;
	uint16_t n_listen;
	uint32_t peers; /* that count (see the contract §8) */
	uint32_t peers_up;
	uint64_t clients;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t uptime_s;
	uint32_t restarts_wg; /* worker restarts since the start */
	uint32_t restarts_proxy;
	int32_t pid_wg; /* 0 = not running */
	int32_t pid_proxy;
	uint32_t restarts_host;
	int32_t pid_host;
	struct host_stats published;
	struct addr addresses[CONTROL_ADDRS_MAX];
	struct hostport listen[CONTROL_LISTEN_MAX];
	struct proxy_stats proxy; /* with has_counters */
	struct wg_counts node;
	struct addr veth_host; /* host side of the /30 */
	struct addr veth_ns;
	char reason[CONTROL_REASON_MAX];
};

struct control_peer {
	struct control_header h;
	uint8_t public_key[WG_KEY];
	char endpoint_name[MSG_DOMAIN_MAX]; /* as configured, if a name */
	uint8_t zero[2];
	struct hostport endpoint;
	uint32_t state; /* enum peer_state */
	uint32_t zero3;
	uint64_t last_handshake_s;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint32_t n_allowed; /* in all; the first of them: */
	uint32_t n_shown;
	struct prefix allowed[MSG_PREFIXES];
	uint16_t persistent_keepalive_s;
	uint16_t zero2[3];
};

struct control_connection { /* a client of the listener, see struct msg_client */
	struct control_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t protocol; /* enum client_protocol */
	uint8_t state;	  /* enum client_state */
	uint8_t zero;
	uint16_t asked_port;
	uint16_t zero2;
	struct hostport client;
	struct hostport resolved;
	uint64_t up_bytes;
	uint64_t down_bytes;
	uint64_t age_ms;
	char user[MSG_USER_MAX];
	char asked[MSG_DOMAIN_MAX];
	uint8_t zero3[2];
};

struct control_text { /* STEP, PROBLEM: one line */
	struct control_header h;
	char text[1024];
};

struct control_end {
	struct control_header h;
	int32_t code;	/* the exit code for tsgwctl: 0, 1, 3 */
	char text[512]; /* one line to print, may be empty */
};
