// SPDX-License-Identifier: MIT
// One tailnet: which state it is in, how it is started and stopped.
//
//                    start                 both workers ready, peers answered
//        ┌──────┐ ──────────► ┌──────────┐ ─────────────────────────────────► ┌────┐
//        │ down │             │ starting │                                    │ up │
//        └──────┘ ◄────────── └──────────┘ ── ready-timeout ─► ┌──────────┐ ◄─┴────┘
//           ▲        stop          │                           │ degraded │ ── peer, listener or
//           │                      │ a part cannot be made     └──────────┘    worker missing / back
//           │                      ▼
//           └────────────── ┌────────┐ ── tried again (retry.c), unless the configuration
//                 stop      │ failed │    is to blame or the object is not ours
//                           └────────┘
//
// The state is never set by hand: tailnet_evaluate() derives it from what is there (parts, workers,
// peers, listeners, time), so an event that comes twice or late does no harm.
#include "supervisor/tailnet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/parse.h"
#include "ipc/stats.h"
#include "supervisor/fdstore.h"
#include "supervisor/heal.h"
#include "supervisor/netmap.h"
#include "supervisor/recover.h"
#include "supervisor/retry.h"
#include "supervisor/watch.h"
#include "supervisor/resume.h"

static void tailnet_init_worker(struct tailnet *t, struct worker *w, const char *program,
	enum sandbox_kind kind, const struct worker_ops *ops, size_t stats_size)
{
	*w = (struct worker){
		.event = t->s->event,
		.dir = t->s->worker_dir,
		.program = program,
		.empty_dir = t->s->empty_dir,
		.tailnet = t->name,
		.kind = kind,
		.netns_fd = -1,
		.ops = ops,
		.owner = t,
	};
	worker_init(w, stats_size);
}

int tailnet_new(struct supervisor *s, struct tailnet_config *config, struct tailnet **ret)
{
	struct tailnet *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->s = s;
	t->config = config;
	snprintf(t->name, sizeof(t->name), "%s", config->name);
	names_link(t->name, t->link);
	names_netns(t->name, t->pin, sizeof(t->pin));
	t->lock_fd = t->netns_fd = t->tun_fd = t->udp4_fd = t->udp6_fd = t->uapi_fd =
		t->resolve_fd = -1;
	t->veth_listener.fd = t->heal_fd = -1;
	uplink_init(t);
	engine_init(&t->engine);
	retry_reset(&t->retry);
	if (told_update(t) < 0) {
		free(t);
		return -ENOMEM;
	}
	tailnet_init_worker(t, &t->node, "tsgw-wg", SANDBOX_WG, &node_ops, sizeof(struct wg_stats));
	tailnet_init_worker(
		t, &t->proxy, "tsgw-proxy", SANDBOX_PROXY, &proxy_ops, sizeof(struct proxy_stats));
	tailnet_init_worker(
		t, &t->host, "tsgw-host", SANDBOX_HOST, &endpoint_ops, sizeof(struct host_stats));
	*ret = t;
	return 0;
}

void tailnet_free(struct tailnet *t)
{
	if (!t)
		return;
	if (t->lock_fd >= 0)
		tailnet_stop(t);
	sd_event_source_disable_unref(t->retry_timer);
	worker_done(&t->node);
	worker_done(&t->proxy);
	worker_done(&t->host);
	free(t->endpoints);
	free(t->routes.items);
	free(t->told_allow.items);
	netmap_free(t->netmap);
	told_free(&t->told);
	fd_close(t->lock_fd);
	fd_close(t->heal_fd);
	free(t);
}

int tailnet_lock(struct tailnet *t)
{
	pid_t owner = 0;
	int r = store_init_tailnet(&t->s->store, t->name);

	if (r == 0)
		r = store_lock(&t->s->store, t->name, &t->lock_fd, &owner);
	if (r == -EAGAIN)
		log_error(t->name, NULL, "runs already, under process %d", (int)owner);
	else if (r < 0)
		log_error(t->name, NULL, "cannot be locked in %s: %s", t->s->store.run_dir,
			strerror(-r));
	return r;
}

/* ---- state ---- */

/* A peer whose endpoint is a name is missed from the start, not only once the node has its address. */
static bool peer_has_name(const struct tailnet *t, const uint8_t *public_key)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (!memcmp(t->endpoints[i].public_key, public_key, 32))
			return true;
	return false;
}

