// SPDX-License-Identifier: MIT
// What is wrong with a stock node that runs: its own warnings, and what they leave out.
#include "host/trouble.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"

#define WORD_MAX 40

bool trouble_look(struct trouble *t, const struct ipn_status *s, uint64_t now_ms)
{
	if (s->state == IPN_RUNNING && !t->up_since_ms)
		t->up_since_ms = now_ms ? now_ms : 1;
	if (s->state != IPN_RUNNING || s->online) {
		t->offline = false;
		t->offline_since_ms = 0;
		return false;
	}
	if (!t->offline_since_ms)
		t->offline_since_ms = now_ms ? now_ms : 1;
	t->offline = now_ms - t->offline_since_ms >= TROUBLE_GRACE_MS;
	return true;
}

bool trouble_early(const struct trouble *t, const struct ipn_status *s, uint64_t now_ms)
{
	return !s->n_peers && now_ms - t->up_since_ms < TROUBLE_EARLY_MS;
}

const char *trouble_text(const struct trouble *t)
{
	if (*t->heard)
		return t->heard;
	return t->offline ? "the login server is not reached: what is known goes on, news of the "
			    "tailnet do not arrive"
			  : "";
}

/* The word after WHAT in TEXT, or "". */
static void word_after(const char *text, const char *what, char ret[WORD_MAX])
{
	const char *at = strstr(text, what);
	size_t n = at ? strcspn(at + strlen(what), " ,;)") : 0;

	snprintf(ret, WORD_MAX, "%.*s", (int)MIN(n, (size_t)WORD_MAX - 1),
		at ? at + strlen(what) : "");
}

/* "x509: certificate has expired or is not yet valid: current time A is before B", or "… is after B" */
void trouble_explain(const char *error, char *ret, size_t size)
{
	char now[WORD_MAX], limit[WORD_MAX];

	word_after(error, "current time ", now);
	word_after(error, " is before ", limit);
	if (strstr(error, "x509:") && *now && *limit) {
		snprintf(ret, size,
			"its certificate is not yet valid: valid from %s, and the clock of this "
			"host says %s: is the clock wrong?",
			limit, now);
		return;
	}
	word_after(error, " is after ", limit);
	if (strstr(error, "x509:") && *now && *limit)
		snprintf(ret, size,
			"its certificate has expired: valid until %s, and the clock of this host "
			"says %s: is the clock wrong?",
			limit, now);
	else
		snprintf(ret, size, "%s", error);
}
