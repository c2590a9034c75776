// SPDX-License-Identifier: MIT
// The counters page that a worker shares with the supervisor: a sealed memfd, written by the worker
// with relaxed atomics, read by root as plain numbers whenever somebody asks. Nothing is pushed, so an
// idle tailnet costs no wake-up; and since the memfd is sealed against shrinking, a hostile worker can
// only make its own numbers wrong.
#pragma once

#include <stdint.h>

#include "common/addr.h"

#define STATS_PEERS_MAX	   4096 /* peers of one node, also the node's own limit */

#define STAT_ADD(field, n) __atomic_fetch_add(&(field), (n), __ATOMIC_RELAXED)
#define STAT_SET(field, v) __atomic_store_n(&(field), (v), __ATOMIC_RELAXED)
#define STAT_GET(field)	   __atomic_load_n(&(field), __ATOMIC_RELAXED)

struct wg_peer_stats {
	uint8_t public_key[32];
	struct hostport endpoint; /* family 0 = none */
	uint64_t rx_bytes;	  /* as `wg show transfer` counts them */
	uint64_t tx_bytes;
	uint64_t last_handshake_s; /* CLOCK_REALTIME seconds of the last completed one, 0 = never */
	uint32_t state;		   /* enum peer_state */
	uint32_t n_allowed;
	uint16_t persistent_keepalive_s;
	uint16_t zero[3];
};

struct wg_counts { /* datagrams and packets, since the node started */
	uint64_t handshakes;
	uint64_t
		dropped_no_peer; /* outgoing: no allowed-ips entry, or nobody knows where the peer is */
	uint64_t dropped_source; /* decrypted, but from an address the peer may not use */
	uint64_t dropped_veth;	 /* to or from the /30 */
	uint64_t dropped_ecn;	 /* marked on the way, but its sender does not know such marks */
	uint64_t dropped_loop;	 /* WireGuard in WireGuard in …, too deep */
	uint64_t dropped_replay;
	uint64_t dropped_invalid; /* no such index, mac1, AEAD, length */
	uint64_t dropped_queue;	  /* a bounded queue was full */
	uint64_t cookies_sent;
	uint64_t unreachable_sent;    /* ICMP, to senders inside */
	uint64_t unreachable_limited; /* not sent: too many */
};

struct wg_stats {
	uint64_t rx_bytes; /* all peers, also removed ones */
	uint64_t tx_bytes;
	struct wg_counts counts;
	uint32_t n_peers;
	uint32_t listen_port;
	uint32_t set_by_hand; /* 1: wg(8) has changed something since the last configuration */
	uint32_t zero;
	struct wg_peer_stats peers[STATS_PEERS_MAX];
};

enum proxy_result { /* how connections ended up; also the order of the counters */
	PROXY_OK,
	PROXY_BAD_REQUEST, /* malformed greeting or request */
	PROXY_BAD_COMMAND,
	PROXY_BAD_ADDRESS_TYPE,
	PROXY_REFUSED_CLIENT, /* outside allow */
	PROXY_POLICY,	      /* not routed, or never proxied */
	PROXY_NO_NAME,
	PROXY_NO_IPV6,
	PROXY_TAILNET_DOWN,
	PROXY_PEER_LOST,
	PROXY_NET_UNREACHABLE,
	PROXY_HOST_UNREACHABLE,
	PROXY_CONN_REFUSED,
	PROXY_CONN_TIMEOUT,
	PROXY_GREETING_TIMEOUT,
	PROXY_LIMIT, /* max-clients */
	PROXY_INTERNAL,
	PROXY_LIMIT_ADDRESS,  /* max-clients-per-address */
	PROXY_NO_METHOD,      /* SOCKS5: no method of the client's is spoken here */
	PROXY_BAD_HTTP,	      /* malformed HTTP head */
	PROXY_HEAD_TOO_LARGE, /* of an HTTP request: bytes or fields */
	PROXY_BAD_BODY,	      /* the framing of a request's body */
	PROXY_ABANDONED,      /* the client left in the middle of its greeting or request */
	PROXY_BAD_LOGIN,      /* malformed user name or password */
	PROXY_NO_LOGIN,	      /* there are users, and the client did not name one */
	PROXY_WRONG_LOGIN,    /* unknown user, or wrong password */
	PROXY_LOGIN_LIMIT,    /* too many passwords wait to be checked */
	PROXY_RESULTS
};

enum proxy_udp_drop {	       /* why a datagram of a UDP association was dropped */
	PROXY_UDP_SOURCE,      /* not from the client, or not from its port */
	PROXY_UDP_MALFORMED,   /* its header */
	PROXY_UDP_FRAGMENT,    /* FRAG is not zero */
	PROXY_UDP_POLICY,      /* not routed, never proxied, another tailnet's name */
	PROXY_UDP_NO_NAME,     /* no such name */
	PROXY_UDP_DOWN,	       /* the node is not running */
	PROXY_UDP_UNREACHABLE, /* the kernel has no way there */
	PROXY_UDP_TOO_LONG,    /* does not fit into one datagram on its way on */
	PROXY_UDP_FULL,	       /* a buffer or queue was full */
	PROXY_UDP_STRANGER,    /* an answer from where the client never sent to */
	PROXY_UDP_DROPS
};

