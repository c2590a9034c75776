// SPDX-License-Identifier: MIT
// The node's configuration: keys, peers, allowed-ips; changed by the supervisor's messages and by wg(8).
#include "wg/device.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "wg/state.h"

static uint64_t wall_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

int device_new(struct wg_stats *stats, struct device **ret)
{
	struct device *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->secret = keys_new();
	if (!d->secret) {
		free(d);
		return -ENOMEM;
	}
	pthread_mutex_init(&d->lock, NULL);
	d->stats = stats;
	d->wall_ns = wall_now_ns;
	d->boot_ns = clock_now_ns;
	d->allowed.max = DEVICE_ALLOWED_MAX;
	randombytes_buf(d->hash_key, sizeof(d->hash_key));
	*ret = d;
	return 0;
}

/* What waited for a handshake or the sending thread holds references. */
static void release_lists(struct device *d)
{
	struct peer *p;

	while ((p = d->hs_list)) {
		d->hs_list = p->hs_next;
		peer_unref(p);
	}
	while ((p = d->tx_list)) {
		d->tx_list = p->tx_next;
		peer_unref(p);
	}
}

void device_free(struct device *d)
{
	if (!d)
		return;
	device_peer_remove_all(d);
	release_lists(d);
	index_free(&d->indices);
	ratelimit_free(&d->ratelimit);
	familiar_free(&d->familiar);
	keys_free(d->secret);
	free(d->heap);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void device_set_ops(struct device *d, const struct device_ops *ops, void *owner)
{
	d->ops = ops;
	d->ops_owner = owner;
}

bool device_set_private_key(struct device *d, const uint8_t key[32])
{
	struct noise_static *s = &d->secret->identity, new;
	struct peer *self;
	bool same;

	noise_set_static(&new, key);
	same = new.set == s->set && !sodium_memcmp(new.private_key, s->private_key, 32);
	if (!same) {
		*s = new;
		cookie_checker_init(&d->secret->checker, s->public_key);
		self = s->set ? device_peer_get(d, s->public_key) : NULL;
		if (self)
			device_peer_remove(d, self);
		for (struct peer *p = d->peers; p; p = p->next) {
			noise_set_remote(&p->secret->remote, s, p->public_key);
			pthread_mutex_lock(&d->lock);
			session_expire(d, p);
			pthread_mutex_unlock(&d->lock);
		}
	}
	sodium_memzero(&new, sizeof(new));
	return !same;
}

bool device_private_key(struct device *d, uint8_t ret[32])
{
	if (d->secret->identity.set)
		memcpy(ret, d->secret->identity.private_key, 32);
	return d->secret->identity.set;
}

void device_set_veth(struct device *d, const struct prefix *veth)
{
	pthread_mutex_lock(&d->lock);
	d->veth = *veth;
	pthread_mutex_unlock(&d->lock);
}

uint16_t device_listen_port(const struct device *d)
{
	return d->port;
}

uint32_t device_fwmark(const struct device *d)
{
	return d->fwmark;
}

int device_want_sockets(struct device *d, uint16_t port, uint32_t fwmark)
{
	if (!d->ops || !d->ops->want_sockets)
		return -EOPNOTSUPP;
	return d->ops->want_sockets(d->ops_owner, port, fwmark);
}

void device_sockets_changed(struct device *d, uint16_t port, uint32_t fwmark)
{
	d->port = port;
	d->fwmark = fwmark;
	STAT_SET(d->stats->listen_port, port);
	/* our address may be another now */
	pthread_mutex_lock(&d->lock);
	for (struct peer *p = d->peers; p; p = p->next)
		endpoint_forget_source(&p->endpoint);
	pthread_mutex_unlock(&d->lock);
	if (d->ops && d->ops->sockets_changed)
		d->ops->sockets_changed(d->ops_owner);
}

int device_interface_index(struct device *d, const char *name)
{
	return d->wires && d->wires->interface_index
		? d->wires->interface_index(d->wires_owner, name)
		: -ENODEV;
}

static struct peer **bucket_of(struct device *d, const uint8_t public_key[32])
{
	uint8_t h[8];

	crypto_shorthash(h, public_key, 32, d->hash_key);
	return &d->hash[h[0]];
}

struct peer *device_peer_get(struct device *d, const uint8_t public_key[32])
{
	struct peer *p = *bucket_of(d, public_key);

	while (p && memcmp(p->public_key, public_key, 32))
		p = p->hash_next;
	return p;
}

static void link_peer(struct device *d, struct peer *p)
{
	struct peer **b = bucket_of(d, p->public_key);

	p->hash_next = *b;
	*b = p;
	p->prev = d->last_peer;
	if (p->prev)
		p->prev->next = p;
	else
		d->peers = p;
	d->last_peer = p;
	p->stats = &d->stats->peers[d->n_peers++];
	memset(p->stats, 0, sizeof(*p->stats));
	memcpy(p->stats->public_key, p->public_key, 32);
	STAT_SET(d->stats->n_peers, d->n_peers);
}

int device_peer_create(struct device *d, const uint8_t public_key[32], struct peer **ret)
{
	const struct noise_static *s = &d->secret->identity;
	struct peer *p;
	int r;

	if (device_peer_get(d, public_key))
		return -EEXIST;
	if (s->set && !memcmp(s->public_key, public_key, 32))
		return -EINVAL;
	if (d->n_peers >= DEVICE_PEERS_MAX)
		return -ENOSPC;
	pthread_mutex_lock(&d->lock);
	r = deadlines_reserve(d, d->n_peers + 1);
	pthread_mutex_unlock(&d->lock);
	p = r == 0 ? peer_new(s, public_key) : NULL;
	if (!p)
		return -ENOMEM;
	p->timers.heal = d->handshake_at_start;
	pthread_mutex_lock(&d->lock);
	link_peer(d, p);
	pthread_mutex_unlock(&d->lock);
	*ret = p;
	return 0;
}

/* The counters of the others stay without a gap: the last one moves into the hole. */
static void release_stats(struct device *d, struct peer *p)
{
	struct wg_peer_stats *last = &d->stats->peers[--d->n_peers];

	STAT_SET(d->stats->n_peers, d->n_peers);
	if (last == p->stats)
		return;
	*p->stats = *last;
	for (struct peer *o = d->peers; o; o = o->next)
		if (o->stats == last)
			o->stats = p->stats;
}

static void unlink_peer(struct device *d, struct peer *p)
{
	struct peer **b = bucket_of(d, p->public_key);

	while (*b != p)
		b = &(*b)->hash_next;
	*b = p->hash_next;
	if (p->next)
		p->next->prev = p->prev;
	else
		d->last_peer = p->prev;
	if (p->prev)
		p->prev->next = p->next;
	else
		d->peers = p->next;
	release_stats(d, p);
}

void device_peer_remove(struct device *d, struct peer *p)
{
	pthread_mutex_lock(&d->lock);
	p->dead = true;
	allowedips_remove_owner(&d->allowed, &p->allowed);
	deadlines_remove(d, p);
	session_forget(d, p);
	peer_drop_staged(p);
	unlink_peer(d, p);
	p->stats = NULL;
	peer_unref(p);
	pthread_mutex_unlock(&d->lock);
}

void device_peer_remove_all(struct device *d)
{
	while (d->last_peer)
		device_peer_remove(d, d->last_peer);
}

struct peer *device_peer_next(struct device *d, const struct peer *p)
{
	return p ? p->next : d->peers;
}

void device_peer_info(struct device *d, const struct peer *p, struct peer_info *ret)
{
	*ret = (struct peer_info){.last_handshake_s = p->last_handshake_s,
		.last_handshake_ns = p->last_handshake_ns,
		.persistent_keepalive_s = p->timers.persistent_s,
		.n_allowed = p->allowed.n};
	memcpy(ret->public_key, p->public_key, 32);
	memcpy(ret->preshared_key, p->secret->remote.preshared_key, 32);
	pthread_mutex_lock(&d->lock);
	ret->endpoint = p->endpoint.at;
	ret->rx_bytes = STAT_GET(p->stats->rx_bytes);
	ret->tx_bytes = STAT_GET(p->stats->tx_bytes);
	pthread_mutex_unlock(&d->lock);
}

void device_peer_set_psk(struct device *d, struct peer *p, const uint8_t psk[32])
{
	memcpy(p->secret->remote.preshared_key, psk, 32);
}

void device_peer_set_endpoint(struct device *d, struct peer *p, const struct hostport *endpoint)
{
	pthread_mutex_lock(&d->lock);
	endpoint_set(&p->endpoint, endpoint);
	p->stats->endpoint = *endpoint;
	pthread_mutex_unlock(&d->lock);
	p->configured = *endpoint;
}

void device_peer_await_endpoint(struct device *d, struct peer *p, bool awaited)
{
	pthread_mutex_lock(&d->lock);
	p->endpoint_awaited = awaited;
	pthread_mutex_unlock(&d->lock);
}

void device_peer_configure_endpoint(
	struct device *d, struct peer *p, const struct hostport *endpoint)
{
	if (!hostport_equal(&p->configured, endpoint) || p->state == PEER_DOWN)
		device_peer_set_endpoint(d, p, endpoint);
}

void device_peer_set_keepalive(struct device *d, struct peer *p, uint16_t seconds)
{
	pthread_mutex_lock(&d->lock);
	if (timers_set_persistent(&p->timers, seconds, d->boot_ns()) &&
		p->endpoint.at.addr.family) {
		p->keepalive_wanted = true;
		session_want_sender(d, p);
	}
	deadlines_changed(d, p);
	p->stats->persistent_keepalive_s = seconds;
	pthread_mutex_unlock(&d->lock);
}

static void count_allowed(struct device *d)
{
	for (struct peer *p = d->peers; p; p = p->next)
		STAT_SET(p->stats->n_allowed, p->allowed.n);
}

int device_peer_add_allowed(struct device *d, struct peer *p, const struct prefix *prefix)
{
	int r;

	pthread_mutex_lock(&d->lock);
	r = allowedips_insert(&d->allowed, prefix, &p->allowed);
	STAT_SET(p->stats->n_allowed, p->allowed.n);
	pthread_mutex_unlock(&d->lock);
	return r;
}

int device_peer_del_allowed(struct device *d, struct peer *p, const struct prefix *prefix)
{
	int r;

	pthread_mutex_lock(&d->lock);
	r = allowedips_remove(&d->allowed, prefix, &p->allowed);
	STAT_SET(p->stats->n_allowed, p->allowed.n);
	pthread_mutex_unlock(&d->lock);
	return r;
}

void device_peer_clear_allowed(struct device *d, struct peer *p)
{
	pthread_mutex_lock(&d->lock);
	allowedips_remove_owner(&d->allowed, &p->allowed);
	STAT_SET(p->stats->n_allowed, 0);
	pthread_mutex_unlock(&d->lock);
}

bool device_peer_next_allowed(
	const struct peer *p, const struct allowed_entry **cursor, struct prefix *ret)
{
	*cursor = *cursor ? allowedips_next(*cursor) : p->allowed.first;
	if (*cursor)
		*ret = allowedips_prefix(*cursor);
	return *cursor != NULL;
}

void device_peer_call(struct device *d, struct peer *p)
{
	pthread_mutex_lock(&d->lock);
	if (p->endpoint.at.addr.family)
		session_want_handshake(d, p);
	pthread_mutex_unlock(&d->lock);
}

static bool came_another_way(
	struct device *d, const struct endpoint *e, device_interface_to *interface_to, void *arg)
{
	const struct udpio_source *s = &e->path.source;
	struct addr from = {.family = s->family};
	uint32_t ifindex;

	if (!s->family || !s->arrived || s->family != e->at.addr.family)
		return false;
	memcpy(from.bytes, &s->v6, addr_len(&from));
	ifindex = interface_to(arg, &from, &e->at.addr, d->fwmark);
	return ifindex && ifindex != s->arrived;
}

void device_routes_changed(struct device *d, device_interface_to *interface_to, void *arg)
{
	for (struct peer *p = d->peers; p; p = p->next) {
		struct endpoint e;

		pthread_mutex_lock(&d->lock);
		e = p->endpoint;
		pthread_mutex_unlock(&d->lock);
		if (!came_another_way(d, &e, interface_to, arg))
			continue;
		pthread_mutex_lock(&d->lock);
		endpoint_forget_source(&p->endpoint);
		pthread_mutex_unlock(&d->lock);
	}
}

/* As at the start: whether a peer is up is known by trying. */
static bool is_untried(const struct device *d, const struct peer *p)
{
	return d->handshake_at_start && p->state == PEER_UNKNOWN && !p->last_handshake_s &&
		!p->timers.unanswered_since_ns && p->endpoint.at.addr.family;
}

void device_kick(struct device *d)
{
	pthread_mutex_lock(&d->lock);
	count_allowed(d);
	for (struct peer *p = d->peers; p; p = p->next) {
		if (p->staged_first || p->keepalive_wanted)
			session_want_sender(d, p);
		if (is_untried(d, p))
			session_want_handshake(d, p);
	}
	pthread_mutex_unlock(&d->lock);
}

void device_set_by_hand(struct device *d, bool by_hand)
{
	STAT_SET(d->stats->set_by_hand, by_hand);
}

void device_peer_report(struct device *d, struct peer *p, uint32_t state)
{
	if (p->state == state || p->dead)
		return;
	p->state = state;
	pthread_mutex_lock(&d->lock);
	STAT_SET(p->stats->state, state);
	pthread_mutex_unlock(&d->lock);
	if (d->ops && d->ops->peer_state)
		d->ops->peer_state(d->ops_owner, p->public_key, state);
}
