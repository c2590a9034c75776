// SPDX-License-Identifier: MIT
// How a line of tsgwctl is read: words, options in any place, what belongs to another program.
#include <errno.h>

#include "ctl/command.h"
#include "test.h"

#define WORDS_MAX 16

static char error[512];
static char *words[WORDS_MAX + 1];
static const struct command *command;

/* LINE is cut at blanks. */
static int parse(const char *line, struct args *ret)
{
	static char buf[512];
	int n = 0;

	snprintf(buf, sizeof(buf), "%s", line);
	for (char *w = strtok(buf, " "); w && n < WORDS_MAX; w = strtok(NULL, " "))
		words[n++] = w;
	words[n] = NULL;
	*error = '\0';
	return command_parse(n, words, ret, &command, error, sizeof(error));
}

static void defaults(void)
{
	struct args a;

	CHECK_EQ(parse("list", &a), 0);
	CHECK_STR(command->name, "list");
	CHECK_STR(a.config_path, COMMAND_CONFIG);
	CHECK_STR(a.run_dir, "/run/tsgw");
	CHECK(!a.json && !a.dry_run && !a.name && !a.n_words);
	CHECK_EQ(a.state, -1);
	CHECK(a.timeout_ms == COMMAND_WAIT_FOREVER);
	CHECK_EQ(parse("", &a), 0);
	CHECK(!command);
}

static void options_anywhere(void)
{
	struct args a;

	CHECK_EQ(parse("--config a.ini list --json --run-dir=/x", &a), 0);
	CHECK_STR(command->name, "list");
	CHECK_STR(a.config_path, "a.ini");
	CHECK_STR(a.run_dir, "/x");
	CHECK(a.json);
	CHECK_EQ(parse("wait --timeout=2m red --for needs-login", &a), 0);
	CHECK_STR(a.name, "red");
	CHECK_EQ(a.state, TAILNET_NEEDS_LOGIN);
	CHECK_EQ(a.timeout_ms, 120000);
	CHECK_EQ(parse("nc --run-dir /x red -- host 22", &a), 0);
	CHECK_STR(a.name, "red");
	CHECK_EQ(a.n_words, 2);
	CHECK_STR(a.words[0], "host");
	CHECK_STR(a.words[1], "22");
}

static void the_rest_is_not_ours(void)
{
	struct args a;

	CHECK_EQ(parse("exec red -- ls --json -- x", &a), 0);
	CHECK(!a.json);
	CHECK_EQ(a.n_words, 4);
	CHECK_STR(a.words[0], "ls");
	CHECK_STR(a.words[2], "--");
	CHECK(!a.words[4]);
	CHECK_EQ(parse("exec red ls -l", &a), 0);
	CHECK_EQ(a.n_words, 2);
	CHECK_STR(a.words[1], "-l");
	CHECK_EQ(parse("ping red 10.0.0.1 -c 1", &a), 0);
	CHECK_STR(a.words[0], "10.0.0.1");
	CHECK_EQ(a.n_words, 3);
	CHECK_EQ(parse("exec red --", &a), -EINVAL);
	CHECK_EQ(parse("logs red -- -f", &a), 0);
	CHECK_EQ(a.n_words, 1);
	CHECK_STR(a.words[0], "-f");
	CHECK_EQ(parse("exec --config x red -- -odd", &a), 0);
	CHECK_STR(a.words[0], "-odd");
}

static void help_and_version(void)
{
	struct args a;

	CHECK_EQ(parse("--help", &a), 0);
	CHECK(a.help && !command);
	CHECK_EQ(parse("up -h", &a), 0); /* no name needed to read about it */
	CHECK(a.help && command);
	CHECK_EQ(parse("--version", &a), 0);
	CHECK(a.version);
}

