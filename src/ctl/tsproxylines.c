// SPDX-License-Identifier: MIT
// Lines, words and a shell's variables in the files of a hand-made gateway.
#include "ctl/tsproxylines.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

void tsproxy_note(struct tsproxy *t, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (t->n_notes == TSPROXY_NOTES_MAX || vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (!text)
		return;
	/* it becomes a comment: one line, nothing else */
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	t->notes[t->n_notes++] = text;
}

bool tsproxy_is_plain(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.:/,@+%=[]", *c))
			return false;
	return *text && strlen(text) < TSPROXY_TEXT_MAX / 2;
}

char *tsproxy_next_line(char **text)
{
	char *line = *text, *end;

	if (!line || !*line)
		return NULL;
	for (end = line; (end = strchr(end, '\n'));) {
		if (end == line || end[-1] != '\\') {
			*end = '\0';
			*text = end + 1;
			return line;
		}
		end[-1] = *end = ' ';
	}
	*text = NULL;
	return line;
}

void tsproxy_split(char *text, struct line *l)
{
	l->n = 0;
	for (char *w; l->n < TSPROXY_WORDS_MAX && (w = strsep(&text, " \t\r\"'"));)
		if (*w)
			l->words[l->n++] = w;
}

static size_t name_length(const char *text)
{
	return isdigit((unsigned char)*text)
		? 0
		: strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");
}

bool tsproxy_assign(struct variables *v, char *text)
{
	static const char *const before[] = {"export ", "local ", "readonly ", "declare "};
	char value[TSPROXY_TEXT_MAX];
	size_t len;

	for (size_t i = 0; i < ELEMENTSOF(before); i++)
		if (!strncmp(text, before[i], strlen(before[i])))
			text += strlen(before[i]);
	len = name_length(text);
	if (!len || text[len] != '=' || len >= sizeof(v->items[0].name) || v->n == VARIABLES_MAX)
		return false;
	snprintf(value, sizeof(value), "%s", text + len + 1 + strspn(text + len + 1, "\"'"));
	value[strcspn(value, "\"' \t\r;#")] = '\0';
	if (!tsproxy_is_plain(value))
		return false;
	snprintf(v->items[v->n].name, sizeof(v->items[0].name), "%.*s", (int)len, text);
	snprintf(v->items[v->n++].value, TSPROXY_TEXT_MAX, "%s", value);
	return true;
}

/* The latest value of $NAME or ${NAME}; *ret_len: what it takes of TEXT. NULL: none. */
static const char *variable_at(const struct variables *v, const char *text, size_t *ret_len)
{
	bool braces = text[1] == '{';
	const char *name = text + 1 + braces;
	size_t len = name_length(name);

	if (*text != '$' || !len || (braces && name[len] != '}'))
		return NULL;
	*ret_len = 1 + braces + len + braces;
	for (size_t i = v->n; i-- > 0;)
		if (strlen(v->items[i].name) == len && !strncmp(v->items[i].name, name, len))
			return v->items[i].value;
	return NULL;
}

void tsproxy_expand(const struct variables *v, const char *text, char ret[EXPANDED_MAX])
{
	size_t n = 0;

	while (*text && n + 1 < EXPANDED_MAX) {
		size_t len = 0;
		const char *value = variable_at(v, text, &len);

		if (!value) {
			ret[n++] = *text++;
			continue;
		}
		for (; *value && n + 1 < EXPANDED_MAX; value++)
			ret[n++] = *value;
		text += len;
	}
	ret[n] = '\0';
}
