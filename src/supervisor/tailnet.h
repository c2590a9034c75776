// SPDX-License-Identifier: MIT
// One tailnet: what it has, which state it is in, how it is started, changed and stopped.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "common/sockets.h"
#include "config/names.h"
#include "ipc/control.h"
#include "supervisor/clients.h"
#include "supervisor/engine.h"
#include "config/expose.h"
#include "supervisor/told.h"
#include "supervisor/netns.h"
#include "supervisor/supervisor.h"
#include "supervisor/uplink.h"
#include "supervisor/worker.h"

#define TAILNET_VETH	     "veth0" /* its end in the namespace */
#define TAILNET_VETH_PORT    1080
#define TAILNET_MTU_DEFAULT  1420
#define TAILNET_UAPI_BACKLOG 16
#define TAILNET_TUN	     "wg0"

struct listener {
	struct hostport at;
	int fd;
	uint32_t udp_given; /* sockets for UDP associations that the worker has */
	uint32_t udp_used;  /* most that it has reported to use at once */
};

struct port_socket { /* of forward or publish */
	struct hostport at;
	bool udp, local;
	int fd;
	char host[MSG_DOMAIN_MAX]; /* where it leads to */
	uint16_t port;
};

struct port_table {
	struct port_socket *items;
	size_t n;
	char reason[192]; /* what could not be opened, "" else */
};

struct endpoint { /* a looked-up endpoint name */
	uint8_t public_key[32];
	char name[MSG_DOMAIN_MAX];
	struct hostport found; /* addr.family 0 = not yet */
	uint32_t zone;	       /* index of the interface that .name gives, 0 = none */
	uint32_t asked_id;     /* 0 = no question is out */
	uint32_t backoff_s;
	uint64_t asked_ms; /* last */
	uint64_t again_ms; /* ask again then, 0 = only when the peer goes down */
};

struct netmap;
struct watched { /* watch.c: numbers of the last change, 0 = not told yet */
	uint64_t digest;
	uint64_t record;
	uint64_t facts;
};

#define RESUME_DRAIN_MAX 4 /* processes of earlier builds that keep their connections */

struct leftover { /* a process that an earlier supervisor started and that is no worker of ours */
	struct made_process process;
	int pidfd;
	sd_event_source *source;
};

struct tailnet {
	struct supervisor *s;
	char name[MSG_NAME_MAX];
	char link[LINK_NAME_MAX];
	char pin[48];
	struct tailnet_config *config; /* of s->config; NULL only while it is removed */

	enum tailnet_state state;
	char reason[CONTROL_REASON_MAX];
	bool wanted;	/* up was asked for */
	bool refused;	/* a foreign object stands in the way */
	bool late;	/* ready-timeout has passed */
	bool unwritten; /* resolv.conf could not be written */
	uint64_t started_ms;
	int error;	    /* -errno with which it failed */
	struct retry retry; /* since it was up */
	sd_event_source *ready_timer, *retry_timer, *listen_timer, *lookup_timer, *udp_timer;

	int lock_fd;
	int heal_fd;		       /* of RUN/NAME, watched; -1 = not */
	bool heal_due;		       /* something was deleted there */
	struct made made, made_before; /* of this supervisor, of the one before */
	struct leftover left[STORE_PIDS_MAX];
	size_t n_left;
	int netns_fd;
	struct links *links;
	struct prefix veth; /* the /30 */
	uint32_t slot;
	struct addr veth_host, veth_ns;
	int tun_fd;
	struct tun_flags tun_flags;
	int udp4_fd, udp6_fd;
	uint16_t udp_port;
	bool udp_port_by_hand; /* wg(8) has asked for it */
	uint32_t udp_fwmark;
	int uapi_fd;
	int resolve_fd; /* RUN/NAME/resolve.sock */
	struct listener veth_listener;
	struct listener listeners[CONTROL_LISTEN_MAX];
	size_t n_listeners;
	char listen_reason[256];
	struct port_table forwards, published;
	struct prefix_list routes; /* in the main table of the namespace */
	struct netmap *netmap;	   /* engine tailscale: the last one that was reported, or NULL */
	struct uplink_state uplink;
	struct worker node, proxy, host;
	struct stock engine; /* engine tailscale, node = stock: in place of .node */
	struct clients_page clients_page;
	struct told told;
	struct prefix_list told_allow; /* withdraw.c: who may come in, as tsgw-proxy knows it */
	struct watched watched;
	struct endpoint *endpoints;
	size_t n_endpoints;
	uint32_t lookup_id;
};

int tailnet_new(struct supervisor *s, struct tailnet_config *config, struct tailnet **ret);
void tailnet_free(struct tailnet *t); /* NULL is fine; stops it first */

