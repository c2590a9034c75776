// SPDX-License-Identifier: MIT
// What an earlier supervisor left behind is taken over, where systemd has kept its descriptors.
//
// A tailnet is taken over part by part, in the order in which it would be made: each part takes its
// descriptors from the store, holds them against the record and the kernel, and brings what is there to
// what the newest configuration says, however old the one is by which it was made. A worker is told all of
// it as by a reload, so its connections go on. If any part is not as it should be, the whole tailnet is
// given up and made anew as after a start without a store: nothing here has to be mended.
//
// A worker of another build gives its place to a new one. tsgw-wg is ended first: what is sent meanwhile
// waits in the sockets and in the kernel's TCP. tsgw-proxy and tsgw-host are told to drain (SIGUSR1, which
// every build understands, whatever its messages are): they close their listeners, which we hold too, and
// leave when their last connection ends. Until then the record names them (struct tailnet, .left).
#include "supervisor/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "ipc/stats.h"
#include "ipc/worker.h"
#include "supervisor/fdstore.h"
#include "supervisor/recover.h"

/* ---- processes of earlier supervisors ---- */

static void left_forget(struct tailnet *t, size_t i)
{
	struct leftover *l = &t->left[i];

	sd_event_source_disable_unref(l->source);
	fd_close(l->pidfd);
	t->left[i] = t->left[--t->n_left];
}

static int left_on_exit(sd_event_source *s, int fd, uint32_t revents, void *userdata)
{
	struct tailnet *t = userdata;

	for (size_t i = 0; i < t->n_left; i++) {
		if (t->left[i].source != s)
			continue;
		log_info(t->name, NULL, "process %d of an earlier build has ended",
			(int)t->left[i].process.pid);
		left_forget(t, i);
		(void)tailnet_record(t);
		break;
	}
	return 0;
}

/* All that the record names and that still live. */
static void left_read(struct tailnet *t)
{
	for (size_t i = 0; i < STORE_PIDS_MAX && t->n_left < ELEMENTSOF(t->left); i++) {
		struct leftover l = {.process = t->made.processes[i],
			.pidfd = recover_open_process(&t->made.processes[i])};

		if (l.pidfd >= 0)
			t->left[t->n_left++] = l;
	}
}

static void left_end(struct tailnet *t, size_t i)
{
	recover_end_process(t->left[i].pidfd);
	left_forget(t, i);
}

static void left_end_of(struct tailnet *t, uid_t uid)
{
	for (size_t i = t->n_left; i-- > 0;)
		if (t->left[i].process.uid == uid)
			left_end(t, i);
}

/* It keeps its connections; who is not of a kind that can do so, or one too many, is ended. */
static void left_settle(struct tailnet *t)
{
	size_t draining = 0;

	for (size_t i = t->n_left; i-- > 0;) {
		struct leftover *l = &t->left[i];
		bool drains = l->process.uid == t->proxy.uid || l->process.uid == t->host.uid;

		if (l->process.pid == t->node.pid || l->process.pid == t->proxy.pid ||
			l->process.pid == t->host.pid) {
			left_forget(t, i);
			continue;
		}
		if (!drains || draining == RESUME_DRAIN_MAX ||
			sd_event_add_io(
				t->s->event, &l->source, l->pidfd, EPOLLIN, left_on_exit, t) < 0) {
			left_end(t, i);
			continue;
		}
		draining++;
		recover_signal_process(l->pidfd, SIGUSR1);
		log_info(t->name, NULL, "process %d of an earlier build keeps its connections",
			(int)l->process.pid);
	}
	(void)tailnet_record(t);
}

void resume_forget(struct tailnet *t)
{
	while (t->n_left)
		left_forget(t, t->n_left - 1);
}

static bool is_worker(const struct worker *const *workers, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (workers[i]->pid == pid)
			return true;
	return false;
}

