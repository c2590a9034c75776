// SPDX-License-Identifier: MIT
// Findings for people and for scripts: what was looked at, how it is, what to do about it.
#include "ctl/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report/text.h"

static const struct {
	const char *name, *colour;
} kinds[FINDING_KINDS] = {
	[FINDING_OK] = {"ok", "32"},
	[FINDING_WARN] = {"warn", "33"},
	[FINDING_FAIL] = {"fail", "31;1"},
	[FINDING_SKIP] = {"skip", "2"},
};

const char *finding_name(enum finding_kind kind)
{
	return kinds[kind].name;
}

void finding_advise(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->advice, sizeof(f->advice), fmt, ap);
	va_end(ap);
}

void finding_set(
	struct finding *f, enum finding_kind kind, const char *advice, const char *fmt, ...)
{
	va_list ap;

	f->kind = kind;
	snprintf(f->advice, sizeof(f->advice), "%s", advice ? advice : "");
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

void report_begin(struct report *r, bool json)
{
	*r = (struct report){.json = json, .colour = text_colours()};
	if (json)
		r->items = json_array();
}

static void report_print(
	const struct report *r, const char *what, uint64_t took_ns, const struct finding *f)
{
	char took[TEXT_SIZE_MAX] = "";

	if (took_ns != REPORT_NO_TIME && took_ns < 10000000000u)
		snprintf(took, sizeof(took), "%.1f ms", (double)took_ns / 1e6);
	else if (took_ns != REPORT_NO_TIME)
		snprintf(took, sizeof(took), "%.1f s", (double)took_ns / 1e9);
	printf("%s%s%s%-4s%s  %-10s %s%s%s%s\n", r->colour ? "\033[" : "",
		r->colour ? kinds[f->kind].colour : "", r->colour ? "m" : "", kinds[f->kind].name,
		r->colour ? "\033[0m" : "", what, f->text, *took ? " (" : "", took,
		*took ? ")" : "");
	if (*f->advice)
		printf("      %-10s %s\n", "->", f->advice);
	fflush(stdout); /* the next one may take its time */
}

static void report_keep(
	const struct report *r, const char *what, uint64_t took_ns, const struct finding *f)
{
	json_t *j = json_object();

	json_object_set_new(j, "what", text_json(what));
	json_object_set_new(j, "result", json_string(kinds[f->kind].name));
	json_object_set_new(j, "text", text_json(f->text));
	json_object_set_new(j, "advice", *f->advice ? text_json(f->advice) : json_null());
	if (took_ns != REPORT_NO_TIME)
		json_object_set_new(j, "ms", json_real((double)took_ns / 1e6));
	json_array_append_new(r->items, j);
}

void report_add(struct report *r, const char *what, uint64_t took_ns, const struct finding *f)
{
	r->counts[f->kind]++;
	if (f->kind == FINDING_FAIL && !*r->broken) {
		snprintf(r->broken, sizeof(r->broken), "%s", what);
		snprintf(r->advice, sizeof(r->advice), "%s", f->advice);
	}
	if (r->json)
		report_keep(r, what, took_ns, f);
	else
		report_print(r, what, took_ns, f);
}
