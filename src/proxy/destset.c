// SPDX-License-Identifier: MIT
// The destinations that a UDP association has sent to lately.
//
// One array that doubles up to DESTSET_MAX, chained by hash for look-ups and by age for eviction, so
// that neither costs more with many destinations than with one.
#include "proxy/destset.h"

#include <stdlib.h>
#include <string.h>

#define DESTSET_FIRST 4 /* most associations speak to one or two */
#define NONE	      UINT16_MAX

static uint16_t *bucket_of(const struct destset *s, const struct hostport *at)
{
	uint64_t x, y;

	memcpy(&x, at->addr.bytes, 8);
	memcpy(&y, at->addr.bytes + 8, 8);
	x = (x ^ s->seed ^ (uint64_t)at->port << 32) * 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 29) ^ y) * 0xbf58476d1ce4e5b9u;
	return &s->buckets[(uint32_t)(x >> 32) & (s->cap - 1u)];
}

static int same(const struct hostport *a, const struct hostport *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

struct dest *destset_find(const struct destset *s, const struct hostport *at)
{
	if (!s->n)
		return NULL;
	for (uint16_t i = *bucket_of(s, at); i != NONE; i = s->items[i].next)
		if (same(&s->items[i].at, at))
			return &s->items[i];
	return NULL;
}

static void unlink_age(struct destset *s, struct dest *d)
{
	if (d->newer != NONE)
		s->items[d->newer].older = d->older;
	else
		s->newest = d->older;
	if (d->older != NONE)
		s->items[d->older].newer = d->newer;
	else
		s->oldest = d->newer;
}

static void link_newest(struct destset *s, uint16_t i)
{
	struct dest *d = &s->items[i];

	d->newer = NONE;
	d->older = s->newest;
	if (s->newest != NONE)
		s->items[s->newest].newer = i;
	else
		s->oldest = i;
	s->newest = i;
}

void destset_use(struct destset *s, struct dest *d)
{
	uint16_t i = (uint16_t)(d - s->items);

	if (s->newest == i)
		return;
	unlink_age(s, d);
	link_newest(s, i);
}

static void link_bucket(struct destset *s, uint16_t i)
{
	uint16_t *b = bucket_of(s, &s->items[i].at);

	s->items[i].next = *b;
	*b = i;
}

static void unlink_bucket(struct destset *s, uint16_t i)
{
	uint16_t *p = bucket_of(s, &s->items[i].at);

	while (*p != i)
		p = &s->items[*p].next;
	*p = s->items[i].next;
}

static int grow(struct destset *s)
{
	uint16_t cap = s->cap ? (uint16_t)(s->cap * 2) : DESTSET_FIRST;
	uint16_t *buckets = malloc(cap * sizeof(*buckets));
	struct dest *items = buckets ? realloc(s->items, cap * sizeof(*items)) : NULL;

	if (!items) {
		free(buckets);
		return -1;
	}
	if (!s->cap)
		s->newest = s->oldest = NONE;
	free(s->buckets);
	s->items = items;
	s->buckets = buckets;
	s->cap = cap;
	memset(buckets, 0xff, cap * sizeof(*buckets));
	for (uint16_t i = 0; i < s->n; i++)
		link_bucket(s, i);
	return 0;
}

struct dest *destset_add(struct destset *s, const struct hostport *at)
{
	uint16_t i;

	if (s->n == s->cap && s->cap < DESTSET_MAX && grow(s) < 0 && !s->cap)
		return NULL;
	if (s->n < s->cap) {
		i = s->n++;
	} else { /* full, or no memory for more: the oldest makes room */
		i = s->oldest;
		unlink_age(s, &s->items[i]);
		unlink_bucket(s, i);
	}
	s->items[i] = (struct dest){.at = *at};
	link_newest(s, i);
	link_bucket(s, i);
	return &s->items[i];
}

void destset_free(struct destset *s)
{
	free(s->items);
	free(s->buckets);
	*s = (struct destset){.seed = s->seed};
}