struct proxy_udp_stats {
	uint64_t associations; /* now */
	uint64_t opened;       /* ever */
	uint64_t up;	       /* datagrams client -> tailnet */
	uint64_t down;
	uint64_t up_bytes; /* payload */
	uint64_t down_bytes;
	uint64_t dropped[PROXY_UDP_DROPS];
};

struct udp_stats {	   /* of forwarded or published UDP ports */
	uint64_t sessions; /* now */
	uint64_t opened;   /* ever */
	uint64_t replaced; /* by a newer one of the same client */
	uint64_t full;	   /* datagrams for which there was no session left */
	uint64_t refused;  /* datagrams of clients outside allow */
	uint64_t failed;   /* sessions that an error or the policy ended */
	uint64_t dropped;  /* datagrams that a socket or the waiting room did not take */
	uint64_t up_bytes; /* client -> destination */
	uint64_t down_bytes;
};

struct proxy_stats {
	uint64_t clients;  /* now */
	uint64_t accepted; /* ever */
	uint64_t results[PROXY_RESULTS];
	uint64_t up_bytes; /* client -> tailnet */
	uint64_t down_bytes;
	uint64_t accept_paused; /* times that descriptors ran out */
	uint64_t login_queue_full;
	uint64_t login_sources_full; /* times that one had to make room */
	struct proxy_udp_stats udp;
	uint64_t dns_asked;    /* names sent to the tailnet's resolver */
	uint64_t dns_answered; /* of these, with addresses or "no such name" */
	uint64_t dns_timeouts; /* clients' names that no resolver answered in time */
	uint64_t dns_cache_hits;
	uint64_t dns_limit; /* clients' names refused: too many under way */
	uint64_t forwarded; /* of .accepted: by ports of forward */
	struct udp_stats forward_udp;
};

enum publish_result { /* how connections to published ports ended up */
	PUBLISH_OK,
	PUBLISH_NO_NAME,
	PUBLISH_UNREACHABLE,
	PUBLISH_REFUSED,
	PUBLISH_TIMEOUT,
	PUBLISH_LIMIT,
	PUBLISH_INTERNAL,
	PUBLISH_RESULTS
};

struct host_stats {
	uint64_t connections; /* now */
	uint64_t accepted;    /* ever */
	uint64_t results[PUBLISH_RESULTS];
	uint64_t up_bytes; /* tailnet -> service */
	uint64_t down_bytes;
	uint64_t accept_paused;
	uint64_t lookups; /* asked of the host's resolver */
	uint64_t lookups_full;
	struct udp_stats udp;
};

/* "ok", "bad_request", …: the words of `status --json`. */
static inline const char *proxy_result_name(unsigned result)
{
	static const char *const names[PROXY_RESULTS] = {"ok", "bad_request", "bad_command",
		"bad_address_type", "refused_client", "policy", "no_name", "no_ipv6",
		"tailnet_down", "peer_lost", "net_unreachable", "host_unreachable", "conn_refused",
		"conn_timeout", "greeting_timeout", "limit", "internal", "limit_address",
		"no_method", "bad_http", "head_too_large", "bad_body", "abandoned", "bad_login",
		"no_login", "wrong_login", "login_limit"};

	return result < PROXY_RESULTS ? names[result] : "unknown";
}

#define STATS_ZONES_MAX 4096

struct dns_zone_stats {	  /* of the questions about one tailnet's names */
	char tailnet[40]; /* "" = nobody's */
	uint64_t rcodes[16];
	uint64_t asked;	   /* questions sent into the tailnet */
	uint64_t answered; /* of these */
	uint64_t cache_hits;
	uint64_t timeouts; /* clients' questions that the tailnet did not answer in time */
	uint64_t down;	   /* for which there was nobody to ask */
	uint64_t full; /* refused: too many under way, in all, of the tailnet or of the client */
	uint64_t unrouted; /* addresses left out of answers: the tailnet does not route them */
};

struct dns_counts {
	uint64_t queries_udp;
	uint64_t queries_tcp;
	uint64_t rcodes[16];
	uint64_t dropped;	  /* no answer was due, or a connection was one too many */
	uint64_t tcp_connections; /* now */
	uint64_t tcp_opened;
	uint64_t tcp_evicted;	/* of these, closed to make room */
	uint64_t tcp_refused;	/* too many of one client */
	uint64_t tcp_paused;	/* times that descriptors ran out */
	uint64_t cache_entries; /* now */
	uint64_t cache_bytes;
	uint64_t cache_evicted; /* ever, for want of room */
	uint64_t zones_full;	/* zones that have no counters */
};

struct dns_stats {
	struct dns_counts all;
	struct dns_zone_stats zones[STATS_ZONES_MAX];
};

struct web_stats {
	uint64_t connections; /* now */
	uint64_t accepted;    /* ever */
	uint64_t refused;     /* clients outside web-allow */
	uint64_t limit;	      /* connections closed: too many, or too many of one client */
	uint64_t slow; /* connections closed: a request, or taking its answer, took too long */
	uint64_t responses[6]; /* by the first digit of the code */
	uint64_t misdirected;  /* Host header of somebody else */
};
