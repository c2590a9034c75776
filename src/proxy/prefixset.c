// SPDX-License-Identifier: MIT
// A set of prefixes with a value each: filled, sealed, then asked for the longest match.
//
// Sorted by address, then length, every prefix stands behind all that contain it, and what lies between
// the two is inside the outer one. So the last entry that is not above the address, or one of those
// around that entry, is the longest match: a binary search and at most 128 steps outwards.
#include "proxy/prefixset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIXSET_FIRST 32

int prefixset_add(struct prefixset *s, const struct prefix *p, uint32_t value, size_t max)
{
	if ((p->addr.family != 4 && p->addr.family != 6) || p->len > addr_bits(&p->addr))
		return -EINVAL;
	if (s->n >= max)
		return -ENOSPC;
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : PREFIXSET_FIRST;
		struct prefixset_entry *more = realloc(s->entries, cap * sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->entries = more;
		s->cap = cap;
	}
	s->entries[s->n++] =
		(struct prefixset_entry){.prefix = prefix_canonical(p), .value = value};
	return 0;
}

static int compare_addr(const struct addr *a, const struct addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, addr_len(a));
}

static int compare_entries(const void *x, const void *y)
{
	const struct prefixset_entry *a = x, *b = y;
	int c = compare_addr(&a->prefix.addr, &b->prefix.addr);

	if (c)
		return c;
	if (a->prefix.len != b->prefix.len)
		return a->prefix.len < b->prefix.len ? -1 : 1;
	return a->value > b->value ? -1 : a->value < b->value;
}

/* The closest entry around A, from entry I outwards; N = none. */
static size_t find_around(const struct prefixset *s, size_t i, const struct addr *a)
{
	while (!prefix_contains(&s->entries[i].prefix, a)) {
		if (s->entries[i].parent == i)
			return s->n;
		i = s->entries[i].parent;
	}
	return i;
}

void prefixset_seal(struct prefixset *s)
{
	size_t n = 0;

	if (!s->n)
		return;
	qsort(s->entries, s->n, sizeof(*s->entries), compare_entries);
	for (size_t i = 0; i < s->n; i++)
		if (!n || !prefix_equal(&s->entries[n - 1].prefix, &s->entries[i].prefix))
			s->entries[n++] = s->entries[i];
	s->n = n;
	s->entries[0].parent = 0;
	for (size_t i = 1; i < n; i++) {
		size_t around = find_around(s, i - 1, &s->entries[i].prefix.addr);

		s->entries[i].parent = (uint32_t)(around == n ? i : around);
	}
}

bool prefixset_find(const struct prefixset *s, const struct addr *a, uint32_t *ret_value)
{
	size_t low = 0, high = s->n, i;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_addr(&s->entries[mid].prefix.addr, a) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (!low)
		return false;
	i = find_around(s, low - 1, a);
	if (i == s->n)
		return false;
	if (ret_value)
		*ret_value = s->entries[i].value;
	return true;
}

void prefixset_free(struct prefixset *s)
{
	free(s->entries);
	*s = (struct prefixset){0};
}