static void mistakes(void)
{
	static const struct {
		const char *line, *error;
	} vectors[] = {
		{"lits", "no command \"lits\"; did you mean list?"},
		{"list --jason", "no option \"--jason\"; did you mean --json?"},
		{"list --json=yes", "--json takes no value"},
		{"list --config", "--config needs a value"},
		{"list --config=", "--config: needs a file"},
		{"list red", "usage: tsgwctl list [--watch]"},
		{"up", "up: which tailnet? usage: tsgwctl up NAME"},
		{"up red blue", "usage: tsgwctl up NAME"},
		{"up red --json", "up has no option --json"},
		{"list --dry-run", "list has no option --dry-run"},
		{"wait red",
			"wait: for which state? usage: tsgwctl wait NAME --for=STATE "
			"[--timeout=S]"},
		{"wait red --for=upp",
			"--for: no state \"upp\": down, starting, up, degraded, needs-login, "
			"needs-approval or failed"},
		{"wait red --for=up --timeout=x", "--timeout: \"x\" is no number of seconds"},
		{"wait red --for=up --timeout=-1", "--timeout: \"-1\" is no number of seconds"},
		{"wait red --for=up --timeout=99999999999",
			"--timeout: \"99999999999\" is no number of seconds"},
		{"nc red host", "usage: tsgwctl nc NAME HOST PORT"},
		{"nc red host 22 23", "usage: tsgwctl nc NAME HOST PORT"},
		{"exec red", "usage: tsgwctl exec NAME -- CMD..."},
	};
	struct args a;

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		CHECK_EQ(parse(vectors[i].line, &a), -EINVAL);
		CHECK_STR(error, vectors[i].error);
	}
}

/* Whatever the options of a command will be that this version does not have yet. */
static void later_commands_are_known(void)
{
	struct args a;
	char line[64];

	for (size_t i = 0; i < n_commands; i++) {
		if (commands[i].run)
			continue;
		snprintf(line, sizeof(line), "%s red --purge -x", commands[i].name);
		CHECK_EQ(parse(line, &a), 0);
		CHECK(command && !command->run);
	}
}

static void own_options(void)
{
	struct args a;

	CHECK_EQ(parse("add red --port=7 --set a=1 --accept-routes --set b=2", &a), 0);
	CHECK_EQ(a.n_options, 4);
	CHECK_STR(args_option(&a, "--port"), "7");
	CHECK_STR(args_option(&a, "--set"), "b=2"); /* the last */
	CHECK_STR(args_option(&a, "--accept-routes"), "");
	CHECK(!args_option(&a, "--suffix"));
	CHECK_EQ(parse("add red --port=", &a), -EINVAL);
	CHECK_STR(error, "--port: needs a value");
	CHECK_EQ(parse("add red --accept-routes=yes", &a), -EINVAL);
	CHECK_EQ(parse("add red --accpt-routes", &a), -EINVAL);
	CHECK_STR(error, "no option \"--accpt-routes\"; did you mean --accept-routes?");
	CHECK_EQ(parse("list --port=7", &a), -EINVAL);
	CHECK_STR(error, "no option \"--port=7\"");
}

/* Every command that is there says how it is used, and has a summary for the lists. */
static void table(void)
{
	for (size_t i = 0; i < n_commands; i++) {
		const struct command *c = &commands[i];

		CHECK(command_find(c->name) == c);
		if (!c->run)
			continue;
		CHECK(c->summary && *c->summary && strlen(c->summary) <= 52); /* 80 columns */
		CHECK(c->usage || !(c->flags & (COMMAND_NAME | COMMAND_MAY_NAME)));
		for (const struct command_option *o = c->options; o && o->name; o++)
			CHECK(!strncmp(o->name, "--", 2) && o->help);
	}
	CHECK_STR(command_nearest("lsit"), "list");
	CHECK_STR(command_nearest("statsu"), "status");
	CHECK(!command_nearest("zzzzzz"));
	CHECK(!command_nearest("x"));
}

int main(void)
{
	RUN(defaults);
	RUN(options_anywhere);
	RUN(the_rest_is_not_ours);
	RUN(help_and_version);
	RUN(mistakes);
	RUN(later_commands_are_known);
	RUN(own_options);
	RUN(table);
	return TEST_END();
}
