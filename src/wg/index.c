// SPDX-License-Identifier: MIT
// The 32-bit numbers by which the other side addresses our handshakes and sessions: random and unique.
#include "wg/index.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define BUCKETS_MIN 64

/* The indices are random, so they are their own hash. */
static int grow(struct index_table *t)
{
	uint32_t size = t->buckets ? (t->mask + 1) * 2 : BUCKETS_MIN;
	struct index_entry **fresh = calloc(size, sizeof(*fresh));

	if (!fresh)
		return -ENOMEM;
	for (uint32_t i = 0; t->buckets && i <= t->mask; i++) {
		struct index_entry *e = t->buckets[i], *next;

		for (; e; e = next) {
			next = e->next;
			e->next = fresh[e->index & (size - 1)];
			fresh[e->index & (size - 1)] = e;
		}
	}
	free(t->buckets);
	t->buckets = fresh;
	t->mask = size - 1;
	return 0;
}

static void link_entry(struct index_table *t, struct index_entry *e)
{
	struct index_entry **b = &t->buckets[e->index & t->mask];

	e->next = *b;
	e->linked = 1;
	*b = e;
	t->n++;
}

int index_insert(struct index_table *t, struct index_entry *e)
{
	if ((!t->buckets || t->n > t->mask) && grow(t) < 0 && !t->buckets)
		return -ENOMEM;
	do
		e->index = randombytes_random();
	while (index_find(t, e->index));
	link_entry(t, e);
	return 0;
}

void index_replace(struct index_table *t, struct index_entry *old, struct index_entry *new)
{
	index_remove(t, old);
	new->index = old->index;
	link_entry(t, new);
}

void index_remove(struct index_table *t, struct index_entry *e)
{
	struct index_entry **b;

	if (!e->linked)
		return;
	for (b = &t->buckets[e->index & t->mask]; *b != e; b = &(*b)->next)
		;
	*b = e->next;
	e->linked = 0;
	t->n--;
}

struct index_entry *index_find(const struct index_table *t, uint32_t index)
{
	struct index_entry *e = t->buckets ? t->buckets[index & t->mask] : NULL;

	while (e && e->index != index)
		e = e->next;
	return e;
}

void index_free(struct index_table *t)
{
	free(t->buckets);
	t->buckets = NULL;
	t->n = 0;
}
