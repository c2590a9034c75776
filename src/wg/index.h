// SPDX-License-Identifier: MIT
// The 32-bit numbers by which the other side addresses our handshakes and sessions: random and unique.
#pragma once

#include <stdint.h>

/* Embedded in what an index stands for. */
struct index_entry {
	uint32_t index;
	uint8_t linked;
	uint8_t kind; /* the user's */
	struct index_entry *next;
};

struct index_table {
	struct index_entry **buckets;
	uint32_t n;
	uint32_t mask;
};

/* Gives E a fresh index. -ENOMEM. */
int index_insert(struct index_table *t, struct index_entry *e);
/* NEW takes over the index of OLD, which loses it. */
void index_replace(struct index_table *t, struct index_entry *old, struct index_entry *new);
/* Does nothing if E has none. */
void index_remove(struct index_table *t, struct index_entry *e);
struct index_entry *index_find(const struct index_table *t, uint32_t index);
void index_free(struct index_table *t);
