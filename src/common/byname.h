// SPDX-License-Identifier: MIT
// An array of items that grows, each of which is found by its name. The names come from the configuration, not from
// strangers (hash.h).
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Every item is .stride bytes and begins with its name: a string in char[.name_max]. Set these two to start. */
struct byname {
	size_t stride, name_max;
	void *items;	  /* in the order in which they came; they move when one is added */
	size_t n, room;	  /* items */
	uint32_t *places; /* 1 + the index of an item; 0 = free */
	size_t n_places;  /* a power of 2, four times .room */
};

/* The item of that name, or NULL. */
void *byname_find(const struct byname *t, const char *name);
/* The same; where there is none, a new one is added, of zeros behind its name. NULL: out of memory. */
void *byname_add(struct byname *t, const char *name);
void byname_free(struct byname *t);
