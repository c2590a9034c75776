// SPDX-License-Identifier: MIT
// The table of subcommands, and what one line of tsgwctl asks for.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "ipc/control.h"

#define COMMAND_RUN_DIR	     "/run/tsgw"
#define COMMAND_CONFIG	     TSGW_SYSCONFDIR "/tsgw.ini"
#define STATE_DIR_DEFAULT    "/var/lib/tsgw"
#define COMMAND_WAIT_FOREVER UINT32_MAX

enum exit_code { /* contract §8 */
	CTL_DONE = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NO_TAILNET = 3,
	CTL_NO_SUPERVISOR = 4,
};

#define ARGS_OPTIONS_MAX 64

struct args {
	const char *config_path;
	const char *run_dir;
	bool json;
	bool dry_run;
	bool delete;
	bool help;
	bool version;
	int state;			  /* --for: enum tailnet_state, -1 = not given */
	uint32_t timeout_ms;		  /* --timeout, COMMAND_WAIT_FOREVER = not given */
	struct {			  /* of the command alone, in the order of the line */
		const char *name, *value; /* "" where it takes none */
	} options[ARGS_OPTIONS_MAX];
	size_t n_options;
	const char *name; /* the tailnet, NULL = none given */
	char **words;	  /* what follows it */
	size_t n_words;
};

enum command_flags {
	COMMAND_NAME = 1,     /* needs a tailnet's name */
	COMMAND_MAY_NAME = 2, /* takes one */
	COMMAND_JSON = 4,     /* has --json */
	COMMAND_DRY_RUN = 8,  /* has --dry-run */
	COMMAND_WAIT = 16,    /* has --for and --timeout */
	COMMAND_DELETE = 64,  /* has --delete */
	COMMAND_REST = 32,    /* everything behind NAME [--] is the command's own */
};

struct command_option {
	const char *name;  /* with its dashes; NULL ends a table */
	const char *value; /* how usage lines call it: "FILE"; NULL: it takes none */
	const char *help;
};

struct command {
	const char *name;
	unsigned flags;
	size_t min_words, max_words; /* behind the name */
	const char *usage;	     /* NULL: it takes nothing */
	const char *summary;
	int (*run)(const struct args *a); /* returns enum exit_code; NULL: not in this version */
	const struct command_option *options; /* that no other command has; may be NULL */
	/* What its words may be, one "|" between them: choices with blanks between, or ":tailnet",
	 * ":target", ":command", ":subcommand", ":file", ":dir". For completion; may be NULL. */
	const char *words;
};

/* commands.c: the table. */
extern const struct command commands[];
extern const size_t n_commands;
const struct command *command_find(const char *name);
/* The one that NAME most likely means, or NULL. */
const char *command_nearest(const char *name);
/* Options that every command, or every one with a flag, has. */
extern const struct command_shared_option {
	struct command_option option;
	unsigned needs; /* the command's flag, 0 = every command has it */
} command_shared_options[];
extern const size_t n_command_shared_options;

/* The value of the last option NAME of the command's own, "" where it takes none; NULL: not given. */
const char *args_option(const struct args *a, const char *name);

/* Sorts ARGV (the words after the program's name) into *RET; *ret_command is NULL where none was
 * named. 0, or -EINVAL with one line for the user in ERROR. */
int command_parse(int argc, char **argv, struct args *ret, const struct command **ret_command,
	char *error, size_t error_size);
/* Runs one line; returns enum exit_code. */
int command_main(int argc, char **argv);

/* help.c */
void help_usage(FILE *out);
void help_command(const struct command *c, FILE *out);
int help_show(const struct args *a);
/* complete.c: the words behind --complete. */
int complete_print(int argc, char **argv);

/* show.c */
int show_list(const struct args *a);
int show_list_once(const struct args *a, bool compact); /* COMPACT: JSON on one line */
int show_status(const struct args *a);
int show_ip(const struct args *a);
/* clients.c */
int clients_show(const struct args *a);
/* peers.c */
int peers_show(const struct args *a);
/* act.c */
int login_in(const struct args *a);
int login_out(const struct args *a);
int login_tailscale(const struct args *a);
int act_up(const struct args *a);
int act_down(const struct args *a);
int act_restart(const struct args *a);
int act_reload(const struct args *a);
int act_wait(const struct args *a);
/* The tailnet's unit may be started and stopped on the user's behalf. */
bool act_may_use_unit(const struct args *a);
/* events.c */
int events_show(const struct args *a);
int events_list(const struct args *a); /* list, again whenever something changes */
/* add.c */
int add_tailnet(const struct args *a);
extern const struct command_option add_options[];
/* remove.c */
int remove_tailnet(const struct args *a);
/* import.c */
int import_show(const struct args *a);
/* why.c */
int why_show(const struct args *a);
/* doctor.c */
int doctor_show(const struct args *a);
/* enter.c */
int enter_exec(const struct args *a);
int enter_ping(const struct args *a);
/* pipe.c */
int pipe_nc(const struct args *a);
/* passwd.c */
int passwd_set(const struct args *a);
/* system.c */
int system_check(const struct args *a);
int system_logs(const struct args *a);
