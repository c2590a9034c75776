// SPDX-License-Identifier: MIT
// The files of one tailnet in tsgw.d, for `add` and `remove`: where they are, and what is in them.
#include "ctl/addition.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "ctl/client.h"
#include "ctl/procnet.h"
#include "ctl/sockets.h"

#define FIRST_PORT 11080
#define RELOAD_MS  60000

const struct command_option add_options[] = {
	{"--wg-config", "FILE", "plain WireGuard: a wg-quick file; a copy is kept"},
	{"--login-server", "URL", "its control server (Tailscale's own)"},
	{"--auth-key-file", "FILE", "a file with the key that registers us"},
	{"--node", "own|stock", "whose node joins it"},
	{"--port", "N", "of its listener (a free one)"},
	{"--suffix", "SUFFIX", "of its names (NAME)"},
	{"--hostname", "HOST", "how the tailnet calls us"},
	{"--accept-routes", NULL, "use the networks that its subnet routers offer"},
	{"--advertise-routes", "NETWORKS", "offer these"},
	{"--exit-node", "NODE", "send everything through that one"},
	{"--tags", "TAGS", "to ask for"},
	{"--ephemeral", NULL, "forget us when we are gone"},
	{"--login-ca-file", "FILE", "the authority of the control server's certificate"},
	{"--http-proxy", "URL", "for the way to the control server"},
	{"--uplink", "UPLINK", "host, pasta, veth or macvlan:IFACE"},
	{"--allow", "NETWORKS", "who may use its listener"},
	{"--users-file", "FILE", "names and passwords of its users"},
	{"--dns-server", "ADDRESS", "a resolver inside"},
	{"--set", "KEY=VALUE", "any other key of [tailnet NAME]; repeatable"},
	{"--no-start", NULL, "only write the file"},
	{"--no-wait", NULL, "do not wait for a login"},
	{0},
};

int addition_paths(const struct args *a, struct addition *ret)
{
	const char *slash = strrchr(a->config_path, '/');
	int len = slash ? (int)(slash - a->config_path) + 1 : 0;
	int i = snprintf(
		ret->ini, sizeof(ret->ini), "%.*stsgw.d/%s.ini", len, a->config_path, a->name);
	int w = snprintf(
		ret->wg, sizeof(ret->wg), "%.*stsgw.d/%s.conf", len, a->config_path, a->name);

	return i < (int)sizeof(ret->ini) && w < (int)sizeof(ret->wg) ? 0 : -ENAMETOOLONG;
}

/* A file that the user named is meant from where the user stands. */
static void put_path(FILE *f, const char *key, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	fprintf(f, "%s = %s\n", key, real ? real : path);
}

static void put_option(FILE *f, const char *name, const char *value)
{
	static const char *const ours[] = {
		"--wg-config", "--port", "--node", "--no-start", "--no-wait"};
	size_t len;

	for (size_t i = 0; i < ELEMENTSOF(ours); i++)
		if (!strcmp(name, ours[i]))
			return;
	if (!strcmp(name, "--set")) {
		len = strcspn(value, "=");
		fprintf(f, "%.*s = %s\n", (int)len, value, value[len] ? value + len + 1 : "");
	} else if (!strcmp(name, "--accept-routes") || !strcmp(name, "--ephemeral")) {
		fprintf(f, "%s = yes\n", name + 2);
	} else if (strlen(name) > 5 && !strcmp(name + strlen(name) - 5, "-file")) {
		put_path(f, name + 2, value);
	} else {
		fprintf(f, "%s = %s\n", name + 2, value);
	}
}

int addition_text(const struct args *a, uint16_t port, struct addition *n)
{
	const char *given = args_option(a, "--port"), *node = args_option(a, "--node");
	bool wireguard = n->wg_text != NULL;
	size_t size = 0;
	FILE *f = open_memstream(&n->text, &size);

	if (!f)
		return -ENOMEM;
	fprintf(f, "; Written by tsgwctl add; tsgwctl remove %s takes it away.\n[tailnet %s]\n",
		a->name, a->name);
	fprintf(f, "engine = %s\n", wireguard ? "wireguard" : "tailscale");
	if (!wireguard)
		fprintf(f, "node = %s\n", node ? node : "stock");
	if (given)
		fprintf(f, "port = %s\n", given);
	else
		fprintf(f, "port = %u\n", port);
	if (wireguard)
		fprintf(f, "wg-config = %s.conf\n", a->name);
	for (size_t i = 0; i < a->n_options; i++)
		put_option(f, a->options[i].name, a->options[i].value);
	return fclose(f) == 0 && n->text ? 0 : -ENOMEM;
}

