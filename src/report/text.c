// SPDX-License-Identifier: MIT
// Text for people: sizes, durations, tables with aligned columns.
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ipc/control.h"

const char *text_bytes(uint64_t n, char buf[TEXT_SIZE_MAX])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
	uint64_t scale = 1000;
	size_t u = 0;

	if (n < 1000) {
		snprintf(buf, TEXT_SIZE_MAX, n ? "%" PRIu64 " B" : "0", n);
		return buf;
	}
	/* the next unit from 999.5 on, as that would be printed as 1000 */
	while (u + 1 < ELEMENTSOF(units) && n >= scale * 1000 - scale / 2) {
		scale *= 1000;
		u++;
	}
	/* one decimal below 9.95 */
	if (n < scale * 10 - scale / 20) {
		uint64_t tenths = (n + scale / 20) / (scale / 10);

		snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
			units[u]);
	} else {
		uint64_t whole = n / scale + (n % scale >= scale / 2);

		snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 " %s", whole, units[u]);
	}
	return buf;
}

const char *text_duration(uint64_t s, char buf[TEXT_SIZE_MAX])
{
	static const struct {
		uint64_t seconds;
		char unit, next;
	} units[] = {{86400, 'd', 'h'}, {3600, 'h', 'm'}, {60, 'm', 's'}};
	static const uint64_t next_seconds[] = {3600, 60, 1};

	for (size_t i = 0; i < ELEMENTSOF(units); i++) {
		uint64_t rest = s % units[i].seconds / next_seconds[i];

		if (s < units[i].seconds)
			continue;
		if (rest)
			snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 "%c %" PRIu64 "%c",
				s / units[i].seconds, units[i].unit, rest, units[i].next);
		else
			snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 "%c", s / units[i].seconds,
				units[i].unit);
		return buf;
	}
	snprintf(buf, TEXT_SIZE_MAX, "%" PRIu64 "s", s);
	return buf;
}

bool text_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

void text_join(char *buf, size_t size, const char *more)
{
	size_t len = strlen(buf);

	if (len + 1 + strlen(more) < size)
		snprintf(buf + len, size - len, "%s%s", len ? "," : "", more);
}

json_t *text_json(const char *text)
{
	char ascii[CONTROL_REASON_MAX];
	json_t *j = json_string(text);

	if (j)
		return j;
	/* not UTF-8 (or no memory: then it fails again) */
	snprintf(ascii, sizeof(ascii), "%s", text);
	for (char *c = ascii; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(ascii);
}

/* Every word and every blank of it is a piece: json_dumpf() would take the stream's lock for each. */
static int text_put_piece(const char *text, size_t len, void *arg)
{
	return fwrite_unlocked(text, 1, len, arg) == len ? 0 : -1;
}

/* Releases J. */
static int text_put_json(json_t *j, size_t flags)
{
	int r = j ? json_dump_callback(j, text_put_piece, stdout, flags) : -1;

	json_decref(j);
	if (r == 0)
		putchar('\n');
	return r;
}

int text_print_json(json_t *j)
{
	if (text_put_json(j, TEXT_JSON_FLAGS) == 0)
		return 0;
	fputs("tsgwctl: cannot write JSON\n", stderr);
	return 1;
}

int text_print_json_line(json_t *j)
{
	int r = text_put_json(j, JSON_COMPACT | JSON_PRESERVE_ORDER);

	return r < 0 || fflush(stdout) == EOF;
}
