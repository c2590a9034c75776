// SPDX-License-Identifier: MIT
// A set of prefixes with a value each: filled, sealed, then asked for the longest match.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"

struct prefixset_entry {
	struct prefix prefix;
	uint32_t value;
	uint32_t parent; /* the closest prefix around this one; its own index = none */
};

struct prefixset {
	struct prefixset_entry *entries;
	size_t n, cap;
};

/* Host bits are cleared. 0, -EINVAL (no such prefix), -ENOSPC above MAX entries, -ENOMEM. */
int prefixset_add(struct prefixset *s, const struct prefix *p, uint32_t value, size_t max);
/* Sorts; of equal prefixes the one with the highest value stays. Ask only afterwards. */
void prefixset_seal(struct prefixset *s);
/* The longest prefix with A in it; *ret_value (may be NULL) is its value. */
bool prefixset_find(const struct prefixset *s, const struct addr *a, uint32_t *ret_value);
void prefixset_free(struct prefixset *s);
