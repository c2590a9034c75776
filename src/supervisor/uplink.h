// SPDX-License-Identifier: MIT
// How a tailnet's encrypted side leaves: by the host (nothing to make), pasta, veth with NAT, or a macvlan; and
// the way of advertised routes.
//
// All of them fail closed in the same way. The namespace's main table stays as it is. The way out is in a
// table of its own, which a rule reaches only for packets that carry the node's mark, and a filter on the
// outgoing link lets no other leave. So when the node is dead, nothing has a way out.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "supervisor/links.h"
#include "supervisor/nft.h"
#include "supervisor/retry.h"
#include "supervisor/store.h"

struct tailnet;
struct supervisor;

#define UPLINK_MARK	  0x80000u  /* tailscaled's own mark for what must not enter its tunnel */
#define UPLINK_LAN_MARK	  0x20000u  /* answers of the gateway's own network, see advertise-routes */
#define UPLINK_MASK	  0xff0000u /* the bits of a mark that are tailscaled's */
#define UPLINK_TABLE	  77
#define UPLINK_LAN_TABLE  78
#define UPLINK_PREF	  5000 /* of the rule for the mark; tailscaled's own start at 5210 */
#define UPLINK_PREF_DNS	  5001
#define UPLINK_PREF_LAN	  5002
#define UPLINK_PREF_VETH  5003 /* the host's side of the /30, whatever the tailnet routes */
#define UPLINK_PREF_ROUTE 5100 /* from the tailnet to an advertised network */
#define UPLINK_LINK	  "up0"
#define UPLINK_OUTS_MAX	  4
#define UPLINK_OUTS6_MAX  2 /* for IPv6 */
#define UPLINK_KIND	  6 /* of pasta's uid: uid-base + 8*slot + kind */
#define UPLINK_NODE_KIND  7 /* of tailscaled's */

struct pasta {
	pid_t pid; /* 0 = not running */
	int pidfd;
	uid_t uid;
	int output;
	char last[160]; /* what it said last */
	uint64_t started_ms;
	struct retry retry;
	bool again; /* ended to be started anew at once */
	sd_event_source *exit_source, *output_source, *restart_source;
};

struct uplink_state {
	enum uplink kind;     /* that is made; UPLINK_DEFAULT = none */
	int netns_fd;	      /* a macvlan's own namespace, for a node of ours; else -1 */
	struct links *links;  /* of the namespace that holds up0 */
	struct links *inside; /* hears of links in the tailnet's namespace */
	sd_event_source *inside_source;
	struct nft *nft; /* of the host; NULL = nothing was made there */
	struct pasta pasta;
	char outs[UPLINK_OUTS_MAX][16]; /* interfaces of the host by which it leaves */
	bool has_macvlan;
	bool ipv6;	      /* pasta and veth: it carries IPv6 */
	bool ipv6_blocked;    /* by the host's firewall */
	const char *ipv6_why; /* why it does not, NULL = not known */
	char reason[192];     /* why it does not carry, "" else */
	char note[96];	      /* what the user should know, "" else */
};

void uplink_init(struct tailnet *t);
/* The part: made before the node is started. A reload changes only what routes and resolvers need; for
 * another uplink the tailnet is made anew. On an error .reason says more. */
bool uplink_differs(const struct tailnet_config *old, const struct tailnet_config *new);
int uplink_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new);
/* Ends pasta and closes what is open; what is in the record is recover_tailnet()'s. */
void uplink_teardown(struct tailnet *t);
/* Its processes, for the record. Returns how many of RET are filled. */
size_t uplink_describe(const struct tailnet *t, struct made_process ret[1]);
/* "veth, forwarded by eth0, IPv4 only", for people. */
void uplink_describe_words(const struct tailnet *t, char *ret, size_t size);
/* Lines for `tsgwd --check`. */
void uplink_say(
	const struct tailnet_config *c, void (*say)(void *arg, const char *line), void *arg);

/* A node of ours: the namespace of its sockets (-1 = the host's), and the mark that they need. */
int uplink_netns(const struct tailnet *t);
uint32_t uplink_fwmark(const struct tailnet_config *c, uint32_t fwmark);
/* The stock node's resolvers: bootstrap-dns, else uplink-dns, else the host's own upstream servers.
 * Returns how many. Only the process with uid-base + 8*slot + UPLINK_NODE_KIND reaches them. */
#define UPLINK_RESOLVERS_MAX 3
size_t uplink_resolvers(const struct tailnet_config *c, struct addr ret[UPLINK_RESOLVERS_MAX]);
uid_t uplink_node_uid(const struct tailnet *t);

/* Removes the host's part of what an earlier run of NAME has made: table, forwarding. 0 or -errno. */
int uplink_recover(
	const struct store *s, const char *name, struct links *host, const struct made *made);
/* Routes, links or rules of the host have changed. */
void uplink_look_again(struct tailnet *t, bool rules_changed);

/* uplink-watch.c: tells all tailnets of a supervisor about changes of the host's network. */
struct uplink_watch;
int uplink_watch_start(struct supervisor *s); /* started already = success */
void uplink_watch_free(struct uplink_watch *w);
/* From now on, while a tailnet is forwarded, for rules that the kernel does not tell of. */
void uplink_watch_legacy(struct supervisor *s);

/* uplink-pasta.c */
int pasta_make(struct tailnet *t);
void pasta_again(struct tailnet *t); /* with or without IPv6 now */
void pasta_stop(struct tailnet *t);
/* uplink-macvlan.c: 0, or -ENODEV as long as there is no such interface. */
int macvlan_make(struct tailnet *t);
/* uplink-inside.c: rules, routes and the filter in the tailnet's namespace. */
int inside_make(struct tailnet *t);
void inside_forward(struct tailnet *t); /* on the TUN, which the stock node makes when it likes */
/* uplink-host.c: forwarding and NAT on the host, for veth and advertise-routes. */
bool host_side_wanted(const struct tailnet_config *c);
int host_side_make(struct tailnet *t);
bool host_side_moved(struct tailnet *t); /* other interfaces lead out now */
/* uplink-ipv6.c: what the namespace sends IPv6 from, where there is a translation. */
extern const struct prefix uplink_ipv6_pool;
extern const struct addr uplink_ipv6_far;
struct addr uplink_ipv6_of(
	const struct addr *v4);		    /* the address that goes with one of the veth pool */
bool uplink_ipv6_decide(struct tailnet *t); /* true: it was otherwise before */
int uplink_ipv6_route(struct tailnet *t, const char *ifname); /* in the namespace */
int uplink_ipv6_host(struct tailnet *t);		      /* on the host's side of the veth */
const char *uplink_ipv6_words(const struct tailnet *t, char *buf, size_t size);
/* uplink-firewall.c: sends one packet that does not get far; -EPERM and why if the host's firewall drops it. */
struct nat_host;
int firewall_probe(struct tailnet *t, const struct nat_host *table, const char *comment,
	const struct addr *target, char *ret_why, size_t size);