/* Takes RUN/NAME/lock. -EAGAIN after having logged who holds it. */
int tailnet_lock(struct tailnet *t);
/* Makes everything and starts the workers; failures become the state `failed` and are retried. */
void tailnet_start(struct tailnet *t);
/* True if it runs now with what the supervisor before us has left. Call before tailnet_start(). */
bool tailnet_resume(struct tailnet *t);
/* Soon, from the event loop: everything is removed and made again, because of WHY. */
void tailnet_rebuild(struct tailnet *t, const char *why);
/* Which /30 and uids it has. */
int tailnet_allocate(struct tailnet *t);
/* Lets go of everything, alive, for the next supervisor. */
void tailnet_leave(struct tailnet *t);
/* Removes everything, keeps lock and control socket. */
void tailnet_stop(struct tailnet *t);
/* Removes everything it made, keeps `wanted`. */
void tailnet_teardown(struct tailnet *t);
bool tailnet_is_settled(const struct tailnet *t);
/* The peers that count: who has an endpoint, a name of one, or has ever called. */
struct peers_seen {
	uint32_t counted, up, down;
	uint8_t first_missing[32];
};
void tailnet_see_peers(const struct tailnet *t, struct peers_seen *ret);
/* State from what is known; tells the supervisor if it changed. */
void tailnet_evaluate(struct tailnet *t);
/* The netmap changed: everything that rests on facts.h follows. */
void tailnet_facts_changed(struct tailnet *t);
/* The host's addresses changed: listeners and default `allow` follow. */
void tailnet_addresses_changed(struct tailnet *t);

/* build.c: the parts of a tailnet in the order in which they are made. Each brings the real thing
 * from what OLD says (NULL = nothing is there) to what NEW says. */
struct part {
	const char *name;
	/* Does NEW ask for something else than OLD? Never called with NULL. */
	bool (*differs)(const struct tailnet_config *old, const struct tailnet_config *new);
	int (*apply)(struct tailnet *t, const struct tailnet_config *old,
		const struct tailnet_config *new);
	/* Takes over what an earlier supervisor has made, see resume.h. NULL: .apply() from nothing
	 * does no harm to what is there. */
	int (*resume)(struct tailnet *t);
	bool resume_applies; /* .apply() follows .resume() */
};
extern const struct part tailnet_parts[];
extern const size_t tailnet_n_parts;
/* [hosts], and suffixes, in their order. */
bool tailnet_hosts_differ(const struct tailnet_config *a, const struct tailnet_config *b);
bool tailnet_suffixes_differ(const struct tailnet_config *a, const struct tailnet_config *b);
/* Would other tailnets' listeners name this one differently? */
bool tailnet_names_differ(const struct tailnet_config *a, const struct tailnet_config *b);
void tailnet_sort_routes(struct prefix_list *l);
bool tailnet_is_stock(const struct tailnet_config *c);	 /* its node is tailscaled */
const char *tailnet_tun(const struct tailnet_config *c); /* the node's interface inside */
void tailnet_write_resolv_conf(struct tailnet *t);
uint16_t tailnet_mtu(const struct tailnet_config *c);

/* node.c: what tsgw-wg and tsgw-host are told and report. */
extern const struct worker_ops node_ops;
extern const struct worker_ops endpoint_ops;
int node_send_config(struct tailnet *t);
int node_send_sockets(struct tailnet *t);
int node_open_sockets(struct tailnet *t, uint16_t port, uint32_t fwmark);
/* As WG says, where that is another port or mark than there was, or wg(8) has changed them. */
int node_renew_sockets(struct tailnet *t, bool other_port, const struct wg_config *wg);
/* Has wg(8) changed them since the configuration was told: port or mark; keys or peers? */
bool node_sockets_by_hand(const struct tailnet *t);
bool node_set_by_hand(const struct tailnet *t);
void node_set_gro(struct tailnet *t, const struct tailnet_config *config);
/* Rebuilds the table of endpoint names from the configuration, keeping what was found. */
int endpoint_setup(struct tailnet *t);
void endpoint_ask(struct tailnet *t);
void endpoint_hurry(
	struct tailnet *t); /* the network may be back: those that wait are asked for now */

/* Starts tsgw-host if there is something for it to do, ends it if not; tells it its timeouts. */
void host_update(struct tailnet *t);
int host_send_config(struct tailnet *t);

/* ports.c: the sockets of forward and publish. */
void forward_close_stale(struct tailnet *t, const struct expose *e);
void forward_open_missing(struct tailnet *t, const struct expose *e);
int forward_send(struct tailnet *t); /* all of them, to a new tsgw-proxy */
void publish_update(struct tailnet *t);
int publish_send(struct tailnet *t); /* all of them, to a new tsgw-host */
void ports_close(struct tailnet *t);
void ports_leave(struct tailnet *t);
int ports_resume(struct tailnet *t); /* those of the descriptor store */

/* publish.c: what tsgw-proxy is told. */
extern const struct worker_ops proxy_ops;
int proxy_send_config(struct tailnet *t, bool keep_clients);

/* withdraw.c: proxies of earlier builds are ended if NOW admits fewer, if a user is gone. */
void withdraw_allow(struct tailnet *t, const struct prefix_list *now);
void withdraw_users(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new);
int proxy_send_resolver(struct tailnet *t); /* resolvers.c: whom it asks for which names */
/* Opens missing listeners, closes superfluous ones. */
void proxy_update_listeners(struct tailnet *t);
/* listenorder.c: as the primaries are, for the first one is what people are told. */
void listeners_sort(struct listener *items, size_t n, const struct expose *e);
/* Tries again soon to open what could not be opened, published ports too. */
void proxy_retry_listeners(struct tailnet *t);
void proxy_close_listeners(struct tailnet *t);
int proxy_open_veth(struct tailnet *t);
int proxy_remake_veth(struct tailnet *t); /* on a new link */
void proxy_tell_node(struct tailnet *t);

/* associate.c: the proxy's host-side sockets for UDP associations. */
void associate_fill(struct tailnet *t);
int associate_report(struct tailnet *t, const struct msg_proxy_udp_used *m);
void associate_forget(struct tailnet *t);

int tailnet_record(void *owner); /* worker_ops.record */
