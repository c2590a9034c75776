// SPDX-License-Identifier: MIT
// remove: takes back what add did. Keys and state stay, unless --purge says otherwise; a node of a control
// server is logged out first, so that nobody there waits for it.
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "ctl/addition.h"
#include "ctl/client.h"
#include "ctl/target.h"
#include "ctl/unit.h"

#define REMOVE_DEPTH 16

/* May the file go? It must be add's, hold nothing but NAME, and nothing else may lean on it. */
static int check_file(const struct args *a, struct addition *n, const struct config *before)
{
	const struct tailnet_config *t = config_find(before, a->name);
	struct config *now = NULL;
	int code = CTL_DONE;

	if (strcmp(t->file, n->ini) != 0) {
		fprintf(stderr,
			"tsgwctl: remove: %s is in %s:%u, which add has not written: take its "
			"sections out "
			"there, then tsgwctl reload\n",
			a->name, t->file, t->line);
		return CTL_FAILED;
	}
	if (addition_load(a, n, &now) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	if (now->n_tailnets + 1 != before->n_tailnets) {
		fprintf(stderr, "tsgwctl: remove: %s holds other tailnets, too: edit it\n", n->ini);
		code = CTL_FAILED;
	} else if (addition_new_errors(before, now, n)) {
		code = CTL_FAILED;
	}
	config_free(now);
	return code;
}

static bool is_registered(const char *state_dir, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/tailscaled/tailscaled.state", state_dir, name);
	return access(path, F_OK) == 0;
}

/* Where its supervisor keeps what it keeps, as that one says; the default where nobody does. To be freed; NULL: out
 * of memory. */
static char *state_dir_of(const struct args *a)
{
	const char *given = args_option(a, "--state-dir");
	struct control_request q = {.verb = CONTROL_STATE_DIR};
	_cleanup_close_ int fd = -1;
	struct control_end end;

	memcpy(q.name, a->name, strlen(a->name));
	if (!given && client_open(a->run_dir, a->name, &fd, NULL) == 0 &&
		client_ask(fd, &q, CLIENT_PATIENCE_MS, NULL, NULL, &end) == 0 &&
		end.code == CTL_DONE && *end.text == '/')
		given = end.text;
	return strdup(given ? given : STATE_DIR_DEFAULT);
}

/* While its control server can still be told. A failure is said, and keeps nobody from removing it. */
static void log_out(const struct args *a, const char *state_dir, bool owned)
{
	bool runs = false, out;
	struct control_tailnet t;

	if (owned && target_status(a, &t, NULL) == CTL_DONE) {
		if (t.engine != ENGINE_TAILSCALE)
			return;
		runs = t.state != TAILNET_DOWN;
	}
	out = runs && login_out(a) == CTL_DONE;
	if (!out && is_registered(state_dir, a->name))
		fprintf(stderr,
			"tsgwctl: %s: not logged out%s: its control server knows the node until "
			"somebody deletes it there\n",
			a->name, runs ? "" : ", as it does not run");
}

static int stop(const struct args *a, const char *state_dir, bool tailscale)
{
	_cleanup_close_ int fd = -1;
	bool owned = client_open(a->run_dir, a->name, &fd, NULL) == 0;
	int code = CTL_DONE;

	if (tailscale)
		log_out(a, state_dir, owned);
	if (owned)
		code = act_down(a);
	if (code == CTL_DONE && act_may_use_unit(a))
		code = unit_enable(a->name, false);
	return code;
}

static int unlink_one(const char *path)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return CTL_DONE;
	fprintf(stderr, "tsgwctl: %s: %s\n", path, strerror(errno));
	return CTL_FAILED;
}

/* The /30 is free for others. Under the lock that guards the pool. */
static int free_net(const char *state_dir, const char *name)
{
	static const char *const files[] = {"net", "net.new"};
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_MAX];
	_cleanup_close_ int lock = -1;
	int code = CTL_DONE;

	snprintf(path, sizeof(path), "%s/pool.lock", state_dir);
	lock = open(path, O_RDWR | O_CLOEXEC);
	if (lock < 0)
		return CTL_DONE; /* nobody ever took a /30 there */
	while (fcntl(lock, F_OFD_SETLKW, &whole) < 0) {
		if (errno == EINTR)
			continue;
		fprintf(stderr, "tsgwctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	for (size_t i = 0; i < ELEMENTSOF(files) && code == CTL_DONE; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", state_dir, name, files[i]);
		code = unlink_one(path);
	}
	return code;
}

static int purge_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

static int purge(const char *state_dir, const struct addition *n, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", state_dir, name);
	/* links are removed, not followed; nothing of another file system */
	if (lstat(path, &st) == 0 &&
		nftw(path, purge_one, REMOVE_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
		fprintf(stderr, "tsgwctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	return unlink_one(n->wg);
}

static int remove_with(const struct args *a, struct addition *n, bool tailscale)
{
	_cleanup_free_ char *state_dir = state_dir_of(a);
	bool all = args_option(a, "--purge");
	int code;

	if (!state_dir) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	code = stop(a, state_dir, tailscale);
	if (code == CTL_DONE)
		code = unlink_one(n->ini);
	if (code != CTL_DONE)
		return code;
	addition_reload(a);
	code = free_net(state_dir, a->name);
	if (code == CTL_DONE && all)
		code = purge(state_dir, n, a->name);
	if (code == CTL_DONE)
		printf("%s: removed %s%s\n", a->name, n->ini,
			all ? ", with its keys and state" : "; its keys and state stay (--purge)");
	return code;
}

int remove_tailnet(const struct args *a)
{
	struct addition n = {0};
	struct config *before = NULL;
	int code = target_configured(a);

	if (code == CTL_DONE &&
		(addition_paths(a, &n) < 0 || config_load(a->config_path, &before) < 0)) {
		fputs("tsgwctl: remove: out of memory, or the configuration's path is too long\n",
			stderr);
		code = CTL_FAILED;
	}
	if (code == CTL_DONE && !config_find(before, a->name)) {
		fprintf(stderr, "tsgwctl: remove: %s cannot be read\n", a->config_path);
		code = CTL_FAILED;
	}
	if (code == CTL_DONE)
		code = check_file(a, &n, before);
	if (code == CTL_DONE)
		code = remove_with(a, &n, config_find(before, a->name)->engine == ENGINE_TAILSCALE);
	config_free(before);
	return code;
}
