// SPDX-License-Identifier: MIT
// The table of subcommands: what each takes, where it is done, what its words may be.
#include <string.h>

#include "common/cleanup.h"
#include "common/distance.h"
#include "ctl/clientconfig.h"
#include "ctl/command.h"
#include "report/text.h"

#define NAME	 COMMAND_NAME
#define MAY_NAME COMMAND_MAY_NAME
#define JSON	 COMMAND_JSON

static const struct command_option list_options[] = {
	{"--watch", NULL, "again whenever something changes"},
	{0},
};

static const struct command_option reload_options[] = {
	{"--front", NULL, "only the supervisor of the front services"},
	{"--quiet", NULL,
		"print neither steps nor mistakes: the supervisor's log has the mistakes"},
	{0},
};

static const struct command_option why_options[] = {
	{"--in", "NAME", "through the listener of this tailnet"},
	{"--from", "ADDRESS", "whether a client of this address may, too"},
	{0},
};

static const struct command_option remove_options[] = {
	{"--purge", NULL, "remove its keys and state, too"},
	{"--state-dir", "DIR", "where that is (" STATE_DIR_DEFAULT ")"},
	{0},
};

static const struct command_option clientconfig_options[] = {
	{"--host", "HOST", "the gateway's name or address as its clients know it"},
	{"--install", NULL, "ssh and env: put it into your own files here"},
	{"--undo", NULL, "take it out of them again"},
	{"--yes", NULL, "do not ask"},
	{0},
};

