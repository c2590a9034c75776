// SPDX-License-Identifier: MIT
// Text to lines, and an INI file to sections, keys and complaints, each with its line number.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* A file's text, cut up in place. Zero .pos and .no to start. */
struct lines {
	char *text; /* LEN bytes and a NUL behind them */
	size_t len;
	size_t pos;
	unsigned no; /* of the line that was returned last, from 1 */
};

/* The next line without its end (LF or CRLF) and without a BOM, NUL-terminated; *ret_len counts
 * NUL bytes inside it too. False at the end of the text. */
bool lines_next(struct lines *s, char **ret_line, size_t *ret_len);
/* Removes blanks at both ends, in place. */
char *lines_trim(char *text);
/* What makes a line unreadable, or NULL: a NUL byte, another control character. */
const char *lines_unclean(const char *line, size_t len);

#define INI_SECTION_MAX 49 /* bytes: inih would cut longer names */

struct ini_events {
	/* "[TITLE]"; TITLE is trimmed. */
	void (*section)(void *arg, unsigned line, const char *title);
	void (*key)(void *arg, unsigned line, const char *key, const char *value);
	/* A line that cannot be read. HEADING: it begins with '[', so what follows is in no known section. */
	void (*bad)(void *arg, unsigned line, bool heading, const char *what);
};

/* Calls EVENTS for each line of TEXT (changed in place) that is neither blank nor a comment. */
void lines_parse_ini(char *text, size_t len, const struct ini_events *events, void *arg);
