// SPDX-License-Identifier: MIT
// Every message between the supervisor and its workers: sender, exact size, number of descriptors.
//
// The channel is a SOCK_SEQPACKET pair; one datagram is one struct from this page, which starts with
// struct msg_header. Structs hold no pointers. Parent tells, worker reports: a worker never asks root
// to do something. A message of an unknown type, of another size or with another number of
// descriptors ends the worker (in the worker: exit; in the supervisor: kill and restart).
//
// Configuration is declarative: BEGIN, then items in any order (a peer's allowed-ips follow their
// peer), then COMMIT. The worker compares the whole with what it runs and changes only what differs;
// connections and sessions of the unchanged survive. It answers READY with COMMIT's generation.
// Descriptors (LISTEN, UDP, TUN, UAPI) and live facts (PEER_UP, NODE, ENDPOINT) take effect at once.
#pragma once

#include <netinet/in.h>
#include <stdint.h>

#include "common/addr.h"

#define MSG_VERSION    1
#define MSG_SIZE_MAX   4096
#define MSG_FDS_MAX    2

#define MSG_NAME_MAX   33  /* tailnet name with NUL */
#define MSG_DOMAIN_MAX 254 /* DNS name with NUL */
#define MSG_PREFIXES   32  /* per message */
#define MSG_SERVERS    8   /* resolvers of one tailnet */
#define MSG_SEARCH_MAX 32  /* search domains of one tailnet */
#define WG_KEY	       32
#define MSG_USER_MAX   256 /* user's name with NUL */
#define MSG_HASH_MAX   128 /* crypto_pwhash_STRBYTES */

enum msg_type {
	/*                          sender    descriptors */
	MSG_HELLO = 1, /* parent -> 1 (stats memfd)  first message, once */
	MSG_BEGIN,     /* parent -> 0 */
	MSG_COMMIT,    /* parent -> 0 */
	MSG_READY,     /* worker -> 0 */
	MSG_LOG_LEVEL, /* parent -> 0 */
	MSG_PING, /* parent -> 0: are you alive? Answered in ipc_recv(), so by every worker's loop */
	MSG_PONG,  /* worker -> 0 */
	MSG_WAITS, /* worker -> 0 report: what it was given and cannot serve yet has changed */

	MSG_WG_TUN = 16,      /* parent -> 1 */
	MSG_WG_UDP,	      /* parent -> 1 or 2: IPv4 first, then IPv6 (see .has_v4, .has_v6) */
	MSG_WG_UAPI,	      /* parent -> 1 listening unix stream socket */
	MSG_WG_DEVICE,	      /* parent -> 0 item */
	MSG_WG_PEER,	      /* parent -> 0 item */
	MSG_WG_ALLOWED,	      /* parent -> 0 item, belongs to the last MSG_WG_PEER; repeatable */
	MSG_WG_ENDPOINT,      /* parent -> 0 live: a looked-up endpoint of a peer */
	MSG_WG_PEER_STATE,    /* worker -> 0 report: a peer went up or down */
	MSG_WG_SOCKET_WANTED, /* worker -> 0 report: UAPI changed listen-port or fwmark */
	MSG_WG_SOCKET_REFUSED, /* parent -> 0 live: such sockets cannot be had; those that are there stay */

	MSG_PROXY_CONFIG = 32, /* parent -> 0 item, exactly one */
	MSG_PROXY_SUFFIX,      /* parent -> 0 item: a suffix of its own */
	MSG_PROXY_HOST,	       /* parent -> 0 item: a line of [hosts] */
	MSG_PROXY_ROUTE,       /* parent -> 0 item: prefixes routed to one peer */
	MSG_PROXY_ALLOW,       /* parent -> 0 item: client networks */
	MSG_PROXY_DENY,	       /* parent -> 0 item: never reachable (veth pool, own addresses) */
	MSG_PROXY_LISTEN,      /* parent -> 1 live: an accepting TCP socket */
	MSG_PROXY_UNLISTEN,    /* parent -> 0 live */
	MSG_PROXY_PEER_UP,     /* parent -> 0 live: the node's report passed on */
	MSG_PROXY_NODE,	       /* parent -> 0 live: the node runs or not */
	MSG_PROXY_UDP,	       /* parent -> 1 live: a bound UDP socket at a listener's address */
	MSG_PROXY_UDP_USED,    /* worker -> 0 report: how many of these are in use */
	MSG_PROXY_USER,	       /* parent -> 0 item: who may log in */
	MSG_PROXY_RESOLVER,    /* parent -> 0 item: the tailnet's own resolvers, at most one */
	MSG_PROXY_SEARCH,      /* parent -> 0 item: a search domain; their order counts */

