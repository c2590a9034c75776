// SPDX-License-Identifier: MIT
// The sockets of forward and publish: made where they belong, kept here, given to the worker that serves
// them. Since the supervisor keeps them, what comes while a worker is started again waits in them.
//
// A port of forward is bound in the host's namespace to each primary address and given to tsgw-proxy. A
// published port is bound in the tailnet's to each tunnel address, and given to tsgw-host: once to wg0,
// so that the veth does not lead to it, and once to lo, for who enters the namespace (the proxy's
// clients).
#include "supervisor/tailnet.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/fdstore.h"
#include "supervisor/facts.h"

#define PORTS_BACKLOG 1024

struct port_kind {
	const char *name; /* of the key */
	enum msg_type given, taken;
	bool inside; /* in the tailnet's namespace, by wg0 and by lo */
};

static const struct port_kind forward = {"forward", MSG_PROXY_FORWARD, MSG_PROXY_UNFORWARD, false};
static const struct port_kind publish = {"publish", MSG_HOST_PUBLISH, MSG_HOST_UNPUBLISH, true};

/* Where sockets of KIND are to be, and what is there. */
struct port_set {
	const struct port_kind *kind;
	struct tailnet *t;
	struct worker *w;
	struct port_table *table;
	const struct port_maps *maps;
	const struct addr *addrs;
	size_t n_addrs;
};

static int port_tell(struct worker *w, enum msg_type type, const struct port_socket *s, bool give)
{
	struct msg_port m = {.at = s->at, .port = s->port, .udp = s->udp, .local = s->local};

	if (!w->pid)
		return 0; /* told when it runs */
	memcpy(m.host, s->host, sizeof(m.host));
	return worker_send(w, type, &m, sizeof(m), &s->fd, give ? 1 : 0);
}

/* Its place in the descriptor store: "publish/tcp/local/10.77.0.2_80". */
static const char *port_object(
	const struct port_kind *kind, const struct port_socket *s, char ret[FDSTORE_NAME_MAX])
{
	char at[HOSTPORT_TEXT_MAX];

	fdstore_place(&s->at, at);
	snprintf(ret, FDSTORE_NAME_MAX, "%s/%s/%s/%s", kind->name, s->udp ? "udp" : "tcp",
		s->local ? "local" : "net", at);
	return ret;
}

static void port_aim(struct port_socket *s, const struct port_map *m)
{
	char text[ADDR_TEXT_MAX];

	s->port = m->to.port;
	snprintf(
		s->host, sizeof(s->host), "%s", m->name ? m->name : addr_format(&m->to.addr, text));
}

static bool port_aims_at(const struct port_socket *s, const struct port_map *m)
{
	struct port_socket other = *s;

	port_aim(&other, m);
	return other.port == s->port && !strcmp(other.host, s->host);
}

static bool is_among(const struct addr *addrs, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_equal(&addrs[i], a))
			return true;
	return false;
}

static const struct port_map *map_of(const struct port_maps *maps, const struct port_socket *s)
{
	for (size_t i = 0; i < maps->n; i++)
		if (maps->items[i].port == s->at.port && maps->items[i].udp == s->udp)
			return &maps->items[i];
	return NULL;
}

static void port_close(const struct port_set *set, size_t i)
{
	struct port_table *table = set->table;
	char object[FDSTORE_NAME_MAX];

	fdstore_drop(set->t->name, port_object(set->kind, &table->items[i], object));
	(void)port_tell(set->w, set->kind->taken, &table->items[i], false);
	if (!table->items[i]
			.udp) /* the worker still holds it, and its place may be wanted at once */
		(void)shutdown(table->items[i].fd, SHUT_RDWR);
	fd_close(table->items[i].fd);
	table->items[i] = table->items[--table->n];
}

/* What goes, goes first: its place may be wanted by what comes. */
static void ports_close_stale(const struct port_set *set)
{
	for (size_t i = set->table->n; i-- > 0;) {
		struct port_socket *s = &set->table->items[i];
		const struct port_map *m = map_of(set->maps, s);

		if (!m || !is_among(set->addrs, set->n_addrs, &s->at.addr)) {
			port_close(set, i);
		} else if (!port_aims_at(s, m)) {
			port_aim(s, m);
			(void)port_tell(set->w, set->kind->given, s, true);
		}
	}
}

struct port_place {
	struct hostport at;
	bool udp;
	const char *ifname;
};

