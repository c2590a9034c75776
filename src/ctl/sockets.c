// SPDX-License-Identifier: MIT
// All supervisors of a run directory, each once.
#include "ctl/sockets.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/client.h"

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

static int walk_one(
	const struct sockets_walk *w, const char *run_dir, struct met *m, const char *name)
{
	_cleanup_close_ int fd = -1;
	pid_t pid = 0;
	int r = client_open(run_dir, name, &fd, &pid);

	if (r == -ENOENT || (r == 0 && !met_first(m, pid)))
		return 0;
	return w->each(w->arg, name, fd, pid, r);
}

int sockets_each(const char *run_dir, const struct sockets_walk *w)
{
	__attribute__((cleanup(cleanup_closedir))) DIR *d = opendir(run_dir);
	struct met met = {0};
	int r = walk_one(w, run_dir, &met, NULL);
	struct dirent *de;

	while (r == 0 && d && (de = readdir(d)))
		if (parse_is_tailnet_name(de->d_name) && !(w->skip && w->skip(w->arg, de->d_name)))
			r = walk_one(w, run_dir, &met, de->d_name);
	free(met.pids);
	return r;
}
