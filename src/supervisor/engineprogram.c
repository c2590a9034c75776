// SPDX-License-Identifier: MIT
// The stock node's program: where it is, where its files are, and how it is called.
#include "supervisor/engine.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/enginebox.h"
#include "supervisor/tailnet.h"

#define SOCKET "tailscaled.sock"

/* ---- files ---- */

static int state_path(const struct store *s, const char *name, char ret[PATH_MAX])
{
	int n = snprintf(ret, PATH_MAX, "%s/%s/tailscaled", s->state_dir, name);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int engine_registration(const struct store *s, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t len;
	int r;

	if (snprintf(path, sizeof(path), "%s/%s/tailscaled/tailscaled.state", s->state_dir, name) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, 1 << 20, &text, &len);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return strstr(text, "\"_current-profile\"") != NULL;
}

bool engine_is_registered(const struct store *s, const char *name)
{
	return engine_registration(s, name) > 0;
}

int engine_key_problem(
	const struct store *s, const struct tailnet_config *t, char *ret, size_t size)
{
	int r;

	if (!t->enabled || t->engine != ENGINE_TAILSCALE || !t->auth_key_missing)
		return 0;
	r = t->ephemeral ? 0 : engine_registration(s, t->name);
	if (r > 0)
		return 0;
	snprintf(ret, size, "%s:%u: [tailnet %s] auth-key-file: %sthere is no such file, and %s",
		t->file, t->auth_key_missing, t->name, r < 0 ? "warning: " : "",
		r < 0		       ? "whether the node is registered can only be seen by root"
			: t->ephemeral ? "an ephemeral node registers at every start"
				       : "the node is not registered");
	return r < 0 ? 1 : -ENOENT;
}

void engine_remove_files(const struct store *s, const char *name)
{
	char path[PATH_MAX];

	if (store_run_path(s, name, SOCKET, path) == 0)
		(void)unlink(path);
	if (store_run_path(s, name, "tailscaled/" SOCKET, path) == 0)
		(void)unlink(path);
	if (store_run_path(s, name, "tailscaled", path) == 0)
		(void)rmdir(path);
}

static __thread uid_t giving_to; /* for nftw(3), which hands nothing on; there is one thread */

static int give_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	return st->st_uid == giving_to ? 0 : lchown(path, giving_to, giving_to);
}

