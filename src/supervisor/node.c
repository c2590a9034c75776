// SPDX-License-Identifier: MIT
// What tsgw-wg is told and reports: sockets, keys, peers; and the endpoint names behind them.
#include "supervisor/tailnet.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "ipc/stats.h"
#include "supervisor/watch.h"
#include "supervisor/resume.h"

#define LOOKUP_BACKOFF_MAX_S 60
#define LOOKUP_INTERVAL_MS   5000  /* however often the node says that the peer is down */
#define LOOKUP_TIMEOUT_MS    30000 /* a question that tsgw-host lost is asked again */

static struct endpoint *endpoint_of(struct tailnet *t, const uint8_t *public_key)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (!memcmp(t->endpoints[i].public_key, public_key, 32))
			return &t->endpoints[i];
	return NULL;
}

static int node_send_allowed(struct tailnet *t, const struct prefix_list *l)
{
	for (size_t at = 0; at < l->n; at += MSG_PREFIXES) {
		struct msg_wg_allowed m = {.n = (uint32_t)MIN(l->n - at, (size_t)MSG_PREFIXES)};
		int r;

		memcpy(m.prefixes, l->items + at, m.n * sizeof(m.prefixes[0]));
		r = worker_tell(&t->node, MSG_WG_ALLOWED, &m);
		if (r < 0)
			return r;
	}
	return 0;
}

static int node_send_peer(struct tailnet *t, const struct wg_peer_config *p)
{
	struct msg_wg_peer m = {
		.endpoint = p->endpoint, .persistent_keepalive_s = p->persistent_keepalive_s};
	int r;

	memcpy(m.public_key, p->public_key, sizeof(m.public_key));
	memcpy(m.preshared_key, p->preshared_key, sizeof(m.preshared_key));
	if (p->endpoint_name) {
		const struct endpoint *e = endpoint_of(t, p->public_key);

		m.endpoint = e && e->found.addr.family
			? e->found
			: (struct hostport){.port = p->endpoint.port};
	} else if (!p->endpoint.addr.family) {
		m.endpoint = (struct hostport){0};
	}
	r = worker_tell(&t->node, MSG_WG_PEER, &m);
	sodium_memzero(&m, sizeof(m));
	return r < 0 ? r : node_send_allowed(t, &p->allowed);
}

int node_send_config(struct tailnet *t)
{
	const struct wg_config *wg = t->config->wg;
	struct msg_wg_device m = {.veth = t->veth,
		.mtu = tailnet_mtu(t->config),
		.handshake_at_start = 1,
		.udp_gso = offload_udp_gso(t->config->udp_gso, offload_release()),
		.tun_offload = t->config->tun_offload};
	int r = worker_begin(&t->node);

	if (r < 0)
		return r;
	memcpy(m.private_key, wg->private_key, sizeof(m.private_key));
	r = worker_tell(&t->node, MSG_WG_DEVICE, &m);
	sodium_memzero(&m, sizeof(m));
	for (size_t i = 0; i < wg->n_peers && r == 0; i++)
		r = node_send_peer(t, &wg->peers[i]);
	return r < 0 ? r : worker_commit(&t->node);
}

static int node_configure(void *owner, struct worker *w)
{
	struct tailnet *t = owner;
	struct msg_wg_tun tun = {.mtu = tailnet_mtu(t->config),
		.vnet_hdr = t->tun_flags.vnet_hdr,
		.uso = t->tun_flags.uso};
	struct msg_wg_uapi uapi = {0};
	struct tun_flags flags;
	int r;

	if (w->adopted) {
		resume_endpoints(t);
		/* it has its TUN and its UAPI socket, and is perhaps owed an answer about these */
		r = node_send_sockets(t);
		return r < 0 ? r : node_send_config(t);
	}
	r = tun_query(t->tun_fd, t->config->tun_offload, &flags);

	if (r < 0) { /* somebody has deleted wg0: a new node cannot live on this descriptor */
		tailnet_rebuild(t, "wg0 is gone");
		return r;
	}
	r = worker_send(w, MSG_WG_TUN, &tun, sizeof(tun), &t->tun_fd, 1);
	if (r == 0)
		r = node_send_sockets(t);
	if (r == 0)
		r = worker_send(w, MSG_WG_UAPI, &uapi, sizeof(uapi), &t->uapi_fd, 1);
	return r < 0 ? r : node_send_config(t);
}

