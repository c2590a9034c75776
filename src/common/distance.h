// SPDX-License-Identifier: MIT
// How far two words are apart, for "did you mean".
#pragma once

#include <stddef.h>

/* How many single-character edits lead from A to B (Levenshtein). */
size_t distance_edits(const char *a, const char *b);
