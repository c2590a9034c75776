// SPDX-License-Identifier: MIT
// How far two words are apart, for "did you mean".
#include "common/distance.h"

#include <stdint.h>
#include <string.h>

#include "common/cleanup.h"

size_t distance_edits(const char *a, const char *b)
{
	size_t n = strlen(b);
	_cleanup_free_ size_t *row = calloc(n + 1, sizeof(*row));

	if (!row)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t edit = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			edit = MIN(edit, row[j] + 1);
			row[j] = MIN(edit, row[j - 1] + 1);
		}
	}
	return row[n];
}
