// SPDX-License-Identifier: MIT
// events, and list --watch: what changes, as it changes.
//
// What a supervisor knows when we come to it is no event. When it was away in between, what is other than
// before is told as one, and so is that it went.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "ctl/watching.h"
#include "report/text.h"

#define LIST_MS 2000 /* counters have no events: a terminal is drawn anew so often */

struct known { /* a tailnet's state as it was told last */
	char name[MSG_NAME_MAX];
	char source[MSG_NAME_MAX];
	pid_t pid;
	uint8_t state;
	bool gone;
};

struct stream {
	const struct args *args;
	struct known *known;
	size_t n;
};

static struct known *find(struct stream *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->known[i].name, name))
			return &s->known[i];
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int print_json(const struct control_event *e, const char *when)
{
	json_t *j = json_object();

	json_object_set_new(j, "time", json_string(when));
	json_object_set_new(j, "time_ms", json_integer((json_int_t)e->time_ms));
	json_object_set_new(j, "tailnet", text_json(e->tailnet));
	json_object_set_new(j, "kind", json_string(event_kind_name(e->kind)));
	json_object_set_new(j, "state", json_string(tailnet_state_name(e->state)));
	json_object_set_new(j, "subject", *e->subject ? text_json(e->subject) : json_null());
	json_object_set_new(j, "text", text_json(e->text));
	return text_print_json_line(j);
}

/* Other than 0 where nobody reads any more. */
static int print_event(const struct stream *s, const struct control_event *e)
{
	time_t t = (time_t)(e->time_ms / 1000);
	char when[40] = "";
	struct tm tm;

	if (s->args->json) {
		if (gmtime_r(&t, &tm))
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		return print_json(e, when);
	}
	if (localtime_r(&t, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("%s  %s  %-8s  %s%s%s\n", when, e->tailnet, event_kind_name(e->kind), e->subject,
		*e->subject ? ": " : "", e->text);
	return fflush(stdout) == EOF;
}

static int tell(
	const struct stream *s, const struct known *k, enum event_kind kind, const char *text)
{
	struct control_event e = {.kind = (uint8_t)kind, .state = k->state, .time_ms = now_ms()};

	memcpy(e.tailnet, k->name, sizeof(e.tailnet));
	snprintf(e.text, sizeof(e.text), "%s", text);
	return print_event(s, &e);
}

/* What a supervisor says of a tailnet when asked, not when it changes. */
static int on_tailnet(
	struct stream *s, const struct watching_source *from, const struct control_tailnet *t)
{
	struct known *k = find(s, t->name), *more;
	bool changed = k && (k->gone || k->state != t->state), returned = k && k->gone;
	char text[CONTROL_REASON_MAX + 64];

	if (!k) {
		more = reallocarray(s->known, s->n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		s->known = more;
		k = &more[s->n++];
		*k = (struct known){0};
		memcpy(k->name, t->name, sizeof(k->name));
	}
	k->state = t->state;
	k->gone = false;
	k->pid = from->pid;
	memcpy(k->source, from->name, sizeof(k->source));
	if (!changed || !returned)
		return 0;
	snprintf(text, sizeof(text), "%s%s%s", tailnet_state_name(t->state), *t->reason ? ": " : "",
		t->reason);
	return tell(s, k, EVENT_STATE, text);
}

static int on_gone(struct stream *s, const struct watching_source *from)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n; i++) {
		struct known *k = &s->known[i];

		if (k->gone || k->pid != from->pid || strcmp(k->source, from->name) != 0)
			continue;
		k->gone = true;
		k->state = TAILNET_DOWN;
		r = tell(s, k, EVENT_GONE, "its supervisor went away");
	}
	return r;
}

static int on_record(void *arg, const struct watching_source *from, const union control_any *m)
{
	struct stream *s = arg;
	struct known *k;

	if (!m)
		return on_gone(s, from);
	if (m->h.record == CONTROL_TAILNET)
		return on_tailnet(s, from, &m->tailnet);
	if (m->h.record != CONTROL_EVENT)
		return 0;
	k = find(s, m->event.tailnet);
	if (k)
		k->state = m->event.state;
	if (k && m->event.kind == EVENT_GONE)
		k->gone = true; /* and it is told once */
	return print_event(s, &m->event);
}

static int nothing(void *arg)
{
	return 0;
}

int events_show(const struct args *a)
{
	struct stream s = {.args = a};
	struct watching w = {.args = a, .each = on_record, .idle = nothing, .arg = &s};
	int code;

	/* whoever reads us may go: then the next line ends it, with a word on stderr */
	(void)signal(SIGPIPE, SIG_IGN);
	code = watching_begin(&w);
	if (code == CTL_DONE && watching_run(&w) != 0)
		code = CTL_FAILED;
	watching_end(&w);
	free(s.known);
	return code;
}

/* ---- list --watch ---- */

struct screen {
	const struct args *args;
	bool changed, terminal;
	uint64_t drawn_ms;
};

static int screen_record(void *arg, const struct watching_source *from, const union control_any *m)
{
	struct screen *s = arg;

	s->changed |= !m || m->h.record == CONTROL_EVENT || m->h.record == CONTROL_TAILNET;
	return 0;
}

static int screen_draw(void *arg)
{
	struct screen *s = arg;
	uint64_t now = clock_now_ms();

	if (!s->changed && !(s->terminal && now - s->drawn_ms >= LIST_MS))
		return 0;
	if (s->terminal)
		fputs("\033[H\033[J", stdout);
	else if (!s->args->json && s->drawn_ms)
		putchar('\n');
	s->changed = false;
	s->drawn_ms = now;
	(void)show_list_once(s->args, s->args->json);
	return fflush(stdout) == EOF || ferror(stdout);
}

int events_list(const struct args *a)
{
	struct screen s = {
		.args = a, .changed = true, .terminal = isatty(STDOUT_FILENO) && !a->json};
	struct watching w = {.args = a, .each = screen_record, .idle = screen_draw, .arg = &s};

	(void)signal(SIGPIPE, SIG_IGN);
	/* list works without any supervisor: who is not there yet may come */
	if (screen_draw(&s) != 0)
		return CTL_FAILED;
	(void)watching_run(&w);
	watching_end(&w);
	return CTL_FAILED;
}
