// SPDX-License-Identifier: MIT
// What tsgwctl and the supervisor say to each other over RUN/NAME/control.sock and RUN/front.sock.
//
// SOCK_SEQPACKET. The client sends one struct control_request; the supervisor answers with any number
// of records, each a datagram that starts with struct control_header, and ends with CONTROL_END, then
// closes. Fixed sizes, no pointers; strings are NUL-terminated within their arrays.
//
// WATCH alone does not end. All that is known of the tailnet .name (of all of this supervisor for "") is
// told at once: for each a TAILNET record and its facts (FACTS with .end 0, then ROUTES and NAME, then FACTS
// with .end 1: they replace the earlier facts), and last TOLD. Then whatever changes, when it changes:
// EVENT records, the TAILNET record and the facts that are new, and TOLD again. Another WATCH on the same
// connection asks for the TAILNET records anew, with the counters and the memory (.memory) of now; TOLD
// has .fresh after them. Who does not read is cut off, so the connection of a slow watcher ends.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/addr.h"
#include "ipc/msg.h"
#include "ipc/stats.h"

#define CONTROL_MAGIC	   0x77677374u /* "tsgw" */
#define CONTROL_VERSION	   1
#define CONTROL_REASON_MAX 512
#define CONTROL_TEXT_MAX   512
#define CONTROL_ADDRS_MAX  16
#define CONTROL_LISTEN_MAX 32
#define CONTROL_LOGIN_MAX  512	     /* URL with NUL */
#define CONTROL_FACTS_MAX  (1 << 20) /* routes, and names, of one tailnet */

enum control_verb {
	CONTROL_STATUS = 1, /* -> TAILNET records, one for each tailnet that this supervisor owns */
	CONTROL_PEERS,	    /* name -> PEER records */
	CONTROL_UP,	 /* name: start it; END comes when it is up, or with the state it reached */
	CONTROL_DOWN,	 /* name: stop it, keep the ownership; END comes when all is removed */
	CONTROL_RESTART, /* name */
	CONTROL_RELOAD, /* -> STEP records (with dry_run the steps that would be), PROBLEM records */
	CONTROL_WAIT,	/* name, state: END comes when the state is reached, or after timeout_ms */
	CONTROL_CLIENTS, /* name -> CONNECTION records */
	CONTROL_WATCH,	 /* name or "" -> what there is, then what happens: see above */
	CONTROL_DNS,	 /* front -> DNS_COUNTS records: the responder's, then each tailnet's */
	CONTROL_LOGIN,	 /* name: logs its node in, or tells where; END comes at once */
	CONTROL_LOGOUT,	 /* name */
	CONTROL_STATE_DIR, /* name -> END, whose text is where its state is kept. Older ones: "no such command" */
	CONTROL_LIST, /* front -> TAILNET records of now, of those of other supervisors that told them in time */
};

/* Only root may ask for it. */
static inline bool control_verb_changes(uint16_t verb)
{
	return verb != CONTROL_STATUS && verb != CONTROL_PEERS && verb != CONTROL_CLIENTS &&
		verb != CONTROL_WAIT && verb != CONTROL_WATCH && verb != CONTROL_DNS &&
		verb != CONTROL_LIST;
}

struct control_request {
	uint32_t magic;
	uint16_t version;
	uint16_t verb; /* enum control_verb */
	char name[MSG_NAME_MAX];
	uint8_t dry_run;
	uint8_t state;	/* WAIT: enum tailnet_state */
	uint8_t memory; /* STATUS, a second WATCH: look up .memory of the records, too */
	uint32_t timeout_ms;
};

