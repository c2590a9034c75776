// SPDX-License-Identifier: MIT
// Inside the reader of hand-made gateways only: lines, words, a shell's variables, notes.
#pragma once

#include "ctl/tsproxy.h"

#define VARIABLES_MAX 64
#define EXPANDED_MAX  4096

struct line {
	char *words[TSPROXY_WORDS_MAX];
	size_t n;
	const char *file;
	const char *netns; /* of the file, "" = the host's */
};

struct variables {
	struct {
		char name[32], value[TSPROXY_TEXT_MAX];
	} items[VARIABLES_MAX];
	size_t n;
};

/* For the comments at the end of the INI. */
void tsproxy_note(struct tsproxy *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A value that may stand behind a key: no blank, no comment, nothing to be escaped. */
bool tsproxy_is_plain(const char *text);
/* The next line of *TEXT, a backslash at its end joins the next; NULL at the end. */
char *tsproxy_next_line(char **text);
void tsproxy_split(char *text, struct line *l);
/* "NAME=value", "export NAME='value'": true if it was one. */
bool tsproxy_assign(struct variables *v, char *text);
/* Puts values in for $NAME and ${NAME}. */
void tsproxy_expand(const struct variables *v, const char *text, char ret[EXPANDED_MAX]);
/* A Corefile: zones, addresses, names. */
void tsproxy_corefile(struct tsproxy *t, const char *name, char *text);
