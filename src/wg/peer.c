// SPDX-License-Identifier: MIT
// A peer, its sessions and what waits for them: making, counting references, wiping.
#include "wg/peer.h"

#include <stdlib.h>
#include <string.h>

struct peer *peer_new(const struct noise_static *s, const uint8_t public_key[NOISE_KEY])
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->secret = keys_new();
	if (!p->secret) {
		free(p);
		return NULL;
	}
	p->refs = 1;
	p->staged_last = &p->staged_first;
	memcpy(p->public_key, public_key, NOISE_KEY);
	noise_set_remote(&p->secret->remote, s, public_key);
	cookie_maker_init(&p->secret->cookie, public_key);
	return p;
}

void peer_drop_staged(struct peer *p)
{
	while (p->staged_first) {
		struct staged *s = p->staged_first;

		p->staged_first = s->next;
		free(s);
	}
	p->staged_last = &p->staged_first;
	p->staged_packets = 0;
	p->staged_bytes = 0;
}

void peer_unref(struct peer *p)
{
	if (--p->refs)
		return;
	peer_drop_staged(p);
	keys_free(p->secret);
	free(p);
}

struct keypair *keypair_ref(struct keypair *k)
{
	k->refs++;
	return k;
}

void keypair_unref(struct keypair *k)
{
	if (!k || --k->refs)
		return;
	peer_unref(k->peer);
	keys_free(k->keys);
	free(k);
}

/* The sending thread may have looked at the clock before the main thread made K. */
static uint64_t age_ns(const struct keypair *k, uint64_t now_ns)
{
	return now_ns > k->born_ns ? now_ns - k->born_ns : 0;
}

bool keypair_may_send(const struct keypair *k, uint64_t now_ns, uint64_t n)
{
	return !k->receive_only && age_ns(k, now_ns) < REJECT_AFTER_TIME_NS &&
		__atomic_load_n(&k->send_counter, __ATOMIC_RELAXED) < REJECT_AFTER_MESSAGES - n;
}

bool keypair_may_receive(const struct keypair *k, uint64_t now_ns)
{
	return age_ns(k, now_ns) < REJECT_AFTER_TIME_NS;
}

bool keypair_is_old(const struct keypair *k, uint64_t now_ns)
{
	return __atomic_load_n(&k->send_counter, __ATOMIC_RELAXED) > REKEY_AFTER_MESSAGES ||
		(k->initiator && age_ns(k, now_ns) >= REKEY_AFTER_TIME_NS);
}
