// SPDX-License-Identifier: MIT
// All supervisors of a run directory, each once.
#include "ctl/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/client.h"

#define SOCKETS_AHEAD 32 /* asked at the same time */

struct met { /* supervisors */
	pid_t *pids;
	size_t n;
};

static void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* True at the first meeting. A pid of another pid namespace is 0 here: such ones count as many. */
static bool met_first(struct met *m, pid_t pid)
{
	pid_t *more;

	for (size_t i = 0; i < m->n; i++)
		if (pid && m->pids[i] == pid)
			return false;
	more = reallocarray(m->pids, m->n + 1, sizeof(*more));
	if (more) {
		m->pids = more;
		m->pids[m->n++] = pid;
	}
	return true;
}

struct call {			 /* to one supervisor, under way */
	char name[MSG_NAME_MAX]; /* "": the front's */
	int fd, error;
	pid_t pid;
};

struct walk {
	const struct sockets_walk *w;
	const char *run_dir;
	int dir; /* the same, -1 if it cannot be opened */
	struct met met;
	struct call calls[SOCKETS_AHEAD]; /* a ring, in the order in which they were begun */
	size_t first, n;
};

static int walk_end_one(struct walk *k)
{
	struct call *c = &k->calls[k->first];
	int r = k->w->each(k->w->arg, *c->name ? c->name : NULL, c->fd, c->pid, c->error);

	c->fd = fd_close(c->fd);
	k->first = (k->first + 1) % SOCKETS_AHEAD;
	k->n--;
	return r;
}

static int walk_end(struct walk *k)
{
	int r = 0;

	while (k->n && r == 0)
		r = walk_end_one(k);
	return r;
}

static void walk_free(struct walk *k)
{
	for (; k->n; k->n--) {
		fd_close(k->calls[k->first].fd);
		k->first = (k->first + 1) % SOCKETS_AHEAD;
	}
	free(k->met.pids);
}

/* NAME: NULL for the front. */
static int walk_begin(struct walk *k, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct call *c;
	pid_t pid = 0;
	int r;

	if (k->n == SOCKETS_AHEAD) {
		r = walk_end_one(k);
		if (r)
			return r;
	}
	r = k->dir < 0 ? client_open(k->run_dir, name, &fd, &pid)
		       : client_open_at(k->dir, k->run_dir, name, &fd, &pid);
	if (r == -ENOENT || (r == 0 && !met_first(&k->met, pid)))
		return 0;
	if (r == 0 && k->w->begin)
		r = k->w->begin(k->w->arg, fd);
	c = &k->calls[(k->first + k->n++) % SOCKETS_AHEAD];
	*c = (struct call){.fd = r < 0 ? -1 : take_fd(fd), .pid = pid, .error = r};
	snprintf(c->name, sizeof(c->name), "%s", name ? name : "");
	return k->w->begin ? 0 : walk_end(k);
}

int sockets_each(const char *run_dir, const struct sockets_walk *w)
{
	__attribute__((cleanup(cleanup_closedir))) DIR *d = opendir(run_dir);
	_cleanup_close_ int dir = open(run_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct walk k = {.w = w, .run_dir = run_dir, .dir = dir};
	struct dirent *de;
	int r;

	r = walk_begin(&k, NULL);
	if (r == 0)
		r = walk_end(&k); /* it may speak for many, who need no asking then */
	while (r == 0 && d && (de = readdir(d)))
		if (parse_is_tailnet_name(de->d_name) && !(w->skip && w->skip(w->arg, de->d_name)))
			r = walk_begin(&k, de->d_name);
	if (r == 0)
		r = walk_end(&k);
	walk_free(&k);
	return r;
}
