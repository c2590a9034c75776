// SPDX-License-Identifier: MIT
// The tailnet that a command names: its owner's socket, or why there is none.
#include "ctl/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/distance.h"
#include "common/parse.h"
#include "config/config.h"
#include "report/text.h"

/* A typing error is one or two edits, and never the greater part of the name. */
static const char *nearest(const struct config *c, const char *name)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		size_t d = distance_edits(name, c->tailnets[i]->name);

		if (d < best_distance && d < strlen(name)) {
			best_distance = d;
			best = c->tailnets[i]->name;
		}
	}
	return best;
}

int target_configured(const struct args *a)
{
	struct config *c;
	const char *near;
	int code = CTL_DONE;

	if (config_load(a->config_path, &c) < 0)
		return CTL_DONE;
	if (!config_find(c, a->name) && access(a->config_path, R_OK) < 0 && errno == EACCES) {
		fprintf(stderr, "tsgwctl: %s: %s\n", a->config_path, strerror(EACCES));
		code = CTL_FAILED;
	} else if (!config_find(c, a->name) && !(c->fatal && !c->n_tailnets)) {
		near = nearest(c, a->name);
		fprintf(stderr, "tsgwctl: %s: no such tailnet in %s%s%s%s\n", a->name,
			a->config_path, near ? "; did you mean " : "", near ? near : "",
			near ? "?" : "");
		code = CTL_NO_TAILNET;
	}
	config_free(c);
	return code;
}

/* Nobody serves it; where its configuration is the reason, that is what the user wants to know. */
static int target_absent(const struct args *a)
{
	const struct tailnet_config *t;
	struct config *c;

	if (config_load(a->config_path, &c) < 0)
		return client_complain(a->run_dir, a->name, -ENOENT);
	t = config_find(c, a->name);
	if (t && t->broken)
		fprintf(stderr, "tsgwctl: %s: its supervisor is not running: %s\n", a->name,
			t->broken);
	else
		(void)client_complain(a->run_dir, a->name, -ENOENT);
	config_free(c);
	return CTL_NO_SUPERVISOR;
}

int target_open(const struct args *a, bool quiet_absent, int *ret_fd, pid_t *ret_pid)
{
	int r, code;

	if (!parse_is_tailnet_name(a->name)) {
		fprintf(stderr, "tsgwctl: %s: no such tailnet (a name is made of a-z, 0-9 and -)\n",
			a->name);
		return CTL_NO_TAILNET;
	}
	r = client_open(a->run_dir, a->name, ret_fd, ret_pid);
	if (r == 0)
		return CTL_DONE;
	if (r != -ENOENT)
		return client_complain(a->run_dir, a->name, r);
	code = target_configured(a);
	if (code != CTL_DONE || quiet_absent)
		return code != CTL_DONE ? code : CTL_NO_SUPERVISOR;
	return target_absent(a);
}

struct found {
	const char *name;
	struct control_tailnet *ret;
	bool found;
};

static int on_record(void *arg, const union control_any *m)
{
	struct found *f = arg;

	if (m->h.record != CONTROL_TAILNET)
		return -EBADMSG;
	if (strcmp(m->tailnet.name, f->name) == 0) {
		*f->ret = m->tailnet;
		f->found = true;
	}
	return 0;
}

int target_status(const struct args *a, struct control_tailnet *ret, pid_t *ret_pid)
{
	struct control_request q = {.verb = CONTROL_STATUS};
	struct found found = {.name = a->name, .ret = ret};
	struct control_end end;
	_cleanup_close_ int fd = -1;
	int r, code = target_open(a, false, &fd, ret_pid);

	if (code != CTL_DONE)
		return code;
	memcpy(q.name, a->name, strlen(a->name));
	r = client_ask(fd, &q, CLIENT_PATIENCE_MS, on_record, &found, &end);
	if (r < 0)
		return client_complain(a->run_dir, a->name, r);
	if (end.code != CTL_DONE || !found.found) {
		fprintf(stderr, "tsgwctl: %s: %s\n", a->name,
			*end.text ? end.text : "no answer about it");
		return end.code != CTL_DONE ? end.code : CTL_FAILED;
	}
	return CTL_DONE;
}
