// SPDX-License-Identifier: MIT
// Errors and warnings of one run: noted as they are found, told in the order of files and lines.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/load.h"

#define TEXT_MAX 900 /* bytes of one problem: fits into a control record */

/* Control characters and broken UTF-8 would be the file's way to write on the reader's terminal. */
static void sanitize(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p;) {
		unsigned follow = *p < 0x80	  ? 0
			: *p >= 0xc2 && *p < 0xe0 ? 1
			: *p >= 0xe0 && *p < 0xf0 ? 2
			: *p >= 0xf0 && *p < 0xf5 ? 3
						  : 4;
		unsigned good = 0;

		while (good < follow && follow < 4 && (p[good + 1] & 0xc0) == 0x80)
			good++;
		/* C1 controls are two bytes: U+0080 to U+009F */
		if (*p < 0x20 || *p == 0x7f || good != follow || (*p == 0xc2 && p[1] < 0xa0))
			*p++ = '?';
		else
			p += follow + 1;
	}
}

static size_t put_place(const struct loader *l, const struct where *w, char *buf, size_t size)
{
	const char *file = l->out->n_files ? l->out->files[w->file] : "";
	char line[16] = "";
	int n;

	if (w->line)
		snprintf(line, sizeof(line), ":%u", w->line);
	if (w->section && w->key)
		n = snprintf(buf, size, "%s%s: [%s] %s: ", file, line, w->section, w->key);
	else if (w->section)
		n = snprintf(buf, size, "%s%s: [%s]: ", file, line, w->section);
	else
		n = snprintf(buf, size, "%s%s: ", file, line);
	return MIN((size_t)n, size - 1);
}

static struct tailnet_config *owner(struct loader *l, const char *name)
{
	struct section *s = titles_section(&l->titles, "tailnet", name);

	return s ? s->t : NULL;
}

/* At once, not at the end: an error that is dropped for want of room counts like any other. */
static void mark(struct loader *l, const struct where *w, const char *text)
{
	struct tailnet_config *t = w->tailnet ? owner(l, w->tailnet) : NULL;
	struct section *hosts =
		w->tailnet && !t ? titles_section(&l->titles, "hosts", w->tailnet) : NULL;

	l->c->errors = true;
	l->n_errors++;
	if (!w->tailnet)
		l->c->fatal = true;
	else if (t && !t->broken)
		t->broken = load_strdup(l, text);
	else if (t)
		t->awaits_credential = false;
	else if (hosts && !hosts->broken)
		hosts->broken = load_strdup(l, text);
}

static void keep(struct loader *l, const struct where *w, bool is_warning, const char *text)
{
	struct noted *n;

	/* half of the room is for errors alone: what refuses a reload must be seen */
	if (l->n_noted >= CONFIG_PROBLEMS_MAX ||
		(is_warning && l->n_warnings >= CONFIG_PROBLEMS_MAX / 2)) {
		l->dropped++;
		l->dropped_errors += !is_warning;
		return;
	}
	if (!load_room(l, &l->noted, l->n_noted, sizeof(*l->noted)))
		return;
	n = &l->noted[l->n_noted];
	*n = (struct noted){.file = w->file, .line = w->line, .sequence = (unsigned)l->n_noted};
	n->p.warning = is_warning;
	n->p.text = load_strdup(l, text);
	n->p.tailnet = w->tailnet ? load_strdup(l, w->tailnet) : NULL;
	l->n_noted++;
	l->n_warnings += is_warning;
}

static void note(
	struct loader *l, const struct where *w, bool is_warning, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];
	size_t n = put_place(l, w, text, sizeof(text));

	if (is_warning)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "warning: ");
	if (n < sizeof(text))
		vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	sanitize(text);
	if (!is_warning)
		mark(l, w, text);
	keep(l, w, is_warning, text);
}

void problem(struct loader *l, const struct where *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(l, w, false, fmt, ap);
	va_end(ap);
}

void warning(struct loader *l, const struct where *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note(l, w, true, fmt, ap);
	va_end(ap);
}

void credential_awaited(struct loader *l, const struct where *w, const char *path)
{
	struct tailnet_config *t = owner(l, w->tailnet);
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "%s is not there: a credential is while its unit runs", path);
	sanitize(text);
	warning(l, w, "%s", text);
	if (!t || t->broken)
		return;
	t->broken = load_strdup(l, text);
	t->awaits_credential = t->broken != NULL;
}

static int compare_noted(const void *a, const void *b)
{
	const struct noted *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->sequence < y->sequence ? -1 : x->sequence > y->sequence;
}

/* The first in the order of lines is what `list` gives as the reason, not the first that was found. */
static void mark_first(struct loader *l)
{
	for (size_t i = l->n_noted; i-- > 0;) {
		const struct problem *p = &l->noted[i].p;
		struct tailnet_config *t = p->tailnet ? owner(l, p->tailnet) : NULL;

		if (!t || p->warning || !p->text)
			continue;
		free(t->broken);
		t->broken = load_strdup(l, p->text);
	}
}

static void say_dropped(struct loader *l, struct problem *p)
{
	if (asprintf(&p->text, "%s: %s%zu more problems, %zu of them errors", l->c->path,
		    l->dropped_errors ? "" : "warning: ", l->dropped, l->dropped_errors) < 0) {
		p->text = NULL;
		l->oom = true;
	}
	p->warning = !l->dropped_errors;
}

void problems_finish(struct loader *l)
{
	struct config *c = l->c;

	if (l->n_noted)
		qsort(l->noted, l->n_noted, sizeof(*l->noted), compare_noted);
	mark_first(l);
	c->problems = calloc(l->n_noted + 1, sizeof(*c->problems));
	if (!c->problems) {
		l->oom = true;
		return;
	}
	for (size_t i = 0; i < l->n_noted; i++)
		c->problems[i] = l->noted[i].p;
	c->n_problems = l->n_noted;
	l->n_noted = 0;
	if (l->dropped)
		say_dropped(l, &c->problems[c->n_problems++]);
}
