// SPDX-License-Identifier: MIT
// --complete: what may stand where a shell's cursor is, from the table of commands.
//
//	tsgwctl --complete WORD...	the words behind "tsgwctl", the last one being typed
//
// One candidate a line, behind a tab what it is. A candidate that ends in '=' wants its value behind it.
// A line ":file", ":dir" or ":command N" says instead that the shell knows better: any file, any
// directory, or the command line that begins with the Nth word.
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/config.h"
#include "ctl/command.h"

struct typed {
	char **words;
	int n, at;	     /* AT: the word that is looked at */
	const char *current; /* the last word */
	const struct command *command;
	const struct command_option *pending; /* the current word is its value */
	const char *name;		      /* of a tailnet */
	size_t n_words;			      /* behind it */
	bool plain;			      /* behind "--" */
	int rest; /* where the words of another program begin, 0 = not yet */
	const char *config_path, *run_dir;
};

static void candidate(const struct typed *t, const char *before, const char *word, const char *what)
{
	const char *typed = t->current;
	size_t n = strlen(before);

	if (strncmp(typed, before, n) || strncmp(typed + n, word, strlen(typed + n)))
		return;
	printf("%s%s%s%s\n", before, word, *what ? "\t" : "", what);
}

/* ---- what was typed before ---- */

static const struct command_option *option_of(const struct typed *t, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < n_command_shared_options; i++) {
		const struct command_option *o = &command_shared_options[i].option;

		if (strlen(o->name) == len && !strncmp(o->name, word, len))
			return o;
	}
	for (const struct command_option *o = t->command ? t->command->options : NULL; o && o->name;
		o++)
		if (strlen(o->name) == len && !strncmp(o->name, word, len))
			return o;
	return NULL;
}

/* The value of an option that says where names are found. */
static void note_value(struct typed *t, const struct command_option *o, const char *value)
{
	if (!strcmp(o->name, "--config"))
		t->config_path = value;
	else if (!strcmp(o->name, "--run-dir"))
		t->run_dir = value;
}

static void read_option(struct typed *t, const char *word)
{
	const struct command_option *o = option_of(t, word);
	const char *value = strchr(word, '=');

	if (!o || !o->value)
		return;
	if (value)
		note_value(t, o, value + 1);
	else if (t->at + 1 == t->n - 1)
		t->pending = o;
	else
		note_value(t, o, t->words[++t->at]);
}

static bool takes_name(const struct command *c)
{
	return c && (c->flags & (COMMAND_NAME | COMMAND_MAY_NAME));
}

static void read_word(struct typed *t, const char *word)
{
	if (!t->plain && !strcmp(word, "--"))
		t->plain = true;
	else if (!t->plain && *word == '-' && word[1])
		read_option(t, word);
	else if (!t->command)
		t->command = command_find(word);
	else if (takes_name(t->command) && !t->name)
		t->name = word;
	else
		t->n_words++;
}

static void read_typed(struct typed *t)
{
	for (; t->at < t->n - 1; t->at++) {
		bool rest = t->command && (t->command->flags & COMMAND_REST) && t->name;
		const char *word = t->words[t->at];

		if (rest && (t->plain || *word != '-')) {
			t->rest = t->at;
			t->n_words = (size_t)(t->n - 1 - t->at);
			return;
		}
		read_word(t, word);
	}
}

/* ---- what may follow ---- */

static void complete_options(const struct typed *t)
{
	char text[64];

	for (const struct command_option *o = t->command ? t->command->options : NULL; o && o->name;
		o++) {
		snprintf(text, sizeof(text), "%s%s", o->name, o->value ? "=" : "");
		candidate(t, "", text, o->help);
	}
	for (size_t i = 0; i < n_command_shared_options; i++) {
		const struct command_shared_option *s = &command_shared_options[i];

		if (s->needs && !(t->command && (t->command->flags & s->needs)))
			continue;
		snprintf(text, sizeof(text), "%s%s", s->option.name, s->option.value ? "=" : "");
		candidate(t, "", text, s->option.help);
	}
}

static void complete_commands(const struct typed *t)
{
	for (size_t i = 0; i < n_commands; i++)
		if (commands[i].run)
			candidate(t, "", commands[i].name, commands[i].summary);
}

