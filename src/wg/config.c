// SPDX-License-Identifier: MIT
// A whole configuration on its way from the supervisor: collected, then compared with what runs.
#include "wg/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/offload.h"
#include "wg/state.h"

struct config_peer_item {
	struct msg_wg_peer m;
	uint32_t first, n; /* its prefixes */
};

struct config {
	bool has_device;
	struct msg_wg_device device;
	struct config_peer_item *peers;
	uint32_t n_peers, peers_size;
	struct prefix *prefixes;
	uint32_t n_prefixes, prefixes_size;
};

struct config *config_new(void)
{
	return calloc(1, sizeof(struct config));
}

void config_free(struct config *c)
{
	if (!c)
		return;
	if (c->peers)
		sodium_memzero(c->peers, c->peers_size * sizeof(*c->peers));
	free(c->peers);
	free(c->prefixes);
	sodium_memzero(c, sizeof(*c));
	free(c);
}

int config_device(struct config *c, const struct msg_wg_device *m)
{
	const struct prefix *v = &m->veth;

	if (c->has_device || (v->addr.family && (v->addr.family != 4 || v->len > 32)))
		return -EBADMSG;
	if (m->udp_gso > OFFLOAD_SENTINEL || m->tun_offload > OFFLOAD_OFF)
		return -EBADMSG;
	c->device = *m;
	c->has_device = true;
	return 0;
}

/* realloc() would leave a copy of the keys behind. */
static int grow_peers(struct config *c)
{
	uint32_t size = c->peers_size ? c->peers_size * 2 : 16;
	struct config_peer_item *peers = calloc(size, sizeof(*peers));

	if (!peers)
		return -ENOMEM;
	if (c->n_peers) {
		memcpy(peers, c->peers, c->n_peers * sizeof(*peers));
		sodium_memzero(c->peers, c->n_peers * sizeof(*peers));
	}
	free(c->peers);
	c->peers = peers;
	c->peers_size = size;
	return 0;
}

static bool hostport_ok(const struct hostport *h)
{
	return h->addr.family == 0 || ((h->addr.family == 4 || h->addr.family == 6) && h->port);
}

int config_peer(struct config *c, const struct msg_wg_peer *m)
{
	if (!hostport_ok(&m->endpoint))
		return -EBADMSG;
	if (c->n_peers == DEVICE_PEERS_MAX)
		return -ENOSPC;
	if (c->n_peers == c->peers_size && grow_peers(c) < 0)
		return -ENOMEM;
	c->peers[c->n_peers++] = (struct config_peer_item){.m = *m, .first = c->n_prefixes};
	return 0;
}

static bool prefix_ok(const struct prefix *p)
{
	return (p->addr.family == 4 || p->addr.family == 6) && p->len <= addr_bits(&p->addr);
}

int config_allowed(struct config *c, const struct msg_wg_allowed *m)
{
	if (!c->n_peers || m->n > MSG_PREFIXES)
		return -EBADMSG;
	if (c->n_prefixes + m->n > DEVICE_ALLOWED_MAX)
		return -ENOSPC;
	if (c->n_prefixes + m->n > c->prefixes_size) {
		uint32_t size = c->prefixes_size ? c->prefixes_size * 2 : 64;
		struct prefix *p = reallocarray(c->prefixes, size, sizeof(*p));

		if (!p)
			return -ENOMEM;
		c->prefixes = p;
		c->prefixes_size = size;
	}
	for (uint32_t i = 0; i < m->n; i++) {
		if (!prefix_ok(&m->prefixes[i]))
			return -EBADMSG;
		c->prefixes[c->n_prefixes++] = prefix_canonical(&m->prefixes[i]);
	}
	c->peers[c->n_peers - 1].n += m->n;
	return 0;
}

const struct msg_wg_device *config_settings(const struct config *c)
{
	return &c->device;
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int r = addr_compare(&x->addr, &y->addr);

	return r ? r : x->len - y->len;
}

/* Before anything is added: what is taken from one peer makes room for another. */
static void drop_allowed(
	struct config *c, struct config_peer_item *item, struct device *d, struct peer *p)
{
	struct prefix *wanted = c->prefixes + item->first, have;
	const struct allowed_entry *cursor = NULL;
	bool more;

	if (item->n)
		qsort(wanted, item->n, sizeof(*wanted), compare_prefixes);
	more = device_peer_next_allowed(p, &cursor, &have);
	while (more) {
		struct prefix gone = have;
		bool keep = item->n &&
			bsearch(&have, wanted, item->n, sizeof(*wanted), compare_prefixes);

		more = device_peer_next_allowed(p, &cursor, &have);
		if (!keep)
			device_peer_del_allowed(d, p, &gone);
	}
}

static int add_allowed(
	struct config *c, struct config_peer_item *item, struct device *d, struct peer *p)
{
	int r = 0;

	for (uint32_t i = 0; i < item->n && r == 0; i++)
		r = device_peer_add_allowed(d, p, &c->prefixes[item->first + i]);
	return r;
}

/* REKEY: our own key is another one now, so no session can be sent under any more. */
static int apply_peer(struct config *c, struct config_peer_item *item, struct device *d, bool rekey)
{
	const struct msg_wg_peer *m = &item->m;
	struct peer *p = device_peer_get(d, m->public_key);
	bool fresh = !p;
	int r = p ? 0 : device_peer_create(d, m->public_key, &p);

	if (r < 0)
		return r;
	p->configuring = true;
	if (sodium_memcmp(p->secret->remote.preshared_key, m->preshared_key, WG_KEY))
		device_peer_set_psk(d, p, m->preshared_key);
	if (m->endpoint.addr.family)
		device_peer_configure_endpoint(d, p, &m->endpoint);
	else
		device_peer_await_endpoint(d, p, m->endpoint.port != 0);
	r = add_allowed(c, item, d, p);
	if (r < 0)
		return r;
	device_peer_set_keepalive(d, p, m->persistent_keepalive_s);
	if ((fresh || rekey) && c->device.handshake_at_start)
		device_peer_call(d, p);
	return 0;
}

static void remove_what_goes(struct config *c, struct device *d)
{
	struct peer *p, *next;

	for (p = device_peer_next(d, NULL); p; p = p->next)
		p->configuring = false;
	for (uint32_t i = 0; i < c->n_peers; i++) {
		p = device_peer_get(d, c->peers[i].m.public_key);
		if (!p)
			continue;
		p->configuring = true;
		drop_allowed(c, &c->peers[i], d, p);
	}
	for (p = device_peer_next(d, NULL); p; p = next) {
		next = device_peer_next(d, p);
		if (!p->configuring)
			device_peer_remove(d, p);
	}
}

int config_apply(struct config *c, struct device *d)
{
	bool rekey;
	int r = 0;

	if (!c->has_device)
		return -EBADMSG;
	d->handshake_at_start = c->device.handshake_at_start;
	rekey = device_set_private_key(d, c->device.private_key);
	device_set_veth(d, &c->device.veth);
	remove_what_goes(c, d);
	for (uint32_t i = 0; i < c->n_peers && r == 0; i++)
		r = apply_peer(c, &c->peers[i], d, rekey);
	device_set_by_hand(d, false);
	return r;
}