	MSG_DNS_ZONE = 48, /* parent -> 0 item: a tailnet; the following items belong to it */
	MSG_DNS_SUFFIX,	   /* parent -> 0 item */
	MSG_DNS_ROUTE,	   /* parent -> 0 item: routed prefixes */
	MSG_DNS_HOST,	   /* parent -> 0 item: a line of [hosts] */
	MSG_DNS_ALLOW,	   /* parent -> 0 item: clients that may see this zone */
	MSG_DNS_LISTEN,	   /* parent -> 2 live: UDP socket, accepting TCP socket */
	MSG_DNS_UNLISTEN,  /* parent -> 0 live */
	MSG_DNS_LINK,	   /* parent -> 1 live: a connection to a tailnet's resolve.sock */
	MSG_DNS_LINK_LOST, /* worker -> 0 report: such a connection has ended */

	MSG_HOST_LOOKUP = 64, /* parent -> 0 */
	MSG_HOST_ANSWER,      /* worker -> 0 */
	MSG_HOST_CONFIG,      /* parent -> 0 item, exactly one */
	MSG_HOST_PUBLISH, /* parent -> 1 live: a socket of publish; the same again: a new target */
	MSG_HOST_UNPUBLISH, /* parent -> 0 live */

	MSG_PROXY_CLIENTS_WANTED = 80, /* parent -> 0: tell of a page of connections */
	MSG_PROXY_CLIENT,	       /* worker -> 0 report: one of them */
	MSG_PROXY_CLIENTS_END,	       /* worker -> 0 report: that was the page */
	MSG_PROXY_FORWARD, /* parent -> 1 live: a socket of forward; the same again: a new target */
	MSG_PROXY_UNFORWARD, /* parent -> 0 live */
	MSG_PROXY_PUBLISHED, /* parent -> 0 item: a port of an own address that may be reached */
	MSG_PROXY_SPLIT,     /* parent -> 0 item: a domain and the resolvers for names under it */
	MSG_PROXY_SUFFIXES, /* parent -> 1 (memfd) item, at most one: those of all tailnets, ipc/suffixes.h */

	MSG_WEB_CONFIG = 96, /* parent -> 0 item, exactly one */
	MSG_WEB_NAME,	     /* parent -> 0 item: one more name by which browsers may ask */
	MSG_WEB_ALLOW,	     /* parent -> 0 item: clients that may see the page */
	MSG_WEB_TAILNET,     /* parent -> 0 item: a tailnet; the following items belong to it */
	MSG_WEB_SUFFIX,	     /* parent -> 0 item */
	MSG_WEB_SEES,	     /* parent -> 0 item: clients that may see this tailnet */
	MSG_WEB_ROUTE,	     /* parent -> 0 item: routed prefixes */
	MSG_WEB_ADDRESS,     /* parent -> 0 item: configured addresses in the tunnel */
	MSG_WEB_PORT,	     /* parent -> 0 item: a port of forward, or (.local) publish */
	MSG_WEB_LISTEN,	     /* parent -> 1 live: an accepting TCP socket */
	MSG_WEB_UNLISTEN,    /* parent -> 0 live */
	MSG_WEB_RECORD,	     /* parent -> 0 live: what is known of a tailnet now */
	MSG_WEB_FRONT,	     /* parent -> 0 live: counters of the front itself */
	MSG_WEB_DNS,	     /* parent -> 0 live: what the DNS responder has counted */
	MSG_WEB_FRESH,	     /* parent -> 0 live: these were the newest records and counters */
	MSG_WEB_WANTED,	     /* worker -> 0 report: it has use for newer ones, answered by FRESH */
	MSG_PROXY_RESOLVE,   /* parent -> 1 live: listening unix socket, see ipc/resolve.h */