enum control_record {
	CONTROL_TAILNET = 1,
	CONTROL_PEER,
	CONTROL_STEP,
	CONTROL_PROBLEM,
	CONTROL_END,
	CONTROL_CONNECTION,
	CONTROL_EVENT,
	CONTROL_FACTS,
	CONTROL_ROUTES,
	CONTROL_NAME,
	CONTROL_TOLD,
	CONTROL_DNS_COUNTS,
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

struct process_memory { /* bytes, 0 = not known */
	uint64_t resident;
	uint64_t proportional;
};

static inline const char *client_state_name(unsigned state)
{
	static const char *const names[CLIENT_STATES] = {
		"greeting", "login", "connecting", "open", "closing"};

	return state < CLIENT_STATES ? names[state] : "-";
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
	char uplink[128];	   /* how the encrypted side leaves, in words */
	uint64_t last_handshake_s; /* newest of all peers, CLOCK_REALTIME seconds, 0 = never */
	struct process_memory memory_wg, memory_proxy, memory_host;
	char reason[CONTROL_REASON_MAX];
	uint64_t key_expiry_s; /* of the node's key, CLOCK_REALTIME; 0 = never, or not known */
	char login_url[CONTROL_LOGIN_MAX]; /* needs-login: where somebody logs it in, "" = none */
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
	/* engine tailscale: */
	uint8_t tailscale; /* the rest counts */
	uint8_t online;	   /* as the control server sees it */
	uint8_t active;	   /* something was sent of late */
	uint8_t zero2;
	uint32_t flags; /* PEER_EXIT_NODE … of msg.h */
	uint32_t n_addresses;
	uint64_t last_seen_s;		/* while it is offline; 0 = not known */
	char peer_name[MSG_DOMAIN_MAX]; /* gpu1.tail1234.ts.net */
	char relay[ENGINE_RELAY_MAX];
	uint8_t zero4[2];
	struct addr addresses[CONTROL_ADDRS_MAX];
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

enum event_kind {
	EVENT_STATE,	/* .state is new, the text has the reason too */
	EVENT_PEER,	/* went up or down */
	EVENT_PATH,	/* a peer is reached another way */
	EVENT_EXPIRY,	/* a key expires or has expired */
	EVENT_LISTENER, /* a listener came, went, or cannot be had */
	EVENT_GONE,	/* the tailnet is no longer run by this supervisor */
	EVENT_KINDS
};

/* "state", "peer", …; "unknown" out of range. */
static inline const char *event_kind_name(unsigned kind)
{
	static const char *const names[EVENT_KINDS] = {
		"state", "peer", "path", "expiry", "listener", "gone"};

	return kind < EVENT_KINDS ? names[kind] : "unknown";
}

struct control_event {
	struct control_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t kind;  /* enum event_kind */
	uint8_t state; /* enum tailnet_state of the tailnet now */
	uint8_t zero;
	uint64_t time_ms; /* CLOCK_REALTIME */
	char subject
		[MSG_DOMAIN_MAX]; /* the peer's key or name, the listener's address; "" = none */
	char text[CONTROL_REASON_MAX]; /* one line for people */
	uint8_t zero2[2];
};

struct control_facts { /* before and after a tailnet's facts */
	struct control_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t end;
	uint8_t zero[2];
};

struct control_routes { /* what the tailnet routes, some of it */
	struct control_header h;
	char tailnet[MSG_NAME_MAX];
	uint8_t zero[3];
	uint32_t n;
	struct prefix prefixes[MSG_PREFIXES];
};

struct control_name { /* a peer's name; several addresses = several records */
	struct control_header h;
	char tailnet[MSG_NAME_MAX];
	char name[MSG_DOMAIN_MAX]; /* relative to the suffix, lower case */
	uint8_t zero;
	struct addr addr;
};

struct control_told { /* that was all that there is to tell */
	struct control_header h;
	uint32_t fresh; /* 1: the answer to a second WATCH */
};

struct control_dns { /* what the responder has counted */
	struct control_header h;
	char tailnet[MSG_NAME_MAX]; /* "": .all is it, else .zone */
	uint8_t zero[3];
	struct dns_counts all;
	struct dns_zone_stats zone;
};

struct control_text { /* STEP, PROBLEM: one line */
	struct control_header h;
	char text[1024];
};

struct control_end {
	struct control_header h;
	int32_t code;		     /* the exit code for tsgwctl: 0, 1, 3 */
	char text[CONTROL_TEXT_MAX]; /* one line to print, may be empty */
};
