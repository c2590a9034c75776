// SPDX-License-Identifier: MIT
// How many connections each client address has.
//
// Open addressing with linear probing; an entry whose count falls to zero is removed by moving the
// entries behind it forward, so that the table never fills with tombs.
#include "proxy/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CLIENTS_FIRST 64

struct slot {
	struct addr addr;
	uint32_t count; /* 0 = empty */
};

static struct slot *slots;
static uint32_t n_slots, n_used;
static uint64_t seed;

static uint32_t home(const struct addr *a)
{
	uint64_t x, y;

	memcpy(&x, a->bytes, 8);
	memcpy(&y, a->bytes + 8, 8);
	x = (x ^ seed ^ a->family) * 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 29) ^ y) * 0xbf58476d1ce4e5b9u;
	return (uint32_t)(x >> 32) & (n_slots - 1);
}

static struct slot *probe(const struct addr *a)
{
	uint32_t i = home(a);

	while (slots[i].count && !addr_equal(&slots[i].addr, a))
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int grow(void)
{
	struct slot *old = slots;
	uint32_t n_old = n_slots;

	if (!old && getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = (uint64_t)(uintptr_t)&seed;
	slots = calloc(n_old ? n_old * 2 : CLIENTS_FIRST, sizeof(*slots));
	if (!slots) {
		slots = old;
		return -ENOMEM;
	}
	n_slots = n_old ? n_old * 2 : CLIENTS_FIRST;
	for (uint32_t i = 0; i < n_old; i++)
		if (old[i].count)
			*probe(&old[i].addr) = old[i];
	free(old);
	return 0;
}

int clients_enter(const struct addr *a, uint32_t max)
{
	struct slot *s;

	if (n_used * 2 >= n_slots && grow() < 0)
		return -ENOMEM;
	s = probe(a);
	if (s->count >= max)
		return 0;
	if (!s->count) {
		s->addr = *a;
		n_used++;
	}
	return (int)++s->count;
}

void clients_leave(const struct addr *a)
{
	struct slot *s = n_slots ? probe(a) : NULL;
	uint32_t hole, i;

	if (!s || !s->count || --s->count)
		return;
	n_used--;
	hole = (uint32_t)(s - slots);
	for (i = (hole + 1) & (n_slots - 1); slots[i].count; i = (i + 1) & (n_slots - 1)) {
		uint32_t wanted = home(&slots[i].addr);

		if (((i - wanted) & (n_slots - 1)) < ((i - hole) & (n_slots - 1)))
			continue; /* its place lies behind the hole */
		slots[hole] = slots[i];
		slots[i].count = 0;
		hole = i;
	}
}
