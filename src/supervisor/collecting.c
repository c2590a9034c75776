// SPDX-License-Identifier: MIT
// What the supervisors tell the front of their tailnets, record by record.
#include "supervisor/collecting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "common/cleanup.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"

struct slot *collecting_slot(const struct collector *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->slots[i]->is.name, name))
			return c->slots[i];
	return NULL;
}

struct slot *collecting_new(struct collector *c, const char *name)
{
	struct slot *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->c = c;
	l->dir_watch = -1;
	snprintf(l->is.name, sizeof(l->is.name), "%s", name);
	return l;
}

void collecting_free(struct slot *l)
{
	if (!l)
		return;
	if (l->dir_watch >= 0)
		(void)inotify_rm_watch(l->c->inotify_fd, l->dir_watch);
	sd_event_source_disable_unref(l->retry);
	told_free(&l->is.facts);
	told_free(&l->staged);
	free(l);
}

/* Also of a tailnet that is not configured here yet: a reload may come later than its start. */
static struct slot *slot_for(struct connection *k, const char *name)
{
	struct collector *c = k->c;
	struct slot *l, **more;

	if (k->last && !strcmp(k->last->is.name, name))
		return k->last;
	l = collecting_slot(c, name);
	if (l)
		k->last = l;
	if (l || c->n >= COLLECT_SLOTS_MAX)
		return l;
	more = reallocarray(c->slots, c->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	c->slots = more;
	l = collecting_new(c, name);
	if (l)
		c->slots[c->n++] = l;
	return l;
}

void collecting_done(struct collector *c)
{
	c->fresh_timer = sd_event_source_disable_unref(c->fresh_timer);
	if (c->listing) {
		c->listing = false;
		c->ops->listed(c->owner);
		if (c->wants_fresh) /* since */
			collect_ask(c);
	} else if (c->wants_fresh) {
		c->wants_fresh = false;
		c->ops->fresh(c->owner);
	}
}

static void collecting_answered(struct connection *k)
{
	if (!k->asked)
		return;
	k->asked = false;
	if (!--k->c->n_asked)
		collecting_done(k->c);
}

/* Who lists them wants the counters, and nobody else has asked for them. */
static void take_record(struct connection *k, const struct control_tailnet *m)
{
	struct slot *l = slot_for(k, m->name);
	uint64_t digest = watch_digest(m);
	bool news;

	if (!l)
		return;
	news = !k->c->listing || !l->is.known || l->by != k || l->digest != digest;
	l->by = k;
	l->digest = digest;
	l->is.pid = k->pid;
	l->is.known = true;
	l->is.record = *m;
	if (news)
		k->c->ops->record(k->c->owner, &l->is);
}

static void take_gone(struct connection *k, const struct control_event *e)
{
	struct slot *l = e->kind == EVENT_GONE ? collecting_slot(k->c, e->tailnet) : NULL;

	if (!l || l->by != k)
		return;
	l->by = NULL;
	l->is.known = false;
	k->c->ops->record(k->c->owner, &l->is);
}

static void take_mark(struct slot *l, const struct control_facts *m)
{
	if (!m->end) {
		told_free(&l->staged);
	} else if (l->staging) {
		told_free(&l->is.facts);
		l->is.facts = l->staged;
		l->staged = (struct told){0};
		l->is.has_facts = true;
		l->c->ops->facts(l->c->owner, &l->is);
	}
	l->staging = !m->end;
}

static int take_routes(struct slot *l, const struct control_routes *m)
{
	struct prefix_list *r = &l->staged.routes;
	struct prefix *more;

	if (!l->staging || r->n + m->n > CONTROL_FACTS_MAX)
		return -EBADMSG;
	more = reallocarray(r->items, r->n + m->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memcpy(more + r->n, m->prefixes, m->n * sizeof(*more));
	r->items = more;
	r->n += m->n;
	return 0;
}

static int take_name(struct slot *l, const struct control_name *m)
{
	struct told *f = &l->staged;
	struct told_name *more;

	if (!l->staging || f->n_names >= CONTROL_FACTS_MAX)
		return -EBADMSG;
	/* room for a power of two */
	if ((f->n_names & (f->n_names - 1)) == 0) {
		more = reallocarray(f->names, f->n_names ? 2 * f->n_names : 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->names = more;
	}
	f->names[f->n_names].addr = m->addr;
	memcpy(f->names[f->n_names++].name, m->name, sizeof(m->name));
	return 0;
}

static int take_fact(struct connection *k, const union control_any *m)
{
	/* the name lies at the same place in all three */
	struct slot *l = slot_for(k, m->facts.tailnet);

	if (!l)
		return 0;
	switch (m->h.record) {
	case CONTROL_FACTS:
		take_mark(l, &m->facts);
		return 0;
	case CONTROL_ROUTES:
		return take_routes(l, &m->routes);
	default:
		return take_name(l, &m->name);
	}
}

int collecting_take(struct connection *k, const union control_any *m)
{
	switch (m->h.record) {
	case CONTROL_TAILNET:
		take_record(k, &m->tailnet);
		return 0;
	case CONTROL_EVENT:
		take_gone(k, &m->event);
		return 0;
	case CONTROL_FACTS:
	case CONTROL_ROUTES:
	case CONTROL_NAME:
		return take_fact(k, m);
	case CONTROL_TOLD:
		if (m->told.fresh) {
			k->owes = false;
			k->told = k->asked;
			collecting_answered(k);
		}
		return 0;
	default:
		return -EBADMSG; /* END among them: there are too many watchers */
	}
}