static int port_bind(void *arg, int *ret_fd)
{
	const struct port_place *p = arg;
	int fd = p->udp ? udp_serve(&p->at, p->ifname)
			: tcp_listen(&p->at, p->ifname, PORTS_BACKLOG);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static bool port_is_open(const struct port_table *table, const struct port_socket *s)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->items[i].udp == s->udp && table->items[i].local == s->local &&
			table->items[i].at.port == s->at.port &&
			addr_equal(&table->items[i].at.addr, &s->at.addr))
			return true;
	return false;
}

static int port_open(const struct port_set *set, struct port_socket *s)
{
	struct port_place place = {s->at, s->udp,
		set->kind->inside ? (s->local ? "lo" : tailnet_tun(set->t->config)) : NULL};
	struct port_socket *more;
	char object[FDSTORE_NAME_MAX];
	int r;

	if (set->w->adopted) /* what it may have had of the supervisor before us, and we have not */
		(void)port_tell(set->w, set->kind->taken, s, false);
	r = set->kind->inside ? netns_run(set->t->netns_fd, port_bind, &place, &s->fd)
			      : port_bind(&place, &s->fd);

	if (r < 0)
		return r;
	more = reallocarray(set->table->items, set->table->n + 1, sizeof(*more));
	if (!more) {
		fd_close(s->fd);
		return -ENOMEM;
	}
	set->table->items = more;
	more[set->table->n++] = *s;
	fdstore_put(set->t->name, port_object(set->kind, s, object), s->fd);
	return port_tell(set->w, set->kind->given, s, true);
}

static void port_complain(const struct port_set *set, const struct port_socket *s, int error)
{
	char text[HOSTPORT_TEXT_MAX];

	if (!*set->table->reason)
		snprintf(set->table->reason, sizeof(set->table->reason), "%s %s%s: %s",
			set->kind->name, hostport_format(&s->at, text), s->udp ? "/udp" : "",
			strerror(-error));
	proxy_retry_listeners(set->t);
}

static void ports_open_missing(const struct port_set *set)
{
	char before[sizeof(set->table->reason)];

	memcpy(before, set->table->reason, sizeof(before));
	set->table->reason[0] = '\0';
	for (size_t i = 0; i < set->maps->n; i++) {
		for (size_t k = 0; k < set->n_addrs << set->kind->inside; k++) {
			struct port_socket s = {.at = {.addr = set->addrs[k >> set->kind->inside],
							.port = set->maps->items[i].port},
				.udp = set->maps->items[i].udp,
				.local = set->kind->inside && (k & 1),
				.fd = -1};
			int r = 0;

			port_aim(&s, &set->maps->items[i]);
			if (!port_is_open(set->table, &s))
				r = port_open(set, &s);
			if (r < 0)
				port_complain(set, &s, r);
		}
	}
	if (*set->table->reason && strcmp(before, set->table->reason))
		log_warning(set->t->name, "port", "%s", set->table->reason);
}

static void ports_close_all(const struct port_set *set)
{
	while (set->table->n)
		port_close(set, set->table->n - 1);
	free(set->table->items);
	*set->table = (struct port_table){0};
}

static int ports_send(const struct port_set *set)
{
	int r = 0;

	for (size_t i = 0; i < set->table->n && r == 0; i++)
		if (*set->table->items[i].host) /* else it is going to be closed */
			r = port_tell(set->w, set->kind->given, &set->table->items[i], true);
	return r;
}

/* ---- forward ---- */

/* A forward asks nobody for a password: on a public address only allow can say who may come in. */
static void forward_hide_public(struct tailnet *t, struct expose *e)
{
	size_t n = 0;

	if (t->config->has_allow || t->s->config->gateway.has_allow)
		return;
	for (size_t i = 0; i < e->n; i++)
		if (!addr_is_public(&e->addrs[i]))
			e->addrs[n++] = e->addrs[i];
	e->n = n;
}

static struct port_set forward_set(struct tailnet *t, const struct expose *e)
{
	return (struct port_set){&forward, t, &t->proxy, &t->forwards, &t->config->forwards,
		e ? e->addrs : NULL, e ? e->n : 0};
}

void forward_close_stale(struct tailnet *t, const struct expose *e)
{
	struct expose shown = *e;
	struct port_set set = forward_set(t, &shown);

	forward_hide_public(t, &shown);
	set.n_addrs = shown.n;
	ports_close_stale(&set);
}

