// SPDX-License-Identifier: MIT
// Which peer has the longest prefix that holds an address: a path-compressed binary trie for each family.
#pragma once

#include <stdint.h>

#include "common/addr.h"

/* A prefix in the trie; lives in the list of its owner, too. */
struct allowed_entry;

/* Embedded in a peer. */
struct allowed_owner {
	struct allowed_entry *first;
	uint32_t n;
};

struct allowedips {
	struct allowed_entry *root4;
	struct allowed_entry *root6;
	uint32_t n;
	uint32_t max;
};

/* Gives PREFIX to OWNER, taking it from whoever has it. 0, -ENOSPC (max), -ENOMEM. */
int allowedips_insert(
	struct allowedips *a, const struct prefix *prefix, struct allowed_owner *owner);
/* -ENOENT if OWNER does not have exactly this. */
int allowedips_remove(
	struct allowedips *a, const struct prefix *prefix, struct allowed_owner *owner);
void allowedips_remove_owner(struct allowedips *a, struct allowed_owner *owner);

/* ADDRESS: 4 or 16 bytes in network order. NULL: nobody has it. */
struct allowed_owner *allowedips_lookup4(const struct allowedips *a, const uint8_t *address);
struct allowed_owner *allowedips_lookup6(const struct allowedips *a, const uint8_t *address);

/* The entries of an owner: first, then the next of each; NULL at the end. */
const struct allowed_entry *allowedips_next(const struct allowed_entry *e);
struct prefix allowedips_prefix(const struct allowed_entry *e);
