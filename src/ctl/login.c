// SPDX-License-Identifier: MIT
// login, logout, tailscale: a tailnet that has a control server.
#include "ctl/command.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config/config.h"
#include "ctl/client.h"
#include "ctl/target.h"

#define LOOK_MS	   300
#define LOGOUT_MS  20000
#define NOT_FOUND  127
#define CANNOT_RUN 126

/* 0 and the supervisor has been told; else an exit code. */
static int tell(const struct args *a, enum control_verb verb)
{
	struct control_request q = {.verb = (uint16_t)verb};
	struct control_end end;
	_cleanup_close_ int fd = -1;
	int code = target_open(a, false, &fd, NULL), r;

	if (code != CTL_DONE)
		return code;
	memcpy(q.name, a->name, strlen(a->name));
	r = client_ask(fd, &q, CLIENT_PATIENCE_MS, NULL, NULL, &end);
	if (r < 0)
		return client_complain(a->run_dir, a->name, r);
	if (end.code != CTL_DONE)
		fprintf(stderr, "tsgwctl: %s: %s\n", a->name, end.text);
	return end.code;
}

static void say_state(const struct control_tailnet *t, FILE *out)
{
	fprintf(out, "%s is %s%s%s\n", t->name, tailnet_state_name(t->state),
		*t->reason ? ": " : "", t->reason);
}

/* Somebody else does the rest: in a browser, or as the tailnet's administrator. */
static int follow(const struct args *a)
{
	char url[CONTROL_LOGIN_MAX] = "";
	bool told_approval = false;
	struct control_tailnet t;

	for (;;) {
		int code = target_status(a, &t, NULL);

		if (code != CTL_DONE)
			return code;
		if (*t.login_url && strcmp(url, t.login_url) != 0) {
			memcpy(url, t.login_url, sizeof(url));
			printf("To log %s in, visit:\n\n\t%s\n\n", t.name, url);
			fflush(stdout);
		}
		if ((t.state == TAILNET_UP || t.state == TAILNET_DEGRADED) && !*t.login_url) {
			say_state(&t, stdout);
			return CTL_DONE;
		}
		if (t.state == TAILNET_FAILED || t.state == TAILNET_DOWN) {
			say_state(&t, stderr);
			return CTL_FAILED;
		}
		if (t.state == TAILNET_NEEDS_APPROVAL && !told_approval) {
			say_state(&t, stdout);
			fflush(stdout);
			told_approval = true;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
}

int login_in(const struct args *a)
{
	int code = tell(a, CONTROL_LOGIN);

	/* the node has to hear of it before its state says anything */
	(void)poll(NULL, 0, LOOK_MS);
	return code == CTL_DONE ? follow(a) : code;
}

int login_out(const struct args *a)
{
	int code = tell(a, CONTROL_LOGOUT);
	struct control_tailnet t;

	for (int ms = 0; code == CTL_DONE && ms < LOGOUT_MS; ms += LOOK_MS) {
		code = target_status(a, &t, NULL);
		if (code == CTL_DONE && t.state == TAILNET_NEEDS_LOGIN) {
			printf("%s is logged out\n", a->name);
			return CTL_DONE;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	if (code == CTL_DONE) {
		say_state(&t, stderr);
		code = CTL_FAILED;
	}
	return code;
}

/* tailscale beside the tailscaled that is configured, else the one in PATH. */
static void find_cli(const struct args *a, char ret[PATH_MAX])
{
	const struct tailnet_config *t = NULL;
	struct config *c = NULL;
	char *slash;

	snprintf(ret, PATH_MAX, "tailscale");
	if (config_load(a->config_path, &c) == 0)
		t = config_find(c, a->name);
	if (t && t->tailscaled_path) {
		char beside[PATH_MAX];

		snprintf(beside, sizeof(beside), "%s", t->tailscaled_path);
		slash = strrchr(beside, '/');
		if (slash && slash + sizeof("/tailscale") < beside + sizeof(beside)) {
			memcpy(slash, "/tailscale", sizeof("/tailscale"));
			if (access(beside, X_OK) == 0)
				memcpy(ret, beside, sizeof(beside));
		}
	}
	config_free(c);
}

int login_tailscale(const struct args *a)
{
	_cleanup_free_ char **argv = calloc(a->n_words + 3, sizeof(*argv));
	_cleanup_free_ char *socket = NULL;
	struct control_tailnet t;
	char cli[PATH_MAX], path[PATH_MAX];
	int code = target_status(a, &t, NULL);

	if (code != CTL_DONE)
		return code;
	snprintf(path, sizeof(path), "%s/%s/tailscaled.sock", a->run_dir, a->name);
	if (t.engine != ENGINE_TAILSCALE || access(path, F_OK) < 0) {
		fprintf(stderr, "tsgwctl: %s: has no tailscaled that runs\n", a->name);
		return CTL_FAILED;
	}
	if (!argv || asprintf(&socket, "--socket=%s", path) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	find_cli(a, cli);
	argv[0] = cli;
	argv[1] = socket;
	memcpy(argv + 2, a->words, a->n_words * sizeof(*argv));
	execvp(cli, argv);
	code = errno == ENOENT ? NOT_FOUND : CANNOT_RUN;
	fprintf(stderr, "tsgwctl: %s: %s\n", cli, strerror(errno));
	return code;
}