void forward_open_missing(struct tailnet *t, const struct expose *e)
{
	struct expose shown = *e;
	struct port_set set = forward_set(t, &shown);
	char text[ADDR_TEXT_MAX];

	forward_hide_public(t, &shown);
	set.n_addrs = shown.n;
	ports_open_missing(&set);
	for (size_t i = 0; i < e->n && set.maps->n && !*set.table->reason; i++)
		if (!expose_has(&shown, &e->addrs[i]))
			snprintf(set.table->reason, sizeof(set.table->reason),
				"no forward on %s: a public address needs allow",
				addr_format(&e->addrs[i], text));
}

int forward_send(struct tailnet *t)
{
	struct port_set set = forward_set(t, NULL);

	return ports_send(&set);
}

/* ---- publish ---- */

static struct port_set publish_set(struct tailnet *t, const struct addr *addrs, size_t n)
{
	return (struct port_set){
		&publish, t, &t->host, &t->published, &t->config->publishes, addrs, n};
}

void publish_update(struct tailnet *t)
{
	const struct prefix_list *own = facts_addresses(t);
	_cleanup_free_ struct addr *addrs = calloc(own->n + 1, sizeof(*addrs));
	struct port_set set = publish_set(t, addrs, addrs ? own->n : 0);

	for (size_t i = 0; i < set.n_addrs; i++)
		addrs[i] = own->items[i].addr;
	ports_close_stale(&set);
	ports_open_missing(&set);
}

int publish_send(struct tailnet *t)
{
	struct port_set set = publish_set(t, NULL, 0);

	return ports_send(&set);
}

void ports_close(struct tailnet *t)
{
	struct port_set forwards = forward_set(t, NULL), published = publish_set(t, NULL, 0);

	ports_close_all(&forwards);
	ports_close_all(&published);
}

/* ---- of the descriptor store ---- */

/* What the socket itself says; what it leads to, the configuration. */
static int port_read(const struct port_set *set, const char *object, struct port_socket *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss), type_len = sizeof(int);
	char device[IFNAMSIZ] = "", expected[FDSTORE_NAME_MAX];
	socklen_t device_len = sizeof(device);
	const struct port_map *m;
	int type, r;

	if (getsockopt(s->fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 ||
		getsockname(s->fd, (struct sockaddr *)&ss, &len) < 0 ||
		getsockopt(s->fd, SOL_SOCKET, SO_BINDTODEVICE, device, &device_len) < 0)
		return -ESTALE;
	r = hostport_from_sockaddr((struct sockaddr *)&ss, &s->at);
	s->udp = type == SOCK_DGRAM;
	s->local = !strcmp(device, "lo");
	if (r < 0 || strcmp(object, port_object(set->kind, s, expected)))
		return -ESTALE;
	m = map_of(set->maps, s);
	if (m)
		port_aim(s, m);
	return 0;
}

static int ports_resume_of(const struct port_set *set)
{
	char prefix[32], object[FDSTORE_NAME_MAX];
	struct port_socket *more, s = {.fd = -1};
	int r = 0;

	snprintf(prefix, sizeof(prefix), "%s/", set->kind->name);
	while (r == 0) {
		s = (struct port_socket){.fd = fdstore_take_any(set->t->name, prefix, object)};
		if (s.fd < 0)
			return 0;
		r = port_read(set, object, &s);
		more = r < 0 ? NULL : reallocarray(set->table->items, set->table->n + 1, sizeof(s));
		if (!more)
			break;
		set->table->items = more;
		more[set->table->n++] = s;
	}
	fd_close(s.fd);
	return r < 0 ? r : -ENOMEM;
}

static void ports_leave_of(struct port_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		fd_close(table->items[i].fd);
	free(table->items);
	*table = (struct port_table){0};
}

void ports_leave(struct tailnet *t)
{
	ports_leave_of(&t->forwards);
	ports_leave_of(&t->published);
}

int ports_resume(struct tailnet *t)
{
	struct port_set forwards = forward_set(t, NULL), published = publish_set(t, NULL, 0);
	int r = ports_resume_of(&forwards);

	return r < 0 ? r : ports_resume_of(&published);
}

void tailnet_addresses_changed(struct tailnet *t)
{
	if (t->netns_fd < 0)
		return;
	proxy_update_listeners(t);
	endpoint_hurry(t);
	if (t->proxy.pid && !t->config->has_allow && !t->s->config->gateway.has_allow)
		(void)proxy_send_config(t, true);
	tailnet_evaluate(t);
}
