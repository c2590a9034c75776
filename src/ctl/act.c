// SPDX-License-Identifier: MIT
// up, down, restart, reload, wait: what changes a supervisor's mind, or waits for it.
#include "ctl/command.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "config/config.h"
#include "ctl/sockets.h"
#include "ctl/target.h"
#include "report/text.h"
#include "ctl/unit.h"

#define ACT_START_MS  15000 /* a start may take this long beyond its ready-timeout */
#define ACT_STOP_MS   30000
#define ACT_RELOAD_MS 60000
#define ACT_RETURN_MS 10000 /* so long a supervisor may be away that is restarted */
#define ACT_LOOK_MS   50

/* The last word of a supervisor: to stdout if it went well, else to stderr. */
static int act_end(const struct args *a, const struct control_end *end)
{
	if (end->code != CTL_DONE)
		fprintf(stderr, "tsgwctl: %s\n", *end->text ? end->text : a->name);
	else if (*end->text)
		puts(end->text);
	return end->code;
}

static int act_ask(const struct args *a, int fd, struct control_request *q, uint32_t patience_ms)
{
	struct control_end end;
	int r;

	memcpy(q->name, a->name, strlen(a->name));
	r = client_ask(fd, q, patience_ms, NULL, NULL, &end);
	return r < 0 ? client_complain(a->run_dir, a->name, r) : act_end(a, &end);
}

/* How long a start may take: the tailnet's own ready-timeout and some more. */
static uint32_t start_ms(const struct args *a)
{
	const struct tailnet_config *t;
	struct config *c;
	uint32_t ready_s = 0;

	if (config_load(a->config_path, &c) < 0)
		return ACT_START_MS;
	t = config_find(c, a->name);
	if (t)
		ready_s = MIN(t->ready_timeout_s, 86400u);
	config_free(c);
	return ready_s * 1000 + ACT_START_MS;
}

/* The unit works on the packaged directories: with others it is not what the user means. */
bool act_may_use_unit(const struct args *a)
{
	return !strcmp(a->run_dir, COMMAND_RUN_DIR) && !strcmp(a->config_path, COMMAND_CONFIG) &&
		unit_available();
}

/* After a job of systemd: the state it led to, as an owner would have said it. */
static int act_report(const struct args *a)
{
	struct control_tailnet t;
	int code = target_status(a, &t, NULL);

	if (code != CTL_DONE || t.state == TAILNET_UP)
		return code;
	fprintf(stderr, "tsgwctl: %s is %s%s%s\n", a->name, tailnet_state_name(t.state),
		*t.reason ? ": " : "", t.reason);
	return t.state == TAILNET_FAILED || t.state == TAILNET_DOWN ? CTL_FAILED : CTL_DONE;
}

static int act_unit(const struct args *a, enum unit_verb verb)
{
	int code = unit_act(verb, a->name);

	return code != CTL_DONE || verb == UNIT_STOP ? code : act_report(a);
}

static int act_start(const struct args *a, enum control_verb verb)
{
	struct control_request q = {.verb = (uint16_t)verb};
	_cleanup_close_ int fd = -1;
	pid_t pid = 0;
	bool may = act_may_use_unit(a);
	int code = target_open(a, may, &fd, &pid);

	if (code == CTL_NO_SUPERVISOR && may)
		return act_unit(a, UNIT_START);
	if (code != CTL_DONE)
		return code;
	if (verb == CONTROL_RESTART && unit_owns(a->name, pid))
		return act_unit(a, UNIT_RESTART);
	q.timeout_ms = start_ms(a);
	return act_ask(a, fd, &q, q.timeout_ms + CLIENT_PATIENCE_MS);
}

int act_up(const struct args *a)
{
	return act_start(a, CONTROL_UP);
}

int act_restart(const struct args *a)
{
	return act_start(a, CONTROL_RESTART);
}

int act_down(const struct args *a)
{
	struct control_request q = {.verb = CONTROL_DOWN};
	_cleanup_close_ int fd = -1;
	pid_t pid = 0;
	int code = target_open(a, false, &fd, &pid);

	if (code != CTL_DONE)
		return code;
	if (unit_owns(a->name, pid))
		return act_unit(a, UNIT_STOP);
	return act_ask(a, fd, &q, ACT_STOP_MS);
}

/* A supervisor that hung up in the middle may be one that is restarted: then another is there in a moment. The
 * exit code; -EPIPE: it hung up; -ENOENT: it is not there AGAIN. UNTIL_MS is when it has waited long enough. */
