// SPDX-License-Identifier: MIT
// add: one more tailnet, from a wg-quick file or a control server to what its clients need.
//
// The whole configuration is tried with the new file in it before anything is written; the copy of the
// wg-quick file is written first, so that there is never a section without it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "common/parse.h"
#include "ctl/addition.h"
#include "ctl/target.h"
#include "ctl/unit.h"

#define ADD_POLL_MS 2000 /* a login is waited for in turns of so long, until it changes */

static int usage(const char *what)
{
	fprintf(stderr, "tsgwctl: add: %s\n", what);
	return CTL_USAGE;
}

static int check_line(const struct args *a)
{
	if (!parse_is_tailnet_name(a->name)) {
		fprintf(stderr,
			"tsgwctl: add: \"%s\" is no name for a tailnet: a-z, 0-9 and - inside, at "
			"most 32\n",
			a->name);
		return CTL_USAGE;
	}
	if (args_option(a, "--wg-config") &&
		(args_option(a, "--login-server") || args_option(a, "--auth-key-file") ||
			args_option(a, "--node")))
		return usage("--wg-config is for a plain WireGuard network, the others are for "
			     "Tailscale");
	if (!args_option(a, "--wg-config") && !args_option(a, "--login-server") &&
		!args_option(a, "--auth-key-file") && !args_option(a, "--node"))
		return usage("what kind of tailnet? --wg-config=FILE, or --login-server=URL, "
			     "--auth-key-file=FILE or --node=stock");
	for (size_t i = 0; i < a->n_options; i++)
		if (strpbrk(a->options[i].value, "\r\n"))
			return usage("a value with a line break");
	return CTL_DONE;
}

/* The text of the wg-quick file that the user named. */
static int read_wg(const struct args *a, struct addition *n)
{
	const char *path = args_option(a, "--wg-config");
	size_t len;
	int r;

	if (!path)
		return CTL_DONE;
	n->wg_path = path;
	r = file_read(path, CONFIG_FILE_MAX, &n->wg_text, &len);
	if (r == 0 && strlen(n->wg_text) == len)
		return CTL_DONE;
	fprintf(stderr, "tsgwctl: add: %s: %s\n", path, r < 0 ? strerror(-r) : "holds a NUL byte");
	return CTL_FAILED;
}

/* The group that may read the one may read the other: else its members see errors, or half of it. */
static void share_with_group(const char *path, const char *like)
{
	struct stat st;

	if (stat(like, &st) == 0 && chown(path, (uid_t)-1, st.st_gid) < 0)
		fprintf(stderr, "tsgwctl: %s: stays with its group: %s\n", path, strerror(errno));
}

static int write_files(const struct args *a, const struct addition *n)
{
	char dir[PATH_MAX];
	int r = 0;

	snprintf(dir, sizeof(dir), "%s", n->ini);
	*strrchr(dir, '/') = '\0';
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r == 0 && n->wg_text)
		r = file_write_atomic(n->wg, n->wg_text, strlen(n->wg_text), 0600);
	if (r == 0)
		r = file_write_atomic(n->ini, n->text, strlen(n->text), 0640);
	if (r == 0) {
		share_with_group(n->ini, a->config_path);
		return CTL_DONE;
	}
	fprintf(stderr, "tsgwctl: %s: %s\n", n->ini, strerror(-r));
	return CTL_FAILED;
}

/* ---- starting it ---- */

static void tell_listen(const struct control_tailnet *t, const struct tailnet_config *c)
{
	char at[HOSTPORT_TEXT_MAX];
	const char *suffix = c && c->n_suffixes ? c->suffixes[0] : t->name;

	if (!t->n_listen)
		return;
	hostport_format(&t->listen[0], at);
	printf("\nFor the clients:\n"
	       "  proxy  %s (SOCKS5 and HTTP)\n"
	       "  names  HOST.%s, 10.1.2.3.%s\n"
	       "  curl   curl --proxy socks5h://%s http://HOST.%s/\n"
	       "  ssh    Host *.%s\n"
	       "             ProxyCommand nc -X 5 -x %s %%h %%p\n",
		at, suffix, suffix, at, suffix, suffix, at);
}

static int add_tell(const struct args *a, struct control_tailnet *t)
{
	struct config *c = NULL;

	if (config_load(a->config_path, &c) < 0)
		c = NULL;
	tell_listen(t, c ? config_find(c, a->name) : NULL);
	config_free(c);
	return CTL_DONE;
}

/* Somebody else does the rest, or the node is about to. */
static bool awaited(const struct control_tailnet *t)
{
	return t->state == TAILNET_NEEDS_LOGIN || t->state == TAILNET_NEEDS_APPROVAL ||
		t->state == TAILNET_STARTING;
}

