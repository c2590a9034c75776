// SPDX-License-Identifier: MIT
// Findings for people and for scripts: what was looked at, how it is, what to do about it.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDING_TEXT_MAX 640

enum finding_kind {
	FINDING_OK,
	FINDING_WARN,
	FINDING_FAIL,
	FINDING_SKIP, /* could not be looked at */
	FINDING_KINDS
};

struct finding {
	enum finding_kind kind;
	char text[FINDING_TEXT_MAX];   /* how it is */
	char advice[FINDING_TEXT_MAX]; /* what to do, in one sentence; "" = nothing */
};

struct report {
	bool json, colour;
	json_t *items;
	size_t counts[FINDING_KINDS];
	char broken[32];	       /* what failed first */
	char advice[FINDING_TEXT_MAX]; /* what to do about that */
};

/* Findings are printed as they come, or with JSON kept. */
void report_begin(struct report *r, bool json);
#define REPORT_NO_TIME UINT64_MAX
/* WHAT: one word. TOOK_NS: how long it took to find out, or REPORT_NO_TIME. */
void report_add(struct report *r, const char *what, uint64_t took_ns, const struct finding *f);
/* "ok", "warn", "fail", "skip" */
const char *finding_name(enum finding_kind kind);

/* Fills in F; ADVICE may be NULL. */
void finding_set(struct finding *f, enum finding_kind kind, const char *advice, const char *fmt,
	...) __attribute__((format(printf, 4, 5)));
void finding_advise(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
