// SPDX-License-Identifier: MIT
// Inside ipn*.c: JSON with the care that texts of a stranger need.
#pragma once

#include <jansson.h>
#include <stddef.h>

/* An object, or NULL. */
json_t *ipn_load(const char *text, size_t len);
/* "" if there is no text of that name. */
const char *ipn_string(const json_t *object, const char *key);
