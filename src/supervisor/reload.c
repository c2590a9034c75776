// SPDX-License-Identifier: MIT
// Reload: the plan from the old configuration to the new one, done step by step.
//
// A step that fails takes back itself and those before it, in reverse, with the same functions from new to
// old: then the old configuration is in force again. What was stopped is started again, so only that loses
// its connections. A part that cannot even go back is made anew with its tailnet.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/front.h"
#include "supervisor/plan.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"
#include "supervisor/watch.h"

#define RELOAD_LOGGED_MAX 20 /* lines: few tailnets' steps, not those of a thousand */

static void reload_remove(struct supervisor *s, struct tailnet *t)
{
	for (size_t i = 0; i < s->n_tailnets; i++)
		if (s->tailnets[i] == t)
			memmove(&s->tailnets[i], &s->tailnets[i + 1],
				(--s->n_tailnets - i) * sizeof(*s->tailnets));
	control_unlisten(s->control, t->name);
	watch_event(t, EVENT_GONE, NULL, "no longer in the configuration, or not enabled");
	tailnet_free(t);
}

static int reload_start(struct supervisor *s, struct tailnet_config *c)
{
	struct tailnet *t = supervisor_find(s, c->name);
	int r = t ? 0 : supervisor_add(s, c, &t);

	if (r == 0)
		tailnet_start(t);
	return r;
}

static int reload_change(struct tailnet *t, size_t part, const struct tailnet_config *old,
	const struct tailnet_config *new)
{
	int r;

	if (t->netns_fd < 0)
		return 0; /* down, or failed and tried again soon: with what is in force then */
	r = tailnet_parts[part].apply(t, old, new);
	if (r == -EPIPE || r == -ECONNRESET || r == -ENOTCONN)
		r = 0; /* a worker that is dying: the next one is told so, too */
	if (r >= 0)
		tailnet_evaluate(t);
	return r < 0 ? r : 0;
}

static int reload_step(struct supervisor *s, const struct step *step)
{
	struct tailnet *t = step->old ? supervisor_find(s, step->old->name) : NULL;

	switch (step->kind) {
	case STEP_STOP:
		if (t)
			reload_remove(s, t);
		return 0;
	case STEP_START:
		return reload_start(s, step->new);
	case STEP_CHANGE:
		return t ? reload_change(t, step->part, step->old, step->new) : 0;
	case STEP_FRONT:
		if (s->front)
			front_reload(s->front);
		return 0;
	}
	return 0;
}

static void reload_undo_step(struct supervisor *s, const struct step *step)
{
	struct tailnet *t = step->new ? supervisor_find(s, step->new->name) : NULL;
	int r = 0;

	switch (step->kind) {
	case STEP_STOP:
		r = reload_start(s, step->old);
		if (r < 0)
			log_error(step->old->name, NULL, "is not started again: %s", strerror(-r));
		break;
	case STEP_START:
		if (t)
			reload_remove(s, t);
		break;
	case STEP_CHANGE:
		r = t ? reload_change(t, step->part, step->new, step->old) : 0;
		if (r < 0) {
			log_warning(t->name, tailnet_parts[step->part].name,
				"cannot be changed back (%s): starting it anew", strerror(-r));
			tailnet_teardown(t);
			tailnet_start(t);
		}
		break;
	case STEP_FRONT:
		if (s->front)
			front_reload(s->front);
		break;
	}
}

/* Tailnets keep pointing into the configuration that is in force. */
static void reload_adopt(struct supervisor *s, struct config *new)
{
	for (size_t i = 0; i < s->n_tailnets; i++) {
		struct tailnet_config *c = config_find(new, s->tailnets[i]->name);

		if (!c)
			continue;
		s->tailnets[i]->config = c;
		(void)told_update(s->tailnets[i]);
	}
	s->config = new;
	suffixes_forget(&s->suffixes);
}

static void reload_said(const struct step *step, int r,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	const char *name = step->new->name;
	const char *part = step->kind == STEP_CHANGE ? tailnet_parts[step->part].name : "tailnet";
	char line[256];

	snprintf(line, sizeof(line), "%s: %s cannot be %s: %s", name, part,
		step->kind == STEP_CHANGE ? "changed" : "started", strerror(-r));
	if (say)
		say(arg, true, line);
	log_error(name, part, "cannot be %s: %s; what the reload has changed is undone",
		step->kind == STEP_CHANGE ? "changed" : "started", strerror(-r));
}

