// SPDX-License-Identifier: MIT
// Tables with aligned columns, which fold where the terminal is too narrow.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "report/text.h"

#define TABLE_GAP    2
#define TABLE_INDENT 4	/* of the second and later lines of a row */
#define TABLE_NARROW 20 /* nothing is folded below this width */

size_t text_width(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return 0;
	return w.ws_col;
}

int table_add(struct table *t, const char *fmt, ...)
{
	char text[TEXT_CELL_MAX];
	char **more = reallocarray(t->cells, t->n + 1, sizeof(*more));
	va_list ap;

	if (!more)
		return -ENOMEM;
	t->cells = more;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->cells[t->n] = strdup(*text ? text : "-");
	if (!t->cells[t->n])
		return -ENOMEM;
	t->n++;
	return 0;
}

/* What of a cell is printed where WIDTH columns are left, "..." at its end if it is cut. */
static void table_cell(
	const struct table *t, size_t i, size_t width, bool pad, bool colours, FILE *out)
{
	const char *text = t->cells[i];
	const char *sgr =
		colours && t->colour ? t->colour(i / t->columns, i % t->columns, text) : NULL;
	size_t len = strlen(text);
	bool cut = len > width;

	if (sgr)
		fprintf(out, "\033[%sm", sgr);
	fprintf(out, "%.*s%s", (int)(cut ? width - 3 : len), text, cut ? "..." : "");
	if (sgr)
		fputs("\033[0m", out);
	if (pad)
		fprintf(out, "%*s", (int)((cut ? 0 : width - len) + TABLE_GAP), "");
}

/* The first column of the next line, when the one at FIRST is begun. */
static size_t table_fold(const struct table *t, const size_t *widths, size_t first, size_t width)
{
	size_t used = (first ? TABLE_INDENT : 0) + widths[first], next = first + 1;

	while (next < t->columns && used + TABLE_GAP + widths[next] <= width)
		used += TABLE_GAP + widths[next++];
	return next;
}

static void table_row(const struct table *t, const size_t *widths, size_t row, size_t width,
	bool colours, FILE *out)
{
	for (size_t first = 0, next; first < t->columns; first = next) {
		next = table_fold(t, widths, first, width);
		fprintf(out, "%*s", first ? TABLE_INDENT : 0, "");
		for (size_t c = first; c < next; c++)
			table_cell(t, row * t->columns + c, widths[c], c + 1 < next, colours, out);
		fputc('\n', out);
	}
}

void table_print_width(const struct table *t, FILE *out, size_t width, bool colours)
{
	_cleanup_free_ size_t *widths = calloc(t->columns, sizeof(*widths));

	if (!widths)
		return;
	if (width < TABLE_NARROW)
		width = SIZE_MAX;
	for (size_t i = 0; i < t->n; i++)
		widths[i % t->columns] = MAX(widths[i % t->columns], strlen(t->cells[i]));
	for (size_t c = 0; c < t->columns; c++)
		widths[c] = MIN(widths[c], width - (c ? TABLE_INDENT : 0));
	for (size_t row = 0; (row + 1) * t->columns <= t->n; row++)
		table_row(t, widths, row, width, colours, out);
}

void table_print(const struct table *t, FILE *out)
{
	bool terminal = out == stdout;

	table_print_width(t, out, terminal ? text_width() : 0, terminal && text_colours());
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){.columns = t->columns};
}