/* A directory of the node's own; all in it is its own, too, if the number of its uid has changed. */
static int own_directory(const char *path, uid_t uid)
{
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	if (lstat(path, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (chmod(path, 0700) < 0)
		return -errno;
	giving_to = uid;
	return st.st_uid == uid || nftw(path, give_one, 16, FTW_PHYS) == 0 ? 0 : -errno;
}

static int make_directories(struct tailnet *t, char state[PATH_MAX], char run[PATH_MAX])
{
	uid_t uid = uplink_node_uid(t);
	char link[PATH_MAX];
	int r = state_path(&t->s->store, t->name, state);

	if (r == 0)
		r = store_run_path(&t->s->store, t->name, "tailscaled", run);
	if (r == 0)
		r = store_run_path(&t->s->store, t->name, SOCKET, link);
	if (r == 0)
		r = own_directory(state, uid);
	if (r == 0)
		r = own_directory(run, uid);
	if (r == 0 && symlink("tailscaled/" SOCKET, link) < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

/* ---- what it asks for its own names ---- */

static char *resolver_text(struct tailnet *t)
{
	struct addr servers[UPLINK_RESOLVERS_MAX];
	size_t n = uplink_resolvers(t->config, servers), size;
	char *text = NULL, addr[ADDR_TEXT_MAX];
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "nameserver %s\n", addr_format(&servers[i], addr));
	if (!n)
		log_notice(t->name, "tailscaled",
			"no resolver is known: set bootstrap-dns if the login server is a name");
	return fclose(f) == 0 ? text : NULL;
}

/* ---- the program ---- */

int engine_find_program(const struct tailnet_config *c, char *ret)
{
	static const char standard[] = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin";
	const char *path = getenv("PATH");
	char dirs[PATH_MAX], *rest = dirs, *dir;

	if (c->tailscaled_path) {
		snprintf(ret, PATH_MAX, "%s", c->tailscaled_path);
		return access(ret, X_OK) < 0 ? -errno : 0;
	}
	snprintf(dirs, sizeof(dirs), "%s:%s", standard, path ? path : "");
	while ((dir = strsep(&rest, ":"))) {
		if (*dir == '/' && snprintf(ret, PATH_MAX, "%s/tailscaled", dir) < PATH_MAX &&
			access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

#define ARGV_MAX (CONFIG_FLAGS_MAX + 12)
#define ENVP_MAX 16

struct command {
	char *argv[ARGV_MAX], *envp[ENVP_MAX];
	size_t argc, envc;
	char args[CONFIG_LINE_MAX + 1], mtu[32], proxy[2][CONFIG_LINE_MAX + 32];
};

static void add_proxy(struct command *c, size_t i, const char *name, const char *url)
{
	snprintf(c->proxy[i], sizeof(c->proxy[i]), "%s=%s", name, url);
	c->envp[c->envc++] = c->proxy[i];
}

static void make_environment(const struct tailnet_config *t, struct command *c)
{
	c->envp[c->envc++] =
		(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	c->envp[c->envc++] = (char *)"HOME=" ENGINEBOX_STATE;
	c->envp[c->envc++] = (char *)"TMPDIR=" ENGINEBOX_TMP;
	c->envp[c->envc++] = (char *)"TS_NO_LOGS_NO_SUPPORT=true";
	c->envp[c->envc++] = (char *)"TS_DEBUG_FIREWALL_MODE=nftables";
	if (t->login_ca_path)
		c->envp[c->envc++] = (char *)"SSL_CERT_FILE=" ENGINEBOX_CA;
	if (t->mtu) {
		snprintf(c->mtu, sizeof(c->mtu), "TS_DEBUG_MTU=%u", t->mtu);
		c->envp[c->envc++] = c->mtu;
	}
	if (t->http_proxy) {
		add_proxy(c, 0, "HTTPS_PROXY", t->http_proxy);
		add_proxy(c, 1, "HTTP_PROXY", t->http_proxy);
	}
}

static void make_command(const struct tailnet_config *t, struct command *c)
{
	char *rest = c->args, *word;

	*c = (struct command){0};
	c->argv[c->argc++] = (char *)"tailscaled";
	c->argv[c->argc++] = (char *)"--tun=" ENGINE_TUN;
	c->argv[c->argc++] = (char *)"--statedir=" ENGINEBOX_STATE;
	c->argv[c->argc++] = (char *)"--socket=" ENGINEBOX_RUN "/" SOCKET;
	c->argv[c->argc++] = (char *)"--no-logs-no-support";
	if (t->ephemeral)
		c->argv[c->argc++] = (char *)"--state=mem:";
	snprintf(c->args, sizeof(c->args), "%s", t->tailscaled_args ? t->tailscaled_args : "");
	while ((word = strsep(&rest, " \t")) && c->argc < ARGV_MAX - 1)
		if (*word)
			c->argv[c->argc++] = word;
	make_environment(t, c);
}

/* ---- running it ---- */

int engine_run_program(struct tailnet *t, const char *path, bool version, int out_fd,
	pid_t *ret_pid, const char **ret_step)
{
	struct command c;
	_cleanup_free_ char *resolv = NULL, *ca = NULL;
	char state[PATH_MAX], run[PATH_MAX];
	struct enginebox b = {.netns_fd = t->netns_fd,
		.uid = uplink_node_uid(t),
		.path = path,
		.argv = c.argv,
		.envp = c.envp,
		.out_fd = out_fd};
	int r;

	make_command(t->config, &c);
	if (version) {
		c.argv[1] = (char *)"--version";
		c.argv[2] = NULL;
	}
	r = version ? 0 : make_directories(t, state, run);

	*ret_step = "directories";
	if (r == 0 && !version) {
		b.state_dir = state;
		b.run_dir = run;
		b.resolv_conf = resolv = resolver_text(t);
		if (t->config->login_ca_path)
			r = file_read(t->config->login_ca_path, CONFIG_FILE_MAX, &ca, NULL);
		*ret_step = "login-ca-file";
		b.ca = ca;
	}
	return r < 0 ? r : enginebox_run(&b, ret_pid, ret_step);
}
