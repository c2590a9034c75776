// SPDX-License-Identifier: MIT
// The table of subcommands: what each takes, where it is done, and how a line is read.
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define TIMEOUT_MAX_S (30 * 86400)

static const struct command commands[] = {
	{"list", COMMAND_JSON, 0, 0, "", "one line for each tailnet, running or not", show_list},
	{"status", COMMAND_MAY_NAME | COMMAND_JSON, 0, 0, "[NAME]",
		"everything about a tailnet, or all", show_status},
	{"peers", COMMAND_NAME | COMMAND_JSON, 0, 0, "NAME", "its WireGuard peers", peers_show},
	{"clients", COMMAND_MAY_NAME | COMMAND_JSON, 0, 0, "[NAME]",
		"who is connected to its listener, or to all, and where to", clients_show},
	{"ip", COMMAND_NAME | COMMAND_JSON, 0, 0, "NAME", "its own tunnel addresses, one per line",
		show_ip},
	{"check", COMMAND_JSON, 0, 0, "", "validate the configuration, print the steps of a start",
		system_check},
	{"up", COMMAND_NAME, 0, 0, "NAME", "start it and wait until it is up", act_up},
	{"down", COMMAND_NAME, 0, 0, "NAME", "stop it and remove all that it made", act_down},
	{"restart", COMMAND_NAME, 0, 0, "NAME", "down, then up", act_restart},
	{"reload", COMMAND_JSON | COMMAND_DRY_RUN, 0, 0, "[--dry-run]",
		"apply the changed configuration, and only what changed", act_reload},
	{"wait", COMMAND_NAME | COMMAND_WAIT, 0, 0, "NAME --for=STATE [--timeout=S]",
		"return when it is in that state", act_wait},
	{"exec", COMMAND_NAME | COMMAND_REST, 1, SIZE_MAX, "NAME -- CMD...",
		"run a command inside the tailnet (root)", enter_exec},
	{"ping", COMMAND_NAME | COMMAND_REST, 1, SIZE_MAX, "NAME HOST [PING-OPTIONS...]",
		"ping a host from inside the tailnet (root)", enter_ping},
	{"nc", COMMAND_NAME, 2, 2, "NAME HOST PORT", "connect stdin and stdout to HOST:PORT there",
		pipe_nc},
	{"logs", COMMAND_NAME | COMMAND_REST, 0, SIZE_MAX, "NAME [-- JOURNALCTL-OPTIONS...]",
		"its journal", system_logs},
	{"passwd", COMMAND_NAME | COMMAND_DELETE, 1, 1, "NAME USER [--delete]",
		"set the password of a user of its listener", passwd_set},
	{.name = "why"},
	{.name = "doctor"},
	{.name = "events"},
	{.name = "client-config"},
	{.name = "tailscale"},
	{.name = "login"},
	{.name = "logout"},
	{.name = "add"},
	{.name = "remove"},
	{.name = "import"},
};

enum option_kind {
	OPT_CONFIG,
	OPT_RUN_DIR,
	OPT_JSON,
	OPT_DRY_RUN,
	OPT_DELETE,
	OPT_FOR,
	OPT_TIMEOUT,
	OPT_HELP,
	OPT_VERSION
};

static const struct option_entry {
	const char *name;
	bool has_value;
	unsigned needs; /* the command's flag, 0 = every command has it */
} options[] = {
	[OPT_CONFIG] = {"--config", true, 0},
	[OPT_RUN_DIR] = {"--run-dir", true, 0},
	[OPT_JSON] = {"--json", false, COMMAND_JSON},
	[OPT_DRY_RUN] = {"--dry-run", false, COMMAND_DRY_RUN},
	[OPT_DELETE] = {"--delete", false, COMMAND_DELETE},
	[OPT_FOR] = {"--for", true, COMMAND_WAIT},
	[OPT_TIMEOUT] = {"--timeout", true, COMMAND_WAIT},
	[OPT_HELP] = {"--help", false, 0},
	[OPT_VERSION] = {"--version", false, 0},
};

struct parser {
	int argc, at;
	char **argv;
	struct args *args;
	const struct command *command;
	unsigned seen; /* bit = enum option_kind */
	char *error;
	size_t error_size;
};