static void node_say_peer(struct tailnet *t, const struct msg_peer_state *m)
{
	char key[45];

	format_key_base64(m->public_key, key);
	if (m->state != PEER_UNKNOWN)
		watch_event(t, EVENT_PEER, key, "peer %s is %s", key,
			m->state == PEER_UP ? "up" : "down");
}

static int node_peer_state(struct tailnet *t, const struct msg_peer_state *m)
{
	struct msg_peer_state told = *m;
	struct endpoint *e;

	if (m->state > PEER_DOWN)
		return -EBADMSG;
	(void)(t->proxy.pid && worker_tell(&t->proxy, MSG_PROXY_PEER_UP, &told));
	node_say_peer(t, m);
	e = endpoint_of(t, m->public_key);
	if (e && m->state == PEER_DOWN && !e->asked_id && !e->again_ms) {
		/* perhaps its address has changed (dynamic DNS) */
		e->again_ms = MAX(clock_now_ms(), e->asked_ms + LOOKUP_INTERVAL_MS);
		endpoint_ask(t);
	}
	tailnet_evaluate(t);
	return 0;
}

bool node_set_by_hand(const struct tailnet *t)
{
	const struct wg_stats *stats = t->node.stats;

	return t->netns_fd >= 0 && t->node.pid && stats && STAT_GET(stats->set_by_hand);
}

/* `wg set LINK listen-port|fwmark`: new sockets, or why not; the node waits for either. */
static int node_socket_wanted(struct tailnet *t, const struct msg_wg_socket_wanted *m)
{
	static struct log_limit refused = {.burst = 5, .interval_ms = 10000};
	struct msg_wg_socket_refused no = {.port = m->port, .fwmark = m->fwmark};
	bool other_port = m->port != t->udp_port;
	int r = node_open_sockets(t, m->port, m->fwmark);

	/* the node says what wg(8) told it, so it could say it without end */
	if (r < 0 && log_limit_ok(&refused, clock_now_ms(), NULL))
		log_warning(t->name, "wg0", "UDP port %u, asked for by wg(8): %s", m->port,
			strerror(-r));
	if (r < 0) {
		no.error = -r;
		return t->node.pid ? worker_tell(&t->node, MSG_WG_SOCKET_REFUSED, &no) : 0;
	}
	t->udp_port_by_hand |= other_port;
	return node_send_sockets(t);
}

static int node_report(void *owner, struct worker *w, const union msg *m)
{
	switch (m->h.type) {
	case MSG_WG_PEER_STATE:
		return node_peer_state(owner, &m->peer_state);
	case MSG_WG_SOCKET_WANTED:
		return node_socket_wanted(owner, &m->wg_socket_wanted);
	default:
		return -EBADMSG;
	}
}

static void node_changed(void *owner, struct worker *w)
{
	proxy_tell_node(owner);
	tailnet_evaluate(owner);
}

const struct worker_ops node_ops = {
	.record = tailnet_record,
	.configure = node_configure,
	.report = node_report,
	.changed = node_changed,
};

/* ---- endpoint names ---- */

static int endpoint_count(const struct wg_config *wg)
{
	size_t n = 0;

	for (size_t i = 0; i < wg->n_peers; i++)
		n += wg->peers[i].endpoint_name != NULL;
	return (int)n;
}

int endpoint_setup(struct tailnet *t)
{
	const struct wg_config *wg = t->config->wg;
	struct endpoint *table = calloc((size_t)endpoint_count(wg) + 1, sizeof(*table));
	size_t n = 0;

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < wg->n_peers; i++) {
		const struct wg_peer_config *p = &wg->peers[i];
		const struct endpoint *known = endpoint_of(t, p->public_key);
		struct endpoint *e = &table[n];

		if (!p->endpoint_name)
			continue;
		n++;
		memcpy(e->public_key, p->public_key, sizeof(e->public_key));
		snprintf(e->name, sizeof(e->name), "%s", p->endpoint_name);
		e->again_ms = 1;
		if (known && !strcmp(known->name, e->name)) {
			*e = *known;
			e->found.port = p->endpoint.port;
		}
		if (!e->found.addr.family)
			e->found.port = p->endpoint.port;
	}
	free(t->endpoints);
	t->endpoints = table;
	t->n_endpoints = n;
	host_update(t);
	endpoint_ask(t);
	return 0;
}

