// SPDX-License-Identifier: MIT
// `tsgwd --check`: is the configuration good, and what would a start do?
#include "supervisor/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "supervisor/engine.h"
#include "supervisor/plan.h"

/* Steps are comments of the INI that is printed before them, so that the whole can be loaded
 * again. */
static void check_say(void *arg, const char *name, const char *line)
{
	printf("; %s\n", line);
}

static bool check_names(const struct options *o, const struct config *c)
{
	for (size_t i = 0; i < o->n_names; i++) {
		if (config_find(c, o->names[i]))
			continue;
		fprintf(stderr, "%s: there is no [tailnet %s]\n", c->path, o->names[i]);
		return false;
	}
	return true;
}

static bool check_key(const struct store *s, const struct tailnet_config *t)
{
	char problem[ENGINE_PROBLEM_MAX];
	int r = engine_key_problem(s, t, problem, sizeof(problem));

	if (r != 0)
		fprintf(stderr, "%s\n", problem);
	return r >= 0;
}

static bool check_keys(const struct supervisor *s)
{
	bool good = true;

	for (size_t i = 0; i < s->config->n_tailnets; i++)
		good = check_key(&s->store, s->config->tailnets[i]) && good;
	return good;
}

int check_run(const struct options *o)
{
	struct supervisor s = {
		.options = o, .store = {.run_dir = o->run_dir, .state_dir = o->state_dir}};
	struct plan p = {0};
	int code = 2;

	if (config_load(o->config_path, &s.config) < 0) {
		log_error(NULL, NULL, "out of memory");
		return 1;
	}
	for (size_t i = 0; i < s.config->n_problems; i++)
		fprintf(stderr, "%s\n", s.config->problems[i].text);
	if (check_keys(&s) && !s.config->errors && check_names(o, s.config)) {
		/* without netlink rights there still are addresses to be read */
		if (links_open(-1, &s.host) == 0)
			(void)links_addresses(s.host, &s.addresses, &s.n_addresses);
		config_print(s.config, stdout);
		if (plan_make(&s, NULL, s.config, &p) == 0) {
			printf("\n; A start takes these steps:\n");
			plan_say(&s, &p, s.config, check_say, NULL);
			code = 0;
		}
		plan_free(&p);
		links_close(s.host);
		free(s.addresses);
	}
	config_free(s.config);
	return code;
}
