// SPDX-License-Identifier: MIT
// The parts of a tailnet in the order in which they are made, and how each follows a new configuration.
//
// A start applies every part from nothing; a reload applies those that differ. The same table is what
// `tsgwd --check` prints (plan.c), so what is printed is what is done. Undo is the same table the other
// way round for a reload, and recover_tailnet() for a start: what the record names is removed.
#include "supervisor/tailnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/log.h"
#include "config/users.h"
#include "ipc/worker.h"
#include "supervisor/facts.h"
#include "supervisor/fdstore.h"
#include "supervisor/recover.h"
#include "supervisor/resolvesock.h"
#include "supervisor/retry.h"
#include "supervisor/resume.h"

/* What one UDP_SEGMENT send can carry of full packets: 45 × 1420 bytes of inner packets. */
#define TUN_GSO_MAX 61440

bool tailnet_is_stock(const struct tailnet_config *c)
{
	return c->engine == ENGINE_TAILSCALE && c->node == NODE_STOCK;
}

const char *tailnet_tun(const struct tailnet_config *c)
{
	return tailnet_is_stock(c) ? ENGINE_TUN : TAILNET_TUN;
}

uint16_t tailnet_mtu(const struct tailnet_config *c)
{
	if (c->mtu)
		return c->mtu;
	return c->wg && c->wg->mtu ? c->wg->mtu : TAILNET_MTU_DEFAULT;
}

static bool never(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return false;
}

/* What nearly every tailnet has goes into one record, before any of it is made: each record is a file of its own. */
static int record_ahead(struct tailnet *t, const struct tailnet_config *c)
{
	snprintf(t->made.link, sizeof(t->made.link), "%s", t->link);
	t->made.resolv_conf = true;
	if (!tailnet_is_stock(c))
		snprintf(t->made.uapi_link, sizeof(t->made.uapi_link), "%s", t->link);
	return tailnet_record(t);
}

static int make_namespace(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	bool ours = !tailnet_is_stock(new) && new->uplink == UPLINK_HOST; /* all links in it */
	int r = (ours ? netns_create_for_own : netns_create)(&t->netns_fd);

	if (r < 0)
		return r;
	fdstore_put(t->name, "netns", t->netns_fd);
	r = netns_identify(t->netns_fd, &t->made.netns);
	if (r == 0)
		r = record_ahead(t, new);
	if (r == 0)
		r = netns_pin(t->netns_fd, t->pin);
	return r < 0 ? r : links_open(t->netns_fd, &t->links);
}

static int make_veth(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	struct prefix host_side = {.addr = t->veth_host, .len = 30};
	struct prefix ns_side = {.addr = t->veth_ns, .len = 30};
	char alias[RECOVER_ALIAS_MAX];
	int r;

	recover_alias(&t->s->store, alias);
	r = links_veth(t->links, t->s->host_netns_fd, t->link, TAILNET_VETH, alias);
	if (r == 0)
		r = links_no_link_local(t->links, TAILNET_VETH);
	if (r == 0)
		r = links_add_address(t->links, TAILNET_VETH, &ns_side);
	if (r == 0)
		r = links_set_up(t->links, TAILNET_VETH);
	if (r == 0)
		r = links_add_address(t->s->host, t->link, &host_side);
	return r < 0 ? r : links_set_up(t->s->host, t->link);
}

static int open_tun(void *arg, int *ret_fd)
{
	int fd = tun_open(TAILNET_TUN, OFFLOAD_AUTO, arg, NULL);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static bool tun_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return !tailnet_is_stock(new) &&
		(tailnet_mtu(old) != tailnet_mtu(new) || old->tun_offload != new->tun_offload);
}

