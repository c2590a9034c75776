// SPDX-License-Identifier: MIT
// An open table of indices beside the items, a quarter full at most.
#include "common/byname.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"

#define BYNAME_MIN    64 /* items; a power of 2, as all of it */
#define BYNAME_PLACES 4	 /* for each of them */

static char *byname_at(const struct byname *t, size_t i)
{
	return (char *)t->items + i * t->stride;
}

/* Where NAME's index is, or is to be put. */
static uint32_t *byname_place(const struct byname *t, const char *name)
{
	size_t i = hash_bytes(name, strlen(name)) & (t->n_places - 1);

	while (t->places[i] && strcmp(byname_at(t, t->places[i] - 1), name) != 0)
		i = (i + 1) & (t->n_places - 1);
	return &t->places[i];
}

void *byname_find(const struct byname *t, const char *name)
{
	uint32_t at = t->n ? *byname_place(t, name) : 0;

	return at ? byname_at(t, at - 1) : NULL;
}

static void *byname_grow(struct byname *t)
{
	size_t room = t->room ? 2 * t->room : BYNAME_MIN;
	uint32_t *places = calloc(BYNAME_PLACES * room, sizeof(*places));
	void *items = places ? reallocarray(t->items, room, t->stride) : NULL;

	if (!items) {
		free(places);
		return NULL;
	}
	free(t->places);
	t->items = items;
	t->room = room;
	t->places = places;
	t->n_places = BYNAME_PLACES * room;
	for (size_t i = 0; i < t->n; i++)
		*byname_place(t, byname_at(t, i)) = (uint32_t)i + 1;
	return items;
}

void *byname_add(struct byname *t, const char *name)
{
	char *item = byname_find(t, name);

	if (item)
		return item;
	if (t->n == t->room && !byname_grow(t))
		return NULL;
	item = byname_at(t, t->n);
	memset(item, 0, t->stride);
	snprintf(item, t->name_max, "%s", name);
	*byname_place(t, item) = (uint32_t)++t->n;
	return item;
}

void byname_free(struct byname *t)
{
	free(t->items);
	free(t->places);
	*t = (struct byname){.stride = t->stride, .name_max = t->name_max};
}