#define FAIL(p, ...) (snprintf((p)->error, (p)->error_size, __VA_ARGS__), -EINVAL)

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < ELEMENTSOF(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int parse_state(struct parser *p, const char *text)
{
	for (unsigned i = 0; i < TAILNET_STATES; i++) {
		if (!strcmp(text, tailnet_state_name(i))) {
			p->args->state = (int)i;
			return 0;
		}
	}
	return FAIL(p,
		"--for: no state \"%s\": down, starting, up, degraded, needs-login, "
		"needs-approval or failed",
		text);
}

static int parse_value(struct parser *p, enum option_kind kind, const char *value)
{
	struct args *a = p->args;
	uint64_t s;

	switch (kind) {
	case OPT_CONFIG:
		a->config_path = value;
		return *value ? 0 : FAIL(p, "--config: needs a file");
	case OPT_RUN_DIR:
		a->run_dir = value;
		return *value ? 0 : FAIL(p, "--run-dir: needs a directory");
	case OPT_FOR:
		return parse_state(p, value);
	case OPT_TIMEOUT:
		if (parse_duration_s(value, 0, TIMEOUT_MAX_S, &s) < 0)
			return FAIL(p, "--timeout: \"%s\" is no number of seconds", value);
		a->timeout_ms = (uint32_t)(s * 1000);
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_DRY_RUN:
		a->dry_run = true;
		return 0;
	case OPT_DELETE:
		a->delete = true;
		return 0;
	case OPT_HELP:
		a->help = true;
		return 0;
	case OPT_VERSION:
		a->version = true;
		return 0;
	}
	return -EINVAL;
}

/* "--name", "--name=value" or "--name value" at the current place. */
static int parse_option(struct parser *p)
{
	const char *word = p->argv[p->at++];
	size_t len = strcspn(word, "=");

	if (!strcmp(word, "-h"))
		return parse_value(p, OPT_HELP, "");
	for (size_t i = 0; i < ELEMENTSOF(options); i++) {
		const char *value = word[len] ? word + len + 1 : NULL;

		if (strlen(options[i].name) != len || strncmp(options[i].name, word, len))
			continue;
		if (value && !options[i].has_value)
			return FAIL(p, "%s takes no value", options[i].name);
		if (!value && options[i].has_value) {
			if (p->at == p->argc)
				return FAIL(p, "%s needs a value", options[i].name);
			value = p->argv[p->at++];
		}
		p->seen |= 1u << i;
		return parse_value(p, (enum option_kind)i, value ? value : "");
	}
	return FAIL(p, "no option \"%s\"", word);
}

static int parse_words(struct parser *p)
{
	struct args *a = p->args;
	bool plain = false; /* behind "--" */
	int r;

	while (p->at < p->argc) {
		char *word = p->argv[p->at];
		bool rest = p->command && (p->command->flags & COMMAND_REST) && a->name;

		if (rest && (plain || *word != '-' || !strcmp(word, "--"))) {
			/* the rest belongs to another program */
			p->at += !plain && !strcmp(word, "--");
			a->words = p->argv + p->at;
			a->n_words = (size_t)(p->argc - p->at);
			return 0;
		}
		if (!plain && !strcmp(word, "--")) {
			plain = true;
			p->at++;
		} else if (!plain && *word == '-' && word[1]) {
			r = parse_option(p);
			if (r < 0)
				return r;
		} else if (!p->command) {
			p->command = command_find(word);
			if (!p->command)
				return FAIL(p, "no command \"%s\"", word);
			if (!p->command->run) /* its own options are unknown */
				return 0;
			p->at++;
		} else if (!a->name && (p->command->flags & (COMMAND_NAME | COMMAND_MAY_NAME))) {
			a->name = word;
			p->at++;
		} else {
			/* in place: words never overtake their place in argv */
			if (!a->words)
				a->words = p->argv;
			a->words[a->n_words++] = word;
			p->at++;
		}
	}
	return 0;
}

static int parse_judge(struct parser *p)
{
	const struct command *c = p->command;
	const struct args *a = p->args;

	if (!c || !c->run || a->help)
		return 0;
	for (size_t i = 0; i < ELEMENTSOF(options); i++)
		if ((p->seen & 1u << i) && options[i].needs && !(c->flags & options[i].needs))
			return FAIL(p, "%s has no option %s", c->name, options[i].name);
	if ((c->flags & COMMAND_NAME) && !a->name)
		return FAIL(
			p, "%s: which tailnet? usage: tsgwctl %s %s", c->name, c->name, c->usage);
	if (a->n_words < c->min_words || a->n_words > c->max_words)
		return FAIL(p, "usage: tsgwctl %s %s", c->name, c->usage);
	if ((c->flags & COMMAND_WAIT) && a->state < 0)
		return FAIL(
			p, "%s: for which state? usage: tsgwctl %s %s", c->name, c->name, c->usage);
	return 0;
}

int command_parse(int argc, char **argv, struct args *ret, const struct command **ret_command,
	char *error, size_t error_size)
{
	struct parser p = {
		.argc = argc, .argv = argv, .args = ret, .error = error, .error_size = error_size};
	int r;

	*ret = (struct args){.config_path = COMMAND_CONFIG,
		.run_dir = COMMAND_RUN_DIR,
		.state = -1,
		.timeout_ms = COMMAND_WAIT_FOREVER};
	r = parse_words(&p);
	if (r == 0)
		r = parse_judge(&p);
	*ret_command = p.command;
	return r;
}

static void command_usage(FILE *out)
{
	fputs("usage: tsgwctl [--config FILE] [--run-dir DIR] COMMAND ...\n\n", out);
	for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
		char line[80];

		if (!commands[i].run)
			continue;
		snprintf(line, sizeof(line), "%s %s", commands[i].name, commands[i].usage);
		fprintf(out, "  %-37s  %s\n", line, commands[i].summary);
	}
	fputs("\nlist, status, peers, clients, ip, check and reload have --json. See tsgwctl(1).\n",
		out);
}

static void command_help(const struct command *c)
{
	printf("usage: tsgwctl %s%s%s%s\n%s\n", c->name, *c->usage ? " " : "", c->usage,
		c->flags & COMMAND_JSON ? " [--json]" : "", c->summary);
}

int command_main(int argc, char **argv)
{
	const struct command *c;
	struct args a;
	char error[512];

	if (command_parse(argc - 1, argv + 1, &a, &c, error, sizeof(error)) < 0) {
		fprintf(stderr, "tsgwctl: %s\n", error);
		return CTL_USAGE;
	}
	if (a.version) {
		puts("tsgwctl " TSGW_VERSION);
		return CTL_DONE;
	}
	if (!c) {
		command_usage(a.help ? stdout : stderr);
		return a.help ? CTL_DONE : CTL_USAGE;
	}
	if (!c->run) {
		fprintf(stderr, "tsgwctl: %s: not in this version\n", c->name);
		return CTL_USAGE;
	}
	if (a.help) {
		command_help(c);
		return CTL_DONE;
	}
	return c->run(&a);
}