int tailnet_record(void *owner)
{
	struct tailnet *t = owner;
	const struct worker *workers[] = {&t->node, &t->proxy, &t->host};
	size_t n = 0;

	memset(t->made.processes, 0, sizeof(t->made.processes));
	for (size_t i = 0; i < ELEMENTSOF(workers); i++)
		if (worker_describe(workers[i], &t->made.processes[n]) == 0)
			n++;
	if (engine_describe(t, &t->made.processes[n]) == 0)
		n++;
	for (size_t i = 0; i < t->n_left && n < STORE_PIDS_MAX; i++)
		if (!is_worker(workers, ELEMENTSOF(workers), t->left[i].process.pid))
			t->made.processes[n++] = t->left[i].process;
	if (n < STORE_PIDS_MAX)
		(void)uplink_describe(t, &t->made.processes[n]);
	return store_made_write(&t->s->store, t->name, &t->made);
}

/* ---- parts ---- */

static int take(struct tailnet *t, const char *object, int *ret)
{
	int fd = fdstore_take(t->name, object);

	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

static int socket_type(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ? -errno : type;
}

static int socket_address(int fd, struct hostport *ret)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0)
		return -errno;
	return hostport_from_sockaddr((struct sockaddr *)&ss, ret);
}

static bool socket_listens(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return socket_type(fd) == SOCK_STREAM &&
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

/* The pin may be gone while the namespace lives on. */
int resume_namespace(struct tailnet *t)
{
	_cleanup_close_ int pinned = -1;
	struct netns_id id;
	int r = take(t, "netns", &t->netns_fd);

	if (r == 0)
		r = netns_identify(t->netns_fd, &id);
	if (r < 0 || id.ino != t->made.netns.ino || id.dev != t->made.netns.dev)
		return r < 0 ? r : -ESTALE;
	r = netns_open(t->pin, &pinned);
	if (r == -ENOENT)
		r = netns_pin(t->netns_fd, t->pin);
	else if (r == 0)
		r = netns_identify(pinned, &id) ?: id.ino == t->made.netns.ino ? 0 : -EEXIST;
	return r < 0 ? r : links_open(t->netns_fd, &t->links);
}

static bool has_address(struct links *l, const char *ifname, const struct addr *a)
{
	_cleanup_free_ struct link_address *have = NULL;
	size_t n;

	if (links_addresses(l, &have, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(have[i].ifname, ifname) && addr_equal(&have[i].prefix.addr, a))
			return true;
	return false;
}

int resume_link(struct tailnet *t)
{
	char alias[RECOVER_ALIAS_MAX];
	struct link_info info;
	int r = links_find(t->s->host, t->link, &info);

	if (r < 0)
		return r;
	recover_alias(&t->s->store, alias);
	if (strcmp(t->made.link, t->link) || strcmp(info.alias, alias) || !info.up ||
		!has_address(t->s->host, t->link, &t->veth_host) ||
		!has_address(t->links, "veth0", &t->veth_ns))
		return -ESTALE;
	return 0;
}

int resume_tun(struct tailnet *t)
{
	struct link_info info;
	int r = take(t, "tun", &t->tun_fd);

	if (r == 0)
		r = links_find(t->links, TAILNET_TUN, &info);
	if (r == 0)
		r = tun_query(t->tun_fd, t->config->tun_offload, &t->tun_flags);
	if (r == 0)
		r = links_set_mtu(t->links, TAILNET_TUN, tailnet_mtu(t->config));
	return r < 0 ? r : links_set_up(t->links, TAILNET_TUN);
}

/* Those that are there and not wanted go; the others are added. */
int resume_addresses(struct tailnet *t)
{
	_cleanup_free_ struct link_address *have = NULL;
	const struct prefix_list *want = &t->config->wg->addresses;
	size_t n;
	int r = links_addresses(t->links, &have, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		bool wanted = false;

		if (strcmp(have[i].ifname, TAILNET_TUN))
			continue;
		for (size_t k = 0; k < want->n; k++)
			wanted |= addr_equal(&want->items[k].addr, &have[i].prefix.addr);
		if (!wanted)
			(void)links_del_address(t->links, TAILNET_TUN, &have[i].prefix);
	}
	for (size_t i = 0; i < want->n && r == 0; i++) {
		struct prefix p = prefix_of_addr(&want->items[i].addr);

		r = links_add_address(t->links, TAILNET_TUN, &p);
	}
	return r;
}

/* make_routes() goes on from there. */
int resume_routes(struct tailnet *t)
{
	int r = links_device_routes(t->links, TAILNET_TUN, &t->routes.items, &t->routes.n);

	tailnet_sort_routes(&t->routes);
	return r;
}

/* What NAT, a macvlan or pasta need beside is not looked through: such a tailnet is made anew. */
int resume_uplink(struct tailnet *t)
{
	bool made = t->made.table;

	for (size_t i = 0; i < STORE_FORWARDS_MAX; i++)
		made |= *t->made.forwards[i].ifname;
	return made || t->config->uplink != UPLINK_HOST || t->config->advertise_routes.n
		? -EOPNOTSUPP
		: 0;
}

static int take_udp(struct tailnet *t, const char *object, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct hostport at;
	socklen_t len = sizeof(t->udp_fwmark);
	int r = take(t, object, &fd);

	if (r < 0)
		return r;
	if (socket_type(fd) != SOCK_DGRAM || socket_address(fd, &at) < 0 || !at.port ||
		(t->udp_port && t->udp_port != at.port) ||
		getsockopt(fd, SOL_SOCKET, SO_MARK, &t->udp_fwmark, &len) < 0)
		return -ESTALE;
	t->udp_port = at.port;
	*ret_fd = take_fd(fd);
	return 0;
}

/* Then its socket is missing, and not of necessity. */
static bool has_family(int family)
{
	uint16_t port;
	_cleanup_close_ int fd = udp_open(family, 0, 0, &port);

	return fd >= 0;
}

int resume_sockets(struct tailnet *t)
{
	const struct wg_config *wg = t->config->wg;
	int r4, r6;

	t->udp_port = 0;
	r4 = take_udp(t, "udp4", &t->udp4_fd);
	r6 = take_udp(t, "udp6", &t->udp6_fd);
	if (r4 == -ESTALE || r6 == -ESTALE || (r4 < 0 && r6 < 0) || (r4 < 0 && has_family(4)) ||
		(r6 < 0 && has_family(6)))
		return -ESTALE;
	if ((wg->listen_port && wg->listen_port != t->udp_port) || wg->fwmark != t->udp_fwmark)
		return node_open_sockets(
			t, wg->listen_port ? wg->listen_port : t->udp_port, wg->fwmark);
	node_set_gro(t, t->config);
	return 0;
}

/* The file may be gone, or lead to somebody else: then it is made anew, and the node is told. */
int resume_uapi(struct tailnet *t)
{
	int r = take(t, "uapi", &t->uapi_fd);

	if (r < 0 || !socket_listens(t->uapi_fd) || strcmp(t->made.uapi_link, t->link))
		return -ESTALE;
	/* who connects is told who listened last: that is us now, as the record says, too */
	return listen(t->uapi_fd, TAILNET_UAPI_BACKLOG) < 0 ? -errno : 0;
}

static int take_veth(struct tailnet *t)
{
	struct listener *l = &t->veth_listener;
	struct hostport at;

	if (take(t, "veth", &l->fd) < 0 || !socket_listens(l->fd) ||
		socket_address(l->fd, &at) < 0 || !addr_equal(&at.addr, &t->veth_ns) ||
		at.port != TAILNET_VETH_PORT)
		return -ESTALE;
	l->at = at;
	return 0;
}

/* All that there are; what is no longer wanted goes when its part is brought to the configuration. */
int resume_listeners(struct tailnet *t)
{
	char object[FDSTORE_NAME_MAX];
	int fd, r = take_veth(t);

	while (r == 0 && (fd = fdstore_take_any(t->name, "listen/", object)) >= 0) {
		struct listener l = {.fd = fd};

		if (t->n_listeners == CONTROL_LISTEN_MAX || !socket_listens(fd) ||
			socket_address(fd, &l.at) < 0) {
			fd_close(fd);
			return -ESTALE;
		}
		t->listeners[t->n_listeners++] = l;
	}
	return r < 0 ? r : ports_resume(t);
}

/* ---- workers ---- */

static void resume_endpoint(struct endpoint *e, const struct wg_stats *stats, uint32_t n)
{
	for (uint32_t i = 0; i < n && !e->found.addr.family; i++)
		if (!memcmp(e->public_key, stats->peers[i].public_key, sizeof(e->public_key)))
			e->found.addr = stats->peers[i].endpoint.addr;
}

void resume_endpoints(struct tailnet *t)
{
	const struct wg_stats *stats = t->node.stats;
	uint32_t n = stats ? MIN(STAT_GET(stats->n_peers), (uint32_t)STATS_PEERS_MAX) : 0;

	for (size_t i = 0; i < t->n_endpoints; i++)
		resume_endpoint(&t->endpoints[i], stats, n);
}

static void resume_worker(struct tailnet *t, struct worker *w)
{
	struct made_process left;
	int pidfd = -1, r = worker_adopt(w, &t->made_before, &left, &pidfd);

	if (r == -ESTALE)
		recover_signal_process(pidfd, w == &t->node ? SIGTERM : SIGUSR1);
	fd_close(pidfd);
	if (r == 0)
		return;
	if (w == &t->node)
		left_end_of(t, w->uid); /* two cannot read from one TUN */
	worker_start_now(w);
}

int resume_node(struct tailnet *t)
{
	bool helped = t->config->publishes.n;
	int r;

	for (size_t i = 0; i < t->config->wg->n_peers; i++)
		helped |= t->config->wg->peers[i].endpoint_name != NULL;
	if (helped)
		resume_worker(t, &t->host);
	r = endpoint_setup(t);
	if (r < 0)
		return r;
	resume_worker(t, &t->node);
	return 0;
}

int resume_proxy(struct tailnet *t)
{
	int r = take(t, "resolve", &t->resolve_fd);

	t->proxy.netns_fd = t->netns_fd;
	if (r < 0)
		return r;
	t->proxy.option = tailnet_is_stock(t->config) ? WORKER_SPLIT_DNS : NULL;
	resume_worker(t, &t->proxy);
	return 0;
}

/* ---- the whole ---- */

static int resume_parts(struct tailnet *t)
{
	int r = 0;

	for (size_t i = 0; i < tailnet_n_parts && r == 0; i++) {
		const struct part *p = &tailnet_parts[i];

		if (p->resume)
			r = p->resume(t);
		if (r == 0 && (!p->resume || p->resume_applies))
			r = p->apply(t, NULL, t->config);
		if (r < 0)
			log_notice(t->name, p->name, "cannot be taken over: %s", strerror(-r));
	}
	return r;
}

int resume_tailnet(struct tailnet *t)
{
	int r = store_made_read(&t->s->store, t->name, &t->made);

	if (r == 0 && (!t->made.netns.ino || t->config->broken))
		r = -ENOENT;
	if (r == 0 && (tailnet_is_stock(t->config) || !fdstore_has(t->name)))
		r = -ENOENT;
	if (r == 0)
		r = tailnet_allocate(t);
	if (r < 0) {
		memset(&t->made, 0, sizeof(t->made));
		return r;
	}
	t->made_before = t->made;
	left_read(t);
	r = resume_parts(t);
	if (r == 0) {
		left_settle(t);
		log_event(LOG_ID_RESUMED, LOG_INFO, t->name, NULL,
			"taken over from the supervisor before");
		return 0;
	}
	(void)tailnet_record(t); /* of those too that were not come to */
	resume_forget(t);
	return r;
}