void tailnet_see_peers(const struct tailnet *t, struct peers_seen *ret)
{
	const struct wg_stats *stats = t->node.stats;
	uint32_t n = stats ? MIN(STAT_GET(stats->n_peers), (uint32_t)STATS_PEERS_MAX) : 0;

	*ret = (struct peers_seen){0};
	for (uint32_t i = 0; i < n; i++) {
		const struct wg_peer_stats *p = &stats->peers[i];
		uint32_t state = STAT_GET(p->state);

		if (!p->endpoint.addr.family && !STAT_GET(p->last_handshake_s) &&
			!peer_has_name(t, p->public_key))
			continue;
		ret->counted++;
		ret->up += state == PEER_UP;
		ret->down += state == PEER_DOWN;
		if (state != PEER_UP && ret->counted == ret->up + 1)
			memcpy(ret->first_missing, p->public_key, 32);
	}
}

static enum tailnet_state tailnet_peer_state(const struct tailnet *t, char *reason, size_t size)
{
	struct peers_seen seen;
	char key[45];

	tailnet_see_peers(t, &seen);
	if (seen.up == seen.counted)
		return TAILNET_UP;
	format_key_base64(seen.first_missing, key);
	for (size_t i = 0; i < t->n_endpoints; i++) {
		if (memcmp(t->endpoints[i].public_key, seen.first_missing, 32) ||
			t->endpoints[i].found.addr.family)
			continue;
		snprintf(reason, size, "peer %s: its endpoint %s cannot be looked up", key,
			t->endpoints[i].name);
		return t->late ? TAILNET_DEGRADED : TAILNET_STARTING;
	}
	if (!seen.down && !t->late) {
		snprintf(reason, size, "waiting for the handshake with peer %s", key);
		return TAILNET_STARTING;
	}
	snprintf(reason, size, "%u of %u peers up; no answer from %s", seen.up, seen.counted, key);
	return TAILNET_DEGRADED;
}

static enum tailnet_state tailnet_derive(const struct tailnet *t, char *reason, size_t size)
{
	const struct worker *workers[] = {&t->node, &t->proxy, &t->host};
	const char *reasons[] = {t->listen_reason, t->forwards.reason, t->published.reason,
		t->proxy.waits, t->host.waits};
	enum tailnet_state state;
	bool stock = tailnet_is_stock(t->config);

	if (*t->uplink.reason) {
		snprintf(reason, size, "%s", t->uplink.reason);
		return t->late ? TAILNET_DEGRADED : TAILNET_STARTING;
	}
	for (size_t i = 0; i < ELEMENTSOF(workers); i++) {
		if (workers[i]->serves ||
			(workers[i] == &t->host && !stock && !t->config->publishes.n) ||
			(workers[i] == &t->node && stock))
			continue;
		snprintf(reason, size, "%s",
			*workers[i]->reason ? workers[i]->reason : "workers are starting");
		return workers[i]->restarts || *workers[i]->reason || t->late ? TAILNET_DEGRADED
									      : TAILNET_STARTING;
	}
	state = stock ? engine_derive(t, reason, size) : TAILNET_UP;
	if (state != TAILNET_UP)
		return state;
	for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
		if (!*reasons[i])
			continue;
		snprintf(reason, size, "%s", reasons[i]);
		return TAILNET_DEGRADED;
	}
	return stock ? TAILNET_UP : tailnet_peer_state(t, reason, size);
}

static void tailnet_say_state(struct tailnet *t)
{
	watch_event(t, EVENT_STATE, NULL, "%s%s%s", tailnet_state_name(t->state),
		*t->reason ? ": " : "", t->reason);
}

static void tailnet_set(struct tailnet *t, enum tailnet_state state, const char *reason)
{
	static const char *const ids[TAILNET_STATES] = {[TAILNET_DOWN] = LOG_ID_DOWN,
		[TAILNET_UP] = LOG_ID_UP,
		[TAILNET_DEGRADED] = LOG_ID_DEGRADED};
	bool news = t->state != state || strcmp(t->reason, reason), other = t->state != state;

	if (news && t->state != state)
		log_event(ids[state], state == TAILNET_DEGRADED ? LOG_WARNING : LOG_INFO, t->name,
			NULL, "%s%s%s", tailnet_state_name(state), *reason ? ": " : "", reason);
	t->state = state;
	if (t->reason != reason)
		snprintf(t->reason, sizeof(t->reason), "%s", reason);
	if (other)
		tailnet_say_state(t);
	if (news)
		supervisor_changed(t->s);
}

