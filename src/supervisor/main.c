// SPDX-License-Identifier: MIT
// tsgwd: options, then check_run() or supervisor_run().
#include <getopt.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/parse.h"
#include "supervisor/check.h"
#include "supervisor/supervisor.h"
#include "supervisor/sweep.h"

#define NAMES_MAX CONFIG_TAILNETS_MAX

enum {
	OPT_TAILNET = 256,
	OPT_FRONT,
	OPT_CONFIG,
	OPT_RUN_DIR,
	OPT_STATE_DIR,
	OPT_LOG_LEVEL,
	OPT_CHECK,
	OPT_SWEEP,
	OPT_VERSION,
	OPT_HELP
};

static const struct option long_options[] = {
	{"tailnet", required_argument, NULL, OPT_TAILNET},
	{"front", no_argument, NULL, OPT_FRONT},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"run-dir", required_argument, NULL, OPT_RUN_DIR},
	{"state-dir", required_argument, NULL, OPT_STATE_DIR},
	{"log-level", required_argument, NULL, OPT_LOG_LEVEL},
	{"check", no_argument, NULL, OPT_CHECK},
	{"sweep", no_argument, NULL, OPT_SWEEP},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

static void usage(FILE *out)
{
	fputs("usage: tsgwd [--tailnet NAME]... [--front] [--check | --sweep] [--config FILE]\n"
	      "             [--run-dir DIR] [--state-dir DIR] [--log-level LEVEL]\n"
	      "\n"
	      "Runs the front services and every enabled tailnet of the configuration, or only "
	      "what\n"
	      "--tailnet and --front name. Stays in the foreground and logs to standard error.\n"
	      "\n"
	      "  --tailnet NAME     run this tailnet; repeatable\n"
	      "  --front            run the front services (DNS, page)\n"
	      "  --sweep            remove what was left of these by a supervisor that is gone\n"
	      "  --check            check the configuration, print it and the steps of a start\n"
	      "  --config FILE      default /etc/tsgw/tsgw.ini\n"
	      "  --run-dir DIR      sockets and locks, default /run/tsgw\n"
	      "  --state-dir DIR    what is kept, default /var/lib/tsgw\n"
	      "  --log-level LEVEL  error, warning, notice, info (default) or debug\n"
	      "  --version, --help\n"
	      "\n"
	      "Exit codes: 0 stopped on request, 1 failed, 2 bad configuration or usage. See "
	      "tsgwd(8).\n",
		out);
}

/* The mark on our links holds the run directory: it must read the same from wherever we are
 * started. */
static int option_dir(const char **ret, const char *dir)
{
	static char made[2][PATH_MAX];
	static size_t n;
	char cwd[PATH_MAX];

	*ret = dir;
	if (*dir == '/')
		return -1;
	if (n == ELEMENTSOF(made) || !*dir || !getcwd(cwd, sizeof(cwd)) ||
		snprintf(made[n], PATH_MAX, "%s/%s", cwd, dir) >= PATH_MAX) {
		fprintf(stderr, "tsgwd: %s: not a usable directory\n", dir);
		return 2;
	}
	*ret = made[n++];
	return -1;
}

static int option_tailnet(struct options *o, char *name)
{
	if (!parse_is_tailnet_name(name)) {
		if (o->sweep && getenv("SERVICE_RESULT"))
			return 0; /* the start whose end this is has said so */
		fprintf(stderr, "tsgwd: --tailnet %s: not a name of a tailnet\n", name);
		return 2;
	}
	if (o->n_names == NAMES_MAX) {
		fprintf(stderr, "tsgwd: --tailnet: more than %d\n", NAMES_MAX);
		return 2;
	}
	for (size_t i = 0; i < o->n_names; i++)
		if (!strcmp(o->names[i], name))
			return -1;
	o->names[o->n_names++] = name;
	return -1;
}

static int option_log_level(const char *text)
{
	int level = log_level_parse(text);

	if (level < 0) {
		fprintf(stderr,
			"tsgwd: --log-level %s: not error, warning, notice, info or debug\n", text);
		return 2;
	}
	log_set_level(level);
	return -1;
}

/* -1 to go on, else the exit code. */
static int option(struct options *o, int opt)
{
	switch (opt) {
	case OPT_TAILNET:
		return option_tailnet(o, optarg);
	case OPT_FRONT:
		o->front = true;
		return -1;
	case OPT_CONFIG:
		o->config_path = optarg;
		return -1;
	case OPT_RUN_DIR:
		return option_dir(&o->run_dir, optarg);
	case OPT_STATE_DIR:
		return option_dir(&o->state_dir, optarg);
	case OPT_LOG_LEVEL:
		return option_log_level(optarg);
	case OPT_CHECK:
		o->check = true;
		return -1;
	case OPT_SWEEP:
		o->sweep = true;
		return -1;
	case OPT_VERSION:
		puts("tsgwd " TSGW_VERSION);
		return 0;
	case OPT_HELP:
		usage(stdout);
		return 0;
	default:
		usage(stderr);
		return 2;
	}
}

int main(int argc, char **argv)
{
	_cleanup_free_ char **names = calloc(NAMES_MAX, sizeof(*names));
	struct options o = {.config_path = TSGW_SYSCONFDIR "/tsgw.ini",
		.run_dir = "/run/tsgw",
		.state_dir = "/var/lib/tsgw",
		.names = names};
	int opt, code;

	log_open("tsgwd", NULL);
	if (!names || sodium_init() < 0) {
		log_error(NULL, NULL, "cannot start: %s",
			!names ? "out of memory" : "no random numbers");
		return 1;
	}
	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		code = option(&o, opt);
		if (code >= 0)
			return code;
	}
	if (optind < argc) {
		fprintf(stderr, "tsgwd: %s: no argument is expected\n", argv[optind]);
		return 2;
	}
	if (o.sweep && !o.n_names && !o.front) {
		fprintf(stderr, "tsgwd: --sweep: name what to remove by --tailnet or --front\n");
		return 2;
	}
	if (o.sweep)
		return sweep_run(&o);
	o.all = !o.n_names && !o.front;
	o.front = o.front || o.all;
	return o.check ? check_run(&o) : supervisor_run(&o);
}
