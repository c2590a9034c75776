// SPDX-License-Identifier: MIT
// Text for people: sizes, durations, tables with aligned columns.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TEXT_CELL_MAX 1024
#define TEXT_SIZE_MAX 32

/* "0", "512 B", "80 MB", "1.2 GB": decimal units, two digits or more. Returns BUF. */
const char *text_bytes(uint64_t n, char buf[TEXT_SIZE_MAX]);
/* "12s", "3m 20s", "2d 4h": the two largest units. Returns BUF. */
const char *text_duration(uint64_t s, char buf[TEXT_SIZE_MAX]);

/* Standard output is a terminal that may have colours (NO_COLOR, TERM=dumb). */
bool text_colours(void);

/* Columns of the terminal that standard output is, 0 = it is none. */
size_t text_width(void);

/* Rows of cells, printed in columns as wide as their widest cell, two spaces apart, without
 * trailing blanks. On a terminal that is too narrow for them a row takes more lines, and a cell that is
 * wider than the terminal is cut. Zero-initialise with .columns set. */
struct table {
	size_t columns;
	char **cells; /* row by row */
	size_t n;
	/* The SGR code ("32") that a cell is to have on a terminal, or NULL. May be NULL. */
	const char *(*colour)(size_t row, size_t column, const char *text);
};
/* Adds one cell; an empty TEXT gives "-". 0 or -ENOMEM. */
int table_add(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *t, FILE *out);
/* The same for WIDTH columns, 0 = as wide as it gets. */
void table_print_width(const struct table *t, FILE *out, size_t width, bool colours);
void table_free(struct table *t);

/* Appends to BUF, separated by commas; what does not fit is left out whole. */
void text_join(char *buf, size_t size, const char *more);

/* A string that is certainly UTF-8: anything else becomes '?'. */
json_t *text_json(const char *text);
/* Fewer digits than a double has: 0.009 is not printed as 0.0089999999999999993. */
#define TEXT_JSON_FLAGS (JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12))
/* Prints and releases J (NULL: out of memory). Returns the exit code. */
int text_print_json(json_t *j);
/* The same on one line, and flushed: for streams. */
int text_print_json_line(json_t *j);
