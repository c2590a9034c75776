// SPDX-License-Identifier: MIT
// How a line of tsgwctl is read.
#include "ctl/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/distance.h"
#include "common/parse.h"
#include "report/text.h"

#define TIMEOUT_MAX_S (30 * 86400)

enum option_kind { /* places in command_shared_options */
	OPT_CONFIG,
	OPT_RUN_DIR,
	OPT_JSON,
	OPT_DRY_RUN,
	OPT_DELETE,
	OPT_FOR,
	OPT_TIMEOUT,
	OPT_HELP,
	OPT_VERSION,
	OPT_OWN, /* the command's */
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
	case OPT_OWN:
		break;
	}
	return -EINVAL;
}

static int parse_own(struct parser *p, const struct command_option *o, const char *value)
{
	struct args *a = p->args;

	if (a->n_options == ARGS_OPTIONS_MAX)
		return FAIL(p, "%s: too many options", p->command->name);
	if (o->value && !*value)
		return FAIL(p, "%s: needs a value", o->name);
	a->options[a->n_options].name = o->name;
	a->options[a->n_options++].value = value;
	return 0;
}

const char *args_option(const struct args *a, const char *name)
{
	for (size_t i = a->n_options; i-- > 0;)
		if (!strcmp(a->options[i].name, name))
			return a->options[i].value;
	return NULL;
}

/* A shared option (*ret_kind), or one of the command's own (*ret_kind is OPT_OWN); or NULL. */
static const struct command_option *find_option(
	const struct parser *p, const char *word, size_t len, enum option_kind *ret_kind)
{
	for (size_t i = 0; i < n_command_shared_options; i++) {
		const struct command_option *o = &command_shared_options[i].option;

		*ret_kind = (enum option_kind)i;
		if (strlen(o->name) == len && !strncmp(o->name, word, len))
			return o;
	}
	*ret_kind = OPT_OWN;
	for (const struct command_option *o = p->command ? p->command->options : NULL; o && o->name;
		o++)
		if (strlen(o->name) == len && !strncmp(o->name, word, len))
			return o;
	return NULL;
}

static int no_option(struct parser *p, const char *word)
{
	const struct command_option *own = p->command ? p->command->options : NULL;
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < n_command_shared_options || (own && own->name); i++) {
		bool shared = i < n_command_shared_options;
		const char *name = shared ? command_shared_options[i].option.name : own++->name;
		unsigned needs = shared ? command_shared_options[i].needs : 0;
		size_t d = distance_edits(word, name);

		if (d < best_distance && !(needs && p->command && !(p->command->flags & needs))) {
			best_distance = d;
			best = name;
		}
	}
	return FAIL(p, "no option \"%s\"%s%s%s", word, best ? "; did you mean " : "",
		best ? best : "", best ? "?" : "");
}

/* "--name", "--name=value" or "--name value" at the current place. */
static int parse_option(struct parser *p)
{
	const char *word = p->argv[p->at++];
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : NULL;
	const struct command_option *o;
	enum option_kind kind;

	if (!strcmp(word, "-h"))
		return parse_value(p, OPT_HELP, "");
	o = find_option(p, word, len, &kind);
	if (!o)
		return no_option(p, word);
	if (value && !o->value)
		return FAIL(p, "%s takes no value", o->name);
	if (!value && o->value) {
		if (p->at == p->argc)
			return FAIL(p, "%s needs a value", o->name);
		value = p->argv[p->at++];
	}
	if (kind == OPT_OWN)
		return parse_own(p, o, value ? value : "");
	p->seen |= 1u << kind;
	return parse_value(p, kind, value ? value : "");
}

static int no_command(struct parser *p, const char *word)
{
	const char *near = command_nearest(word);

	return FAIL(p, "no command \"%s\"%s%s%s", word, near ? "; did you mean " : "",
		near ? near : " (tsgwctl help lists them)", near ? "?" : "");
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
				return no_command(p, word);
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
	for (size_t i = 0; i < n_command_shared_options; i++) {
		const struct command_shared_option *o = &command_shared_options[i];

		if ((p->seen & 1u << i) && o->needs && !(c->flags & o->needs))
			return FAIL(p, "%s has no option %s", c->name, o->option.name);
	}
	if ((c->flags & COMMAND_NAME) && !a->name)
		return FAIL(
			p, "%s: which tailnet? usage: tsgwctl %s %s", c->name, c->name, c->usage);
	if (a->n_words < c->min_words || a->n_words > c->max_words)
		return FAIL(p, "usage: tsgwctl %s%s%s", c->name, c->usage ? " " : "",
			c->usage ? c->usage : "");
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

int command_main(int argc, char **argv)
{
	const struct command *c;
	struct args a;
	char error[512];

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete_print(argc - 2, argv + 2);
	if (command_parse(argc - 1, argv + 1, &a, &c, error, sizeof(error)) < 0) {
		fprintf(stderr, "tsgwctl: %s\n", error);
		return CTL_USAGE;
	}
	if (a.version) {
		puts("tsgwctl " TSGW_VERSION);
		return CTL_DONE;
	}
	if (!c) {
		help_usage(a.help ? stdout : stderr);
		return a.help ? CTL_DONE : CTL_USAGE;
	}
	if (!c->run) {
		fprintf(stderr, "tsgwctl: %s: not in this version\n", c->name);
		return CTL_USAGE;
	}
	if (a.help) {
		help_command(c, stdout);
		return CTL_DONE;
	}
	return c->run(&a);
}
