// SPDX-License-Identifier: MIT
// How many connections each client address has.
//
// Open addressing with linear probing; an entry whose count falls to zero is removed by moving the
// entries behind it forward, so that the table never fills with tombs.
#include "relay/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CLIENTS_FIRST 64

struct clients_slot {
	struct addr addr;
	uint32_t count; /* 0 = empty */
};

static uint32_t home(const struct clients *c, const struct addr *a)
{
	uint64_t x, y;

	memcpy(&x, a->bytes, 8);
	memcpy(&y, a->bytes + 8, 8);
	x = (x ^ c->seed ^ a->family) * 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 29) ^ y) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(x >> 32) & (c->n_slots - 1);
}

static struct clients_slot *probe(const struct clients *c, const struct addr *a)
{
	uint32_t i = home(c, a);

	while (c->slots[i].count && !addr_equal(&c->slots[i].addr, a))
		i = (i + 1) & (c->n_slots - 1);
	return &c->slots[i];
}

static int grow(struct clients *c)
{
	struct clients_slot *old = c->slots;
	uint32_t n_old = c->n_slots;

	if (!old && getrandom(&c->seed, sizeof(c->seed), GRND_NONBLOCK) < 0)
		c->seed = (uint64_t)(uintptr_t)&c->seed;
	c->slots = calloc(n_old ? n_old * 2 : CLIENTS_FIRST, sizeof(*c->slots));
	if (!c->slots) {
		c->slots = old;
		return -ENOMEM;
	}
	c->n_slots = n_old ? n_old * 2 : CLIENTS_FIRST;
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i].count)
			*probe(c, &old[i].addr) = old[i];
	free(old);
	return 0;
}

int clients_enter(struct clients *c, const struct addr *a, uint32_t max)
{
	struct clients_slot *s;

	if (c->n_used * 2 >= c->n_slots && grow(c) < 0)
		return -ENOMEM;
	s = probe(c, a);
	if (s->count >= max)
		return 0;
	if (!s->count) {
		s->addr = *a;
		c->n_used++;
	}
	return (int)++s->count;
}

void clients_leave(struct clients *c, const struct addr *a)
{
	struct clients_slot *s = c->n_slots ? probe(c, a) : NULL;
	uint32_t hole, i;

	if (!s || !s->count || --s->count)
		return;
	c->n_used--;
	hole = (uint32_t)(s - c->slots);
	for (i = (hole + 1) & (c->n_slots - 1); c->slots[i].count; i = (i + 1) & (c->n_slots - 1)) {
		uint32_t wanted = home(c, &c->slots[i].addr);

		if (((i - wanted) & (c->n_slots - 1)) < ((i - hole) & (c->n_slots - 1)))
			continue; /* its place lies behind the hole */
		c->slots[hole] = c->slots[i];
		c->slots[i].count = 0;
		hole = i;
	}
}
