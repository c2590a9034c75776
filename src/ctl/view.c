// SPDX-License-Identifier: MIT
// The tailnets as seen from outside: what the configuration names, joined with what supervisors
// say.
#include "ctl/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/hash.h"
#include "ctl/client.h"
#include "ctl/sockets.h"

#define VIEW_HURRY_MS 500
#define VIEW_FRONT_MS 1000

/* ---- entries by name ---- */

/* There are four times as many as entries may be. */
static uint32_t *view_place(const struct view *v, const char *name)
{
	size_t mask = 4 * v->size - 1, i = hash_bytes(name, strlen(name)) & mask;

	while (v->places[i] && strcmp(v->entries[v->places[i] - 1].name, name) != 0)
		i = (i + 1) & mask;
	return &v->places[i];
}

struct entry *view_find(const struct view *v, const char *name)
{
	uint32_t at = v->size ? *view_place(v, name) : 0;

	return at ? &v->entries[at - 1] : NULL;
}

static int view_grow(struct view *v)
{
	size_t size = v->size ? 2 * v->size : 64;
	struct entry *more = reallocarray(v->entries, size, sizeof(*more));
	uint32_t *places = calloc(4 * size, sizeof(*places));

	if (more)
		v->entries = more;
	if (!more || !places) {
		free(places);
		return -ENOMEM;
	}
	free(v->places);
	v->places = places;
	v->size = size;
	for (size_t i = 0; i < v->n; i++)
		*view_place(v, v->entries[i].name) = (uint32_t)i + 1;
	return 0;
}

/* One of that name is there already: that. */
static int view_add(struct view *v, const char *name, struct entry **ret)
{
	uint32_t *at;

	if (v->n == v->size && view_grow(v) < 0)
		return -ENOMEM;
	at = view_place(v, name);
	if (!*at) {
		*at = (uint32_t)++v->n;
		v->entries[v->n - 1] = (struct entry){0};
		snprintf(v->entries[v->n - 1].name, sizeof(v->entries[0].name), "%s", name);
	}
	*ret = &v->entries[*at - 1];
	return 0;
}

/* ---- what supervisors say ---- */

struct asking {
	struct view *view;
	pid_t pid;
};

static int view_on_record(void *arg, const union control_any *m)
{
	struct asking *a = arg;
	struct entry *e;

	if (m->h.record != CONTROL_TAILNET)
		return -EBADMSG;
	if (view_add(a->view, m->tailnet.name, &e) < 0)
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
	struct entry *e;

	if (name && view_add(v, name, &e) == 0)
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

/* Gives every entry its part of the configuration C, which it owns from now on. */
static int view_configure(struct view *v, struct config *c)
{
	int r = 0;

	config_free(v->config);
	v->config = c;
	for (size_t i = 0; i < v->n; i++)
		v->entries[i].config = NULL;
	for (size_t i = 0; r == 0 && i < c->n_tailnets; i++) {
		struct entry *e;

		r = view_add(v, c->tailnets[i]->name, &e);
		if (r == 0)
			e->config = c->tailnets[i];
	}
	return r;
}

/* Of all supervisors at once, by way of the front. Who is not in its answer, or has none, is asked by view_ask_all(). */
static int view_ask_front(struct view *v, const struct args *a)
{
	struct control_request q = {.verb = CONTROL_LIST};
	struct asking asking = {.view = v};
	struct control_end end;
	_cleanup_close_ int fd = -1;
	int r = client_open(a->run_dir, NULL, &fd, NULL);

	if (r == 0)
		r = client_ask(fd, &q, VIEW_FRONT_MS, view_on_record, &asking, &end);
	return r == -ENOMEM ? r : 0;
}

static int view_ask_all(struct view *v, const struct args *a)
{
	return sockets_each(a->run_dir,
		&(struct sockets_walk){
			.skip = view_knows, .begin = view_begin, .each = view_ask, .arg = v});
}

/* Is there one of which only its wg-quick file tells the addresses, or what is wrong with it? */
static bool view_lacks(const struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->entries[i].config &&
			(!v->entries[i].live || !v->entries[i].live->n_addresses))
			return true;
	return false;
}

static int view_done(struct view *v, int r, struct view *ret)
{
	if (r < 0)
		view_free(v);
	else
		*ret = *v;
	return r;
}

int view_load(const struct args *a, struct view *ret)
{
	struct view v = {0};
	struct config *c;
	int r = config_load_view(a->config_path, &c);

	if (r == 0)
		r = view_configure(&v, c);
	if (r == 0)
		r = view_ask_all(&v, a);
	return view_done(&v, r, ret);
}

int view_load_list(const struct args *a, struct view *ret)
{
	struct view v = {0};
	struct config *c;
	int r = config_load_sections(a->config_path, &c);

	if (r == 0)
		r = view_configure(&v, c);
	if (r == 0)
		r = view_ask_front(&v, a);
	if (r == 0)
		r = view_ask_all(&v, a);
	if (r == 0 && view_lacks(&v)) {
		r = config_load_view(a->config_path, &c);
		if (r == 0)
			r = view_configure(&v, c);
	}
	return view_done(&v, r, ret);
}

void view_free(struct view *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->entries[i].live);
	free(v->entries);
	free(v->places);
	config_free(v->config);
	*v = (struct view){0};
}