/* 0, or -ECANCELED: a step failed, OLD is in force. */
static int reload_apply(struct supervisor *s, const struct plan *p, struct config *old,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	for (size_t i = 0; i < p->n; i++) {
		int r = reload_step(s, &p->steps[i]);

		if (r == 0)
			continue;
		reload_said(&p->steps[i], r, say, arg);
		reload_adopt(s, old);
		for (size_t k = i + 1; k-- > 0;)
			reload_undo_step(s, &p->steps[k]);
		return -ECANCELED;
	}
	return 0;
}

/* It shows every tailnet, whoever runs it. */
static void reload_front(struct front *f)
{
	collect_reload(f->collected);
	frontweb_update(f);
}

/* What the configuration alone does not say: a key that is needed is not there. */
static bool reload_has_keys(struct supervisor *s, const struct config *new,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	char problem[ENGINE_PROBLEM_MAX];
	bool good = true;

	for (size_t i = 0; i < new->n_tailnets; i++) {
		if (engine_key_problem(&s->store, new->tailnets[i], problem, sizeof(problem)) >= 0)
			continue;
		good = false;
		if (say)
			say(arg, true, problem);
		log_error(NULL, NULL, "%s", problem);
	}
	return good;
}

/* Who asked hears of every step, the log of the first ones that are done. */
struct steps_told {
	void (*say)(void *arg, bool problem, const char *line);
	void *arg;
	bool dry;
	size_t n;
};

static void reload_tell(void *arg, const char *name, const char *line)
{
	struct steps_told *to = arg;

	/* in the journal, whose it is is a field */
	if (!to->dry && to->n++ < RELOAD_LOGGED_MAX)
		log_info(name, "reload", "%s", name ? line + strlen(name) + 2 : line);
	if (to->say)
		to->say(to->arg, false, line);
}

static void reload_log(struct supervisor *s, const struct plan *p, const struct config *new,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	struct steps_told to = {.say = say, .arg = arg};

	log_event(LOG_ID_RELOADED, LOG_INFO, NULL, "reload", "%zu step%s", p->n,
		p->n == 1 ? "" : "s");
	plan_say(s, p, new, reload_tell, &to);
	if (to.n > RELOAD_LOGGED_MAX)
		log_info(NULL, "reload", "and %zu lines more", to.n - RELOAD_LOGGED_MAX);
}

/* What runs does not end because its unit has lost the credential that it was started with. */
static bool reload_has_credentials(struct supervisor *s, const struct config *new,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	bool good = true;

	for (size_t i = 0; i < new->n_tailnets; i++) {
		const struct tailnet_config *t = new->tailnets[i];
		const struct tailnet_config *had = config_find(s->config, t->name);

		if (!t->awaits_credential || !had || had->broken || !supervisor_wants(s, t))
			continue;
		good = false;
		if (say)
			say(arg, true, t->broken);
	}
	return good;
}

static int reload_run(struct supervisor *s, bool dry,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	struct config *old = s->config, *new = NULL;
	struct plan p = {0};
	int r = config_load(s->options->config_path, &new);

	if (r < 0)
		return r;
	for (size_t i = 0; i < new->n_problems; i++) {
		if (say)
			say(arg, true, new->problems[i].text);
		log_line(new->problems[i].warning ? LOG_WARNING : LOG_ERR, NULL, NULL, "%s",
			new->problems[i].text);
	}
	if (!reload_has_keys(s, new, say, arg) || !reload_has_credentials(s, new, say, arg) ||
		new->errors) {
		config_free(new);
		log_error(NULL, "reload", "the configuration has errors: nothing was changed");
		return -EINVAL;
	}
	r = plan_make(s, old, new, &p);
	if (r < 0) {
		config_free(new);
		return r;
	}
	if (dry) {
		plan_say(s, &p, new, reload_tell,
			&(struct steps_told){.say = say, .arg = arg, .dry = true});
		config_free(new);
	} else {
		reload_log(s, &p, new, say, arg);
		reload_adopt(s, new);
		r = reload_apply(s, &p, old, say, arg);
		if (s->front)
			reload_front(s->front);
		config_free(r < 0 ? new : old);
	}
	plan_free(&p);
	return r;
}

int supervisor_reload(struct supervisor *s, bool dry,
	void (*say)(void *arg, bool problem, const char *line), void *arg)
{
	bool told = s->ready && !dry; /* while it still starts, READY=1 has another meaning */
	int r;

	if (told)
		(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
			(unsigned long long)(clock_now_ns() / 1000));
	r = reload_run(s, dry, say, arg);
	if (told)
		(void)sd_notify(0, "READY=1");
	return r;
}