static int wait_once(const struct args *a, bool again, uint64_t until_ms)
{
	struct control_request q = {.verb = CONTROL_WAIT, .state = (uint8_t)a->state};
	bool down = a->state == TAILNET_DOWN, forever = a->timeout_ms == COMMAND_WAIT_FOREVER;
	uint64_t now = clock_now_ms();
	_cleanup_close_ int fd = -1;
	struct control_end end;
	int r, code = target_open(a, down || again, &fd, NULL);

	/* without a supervisor it is down */
	if (code == CTL_NO_SUPERVISOR && down)
		return CTL_DONE;
	if (code == CTL_NO_SUPERVISOR && again)
		return -ENOENT;
	if (code != CTL_DONE)
		return code;
	/* 0 would mean the supervisor's own default */
	q.timeout_ms = forever	 ? COMMAND_WAIT_FOREVER
		: until_ms > now ? (uint32_t)(until_ms - now)
				 : 1;
	memcpy(q.name, a->name, strlen(a->name));
	r = client_ask(fd, &q, forever ? COMMAND_WAIT_FOREVER : q.timeout_ms + CLIENT_PATIENCE_MS,
		NULL, NULL, &end);
	if (r == -EPIPE || r == -ECONNRESET)
		return -EPIPE;
	return r < 0 ? client_complain(a->run_dir, a->name, r) : act_end(a, &end);
}

int act_wait(const struct args *a)
{
	uint64_t until_ms = clock_now_ms() + a->timeout_ms, gone_ms = 0;
	int code = wait_once(a, false, until_ms);

	while (code == -EPIPE || code == -ENOENT) {
		uint64_t now = clock_now_ms();

		if (code == -EPIPE)
			gone_ms = now;
		if (now - gone_ms > ACT_RETURN_MS || now >= until_ms)
			return client_complain(a->run_dir, a->name, -ENOENT);
		(void)poll(NULL, 0, ACT_LOOK_MS);
		code = wait_once(a, true, until_ms);
	}
	return code;
}

struct reload {
	const struct args *args;
	json_t *steps, *problems;
	json_t *said; /* each supervisor finds the same mistake in the same file */
	size_t supervisors;
	int code;
	bool quiet; /* what there is to say is in the log of the supervisor, too */
};

static bool reload_is_news(struct reload *l, const char *text)
{
	if (json_object_get(l->said, text))
		return false;
	return json_object_set_new_nocheck(l->said, text, json_true()) == 0;
}

static int reload_on_record(void *arg, const union control_any *m)
{
	struct reload *l = arg;
	bool step = m->h.record == CONTROL_STEP;

	if (!step && m->h.record != CONTROL_PROBLEM)
		return -EBADMSG;
	if (l->quiet || (!step && !reload_is_news(l, m->text.text)))
		return 0;
	if (l->args->json)
		json_array_append_new(step ? l->steps : l->problems, text_json(m->text.text));
	else
		fprintf(step ? stdout : stderr, "%s\n", m->text.text);
	return 0;
}

static int reload_one(void *arg, const char *name, int fd, pid_t pid, int error)
{
	struct reload *l = arg;
	struct control_request q = {.verb = CONTROL_RELOAD, .dry_run = l->args->dry_run};
	struct control_end end = {0};
	int code, r = error;

	l->supervisors++;
	if (r == 0)
		r = client_ask(fd, &q, ACT_RELOAD_MS, reload_on_record, l, &end);
	if (r == -ENOENT && l->quiet)
		code = CTL_NO_SUPERVISOR;
	else
		code = r < 0 ? client_complain(l->args->run_dir, name, r) : end.code;
	if (*end.text && !l->quiet && reload_is_news(l, end.text))
		fprintf(stderr, "tsgwctl: %s\n", end.text);
	/* the worst counts */
	l->code = MAX(l->code, code);
	return 0;
}

static int reload_json(const struct reload *l)
{
	json_t *j = json_object();

	json_object_set_new(j, "ok", json_boolean(l->code == CTL_DONE));
	json_object_set_new(j, "dry_run", json_boolean(l->args->dry_run));
	json_object_set(j, "steps", l->steps);
	json_object_set(j, "problems", l->problems);
	return text_print_json(j);
}

/* The supervisor of the tailnet or the front that A names, or all of them. */
static void reload_all(const struct args *a, struct reload *l)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (a->name) {
		l->supervisors++;
		l->code = target_open(a, l->quiet, &fd, NULL);
		if (l->code == CTL_DONE)
			reload_one(l, a->name, fd, 0, 0);
	} else if (args_option(a, "--front")) {
		r = client_open(a->run_dir, NULL, &fd, NULL);
		reload_one(l, NULL, fd, 0, r);
	} else {
		sockets_each(a->run_dir, &(struct sockets_walk){.each = reload_one, .arg = l});
	}
}

int act_reload(const struct args *a)
{
	struct reload l = {.args = a,
		.steps = json_array(),
		.problems = json_array(),
		.said = json_object(),
		.quiet = args_option(a, "--quiet")};

	if (a->name && args_option(a, "--front")) {
		fputs("tsgwctl: reload: either a tailnet or --front\n", stderr);
		l.code = CTL_USAGE;
	} else {
		reload_all(a, &l);
	}
	if (!l.supervisors && l.code == CTL_DONE) {
		fprintf(stderr,
			"tsgwctl: no supervisor is running (nobody serves a socket below %s)\n",
			a->run_dir);
		l.code = CTL_NO_SUPERVISOR;
	} else if (l.supervisors && a->json && reload_json(&l) != CTL_DONE) {
		l.code = CTL_FAILED;
	}
	json_decref(l.steps);
	json_decref(l.problems);
	json_decref(l.said);
	return l.code;
}