/* The stock node makes tailscale0 itself, with its addresses and routes. */
static int make_tun(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	int r;

	if (tailnet_is_stock(new))
		return 0;
	if (!old) {
		/* the child that opens it cannot tell us the flags; ask the descriptor */
		r = netns_run(t->netns_fd, open_tun, &t->tun_flags, &t->tun_fd);
		if (r < 0)
			return r == -ENOENT ? -ENODEV : r;
		fdstore_put(t->name, "tun", t->tun_fd);
		links_set_gso_max(t->links, TAILNET_TUN, TUN_GSO_MAX);
	}
	r = tun_query(t->tun_fd, new->tun_offload, &t->tun_flags);
	if (r == 0 && !old)
		r = links_no_link_local(t->links, TAILNET_TUN);
	if (r < 0)
		return r;
	return links_set_up_with_mtu(t->links, TAILNET_TUN, tailnet_mtu(new));
}

static bool prefixes_differ(const struct prefix_list *a, const struct prefix_list *b)
{
	return !prefix_list_equal(a, b);
}

static bool list_has(const struct prefix_list *l, const struct prefix *p)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (prefix_equal(&l->items[i], p))
			return true;
	return false;
}

static bool addresses_differ(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return !tailnet_is_stock(new) && prefixes_differ(&old->wg->addresses, &new->wg->addresses);
}

/* An address with a network gets no connected route by itself here: only allowed-ips are routed, as
 * wg-quick does it. So every address goes on as a host prefix. */
static int make_addresses(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	const struct prefix_list *before, *after;
	struct prefix p;
	int r;

	if (tailnet_is_stock(new))
		return 0;
	before = old ? &old->wg->addresses : NULL;
	after = &new->wg->addresses;
	for (size_t i = 0; before && i < before->n; i++) {
		p = prefix_of_addr(&before->items[i].addr);
		if (!list_has(after, &before->items[i]))
			(void)links_del_address(t->links, TAILNET_TUN, &p);
	}
	for (size_t i = 0; i < after->n; i++) {
		p = prefix_of_addr(&after->items[i].addr);
		r = links_add_address(t->links, TAILNET_TUN, &p);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool routes_differ(const struct tailnet_config *old, const struct tailnet_config *new)
{
	_cleanup_free_ struct prefix *a = NULL, *b = NULL;
	struct prefix_list before = {0}, after = {0};
	bool differ;

	if (tailnet_is_stock(new))
		return false;
	differ = config_routes(old, &before) < 0 || config_routes(new, &after) < 0 ||
		!prefix_list_equal(&before, &after);

	a = before.items;
	b = after.items;
	return differ || old->wg->table_off != new->wg->table_off;
}

static int compare_prefixes(const void *x, const void *y)
{
	const struct prefix *a = x, *b = y;
	int c = addr_compare(&a->addr, &b->addr);

	return c ? c : (int)a->len - (int)b->len;
}

void tailnet_sort_routes(struct prefix_list *l)
{
	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), compare_prefixes);
}

/* The difference of two sorted lists: removed from A on, added from B on. Linear, since a wg file
 * may hold a hundred thousand allowed-ips. */
static int move_routes(struct tailnet *t, const struct prefix_list *a, const struct prefix_list *b)
{
	_cleanup_free_ struct prefix *added = calloc(b->n + 1, sizeof(*added));
	size_t n_added = 0, i = 0, k = 0;
	int r;

	if (!added)
		return -ENOMEM;
	while (i < a->n || k < b->n) {
		int c = i == a->n   ? 1
			: k == b->n ? -1
				    : compare_prefixes(&a->items[i], &b->items[k]);

		if (c < 0) {
			r = links_del_route(t->links, TAILNET_TUN, &a->items[i++]);
			if (r < 0)
				return r;
		} else if (c > 0) {
			added[n_added++] = b->items[k++];
		} else {
			i++;
			k++;
		}
	}
	return n_added ? links_add_routes(t->links, TAILNET_TUN, added, n_added) : 0;
}