/* Names of the configuration, and of what is owned without being in it. */
static void complete_tailnets(const struct typed *t, const char *before)
{
	struct config *c = NULL;
	DIR *d = opendir(t->run_dir);
	struct dirent *de;

	if (config_load(t->config_path, &c) < 0)
		c = NULL;
	for (size_t i = 0; c && i < c->n_tailnets; i++)
		candidate(t, before, c->tailnets[i]->name,
			c->tailnets[i]->engine == ENGINE_WIREGUARD ? "wireguard" : "tailscale");
	while (d && (de = readdir(d)))
		if (parse_is_tailnet_name(de->d_name) && de->d_type == DT_DIR &&
			!(c && config_find(c, de->d_name)))
			candidate(t, before, de->d_name, "");
	if (d)
		closedir(d);
	config_free(c);
}

/* Names of [hosts] with their suffix. */
static void complete_targets(const struct typed *t)
{
	struct config *c;
	char text[512];

	if (config_load(t->config_path, &c) < 0)
		return;
	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *n = c->tailnets[i];

		if (t->name && strcmp(t->name, n->name))
			continue;
		for (size_t k = 0; k < n->n_hosts && n->n_suffixes; k++) {
			snprintf(text, sizeof(text), "%s.%s", n->hosts[k].name, n->suffixes[0]);
			candidate(t, "", text, n->name);
		}
	}
	config_free(c);
}

/* The words of LIST, which DELIMITERS part. */
static void complete_choices(
	const struct typed *t, const char *before, const char *list, const char *delimiters)
{
	char word[64];

	while (*list) {
		size_t len = strcspn(list, delimiters);

		snprintf(word, sizeof(word), "%.*s", (int)len, list);
		candidate(t, before, word, "");
		list += len + (list[len] != '\0');
	}
}

static void complete_value(
	const struct typed *t, const char *before, const struct command_option *o)
{
	if (!strcmp(o->value, "FILE"))
		puts(":file");
	else if (!strcmp(o->value, "DIR"))
		puts(":dir");
	else if (!strcmp(o->value, "NAME"))
		complete_tailnets(t, before);
	else if (!strcmp(o->value, "STATE"))
		for (unsigned i = 0; i < TAILNET_STATES; i++)
			candidate(t, before, tailnet_state_name(i), "");
	else if (strchr(o->value, '|'))
		complete_choices(t, before, o->value, "|");
}

/* The part of command->words for the current word. */
static void complete_word(const struct typed *t)
{
	const char *list = t->command->words ? t->command->words : "";
	char part[512];

	for (size_t i = 0; i < t->n_words && *list; i++)
		list = strchr(list, '|') ? strchr(list, '|') + 1 : "";
	snprintf(part, sizeof(part), "%.*s", (int)strcspn(list, "|"), list);
	if (!strcmp(part, ":tailnet"))
		complete_tailnets(t, "");
	else if (!strcmp(part, ":target"))
		complete_targets(t);
	else if (!strcmp(part, ":subcommand"))
		complete_commands(t);
	else if (!strcmp(part, ":command"))
		printf(":command %d\n", t->rest ? t->rest : t->n - 1);
	else if (*part == ':')
		puts(part);
	else
		complete_choices(t, "", part, " ");
}

int complete_print(int argc, char **argv)
{
	struct typed t = {.words = argv,
		.n = argc,
		.current = argc ? argv[argc - 1] : "",
		.config_path = COMMAND_CONFIG,
		.run_dir = COMMAND_RUN_DIR};
	const struct command_option *o;
	const char *value;
	char before[64];

	read_typed(&t);
	if (t.pending) {
		complete_value(&t, "", t.pending);
	} else if (t.rest && t.command->words && !strcmp(t.command->words, ":command")) {
		printf(":command %d\n", t.rest);
	} else if (!t.plain && !t.rest && *t.current == '-') {
		value = strchr(t.current, '=');
		o = value ? option_of(&t, t.current) : NULL;
		snprintf(before, sizeof(before), "%.*s", value ? (int)(value - t.current) + 1 : 0,
			t.current);
		if (o && o->value)
			complete_value(&t, before, o);
		else
			complete_options(&t);
	} else if (!t.command) {
		complete_commands(&t);
	} else if (takes_name(t.command) && !t.name) {
		complete_tailnets(&t, "");
	} else {
		complete_word(&t);
	}
	return CTL_DONE;
}
