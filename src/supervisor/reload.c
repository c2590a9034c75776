// SPDX-License-Identifier: MIT
// Reload: the plan from the old configuration to the new one, done step by step.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/front.h"
#include "supervisor/plan.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"
#include "supervisor/watch.h"

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

static void reload_start(struct supervisor *s, struct tailnet_config *c)
{
	struct tailnet *t = supervisor_find(s, c->name);

	if (!t && supervisor_add(s, c, &t) < 0) {
		log_error(c->name, NULL, "is not started");
		return;
	}
	tailnet_start(t);
}

/* A part that cannot follow in place: the tailnet is built anew, and only it. */
static void reload_change(struct tailnet *t, const struct step *step)
{
	const struct part *part = &tailnet_parts[step->part];
	int r;

	if (t->netns_fd < 0)
		return; /* down, or failed and tried again soon: with the new configuration then */
	r = part->apply(t, step->old, step->new);
	if (r < 0) {
		log_warning(t->name, part->name,
			"cannot be changed in place (%s): starting it anew", strerror(-r));
		tailnet_teardown(t);
		tailnet_start(t);
		return;
	}
	tailnet_evaluate(t);
}

static void reload_apply(struct supervisor *s, const struct plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct step *step = &p->steps[i];
		struct tailnet *t = NULL;

		if (step->old)
			t = supervisor_find(s, step->old->name);
		switch (step->kind) {
		case STEP_STOP:
			if (t)
				reload_remove(s, t);
			break;
		case STEP_START:
			reload_start(s, step->new);
			break;
		case STEP_CHANGE:
			if (t)
				reload_change(t, step);
			break;
		case STEP_FRONT:
			if (s->front)
				front_reload(s->front);
			break;
		}
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
}

/* It shows every tailnet, whoever runs it. */
static void reload_front(struct front *f)
{
	collect_reload(f->collected);
	frontweb_update(f);
}

int supervisor_reload(struct supervisor *s, bool dry,
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
	if (new->errors) {
		config_free(new);
		log_error(NULL, "reload", "the configuration has errors: nothing was changed");
		return -EINVAL;
	}
	r = plan_make(s, old, new, &p);
	if (r < 0) {
		config_free(new);
		return r;
	}
	if (say)
		plan_say(s, &p, new, say, arg);
	if (dry) {
		config_free(new);
	} else {
		log_event(LOG_ID_RELOADED, LOG_INFO, NULL, "reload", "%zu step%s", p.n,
			p.n == 1 ? "" : "s");
		reload_adopt(s, new);
		reload_apply(s, &p);
		if (s->front)
			reload_front(s->front);
		config_free(old);
	}
	plan_free(&p);
	return 0;
}