void host_update(struct tailnet *t)
{
	bool wanted = t->n_endpoints || t->config->publishes.n || tailnet_is_stock(t->config);

	if (wanted && !t->host.wanted)
		worker_start_now(&t->host);
	else if (!wanted && t->host.wanted)
		worker_stop(&t->host);
	else if (t->host.pid)
		(void)host_send_config(t);
}

int host_send_config(struct tailnet *t)
{
	const struct tailnet_config *c = t->config;
	struct msg_host_config m = {.connect_timeout_s = c->connect_timeout_s,
		.idle_timeout_s = c->idle_timeout_s,
		.half_close_timeout_s = c->half_close_timeout_s};
	int r = worker_begin(&t->host);

	if (r == 0)
		r = worker_tell(&t->host, MSG_HOST_CONFIG, &m);
	if (r == 0 && tailnet_is_stock(c))
		r = engine_send_config(t);
	return r < 0 ? r : worker_commit(&t->host);
}

static void endpoint_failed(struct tailnet *t, struct endpoint *e, const char *why)
{
	e->backoff_s = e->backoff_s ? MIN(e->backoff_s * 2, (uint32_t)LOOKUP_BACKOFF_MAX_S) : 1;
	e->again_ms = clock_now_ms() + e->backoff_s * 1000ull;
	log_warning(t->name, "endpoint", "%s cannot be looked up: %s; again in %u s", e->name, why,
		e->backoff_s);
}

static void endpoint_say(struct tailnet *t, const struct endpoint *e)
{
	char key[45], at[HOSTPORT_TEXT_MAX];

	format_key_base64(e->public_key, key);
	watch_event(t, EVENT_PATH, key, "peer %s: %s is %s", key, e->name,
		hostport_format(&e->found, at));
}

/* The first address that our sockets can reach. A peer that is down keeps being looked up. */
static int endpoint_found(struct tailnet *t, struct endpoint *e, const struct msg_host_answer *m)
{
	struct msg_wg_endpoint told = {0};
	const struct wg_stats *stats = t->node.stats;
	uint32_t n_peers = stats ? MIN(STAT_GET(stats->n_peers), (uint32_t)STATS_PEERS_MAX) : 0;

	e->backoff_s = 0;
	e->again_ms = 0;
	for (uint32_t i = 0; i < MIN(m->n, (uint32_t)HOST_ADDRS_MAX); i++) {
		const struct addr *a = &m->addrs[i];

		if (!(a->family == 4 && t->udp4_fd >= 0) && !(a->family == 6 && t->udp6_fd >= 0))
			continue;
		for (uint32_t k = 0; k < n_peers; k++)
			if (!memcmp(stats->peers[k].public_key, e->public_key, 32) &&
				stats->peers[k].state == PEER_DOWN)
				e->again_ms = clock_now_ms() + LOOKUP_BACKOFF_MAX_S * 1000ull;
		if (addr_equal(a, &e->found.addr) && e->zone == e->found.scope_id)
			return 0;
		e->found.addr = *a;
		e->found.scope_id = e->zone;
		memcpy(told.public_key, e->public_key, sizeof(told.public_key));
		told.endpoint = e->found;
		endpoint_say(t, e);
		return t->node.pid ? worker_tell(&t->node, MSG_WG_ENDPOINT, &told) : 0;
	}
	endpoint_failed(t, e, "no address that our sockets can reach");
	return 0;
}

static int endpoint_on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	endpoint_ask(userdata);
	return 0;
}

