// SPDX-License-Identifier: MIT
// What is known of the tailnet's peers now: live facts, independent of configurations that come and go.
#include "proxy/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PEERS_BUCKETS 1024

struct entry {
	struct peer peer;
	int32_t next; /* in the bucket, -1 = last */
};

static struct entry *entries;
static uint32_t n_entries, n_room;
static int32_t buckets[PEERS_BUCKETS];
static bool node_alive = true;

static uint32_t bucket_of(const uint8_t key[WG_KEY])
{
	uint32_t v;

	memcpy(&v, key, sizeof(v)); /* public keys are as good as random */
	return v % PEERS_BUCKETS;
}

int peers_find(const uint8_t key[WG_KEY])
{
	uint32_t b = bucket_of(key);

	if (!entries)
		memset(buckets, 0xff, sizeof(buckets));
	for (int32_t i = buckets[b]; i >= 0; i = entries[i].next)
		if (!memcmp(entries[i].peer.public_key, key, WG_KEY))
			return i;
	if (n_entries == PEERS_MAX)
		return -ENOSPC;
	if (n_entries == n_room) {
		uint32_t room = n_room ? n_room * 2 : 8;
		struct entry *more = realloc(entries, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		entries = more;
		n_room = room;
	}
	entries[n_entries] = (struct entry){.next = buckets[b]};
	memcpy(entries[n_entries].peer.public_key, key, WG_KEY);
	buckets[b] = (int32_t)n_entries;
	return (int)n_entries++;
}

struct peer *peers_get(uint32_t index)
{
	return &entries[index].peer;
}

bool peers_node_alive(void)
{
	return node_alive;
}

void peers_set_node(bool alive)
{
	node_alive = alive;
}

int peers_self(void)
{
	static const uint8_t none[WG_KEY]; /* nobody's key */
	int i = peers_find(none);

	if (i >= 0)
		peers_get((uint32_t)i)->state = PEER_UP;
	return i;
}
