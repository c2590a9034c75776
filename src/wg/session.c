// SPDX-License-Identifier: MIT
// The three slots for sessions (whitepaper §6.3): current, previous, and the responder's next.
//
// An initiator knows at once that its session works and sends under it. A responder does not, so its new
// session waits in the next slot until a packet comes under it. The previous session stays for what is
// still on its way. As a responder's session is derived as soon as its response is made, no handshake of
// ours is lost when both sides begin at once: two sessions come out, and either may be used.
#include "wg/state.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

static void drop(struct device *d, struct keypair **slot)
{
	struct keypair *k = *slot;

	*slot = NULL;
	if (!k)
		return;
	index_remove(&d->indices, &k->index);
	keypair_unref(k);
}

static void move(struct device *d, struct keypair **to, struct keypair **from)
{
	drop(d, to);
	*to = *from;
	*from = NULL;
}

void session_want_handshake(struct device *d, struct peer *p)
{
	if (p->hs_listed || p->dead)
		return;
	p->hs_listed = true;
	p->hs_next = d->hs_list;
	d->hs_list = p;
	p->refs++;
	if (d->wires)
		d->wires->wake_main(d->wires_owner);
}

void session_want_sender(struct device *d, struct peer *p)
{
	if (p->tx_listed || p->dead)
		return;
	p->tx_listed = true;
	p->tx_next = d->tx_list;
	d->tx_list = p;
	p->refs++;
	if (d->wires)
		d->wires->wake_sender(d->wires_owner);
}

int session_new(struct device *d, struct peer *p, struct keypair **ret)
{
	struct keypair *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->keys = keys_new();
	k->index.kind = INDEX_KEYPAIR;
	k->refs = 1;
	k->peer = p;
	if (!k->keys) {
		free(k);
		return -ENOMEM;
	}
	pthread_mutex_lock(&d->lock);
	p->refs++;
	pthread_mutex_unlock(&d->lock);
	*ret = k;
	return 0;
}

void session_discard(struct device *d, struct keypair *k)
{
	pthread_mutex_lock(&d->lock);
	drop(d, &k);
	pthread_mutex_unlock(&d->lock);
}

void session_derive(
	struct device *d, struct noise_handshake *hs, struct keypair *k, uint64_t now_ns)
{
	struct noise_keys keys;

	k->remote_index = hs->remote_index;
	k->born_ns = now_ns;
	noise_derive(hs, &keys);
	k->initiator = keys.initiator;
	memcpy(k->keys->send, keys.send, AEAD_KEY);
	memcpy(k->keys->receive, keys.receive, AEAD_KEY);
	sodium_memzero(&keys, sizeof(keys));
}

void session_install(struct device *d, struct keypair *k, uint64_t now_ns)
{
	struct peer *p = k->peer;

	if (k->initiator) {
		if (p->next_keypair) {
			drop(d, &p->current);
			move(d, &p->previous, &p->next_keypair);
		} else {
			move(d, &p->previous, &p->current);
		}
		p->current = k;
		p->rekeyed_late = false;
	} else {
		drop(d, &p->previous);
		drop(d, &p->next_keypair);
		p->next_keypair = k;
	}
	timers_session_derived(&p->timers, now_ns);
}

bool session_confirm(struct device *d, struct keypair *k)
{
	struct peer *p = k->peer;

	if (k != p->next_keypair)
		return false;
	move(d, &p->previous, &p->current);
	p->current = k;
	p->next_keypair = NULL;
	p->rekeyed_late = false;
	return true;
}

void session_expire(struct device *d, struct peer *p)
{
	struct keypair *slots[] = {p->current, p->next_keypair};

	index_remove(&d->indices, &p->handshake_index);
	sodium_memzero(&p->secret->handshake, sizeof(p->secret->handshake));
	for (size_t i = 0; i < ELEMENTSOF(slots); i++)
		if (slots[i])
			slots[i]->receive_only = true;
	timers_identity_changed(&p->timers);
}

void session_forget(struct device *d, struct peer *p)
{
	index_remove(&d->indices, &p->handshake_index);
	sodium_memzero(&p->secret->handshake, sizeof(p->secret->handshake));
	drop(d, &p->current);
	drop(d, &p->previous);
	drop(d, &p->next_keypair);
}
