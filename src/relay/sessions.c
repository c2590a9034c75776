// SPDX-License-Identifier: MIT
// Who talks over which UDP port: one session for each port and client, bounded and forgotten in time.
//
// Two hash tables with chains, of sessions and of client addresses; a client's sessions hang in the
// order of their last datagrams, so that one client with very many ports replaces its own oldest
// session and nobody else's. The hashes are keyed, since clients choose their ports.
#include "relay/sessions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SESSION_BUCKETS 4096
#define CLIENT_BUCKETS	1024

struct sessions_client {
	struct sessions_client *chain;
	struct session *oldest, *newest;
	struct addr addr;
	uint32_t n;
};

static uint32_t hash(const struct sessions *t, const struct addr *a, uint64_t more)
{
	uint64_t x, y;

	memcpy(&x, a->bytes, 8);
	memcpy(&y, a->bytes + 8, 8);
	x = (x ^ t->seed ^ a->family) * 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 29) ^ y) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 32) ^ more) * 0x94d049bb133111ebu;
	return (uint32_t)(x >> 32);
}

static struct session **bucket_of(
	const struct sessions *t, const void *port, const struct hostport *from)
{
	uint64_t more = (uint64_t)(uintptr_t)port ^ (uint64_t)from->port << 48 ^ from->scope_id;

	return &t->buckets[hash(t, &from->addr, more) % SESSION_BUCKETS];
}

static struct sessions_client **client_of(const struct sessions *t, const struct addr *a)
{
	struct sessions_client **c = &t->clients[hash(t, a, 0) % CLIENT_BUCKETS];

	while (*c && !addr_equal(&(*c)->addr, a))
		c = &(*c)->chain;
	return c;
}

struct session *sessions_find(
	const struct sessions *t, const void *port, const struct hostport *from)
{
	struct session *s = t->buckets ? *bucket_of(t, port, from) : NULL;

	while (s &&
		(s->port != port || s->from.port != from->port ||
			s->from.scope_id != from->scope_id ||
			!addr_equal(&s->from.addr, &from->addr)))
		s = s->chain;
	return s;
}

static int sessions_open(struct sessions *t)
{
	if (t->buckets)
		return 0;
	t->buckets = calloc(SESSION_BUCKETS, sizeof(struct session *));
	t->clients = calloc(CLIENT_BUCKETS, sizeof(struct sessions_client *));
	if (!t->buckets || !t->clients) {
		free(t->buckets);
		free(t->clients);
		t->buckets = NULL;
		return -ENOMEM;
	}
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) < 0)
		t->seed = (uint64_t)(uintptr_t)t->buckets;
	return 0;
}

static void unlink_from_client(struct session *s)
{
	struct sessions_client *c = s->client;

	*(s->older ? &s->older->newer : &c->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &c->newest) = s->older;
}

static void link_as_newest(struct session *s)
{
	struct sessions_client *c = s->client;

	s->older = c->newest;
	s->newer = NULL;
	*(c->newest ? &c->newest->newer : &c->oldest) = s;
	c->newest = s;
}

int sessions_add(
	struct sessions *t, struct session *s, uint64_t now_ms, struct session **ret_oldest)
{
	struct sessions_client **c;
	struct session **b;
	int r = sessions_open(t);

	if (r < 0)
		return r;
	c = client_of(t, &s->from.addr);
	if (*c && (*c)->n >= SESSIONS_PER_CLIENT) {
		*ret_oldest = (*c)->oldest;
		sessions_remove(t, *ret_oldest);
	} else if (t->n >= (t->max ? t->max : SESSIONS_MAX)) {
		return -ENOSPC;
	} else {
		*ret_oldest = NULL;
	}
	if (!*c) {
		*c = calloc(1, sizeof(**c));
		if (!*c)
			return -ENOMEM;
		(*c)->addr = s->from.addr;
	}
	b = bucket_of(t, s->port, &s->from);
	s->chain = *b;
	*b = s;
	s->client = *c;
	s->last_ms = now_ms;
	s->sent = s->received = 0;
	link_as_newest(s);
	(*c)->n++;
	t->n++;
	return 0;
}

void sessions_touch(struct session *s, bool sent, uint64_t now_ms)
{
	uint32_t *count = sent ? &s->sent : &s->received;

	*count += *count < UINT32_MAX;
	s->last_ms = now_ms;
	unlink_from_client(s);
	link_as_newest(s);
}

void sessions_remove(struct sessions *t, struct session *s)
{
	struct sessions_client **c = client_of(t, &s->from.addr), *client = *c;
	struct session **b = bucket_of(t, s->port, &s->from);

	while (*b != s)
		b = &(*b)->chain;
	*b = s->chain;
	unlink_from_client(s);
	s->client = NULL;
	t->n--;
	if (--client->n)
		return;
	*c = client->chain;
	free(client);
}

uint64_t session_expires(const struct session *s)
{
	bool stream = s->sent > 1 && s->received > 1;

	return s->last_ms + (stream ? SESSION_STREAM_MS : SESSION_SINGLE_MS);
}