/* Tells where to log in, and who has to approve it; comes back when nobody is waited for any more. */
static int await_login(const struct args *a, struct control_tailnet *t)
{
	char url[CONTROL_LOGIN_MAX] = "";
	bool told = t->state == TAILNET_NEEDS_APPROVAL; /* up said so */
	int code = CTL_DONE;

	while (code == CTL_DONE && awaited(t)) {
		struct control_request q = {
			.verb = CONTROL_WAIT, .state = TAILNET_UP, .timeout_ms = ADD_POLL_MS};
		struct control_end end;
		_cleanup_close_ int fd = -1;

		if (*t->login_url && strcmp(url, t->login_url) != 0) {
			snprintf(url, sizeof(url), "%s", t->login_url);
			printf("\nTo log it in, visit:\n\n    %s\n\n", url);
			fflush(stdout);
		}
		if (t->state == TAILNET_NEEDS_APPROVAL && !told) {
			printf("%s is needs-approval: %s\n", a->name, t->reason);
			fflush(stdout);
			told = true;
		}
		memcpy(q.name, a->name, strlen(a->name));
		code = target_open(a, false, &fd, NULL);
		if (code == CTL_DONE)
			(void)client_ask(
				fd, &q, ADD_POLL_MS + CLIENT_PATIENCE_MS, NULL, NULL, &end);
		if (code == CTL_DONE)
			code = target_status(a, t, NULL);
	}
	return code;
}

static bool is_owned(const struct args *a)
{
	_cleanup_close_ int fd = -1;

	return client_open(a->run_dir, a->name, &fd, NULL) == 0;
}

static int add_start(const struct args *a, bool *ret_runs)
{
	int code;

	addition_reload(a);
	*ret_runs = is_owned(a);
	if (!*ret_runs && act_may_use_unit(a)) {
		code = unit_enable(a->name, true);
		if (code != CTL_DONE)
			return code;
		*ret_runs = true;
	}
	if (!*ret_runs) {
		printf("%s: nobody runs it yet: start tsgwd\n", a->name);
		return CTL_DONE;
	}
	return act_up(a);
}

static int add_go(const struct args *a)
{
	struct control_tailnet t;
	bool runs = false;
	int code = add_start(a, &runs);

	if (code != CTL_DONE || !runs)
		return code;
	code = target_status(a, &t, NULL);
	if (code == CTL_DONE && awaited(&t) && !args_option(a, "--no-wait"))
		code = await_login(a, &t);
	if (code != CTL_DONE)
		return code;
	if (t.state == TAILNET_NEEDS_LOGIN && *t.login_url)
		printf("\nTo log it in, visit:\n\n    %s\n", t.login_url);
	/* any other state was told when it was started */
	return t.state == TAILNET_FAILED ? CTL_FAILED : add_tell(a, &t);
}

/* ---- the whole ---- */

/* NAME is there already: CTL_DONE where it is as it is to be. */
static int already(const struct args *a, const struct tailnet_config *t, const struct addition *n,
	const struct config *before, const struct config *now)
{
	if (strcmp(t->file, n->ini) != 0)
		fprintf(stderr, "tsgwctl: add: %s is in %s:%u already: change it there\n", a->name,
			t->file, t->line);
	else if (!addition_same(before, now))
		fprintf(stderr,
			"tsgwctl: add: %s exists and says otherwise: edit it, or tsgwctl remove %s "
			"first\n",
			n->ini, a->name);
	else {
		printf("%s: nothing changed: %s is so already\n", a->name, n->ini);
		return CTL_DONE;
	}
	return CTL_FAILED;
}

static int add_with(const struct args *a, struct addition *n, const struct config *before)
{
	const struct tailnet_config *old = config_find(before, a->name);
	struct config *now = NULL;
	int code = CTL_DONE;

	if (addition_text(a, old ? old->port : addition_free_port(before), n) < 0 ||
		addition_load(a, n, &now) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	if (old) {
		code = already(a, old, n, before, now);
		config_free(now);
		return code;
	}
	if (addition_new_errors(before, now, n))
		code = CTL_FAILED;
	config_free(now);
	if (code == CTL_DONE && a->dry_run) {
		printf("; %s\n%s", n->ini, n->text);
		return CTL_DONE;
	}
	if (code == CTL_DONE)
		code = write_files(a, n);
	if (code != CTL_DONE)
		return code;
	printf("%s: wrote %s\n", a->name, n->ini);
	fflush(stdout);
	return args_option(a, "--no-start") ? CTL_DONE : add_go(a);
}

int add_tailnet(const struct args *a)
{
	struct addition n = {0};
	struct config *before = NULL;
	int code = check_line(a);

	if (code == CTL_DONE && addition_paths(a, &n) < 0)
		code = usage("the path of the configuration is too long");
	if (code == CTL_DONE)
		code = read_wg(a, &n);
	if (code == CTL_DONE && config_load(a->config_path, &before) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		code = CTL_FAILED;
	}
	if (code == CTL_DONE)
		code = add_with(a, &n, before);
	config_free(before);
	addition_free(&n);
	return code;
}
