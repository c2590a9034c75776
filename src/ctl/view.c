// SPDX-License-Identifier: MIT
// The tailnets as seen from outside: what the configuration names, joined with what supervisors
// say.
#include "ctl/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/sockets.h"

#define VIEW_HURRY_MS 500

struct entry *view_find(const struct view *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->entries[i].name, name))
			return &v->entries[i];
	return NULL;
}

static int view_add(struct view *v, const char *name, struct entry **ret)
{
	struct entry *more = reallocarray(v->entries, v->n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	v->entries = more;
	*ret = &more[v->n++];
	**ret = (struct entry){0};
	snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
	return 0;
}

/* Supervisors tell in the order of the configuration: the one after the last is mostly the next. */
static struct entry *view_next(struct view *v, const char *name, size_t *at)
{
	struct entry *e = *at < v->n ? &v->entries[*at] : NULL;

	if (!e || strcmp(e->name, name))
		e = view_find(v, name);
	*at = e ? (size_t)(e - v->entries) + 1 : *at;
	return e;
}

struct asking {
	struct view *view;
	size_t next;
	pid_t pid;
};

static int view_on_record(void *arg, const union control_any *m)
{
	struct asking *a = arg;
	struct entry *e;

	if (m->h.record != CONTROL_TAILNET)
		return -EBADMSG;
	e = view_next(a->view, m->tailnet.name, &a->next);
	if (!e && view_add(a->view, m->tailnet.name, &e) < 0)
		return -ENOMEM;
	if (!e->live)
		e->live = malloc(sizeof(*e->live));
	if (!e->live)
		return -ENOMEM;
	*e->live = m->tailnet;
	e->pid = a->pid;
	e->mute = false;
	return 0;
}

static void view_note_error(struct view *v, const char *name, int error)
{
	struct entry *e = name ? view_find(v, name) : NULL;

	if (e || (name && view_add(v, name, &e) == 0))
		e->mute = true;
	if (v->first_error)
		return;
	v->first_error = error;
	snprintf(v->error_name, sizeof(v->error_name), "%s", name ? name : "");
}

static int view_begin(void *arg, int fd)
{
	struct control_request q = {.verb = CONTROL_STATUS};

	return client_send(fd, &q);
}

/* After one silent supervisor the others get less time, so that a hundred of them do not take
 * ten minutes. */
static int view_ask(void *arg, const char *name, int fd, pid_t pid, int error)
{
	struct view *v = arg;
	struct asking asking = {.view = v, .pid = pid};
	struct control_end end;
	int r = error;

	if (r == 0)
		r = client_read(fd,
			v->first_error == -ETIMEDOUT ? VIEW_HURRY_MS : CLIENT_PATIENCE_MS,
			view_on_record, &asking, &end);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		view_note_error(v, name, r);
	else
		v->supervisors++;
	return 0;
}

/* One supervisor speaks for all that it owns. */
static bool view_knows(void *arg, const char *name)
{
	const struct entry *e = view_find(arg, name);

	return e && e->live;
}

int view_load(const struct args *a, struct view *ret)
{
	struct view v = {0};
	int r = config_load_view(a->config_path, &v.config);

	for (size_t i = 0; r == 0 && i < v.config->n_tailnets; i++) {
		struct entry *e;

		r = view_add(&v, v.config->tailnets[i]->name, &e);
		if (r == 0)
			e->config = v.config->tailnets[i];
	}
	if (r == 0)
		r = sockets_each(a->run_dir,
			&(struct sockets_walk){.skip = view_knows,
				.begin = view_begin,
				.each = view_ask,
				.arg = &v});
	if (r < 0) {
		view_free(&v);
		return r;
	}
	*ret = v;
	return 0;
}

void view_free(struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->entries[i].live);
	free(v->entries);
	config_free(v->config);
	*v = (struct view){0};
}
