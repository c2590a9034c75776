// SPDX-License-Identifier: MIT
// Memory for secrets: locked, left out of core dumps, wiped when given back.
#pragma once

#include <stddef.h>

#define KEYS_SLOT 512 /* bytes; everything secret fits into one slot */

/* A zeroed slot, aligned to 64 bytes; NULL without memory. Where the system refuses to lock, that
 * is logged once. */
void *keys_new(void);
/* Wipes it; accepts NULL. */
void keys_free(void *slot);