static int make_routes(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	struct prefix_list after = {0};
	int r;

	if (tailnet_is_stock(new))
		return 0;
	if (!new->wg->table_off) {
		r = config_routes(new, &after);
		if (r < 0)
			return r;
	}
	tailnet_sort_routes(&after);
	r = move_routes(t, &t->routes, &after);
	if (r < 0) {
		free(after.items);
		return r;
	}
	free(t->routes.items);
	t->routes = after;
	return 0;
}

static bool resolver_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	if (!addr_equal(&old->dns_server, &new->dns_server))
		return true;
	if (tailnet_is_stock(new))
		return false;
	if (old->wg->n_dns != new->wg->n_dns || old->wg->n_dns_search != new->wg->n_dns_search)
		return true;
	for (size_t i = 0; i < new->wg->n_dns; i++)
		if (!addr_equal(&old->wg->dns[i], &new->wg->dns[i]))
			return true;
	for (size_t i = 0; i < new->wg->n_dns_search; i++)
		if (strcmp(old->wg->dns_search[i], new->wg->dns_search[i]))
			return true;
	return false;
}

static int make_resolv_conf(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	const struct addr *dns;
	char *const *search;
	size_t n_dns = facts_resolvers(t, &dns), n_search = facts_search(t, &search);
	int r = resolvconf_write(&t->s->store, t->name, dns, n_dns, search, n_search);

	if (r == -EROFS || r == -EACCES) {
		retry_when_mounted(t);
		return 0;
	}
	t->unwritten = false;
	return r;
}

void tailnet_write_resolv_conf(struct tailnet *t)
{
	int r = make_resolv_conf(t, t->config, t->config);

	if (r < 0)
		log_warning(t->name, "resolv.conf", "cannot be written: %s", strerror(-r));
}

static bool sockets_differ(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return !tailnet_is_stock(new) &&
		(old->wg->listen_port != new->wg->listen_port ||
			old->wg->fwmark != new->wg->fwmark || old->udp_gro != new->udp_gro);
}

static int make_sockets(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	int r;

	if (tailnet_is_stock(new))
		return 0;
	r = node_renew_sockets(t, !old || old->wg->listen_port != new->wg->listen_port, new->wg);
	node_set_gro(t, new);
	return r < 0 || !old ? r : node_send_sockets(t);
}

static int make_uapi(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	mode_t mask;
	int r;

	if (tailnet_is_stock(new))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	(void)directory_make("/run/wireguard", 0755);
	snprintf(un.sun_path, sizeof(un.sun_path), "/run/wireguard/%s.sock", t->link);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 || listen(fd, TAILNET_UAPI_BACKLOG) < 0
		? -errno
		: 0;
	umask(mask);
	if (r < 0)
		return r;
	t->uapi_fd = take_fd(fd);
	fdstore_put(t->name, "uapi", t->uapi_fd);
	return 0;
}

static bool node_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	if (tailnet_is_stock(new))
		return engine_differs(old, new);
	return !wg_config_equal(old->wg, new->wg) || tailnet_mtu(old) != tailnet_mtu(new) ||
		old->udp_gso != new->udp_gso || old->tun_offload != new->tun_offload;
}

static int make_node(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	int r;

	if (tailnet_is_stock(new))
		return engine_make(t, old, new);
	r = endpoint_setup(t);
	if (r < 0)
		return r;
	if (!old) {
		worker_start_now(&t->node);
		return 0;
	}
	/* a node that is just being started again gets the new configuration by itself */
	return t->node.pid ? node_send_config(t) : 0;
}

bool tailnet_hosts_differ(const struct tailnet_config *a, const struct tailnet_config *b)
{
	if (a->n_hosts != b->n_hosts)
		return true;
	for (size_t i = 0; i < a->n_hosts; i++)
		if (strcmp(a->hosts[i].name, b->hosts[i].name) ||
			!addr_equal(&a->hosts[i].addr, &b->hosts[i].addr))
			return true;
	return false;
}

bool tailnet_suffixes_differ(const struct tailnet_config *a, const struct tailnet_config *b)
{
	if (a->n_suffixes != b->n_suffixes)
		return true;
	for (size_t i = 0; i < a->n_suffixes; i++)
		if (strcmp(a->suffixes[i], b->suffixes[i]))
			return true;
	return false;
}

