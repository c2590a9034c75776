// SPDX-License-Identifier: MIT
// A table of suffixes as ipc/suffixes.h has it, for tests and fuzz targets.
#pragma once

#include <string.h>

#include "ipc/suffixes.h"

#define TABLE_MAX 8

struct table {
	struct suffix_entry e[TABLE_MAX];
	char words[TABLE_MAX * 64];
};

struct table_row {
	const char *text, *tailnet;
	uint16_t port;
};

/* Bytes of the table of N rows, which are sorted. The words follow the last entry. */
static inline size_t table_make(struct table *t, const struct table_row *rows, size_t n)
{
	char *base = (char *)t;
	size_t at = n * sizeof(t->e[0]);

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < n; i++) {
		t->e[i].port = rows[i].port;
		t->e[i].text = (uint32_t)at;
		at += (size_t)(stpcpy(base + at, rows[i].text) - (base + at)) + 1;
		t->e[i].tailnet = (uint32_t)at;
		at += (size_t)(stpcpy(base + at, rows[i].tailnet) - (base + at)) + 1;
	}
	return at;
}