void tailnet_evaluate(struct tailnet *t)
{
	char reason[CONTROL_REASON_MAX] = "";
	enum tailnet_state state;

	if (t->netns_fd < 0 || t->s->stopping)
		return; /* down and failed are set where they happen */
	state = tailnet_derive(t, reason, sizeof(reason));
	if (state == TAILNET_UP) {
		retry_reset(&t->retry);
	}
	tailnet_set(t, state, reason);
	watch_look(t->s); /* peers, listeners */
}

bool tailnet_is_settled(const struct tailnet *t)
{
	return t->state != TAILNET_STARTING &&
		!(t->state == TAILNET_DEGRADED && !t->late && t->wanted);
}

static int tailnet_on_ready_timeout(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->ready_timer = sd_event_source_disable_unref(t->ready_timer);
	t->late = true;
	tailnet_evaluate(t);
	supervisor_changed(t->s);
	return 0;
}

/* ---- start ---- */

int tailnet_allocate(struct tailnet *t)
{
	const struct prefix *pool = &t->s->config->gateway.veth_pool;
	_cleanup_free_ struct prefix *own = NULL;
	const struct prefix *used = t->s->used.items;
	size_t n = t->s->used.n;
	int r = used ? 0 : links_used(t->s->host, t->link, &own, &n);

	if (r < 0)
		return r;
	r = store_pool_get(&t->s->store, t->name, pool, used ?: own, n, false, &t->veth, &t->slot);
	if (r < 0)
		return r;
	t->veth_host = addr_v4(addr_v4_host(&t->veth.addr) + 1);
	t->veth_ns = addr_v4(addr_v4_host(&t->veth.addr) + 2);
	t->node.uid = t->s->config->gateway.uid_base + 8 * t->slot + SANDBOX_WG;
	t->proxy.uid = t->s->config->gateway.uid_base + 8 * t->slot + SANDBOX_PROXY;
	t->host.uid = t->s->config->gateway.uid_base + 8 * t->slot + SANDBOX_HOST;
	return 0;
}

static int tailnet_build(struct tailnet *t)
{
	for (size_t i = 0; i < tailnet_n_parts; i++) {
		int r = tailnet_parts[i].apply(t, NULL, t->config);

		if (r < 0) {
			snprintf(t->reason, sizeof(t->reason), "%s: %s", tailnet_parts[i].name,
				*t->uplink.reason ? t->uplink.reason
					: r == -ENODEV && !strcmp(tailnet_parts[i].name, "tun")
					? "there is no /dev/net/tun"
					: strerror(-r));
			return r;
		}
	}
	return 0;
}

/* ERROR 0: a moment's patience would not mend it. */
static void tailnet_fail(struct tailnet *t, int error)
{
	bool news =
		t->state != TAILNET_FAILED || t->error != error || retry_is_news(t->retry.tries);

	log_event(
		LOG_ID_FAILED, news ? LOG_ERR : LOG_DEBUG, t->name, NULL, "failed: %s", t->reason);
	tailnet_teardown(t);
	t->late = true;
	t->state = TAILNET_FAILED;
	if (news)
		tailnet_say_state(t);
	if (error)
		retry_plan(t, error);
	supervisor_changed(t->s);
}

static void tailnet_watch(struct tailnet *t)
{
	t->wanted = true;
	t->started_ms = clock_now_ms();
	(void)sd_event_add_time_relative(t->s->event, &t->ready_timer, CLOCK_MONOTONIC,
		t->config->ready_timeout_s * 1000000ull, 100000, tailnet_on_ready_timeout, t);
	t->late = !t->ready_timer; /* nobody waits for what is not told */
	heal_watch(t);
	t->state = TAILNET_DOWN; /* so that the first state is told */
	tailnet_evaluate(t);
}

bool tailnet_resume(struct tailnet *t)
{
	int r = resume_tailnet(t);

	if (r == 0)
		tailnet_watch(t);
	else
		tailnet_teardown(t);
	return r == 0;
}

/* The mark of an earlier run is removed, a foreign object is refused. */
static int tailnet_clear(struct tailnet *t)
{
	char object[128] = "";
	int r = recover_tailnet(&t->s->store, t->name, t->s->host, object);

	t->refused = r == -EEXIST;
	if (t->refused)
		snprintf(t->reason, sizeof(t->reason), "%s exists and is not ours", object);
	else if (r < 0)
		snprintf(t->reason, sizeof(t->reason), "leftovers of an earlier run%s%s: %s",
			*object ? ": " : "", object, strerror(-r));
	return r;
}

