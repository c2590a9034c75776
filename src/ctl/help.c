// SPDX-License-Identifier: MIT
// --help: the usage of everything, and of one command with its options.
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"

#define USAGE_COLUMN 24

static const char *usage_of(const struct command *c)
{
	return c->usage ? c->usage : "";
}

void help_usage(FILE *out)
{
	fputs("usage: tsgwctl [--config FILE] [--run-dir DIR] COMMAND ...\n\n", out);
	for (size_t i = 0; i < n_commands; i++) {
		char line[80];

		if (!commands[i].run)
			continue;
		snprintf(line, sizeof(line), "%s %s", commands[i].name, usage_of(&commands[i]));
		if (strlen(line) > USAGE_COLUMN)
			fprintf(out, "  %s\n  %-*s  %s\n", line, USAGE_COLUMN, "",
				commands[i].summary);
		else
			fprintf(out, "  %-*s  %s\n", USAGE_COLUMN, line, commands[i].summary);
	}
	fputs("\ntsgwctl COMMAND --help tells more, tsgwctl(1) all. What prints data has --json.\n",
		out);
}

static void help_option(const struct command_option *o, FILE *out)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s%s", o->name, o->value ? "=" : "",
		o->value ? o->value : "");
	fprintf(out, "  %-26s  %s\n", text, o->help);
}

void help_command(const struct command *c, FILE *out)
{
	fprintf(out, "usage: tsgwctl %s%s%s%s\n%s\n\n", c->name, c->usage ? " " : "", usage_of(c),
		c->flags & COMMAND_JSON ? " [--json]" : "", c->summary);
	for (const struct command_option *o = c->options; o && o->name; o++)
		help_option(o, out);
	for (size_t i = 0; i < n_command_shared_options; i++) {
		const struct command_shared_option *o = &command_shared_options[i];

		if (!o->needs || (c->flags & o->needs))
			help_option(&o->option, out);
	}
}

int help_show(const struct args *a)
{
	const struct command *c = a->n_words ? command_find(a->words[0]) : NULL;
	const char *near;

	if (!a->n_words) {
		help_usage(stdout);
		return CTL_DONE;
	}
	if (c && c->run) {
		help_command(c, stdout);
		return CTL_DONE;
	}
	near = command_nearest(a->words[0]);
	fprintf(stderr, "tsgwctl: no command \"%s\"%s%s%s\n", a->words[0],
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return CTL_USAGE;
}