/* ---- a port ---- */

static bool is_configured(const struct config *c, uint16_t port)
{
	if (port == c->gateway.dns_port || port == c->gateway.web_port)
		return true;
	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		if (t->port == port)
			return true;
		for (size_t k = 0; k < t->forwards.n; k++)
			if (t->forwards.items[k].port == port)
				return true;
	}
	return false;
}

uint16_t addition_free_port(const struct config *c)
{
	struct bound *bound = NULL;
	uint16_t found = 0;
	size_t n = 0;

	if (procnet_bound(&bound, &n) < 0)
		n = 0;
	for (unsigned port = FIRST_PORT; !found && port <= UINT16_MAX; port++) {
		bool busy = is_configured(c, (uint16_t)port);

		for (size_t i = 0; i < n && !busy; i++)
			busy = bound[i].port == port && !bound[i].udp;
		if (!busy)
			found = (uint16_t)port;
	}
	free(bound);
	return found;
}

void addition_free(struct addition *n)
{
	free(n->text);
	if (n->wg_text)
		sodium_memzero(n->wg_text, strlen(n->wg_text));
	free(n->wg_text);
	n->text = n->wg_text = NULL;
}

/* ---- the whole configuration ---- */

int addition_load(const struct args *a, const struct addition *n, struct config **ret)
{
	const struct config_overlay over[] = {{n->ini, n->text}, {n->wg, n->wg_text}};

	return config_load_over(a->config_path, over, n->wg_text || !n->text ? 2 : 1, ret);
}

static bool has_problem(const struct config *c, const char *text)
{
	for (size_t i = 0; i < c->n_problems; i++)
		if (!strcmp(c->problems[i].text, text))
			return true;
	return false;
}

/* The copy is not there yet: who has named a file knows that one. */
static void tell_problem(const struct problem *p, const struct addition *n)
{
	size_t len = n->wg_path ? strlen(n->wg) : 0;
	bool of_copy = len && !strncmp(p->text, n->wg, len) && p->text[len] == ':';

	fprintf(stderr, "tsgwctl: %s%s%s\n", p->warning ? "warning: " : "",
		of_copy ? n->wg_path : "", of_copy ? p->text + len : p->text);
}

size_t addition_new_errors(
	const struct config *before, const struct config *now, const struct addition *n)
{
	size_t errors = 0;

	for (size_t i = 0; i < now->n_problems; i++) {
		if (has_problem(before, now->problems[i].text))
			continue;
		errors += !now->problems[i].warning;
		tell_problem(&now->problems[i], n);
	}
	return errors;
}

static char *printed(const struct config *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	config_print(c, f);
	fclose(f);
	return text;
}

bool addition_same(const struct config *a, const struct config *b)
{
	_cleanup_free_ char *x = printed(a), *y = printed(b);
	bool same = x && y && !strcmp(x, y);

	/* what is printed names the wg-quick files, but does not hold them */
	for (size_t i = 0; same && i < a->n_tailnets; i++)
		same = a->tailnets[i]->wg && b->tailnets[i]->wg
			? wg_config_equal(a->tailnets[i]->wg, b->tailnets[i]->wg)
			: a->tailnets[i]->wg == b->tailnets[i]->wg;
	return same;
}

static int reload_one(void *arg, const char *name, int fd, pid_t pid, int error)
{
	struct control_request q = {.verb = CONTROL_RELOAD};
	const struct args *a = arg;
	struct control_end end = {0};
	int r = error;

	if (r == 0)
		r = client_ask(fd, &q, RELOAD_MS, NULL, NULL, &end);
	if (r < 0)
		(void)client_complain(a->run_dir, name, r);
	else if (end.code != CTL_DONE)
		fprintf(stderr, "tsgwctl: reload: %s\n", end.text);
	return 0;
}

void addition_reload(const struct args *a)
{
	sockets_each(a->run_dir,
		&(struct sockets_walk){.each = reload_one, .arg = (void *)(uintptr_t)a});
}