bool tailnet_names_differ(const struct tailnet_config *a, const struct tailnet_config *b)
{
	return strcmp(a->name, b->name) || a->port != b->port || tailnet_suffixes_differ(a, b);
}

static bool proxy_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return tailnet_hosts_differ(old, new) || tailnet_suffixes_differ(old, new) ||
		(!tailnet_is_stock(new) && node_differs(old, new)) || resolver_differs(old, new) ||
		old->has_allow != new->has_allow || prefixes_differ(&old->allow, &new->allow) ||
		!users_equal(old, new) || old->log_connections != new->log_connections ||
		old->greeting_timeout_s != new->greeting_timeout_s ||
		!port_maps_equal(&old->publishes, &new->publishes) ||
		old->connect_timeout_s != new->connect_timeout_s ||
		old->idle_timeout_s != new->idle_timeout_s ||
		old->half_close_timeout_s != new->half_close_timeout_s ||
		old->max_clients != new->max_clients ||
		old->max_clients_per_address != new->max_clients_per_address ||
		old->max_udp != new->max_udp ||
		old->max_udp_per_address != new->max_udp_per_address;
}

static int make_proxy(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	if (!old) {
		t->proxy.netns_fd = t->netns_fd;
		t->proxy.option = tailnet_is_stock(new) ? WORKER_SPLIT_DNS : NULL;
		t->resolve_fd = resolvesock_bind(t->s->store.run_dir, t->name);
		if (t->resolve_fd < 0)
			return t->resolve_fd;
		fdstore_put(t->name, "resolve", t->resolve_fd);
		worker_start_now(&t->proxy);
		return 0;
	}
	withdraw_users(t, old, new);
	return t->proxy.pid ? proxy_send_config(t, false) : 0;
}

static int make_veth_listener(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	return proxy_open_veth(t);
}

static bool listeners_differ(const struct tailnet_config *old, const struct tailnet_config *new)
{
	/* a public address is listened on only where somebody said who may come in */
	return old->port != new->port || old->has_allow != new->has_allow ||
		!old->users_path != !new->users_path ||
		!port_maps_equal(&old->forwards, &new->forwards);
}

static int make_listeners(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	proxy_update_listeners(t);
	return 0;
}

static bool published_differ(const struct tailnet_config *old, const struct tailnet_config *new)
{
	if (!port_maps_equal(&old->publishes, &new->publishes))
		return true;
	return new->publishes.n &&
		(addresses_differ(old, new) || old->connect_timeout_s != new->connect_timeout_s ||
			old->idle_timeout_s != new->idle_timeout_s ||
			old->half_close_timeout_s != new->half_close_timeout_s);
}

static int make_published(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	host_update(t);
	publish_update(t);
	return 0;
}

const struct part tailnet_parts[] = {
	{"namespace", never, make_namespace, resume_namespace, false},
	{"link", never, make_veth, resume_link, false},
	{"tun", tun_differs, make_tun, resume_tun, false},
	{"addresses", addresses_differ, make_addresses, resume_addresses, false},
	{"routes", routes_differ, make_routes, resume_routes, true},
	{"resolv.conf", resolver_differs, make_resolv_conf, NULL, false},
	{"uplink", uplink_differs, uplink_make, resume_uplink, false},
	{"sockets", sockets_differ, make_sockets, resume_sockets, false},
	{"uapi", never, make_uapi, resume_uapi, false},
	{"veth-listener", never, make_veth_listener, resume_listeners, false},
	{"node", node_differs, make_node, resume_node, false},
	{"proxy", proxy_differs, make_proxy, resume_proxy, false},
	{"listeners", listeners_differ, make_listeners, NULL, false},
	{"published", published_differ, make_published, NULL, false},
};
const size_t tailnet_n_parts = ELEMENTSOF(tailnet_parts);