	/* tsgw-host and a stock node (tailscaled) */
	MSG_ENGINE_CONFIG = 128, /* parent -> 0 item, at most one: what the node is to be */
	MSG_ENGINE_TAG,		 /* parent -> 0 item */
	MSG_ENGINE_ROUTES,	 /* parent -> 0 item: networks that it offers */
	MSG_ENGINE_KEY,		 /* parent -> 0 item, at most one: its auth key */
	MSG_ENGINE_NODE,	 /* parent -> 0 live: tailscaled was started, or is gone */
	MSG_ENGINE_CONN,	 /* parent -> 1 live: a connection to its LocalAPI */
	MSG_ENGINE_LOG,		 /* parent -> 1 live: the pipe that it logs to */
	MSG_ENGINE_ACT,		 /* parent -> 0 live: log in, log out, look again */
	MSG_ENGINE_STATE,	 /* worker -> 0 report: how it is with the node */
	MSG_ENGINE_CONNS,	 /* worker -> 0 report: how many connections are left */
	MSG_NETMAP_BEGIN,	 /* worker -> 0 report; then the items, then COMMIT */
	MSG_NETMAP_SELF,	 /* worker -> 0 item, exactly one, the first */
	MSG_NETMAP_PEER,	 /* worker -> 0 item */
	MSG_NETMAP_ROUTES, /* worker -> 0 item, belongs to the last MSG_NETMAP_PEER; repeatable */
	MSG_NETMAP_SEARCH, /* worker -> 0 item: a search domain; their order counts */
	MSG_NETMAP_SPLIT,  /* worker -> 0 item: a domain and its resolvers */
	MSG_NETMAP_COMMIT, /* worker -> 0 report */
	MSG_NETMAP_LIVE,   /* worker -> 0 report: how it is with one peer of the netmap */
};

struct msg_header {
	uint16_t type;
	uint16_t size; /* of the whole struct */
};

struct msg_hello {
	struct msg_header h;
	uint32_t version; /* MSG_VERSION */
	int32_t log_level;
};

struct msg_generation { /* BEGIN, COMMIT, READY; NETMAP_BEGIN, NETMAP_COMMIT */
	struct msg_header h;
	uint32_t generation;
};

struct msg_log_level {
	struct msg_header h;
	int32_t log_level;
};

struct msg_ping { /* PING, PONG */
	struct msg_header h;
};

/* A port of forward (made in the host's namespace, for tsgw-proxy) or publish (made in the tailnet's,
 * for tsgw-host): an accepting TCP or a bound UDP socket, and what is behind it. */
#include "ipc/msg-ports.h" /* of ports that are served */

/* ---- tsgw-wg ---- */

struct msg_wg_tun {
	struct msg_header h;
	uint16_t mtu;
	uint8_t vnet_hdr; /* IFF_VNET_HDR is set: 10-byte virtio_net_hdr before each packet */
	uint8_t uso;	  /* TUN_F_USO4|6 accepted, at some time */
};

struct msg_wg_udp {
	struct msg_header h;
	uint16_t port; /* that both are bound to, host order */
	uint8_t has_v4;
	uint8_t has_v6;
	uint32_t fwmark;
};

struct msg_wg_uapi {
	struct msg_header h;
};

struct msg_wg_device {
	struct msg_header h;
	uint8_t private_key[WG_KEY];
	struct prefix veth; /* the /30: inner packets to or from it are dropped; family 0 = none */
	uint16_t mtu;	    /* of the TUN, 0: as it is */
	uint8_t handshake_at_start; /* 1: handshake once with every peer that has an endpoint */
	uint8_t udp_gso;	    /* enum offload (common/offload.h); AUTO: until it is refused */
	uint8_t tun_offload;	    /* the same, without SENTINEL */
	uint8_t zero[3];
};

struct msg_wg_peer {
	struct msg_header h;
	uint8_t public_key[WG_KEY];
	uint8_t preshared_key[WG_KEY]; /* zero = none */
	struct hostport endpoint; /* family 0 = none; with a port: its name is being looked up */
	uint16_t persistent_keepalive_s;
	uint16_t zero;
};

struct msg_wg_allowed {
	struct msg_header h;
	uint32_t n;
	struct prefix prefixes[MSG_PREFIXES];
};

struct msg_wg_endpoint {
	struct msg_header h;
	uint8_t public_key[WG_KEY];
	struct hostport endpoint;
};

enum peer_state {
	PEER_UNKNOWN, /* no answer yet, none missing for 15 s */
	PEER_UP,      /* the last handshake that was tried succeeded */
	PEER_DOWN,    /* 15 s without an answer */
};

struct msg_peer_state { /* WG_PEER_STATE, PROXY_PEER_UP */
	struct msg_header h;
	uint8_t public_key[WG_KEY];
	uint32_t state; /* enum peer_state */
};

struct msg_wg_socket_wanted {
	struct msg_header h;
	uint16_t port;
	uint16_t zero;
	uint32_t fwmark;
};