/* One timer for the earliest moment at which a name is to be asked for again. */
static void endpoint_arm(struct tailnet *t, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].again_ms)
			next = MIN(next, t->endpoints[i].again_ms);
	t->lookup_timer = sd_event_source_disable_unref(t->lookup_timer);
	if (next != UINT64_MAX)
		(void)sd_event_add_time_relative(t->s->event, &t->lookup_timer, CLOCK_BOOTTIME,
			(next > now ? next - now : 0) * 1000, 100000, endpoint_on_timer, t);
}

/* The interface's number is that of the socket's own namespace, and may be another one each time. */
static void endpoint_zoned(struct tailnet *t, struct endpoint *e)
{
	struct msg_host_answer answer = {.n = 1};
	struct ifreq ifr = {0};

	if (addr_parse_zoned(e->name, &answer.addrs[0], ifr.ifr_name) < 0)
		return;
	if (ioctl(t->udp6_fd, SIOCGIFINDEX, &ifr) == 0) {
		e->zone = (uint32_t)ifr.ifr_ifindex;
		(void)endpoint_found(t, e, &answer);
	} else {
		endpoint_failed(t, e, strerror(errno));
	}
}

void endpoint_ask(struct tailnet *t)
{
	uint64_t now = clock_now_ms();

	if (!t->host.pid)
		return; /* asked when it runs again */
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct endpoint *e = &t->endpoints[i];
		struct msg_host_lookup m = {0};

		if (!e->again_ms || e->again_ms > now)
			continue;
		if (strchr(e->name, '%')) {
			endpoint_zoned(t, e);
			continue;
		}
		e->asked_id = m.id = ++t->lookup_id ? t->lookup_id : ++t->lookup_id;
		snprintf(m.name, sizeof(m.name), "%s", e->name);
		e->asked_ms = now;
		e->again_ms = now + LOOKUP_TIMEOUT_MS;
		if (worker_tell(&t->host, MSG_HOST_LOOKUP, &m) < 0)
			return;
	}
	endpoint_arm(t, now);
}

void endpoint_hurry(struct tailnet *t)
{
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct endpoint *e = &t->endpoints[i];

		if (!e->again_ms || e->asked_id)
			continue;
		e->again_ms = 1;
		e->backoff_s = 0;
	}
	endpoint_ask(t);
}

static int endpoint_configure(void *owner, struct worker *w)
{
	struct tailnet *t = owner;
	int r = host_send_config(t);

	if (r == 0 && tailnet_is_stock(t->config))
		r = engine_send_live(t);
	if (r == 0)
		r = publish_send(t);
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].asked_id || !t->endpoints[i].found.addr.family)
			t->endpoints[i].again_ms = 1;
	endpoint_ask(t);
	return r;
}

static int endpoint_report(void *owner, struct worker *w, const union msg *m)
{
	struct tailnet *t = owner;

	if (m->h.type != MSG_HOST_ANSWER && tailnet_is_stock(t->config))
		return engine_report(t, m);
	if (m->h.type != MSG_HOST_ANSWER || m->host_answer.n > HOST_ADDRS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < m->host_answer.n; i++)
		if (m->host_answer.addrs[i].family != 4 && m->host_answer.addrs[i].family != 6)
			return -EBADMSG;
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct endpoint *e = &t->endpoints[i];

		if (!e->asked_id || e->asked_id != m->host_answer.id)
			continue;
		e->asked_id = 0;
		if (m->host_answer.error || !m->host_answer.n)
			endpoint_failed(t, e,
				m->host_answer.error ? gai_strerror(-m->host_answer.error)
						     : "no address");
		else
			(void)endpoint_found(t, e, &m->host_answer);
		endpoint_arm(t, clock_now_ms());
		tailnet_evaluate(t);
		return 0;
	}
	return 0; /* of a peer that a reload has removed */
}

static void endpoint_changed(void *owner, struct worker *w)
{
	struct host_stats *stats = w->stats;

	if (!w->pid && stats) {
		STAT_SET(stats->connections, 0);
		STAT_SET(stats->udp.sessions, 0);
	}
	if (!w->pid)
		engine_lost_host(owner);
	tailnet_evaluate(owner);
}

const struct worker_ops endpoint_ops = {
	.record = tailnet_record,
	.configure = endpoint_configure,
	.report = endpoint_report,
	.changed = endpoint_changed,
};
