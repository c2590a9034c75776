// SPDX-License-Identifier: MIT
// Text to lines, and an INI file to sections, keys and complaints, each with its line number.
//
// inih, as packaged, cuts lines over 199 bytes and section names over 49, takes a line with leading
// blanks as a continuation, accepts ':' for '=', merges repeated sections, says nothing of empty ones
// and gives no line numbers. So it is fed through a reader that judges each line first: what inih would
// cut or take for something else is reported and never reaches it; sections are reported from here;
// and since inih calls its handler before it asks for the next line, the reader's count is the number
// of the line that the handler is called for.
#include "config/lines.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"

bool lines_next(struct lines *s, char **ret_line, size_t *ret_len)
{
	char *start, *end;

	if (s->pos == 0 && s->len >= 3 && !memcmp(s->text, "\xef\xbb\xbf", 3))
		s->pos = 3;
	if (s->pos >= s->len)
		return false;
	start = s->text + s->pos;
	end = memchr(start, '\n', s->len - s->pos);
	if (!end)
		end = s->text + s->len;
	s->pos = (size_t)(end - s->text) + 1;
	if (end > start && end[-1] == '\r')
		end--;
	*end = '\0';
	s->no++;
	*ret_line = start;
	*ret_len = (size_t)(end - start);
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

char *lines_trim(char *text)
{
	size_t len;

	text = skip_blanks(text);
	len = strlen(text);
	while (len && is_blank(text[len - 1]))
		text[--len] = '\0';
	return text;
}

const char *lines_unclean(const char *line, size_t len)
{
	const char *what = NULL;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] >= 0x20 && line[i] != 0x7f)
			continue;
		if (line[i] == '\0')
			return "the line holds a NUL byte";
		if (line[i] != '\t')
			what = "the line holds a control character";
	}
	return what;
}

struct ini_source {
	struct lines lines;
	const struct ini_events *events;
	void *arg;
	bool owes_newline;
};

static void bad(struct ini_source *s, bool heading, const char *what)
{
	s->events->bad(s->arg, s->lines.no, heading, what);
}

static bool is_comment(const char *text)
{
	return *text == ';' || *text == '#' || *text == '\0';
}

/* TEXT begins with '['. */
static void heading(struct ini_source *s, char *text)
{
	char *end = strchr(text, ']'), *title;

	if (!end) {
		bad(s, true, "a section's line ends with ']'");
		return;
	}
	if (!is_comment(skip_blanks(end + 1))) {
		bad(s, true, "there is text behind the section's ']'");
		return;
	}
	*end = '\0';
	title = lines_trim(text + 1);
	if (strlen(title) > INI_SECTION_MAX)
		bad(s, true, "the section's name is longer than 49 bytes");
	else
		s->events->section(s->arg, s->lines.no, title);
}

static bool is_key(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i], lower = c | 0x20;

		if (!((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
			    c == '_' || c == '-'))
			return false;
	}
	return len > 0;
}

/* True if inih may have this "key = value". */
static bool assignment(struct ini_source *s, const char *text, size_t size)
{
	const char *equals = memchr(text, '=', size);
	size_t len;
	bool good;

	if (!equals) {
		bad(s, false, "this is neither a [section] nor key = value nor a comment");
		return false;
	}
	len = (size_t)(equals - text);
	while (len && is_blank(text[len - 1]))
		len--;
	good = is_key(text, len);
	if (!good)
		bad(s, false, "what stands before '=' is not a key");
	return good;
}

/* inih's fgets(): the next line that it may have, at BUF. */
static char *next_assignment(char *buf, int size, void *arg)
{
	struct ini_source *s = arg;
	const char *what;
	char *line;
	size_t len;

	/* newer inih reads on behind a line that fills its buffer, up to the line's end */
	if (s->owes_newline) {
		s->owes_newline = false;
		snprintf(buf, (size_t)size, "\n");
		return buf;
	}
	while (lines_next(&s->lines, &line, &len)) {
		char *text = skip_blanks(line);
		size_t n = len - (size_t)(text - line);

		what = len > CONFIG_LINE_MAX ? "the line is longer than 199 bytes"
			: !is_comment(text) || memchr(text, '\0', n) ? lines_unclean(line, len)
								     : NULL;
		if (what) {
			bad(s, *text == '[', what);
		} else if (*text == '[') {
			heading(s, text);
		} else if (!is_comment(text) && assignment(s, text, n)) {
			s->owes_newline = n == (size_t)size - 1;
			if (n < (size_t)size)
				return memcpy(buf, text, n + 1);
			bad(s, false, "the line is longer than this build of inih reads");
		}
	}
	return NULL;
}

static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct ini_source *s = arg;

	s->events->key(s->arg, s->lines.no, name, value);
	return 1;
}

void lines_parse_ini(char *text, size_t len, const struct ini_events *events, void *arg)
{
	struct ini_source s = {
		.lines = {.text = text, .len = len},
		.events = events,
		.arg = arg,
	};

	(void)ini_parse_stream(next_assignment, &s, on_key, &s);
}