struct msg_wg_socket_refused {
	struct msg_header h;
	uint16_t port; /* as wanted */
	uint16_t zero;
	uint32_t fwmark;
	int32_t error; /* positive errno */
};

/* ---- tsgw-proxy ---- */

struct msg_proxy_config {
	struct msg_header h;
	uint32_t connect_timeout_s;
	uint32_t idle_timeout_s;
	uint32_t half_close_timeout_s;
	uint32_t max_clients;
	uint32_t max_clients_per_address;
	uint32_t max_udp;
	uint32_t max_udp_per_address;
	uint32_t greeting_timeout_s;
	uint8_t has_ipv6; /* the tunnel has an IPv6 address */
	uint8_t users;	  /* clients log in as one of MSG_PROXY_USER */
	uint8_t log_connections;
	uint8_t keep_clients; /* who is connected is not asked for its address again */
};

struct msg_proxy_suffix {
	struct msg_header h;
	char suffix[MSG_DOMAIN_MAX];
	uint8_t zero[2];
};

struct msg_proxy_suffixes {
	struct msg_header h;
	uint32_t n;	 /* struct suffix_entry */
	uint64_t digest; /* another one for another table */
};

struct msg_host { /* PROXY_HOST, DNS_HOST: name relative to the suffix; several addresses = several messages */
	struct msg_header h;
	char name[MSG_DOMAIN_MAX];
	uint8_t zero[2];
	struct addr addr;
};

struct msg_proxy_route {
	struct msg_header h;
	uint8_t public_key[WG_KEY]; /* of the peer that has them */
	uint32_t n;
	struct prefix prefixes[MSG_PREFIXES];
};

struct msg_prefixes { /* PROXY_ALLOW, PROXY_DENY, DNS_ROUTE, DNS_ALLOW, ENGINE_ROUTES, NETMAP_ROUTES */
	struct msg_header h;
	uint32_t n;
	struct prefix prefixes[MSG_PREFIXES];
};

struct msg_proxy_user {
	struct msg_header h;
	char name[MSG_USER_MAX];
	char hash[MSG_HASH_MAX]; /* crypto_pwhash_str() */
};

enum client_protocol {
	CLIENT_UNKNOWN, /* nothing was said yet */
	CLIENT_SOCKS5,
	CLIENT_SOCKS4,
	CLIENT_HTTP,
	CLIENT_CONNECT,
	CLIENT_UDP,	/* a UDP association */
	CLIENT_FORWARD, /* a port of `forward` */
	CLIENT_PROTOCOLS
};

enum client_state {
	CLIENT_GREETING,   /* it has not said all, or is between two requests */
	CLIENT_LOGIN,	   /* its password is being checked */
	CLIENT_CONNECTING, /* the destination has not answered yet */
	CLIENT_OPEN,
	CLIENT_CLOSING,
	CLIENT_STATES
};

static inline const char *client_protocol_name(unsigned protocol)
{
	static const char *const names[CLIENT_PROTOCOLS] = {
		"-", "socks5", "socks4", "http", "connect", "udp", "forward"};

	return protocol < CLIENT_PROTOCOLS ? names[protocol] : "-";
}

#define MSG_CLIENTS_PAGE 32 /* at most so many before an end */

struct msg_clients_wanted {
	struct msg_header h;
	uint32_t id;
	uint64_t after; /* .number of the last one that is known, 0 = from the oldest on */
};

struct msg_client {
	struct msg_header h;
	uint32_t id;	 /* of the question */
	uint64_t number; /* grows from connection to connection */
	uint64_t up_bytes;
	uint64_t down_bytes;
	uint64_t age_ms;
	struct hostport client;
	struct hostport resolved; /* family 0 = not yet */
	uint16_t asked_port;
	uint8_t protocol;	    /* enum client_protocol */
	uint8_t state;		    /* enum client_state */
	char user[MSG_USER_MAX];    /* "" = none */
	char asked[MSG_DOMAIN_MAX]; /* as the client named it; "" = nothing yet */
	uint8_t zero[2];
};

struct msg_clients_end {
	struct msg_header h;
	uint32_t id;
	uint32_t more; /* there are more behind the last one */
};

struct msg_proxy_published {
	struct msg_header h;
	struct hostport at;
	uint32_t udp;
};

enum listen_kind {
	LISTEN_PRIMARY, /* clients are held against `allow` */
	LISTEN_VETH,	/* only .only may connect */
};

struct msg_proxy_listen { /* LISTEN, UNLISTEN (.at alone counts there) */
	struct msg_header h;
	struct hostport at;
	struct addr only; /* LISTEN_VETH: the host's side of the /30 */
	uint32_t kind;	  /* enum listen_kind */
};

