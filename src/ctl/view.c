// SPDX-License-Identifier: MIT
// The tailnets as seen from outside: what the configuration names, joined with what supervisors
// say.
#include "ctl/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/sockets.h"

#define VIEW_HURRY_MS 500
#define VIEW_FRONT_MS 1000

static const struct view view_empty = {
	.table = {.stride = sizeof(struct entry), .name_max = MSG_NAME_MAX}};

struct entry *view_find(const struct view *v, const char *name)
{
	return byname_find(&v->table, name);
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
	e = byname_add(&a->view->table, m->tailnet.name);
	if (!e)
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
	struct entry *e = name ? byname_add(&v->table, name) : NULL;

	if (e)
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
	for (size_t i = 0; i < v->table.n; i++)
		view_at(v, i)->config = NULL;
	for (size_t i = 0; r == 0 && i < c->n_tailnets; i++) {
		struct entry *e = byname_add(&v->table, c->tailnets[i]->name);

		if (e)
			e->config = c->tailnets[i];
		else
			r = -ENOMEM;
	}
	return r;
}

/* Asks for all supervisors at once, by way of the front: it works on that while the configuration is read. -1: there is
 * none. */
static int view_ask_front(const struct args *a)
{
	struct control_request q = {.verb = CONTROL_LIST};
	_cleanup_close_ int fd = -1;
	int r = client_open(a->run_dir, NULL, &fd, NULL);

	return r == 0 && client_send(fd, &q) == 0 ? take_fd(fd) : -1;
}

/* Its answer. Who is not in it, or has no front to ask, is asked by view_ask_all(). */
static int view_read_front(struct view *v, int fd)
{
	struct asking asking = {.view = v};
	struct control_end end;
	int r = fd < 0 ? 0 : client_read(fd, VIEW_FRONT_MS, view_on_record, &asking, &end);

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
	for (size_t i = 0; i < v->table.n; i++) {
		const struct entry *e = view_at(v, i);

		if (e->config && (!e->live || !e->live->n_addresses))
			return true;
	}
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
	struct view v = view_empty;
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
	struct view v = view_empty;
	struct config *c;
	_cleanup_close_ int front = view_ask_front(a);
	int r = config_load_sections(a->config_path, &c);

	if (r == 0)
		r = view_configure(&v, c);
	if (r == 0)
		r = view_read_front(&v, front);
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
	for (size_t i = 0; i < v->table.n; i++)
		free(view_at(v, i)->live);
	byname_free(&v->table);
	config_free(v->config);
	*v = view_empty;
}
