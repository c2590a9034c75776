// SPDX-License-Identifier: MIT
// Links, addresses and routes over rtnetlink (libnl-route-3), in the host's namespace or a tailnet's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "config/expose.h"

struct links; /* a netlink socket that lives in one namespace */

/* NETNS_FD -1: the caller's own namespace. 0 or -errno. */
int links_open(int netns_fd, struct links **ret);
void links_close(struct links *l);

struct link_info {
	int ifindex;
	char name[16];
	char alias[256]; /* "" = none */
	char kind[16];	 /* "veth", "tun", … */
	uint32_t group;	 /* 0 = none */
	bool up;
	uint32_t mtu;
};
/* -ENODEV if there is none. */
int links_find(struct links *l, const char *name, struct link_info *ret);

/* Makes a veth pair, NS_NAME in namespace L, HOST_NAME in HOST_NETNS_FD. The host's end is marked
 * from birth, first by the group links_group(ALIAS), then by ALIAS, and dies with the namespace if
 * we do. -EEXIST if HOST_NAME is taken. */
int links_veth(struct links *l, int host_netns_fd, const char *host_name, const char *ns_name,
	const char *alias);
uint32_t links_group(const char *alias);
int links_delete(struct links *l, const char *name); /* -ENODEV if there is none */
int links_set_group(struct links *l, const char *name, uint32_t group);
int links_delete_group(struct links *l, uint32_t group); /* every link that is in it */
int links_set_up(struct links *l, const char *name);
int links_set_up_with_mtu(struct links *l, const char *name, uint32_t mtu);
/* No IPv6 address by itself; before it comes up. A kernel without IPv6 is not an error. */
int links_no_link_local(struct links *l, const char *name);
/* A question that waits for no lock. Its index, or -ENODEV. */
int links_find_index(struct links *l, const char *name);
int links_set_mtu(struct links *l, const char *name, uint32_t mtu);
/* IFLA_GSO_MAX_SIZE (and IPv4's own on 6.3+); a kernel that does not know it is not an error. */
int links_set_gso_max(struct links *l, const char *name, uint32_t bytes);
/* NODAD for IPv6. -EEXIST is success. */
int links_add_address(struct links *l, const char *name, const struct prefix *p);
int links_del_address(
	struct links *l, const char *name, const struct prefix *p); /* none = success */
/* A device route in the main table; existing = success. For an IPv4 prefix that SRC (family 0 =
 * none) is given, as source. */
int links_add_route(struct links *l, const char *name, const struct prefix *p);
int links_add_routes(
	struct links *l, const char *name, const struct prefix *p, size_t n);	/* batched */
int links_del_route(struct links *l, const char *name, const struct prefix *p); /* none = success */

/* Every address of the namespace with its interface, and every non-default route of every table,
 * for the pool and the exposure. Fresh arrays. */
int links_addresses(struct links *l, struct link_address **ret, size_t *ret_n);
/* The same of the link NAME alone; none if there is no such link. */
int links_addresses_of(struct links *l, const char *name, struct link_address **ret, size_t *ret_n);
int links_routes(struct links *l, struct prefix **ret, size_t *ret_n);
/* The routes in the main table that links_add_route() has made for the link NAME. */
int links_device_routes(struct links *l, const char *name, struct prefix **ret, size_t *ret_n);
/* IPv4 addresses and routes in one list, for the pool, less those of the link EXCEPT (NULL = none): a tailnet's own. */
int links_used(struct links *l, const char *except, struct prefix **ret, size_t *ret_n);
/* The same less those of every link that EXCEPT (NULL = none) says yes to, of the addresses A, that were just read. */
int links_used_but(struct links *l, const struct link_address *a, size_t n_a,
	bool (*except)(void *arg, const char *ifname), void *arg, struct prefix **ret,
	size_t *ret_n);

/* A second socket of the caller's own namespace that is subscribed to link and address events:
 * poll its descriptor, call links_watch_drain() when readable: 1 something changed (or events were
 * lost), 0 nothing, -errno. */
int links_watch_open(struct links **ret);
/* The same in the namespace NETNS_FD, for the RTNLGRP_… in GROUPS. */
int links_watch_groups(int netns_fd, const int *groups, size_t n, struct links **ret);
/* Of links that are named PREFIX… it hears of OWN alone (NULL: of none): where every tailnet has a supervisor, each
 * would be woken by all that the others do. Where this cannot be had, it hears of all. */
void links_watch_less(struct links *l, const char *prefix, const char *own);
int links_watch_fd(const struct links *l);
int links_watch_drain(struct links *l);
/* The same; 2: nothing but of the link with the index OWN. */
int links_watch_drain_but(struct links *l, int own);
