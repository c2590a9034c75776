// SPDX-License-Identifier: MIT
// The sections by their titles: a table that grows, for a gateway may have thousands of them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "config/load.h"

#define TITLES_MIN 64 /* places; a power of 2, as every size of it */

/* Where TITLE is, or the free place for it. */
static struct section **place(const struct titles *t, const char *title)
{
	size_t i = hash_bytes(title, strlen(title)) & (t->size - 1);

	while (t->places[i] && strcmp(t->places[i]->title, title) != 0)
		i = (i + 1) & (t->size - 1);
	return &t->places[i];
}

struct section *titles_find(const struct titles *t, const char *title)
{
	return t->size ? *place(t, title) : NULL;
}

struct section *titles_section(const struct titles *t, const char *word, const char *name)
{
	char title[64];

	snprintf(title, sizeof(title), "%s %s", word, name);
	return titles_find(t, title);
}

static bool grow(struct titles *t)
{
	struct titles more = {.size = t->size ? 2 * t->size : TITLES_MIN, .n = t->n};

	more.places = calloc(more.size, sizeof(struct section *));
	if (!more.places)
		return false;
	for (size_t i = 0; i < t->size; i++)
		if (t->places[i])
			*place(&more, t->places[i]->title) = t->places[i];
	free(t->places);
	*t = more;
	return true;
}

bool titles_add(struct titles *t, struct section *s)
{
	if (2 * (t->n + 1) > t->size && !grow(t)) /* half of it stays free */
		return false;
	*place(t, s->title) = s;
	t->n++;
	return true;
}

void titles_free(struct titles *t)
{
	free(t->places);
}