/* Counters count from the tailnet's start; a worker that is started again in between goes on. */
static void tailnet_forget_counters(struct tailnet *t)
{
	struct worker *workers[] = {&t->node, &t->proxy, &t->host};

	for (size_t i = 0; i < ELEMENTSOF(workers); i++) {
		workers[i]->restarts = 0;
		if (workers[i]->stats)
			memset(workers[i]->stats, 0, workers[i]->stats_size);
	}
}

void tailnet_start(struct tailnet *t)
{
	int r;

	if (t->netns_fd >= 0)
		return;
	t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
	t->wanted = true;
	t->late = false;
	t->started_ms = clock_now_ms();
	if (t->config->broken) {
		snprintf(t->reason, sizeof(t->reason), "%s", t->config->broken);
		tailnet_fail(t, 0);
		return;
	}
	r = tailnet_clear(t);
	if (r < 0) {
		tailnet_fail(t, t->refused ? 0 : r);
		return;
	}
	r = tailnet_allocate(t);
	if (r < 0) {
		snprintf(t->reason, sizeof(t->reason), "no /30 from veth-pool: %s", strerror(-r));
		tailnet_fail(t, r);
		return;
	}
	memset(&t->made, 0, sizeof(t->made));
	tailnet_forget_counters(t);
	r = tailnet_build(t);
	if (r < 0) {
		tailnet_fail(t, t->refused ? 0 : r);
		return;
	}
	tailnet_watch(t);
}

static int tailnet_on_rebuild(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct tailnet *t = userdata;

	t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
	tailnet_teardown(t);
	tailnet_start(t);
	return 0;
}

void tailnet_rebuild(struct tailnet *t, const char *why)
{
	if (t->retry_timer)
		return;
	log_warning(t->name, NULL, "%s: made anew", why);
	if (sd_event_add_time_relative(t->s->event, &t->retry_timer, CLOCK_MONOTONIC,
		    RETRY_MIN_MS * 1000, 10000, tailnet_on_rebuild, t) < 0)
		worker_no_timer(t->name, NULL);
}

/* ---- stop ---- */

static void tailnet_close(struct tailnet *t)
{
	t->ready_timer = sd_event_source_disable_unref(t->ready_timer);
	t->listen_timer = sd_event_source_disable_unref(t->listen_timer);
	t->lookup_timer = sd_event_source_disable_unref(t->lookup_timer);
	t->udp_timer = sd_event_source_disable_unref(t->udp_timer);
	t->proxy.netns_fd = -1;
	t->tun_fd = fd_close(t->tun_fd);
	t->udp4_fd = fd_close(t->udp4_fd);
	t->udp6_fd = fd_close(t->udp6_fd);
	t->uapi_fd = fd_close(t->uapi_fd);
	t->resolve_fd = fd_close(t->resolve_fd);
	uplink_teardown(t);
	links_close(t->links);
	t->links = NULL;
	t->netns_fd = fd_close(t->netns_fd);
	free(t->routes.items);
	t->routes = (struct prefix_list){0};
}

void tailnet_leave(struct tailnet *t)
{
	t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
	worker_leave(&t->proxy);
	worker_leave(&t->node);
	worker_leave(&t->host);
	resume_forget(t);
	tailnet_close(t);
	for (size_t i = 0; i < t->n_listeners; i++)
		fd_close(t->listeners[i].fd);
	t->veth_listener.fd = fd_close(t->veth_listener.fd);
	t->n_listeners = 0;
	ports_leave(t);
	t->lock_fd = fd_close(t->lock_fd);
}

void tailnet_teardown(struct tailnet *t)
{
	bool built = t->netns_fd >= 0 || t->made.netns.ino;

	proxy_close_listeners(t);
	ports_close(t);
	worker_stop(&t->proxy);
	worker_stop(&t->node);
	engine_stop(t);
	worker_stop(&t->host);
	resume_forget(t);
	tailnet_close(t);
	if (!t->s->stopping) /* then it goes with the unit */
		fdstore_clear(t->name);
	if (!built)
		return;
	retry_remove(t);
	memset(&t->made, 0, sizeof(t->made));
}

void tailnet_stop(struct tailnet *t)
{
	t->wanted = false;
	t->retry_timer = sd_event_source_disable_unref(t->retry_timer);
	tailnet_teardown(t);
	retry_reset(&t->retry);
	t->unwritten = false;
	tailnet_set(t, TAILNET_DOWN, "");
}