/* clang-format off */
const struct command commands[] = {
	{ .name = "list", .flags = JSON, .run = show_list, .options = list_options, .usage = "[--watch]",
		.summary = "one line for each tailnet, running or not" },
	{ .name = "status", .flags = MAY_NAME | JSON, .run = show_status,
		.usage = "[NAME]", .summary = "everything about a tailnet, or all" },
	{ .name = "peers", .flags = NAME | JSON, .run = peers_show,
		.usage = "NAME", .summary = "its peers" },
	{ .name = "clients", .flags = MAY_NAME | JSON, .run = clients_show,
		.usage = "[NAME]", .summary = "who is connected to the listeners, and where to" },
	{ .name = "ip", .flags = NAME | JSON, .run = show_ip,
		.usage = "NAME", .summary = "its own tunnel addresses, one per line" },
	{ .name = "check", .flags = JSON, .run = system_check,
		.summary = "validate the configuration, print a start's steps" },
	{ .name = "events", .flags = MAY_NAME | JSON, .run = events_show,
		.usage = "[NAME]", .summary = "a line for each change, as it happens" },
	{ .name = "why", .flags = JSON, .run = why_show, .options = why_options,
		.min_words = 1, .max_words = 1, .words = ":target",
		.usage = "TARGET [--in=NAME] [--from=ADDRESS]",
		.summary = "the hop to a target that fails, and how to mend it" },
	{ .name = "doctor", .flags = JSON, .run = doctor_show,
		.summary = "look at all that the gateway stands on" },
	{ .name = "wait", .flags = NAME | COMMAND_WAIT, .run = act_wait,
		.usage = "NAME --for=STATE [--timeout=S]", .summary = "return when it is in that state" },
	{ .name = "logs", .flags = NAME | COMMAND_REST, .run = system_logs,
		.max_words = SIZE_MAX,
		.usage = "NAME [-- JOURNALCTL-OPTIONS...]", .summary = "its journal" },
	{ .name = "up", .flags = NAME, .run = act_up,
		.usage = "NAME", .summary = "start it and wait until it is up" },
	{ .name = "down", .flags = NAME, .run = act_down,
		.usage = "NAME", .summary = "stop it and remove all that it made" },
	{ .name = "restart", .flags = NAME, .run = act_restart,
		.usage = "NAME", .summary = "down, then up" },
	{ .name = "reload", .flags = MAY_NAME | JSON | COMMAND_DRY_RUN, .run = act_reload,
		.options = reload_options,
		.usage = "[NAME | --front] [--dry-run]", .summary = "apply what has changed in the configuration" },
	{ .name = "passwd", .flags = NAME | COMMAND_DELETE, .run = passwd_set,
		.min_words = 1, .max_words = 1,
		.usage = "NAME USER [--delete]", .summary = "set the password of a user of its listener" },
	{ .name = "add", .flags = NAME | COMMAND_DRY_RUN, .run = add_tailnet, .options = add_options,
		.usage = "NAME --wg-config=FILE | --login-server=URL ...",
		.summary = "add a tailnet, start it, tell what clients need" },
	{ .name = "remove", .flags = NAME, .run = remove_tailnet, .options = remove_options,
		.usage = "NAME [--purge]", .summary = "undo add" },
	{ .name = "import", .min_words = 2, .max_words = 2, .words = "tsproxy|:dir", .run = import_show,
		.usage = "tsproxy DIR", .summary = "print what replaces a gateway made by hand" },
	{ .name = "exec", .flags = NAME | COMMAND_REST, .run = enter_exec,
		.min_words = 1, .max_words = SIZE_MAX, .words = ":command",
		.usage = "NAME -- CMD...", .summary = "run a command inside the tailnet (root)" },
	{ .name = "ping", .flags = NAME | COMMAND_REST, .run = enter_ping,
		.min_words = 1, .max_words = SIZE_MAX, .words = ":target",
		.usage = "NAME HOST [PING-OPTIONS...]",
		.summary = "ping a host from inside the tailnet (root)" },
	{ .name = "nc", .flags = NAME, .run = pipe_nc,
		.min_words = 2, .max_words = 2, .words = ":target",
		.usage = "NAME HOST PORT", .summary = "connect stdin and stdout to HOST:PORT there" },
	{ .name = "client-config", .flags = JSON, .run = clientconfig_show,
		.options = clientconfig_options, .min_words = 1, .max_words = 2,
		.words = "macos ios windows linux android ssh curl git env docker kubectl pac "
			 "firefox tailscale headscale terraform|:tailnet",
		.usage = "KIND [NAME] [--host=HOST] [--install [--undo] [--yes]]",
		.summary = "how a kind of client is set up, as the page shows it" },
	{ .name = "help", .max_words = 1, .words = ":subcommand", .run = help_show,
		.usage = "[COMMAND]", .summary = "the usage of a command, or of all" },
	{ .name = "login", .flags = NAME, .run = login_in,
		.usage = "NAME", .summary = "print where to log it in, and wait until it is up" },
	{ .name = "logout", .flags = NAME, .run = login_out,
		.usage = "NAME", .summary = "log its node out, until login or restart" },
	{ .name = "tailscale", .flags = NAME | COMMAND_REST, .run = login_tailscale,
		.min_words = 1, .max_words = SIZE_MAX,
		.usage = "NAME -- ARGS...", .summary = "run the tailscale command on its stock node" },
};
/* clang-format on */
const size_t n_commands = ELEMENTSOF(commands);

/* In the order of enum option_kind. */
const struct command_shared_option command_shared_options[] = {
	{{"--config", "FILE", "the configuration (" COMMAND_CONFIG ")"}, 0},
	{{"--run-dir", "DIR", "where the sockets are (" COMMAND_RUN_DIR ")"}, 0},
	{{"--json", NULL, "print JSON"}, COMMAND_JSON},
	{{"--dry-run", NULL, "only tell what would be done"}, COMMAND_DRY_RUN},
	{{"--delete", NULL, "remove instead"}, COMMAND_DELETE},
	{{"--for", "STATE", "the state to wait for"}, COMMAND_WAIT},
	{{"--timeout", "TIME", "seconds, or \"5 min\"; without it, no limit"}, COMMAND_WAIT},
	{{"--help", NULL, "print this"}, 0},
	{{"--version", NULL, "print the version"}, 0},
};
const size_t n_command_shared_options = ELEMENTSOF(command_shared_options);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

const char *command_nearest(const char *name)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < n_commands; i++) {
		size_t d = distance_edits(name, commands[i].name);

		if (commands[i].run && d < best_distance && d < strlen(name)) {
			best_distance = d;
			best = commands[i].name;
		}
	}
	return best;
}