struct msg_proxy_node {
	struct msg_header h;
	uint32_t alive;
};

struct msg_proxy_udp {
	struct msg_header h;
	struct hostport at; /* the listener; the socket has its address and a port of its own */
};

/* A report, not an order: root keeps the worker PROXY_UDP_SPARE sockets ahead of .n, and never gives
 * more than max-udp and those for one listener, so that lies lead nowhere. */
#define PROXY_UDP_SPARE 4

struct msg_proxy_udp_used {
	struct msg_header h;
	struct hostport at;
	uint32_t n; /* sockets of this listener in use or waited for, now */
};

struct msg_proxy_resolver {
	struct msg_header h;
	uint32_t n;
	struct addr servers[MSG_SERVERS]; /* port 53; asked in this order */
};

struct msg_proxy_split { /* PROXY_SPLIT, NETMAP_SPLIT */
	struct msg_header h;
	char domain[MSG_DOMAIN_MAX];
	uint8_t nobody; /* it has resolvers, but none that could be asked (DNS over HTTPS) */
	uint8_t zero;
	uint32_t n;
	struct addr servers[MSG_SERVERS]; /* none: such names do not exist but in the netmap */
};

struct msg_proxy_resolve {
	struct msg_header h;
};

struct msg_proxy_search { /* PROXY_SEARCH, NETMAP_SEARCH */
	struct msg_header h;
	char domain[MSG_DOMAIN_MAX];
	uint8_t zero[2];
};

#include "ipc/msg-dns.h" /* tsgw-dns's */

#include "ipc/engine.h" /* tsgw-host's, which need what stands above */

#include "ipc/msg-web.h" /* tsgw-web's */

/* Any of them, for receiving. */
union msg {
	struct msg_header h;
	struct msg_hello hello;
	struct msg_generation generation;
	struct msg_log_level log_level;
	struct msg_ping ping;
	struct msg_waits waits;
	struct msg_port port;
	struct msg_wg_tun wg_tun;
	struct msg_wg_udp wg_udp;
	struct msg_wg_uapi wg_uapi;
	struct msg_wg_device wg_device;
	struct msg_wg_peer wg_peer;
	struct msg_wg_allowed wg_allowed;
	struct msg_wg_endpoint wg_endpoint;
	struct msg_peer_state peer_state;
	struct msg_wg_socket_wanted wg_socket_wanted;
	struct msg_wg_socket_refused wg_socket_refused;
	struct msg_proxy_config proxy_config;
	struct msg_proxy_suffix proxy_suffix;
	struct msg_proxy_suffixes proxy_suffixes;
	struct msg_host host;
	struct msg_proxy_route proxy_route;
	struct msg_prefixes prefixes;
	struct msg_proxy_user proxy_user;
	struct msg_clients_wanted clients_wanted;
	struct msg_client client;
	struct msg_clients_end clients_end;
	struct msg_proxy_published proxy_published;
	struct msg_proxy_listen proxy_listen;
	struct msg_proxy_node proxy_node;
	struct msg_proxy_udp proxy_udp;
	struct msg_proxy_udp_used proxy_udp_used;
	struct msg_proxy_resolver proxy_resolver;
	struct msg_proxy_search proxy_search;
	struct msg_proxy_split proxy_split;
	struct msg_proxy_resolve proxy_resolve;
	struct msg_dns_zone dns_zone;
	struct msg_dns_suffix dns_suffix;
	struct msg_dns_listen dns_listen;
	struct msg_dns_link dns_link;
	struct msg_host_lookup host_lookup;
	struct msg_host_answer host_answer;
	struct msg_host_config host_config;
	struct msg_web_config web_config;
	struct msg_web_name web_name;
	struct msg_web_tailnet web_tailnet;
	struct msg_web_record web_record;
	struct msg_web_front web_front;
	struct msg_web_dns web_dns;
	struct msg_empty empty;
	struct msg_engine_config engine_config;
	struct msg_engine_tag engine_tag;
	struct msg_engine_key engine_key;
	struct msg_engine_node engine_node;
	struct msg_engine_act engine_act;
	struct msg_engine_state engine_state;
	struct msg_engine_conns engine_conns;
	struct msg_netmap_self netmap_self;
	struct msg_netmap_peer netmap_peer;
	struct msg_netmap_live netmap_live;
	uint8_t bytes[MSG_SIZE_MAX];
};
