// SPDX-License-Identifier: MIT
// check and logs: what other programs of the system do for us.
#include "ctl/command.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "ctl/target.h"
#include "report/text.h"
#include "ctl/unit.h"

#define CHECK_STEPS "; A start takes these steps:"

/* tsgwd of the same build or installation: beside this program, or in ../sbin. */
static int find_tsgwd(char ret[PATH_MAX])
{
	static const char *const places[] = {"tsgwd", "../sbin/tsgwd"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	slash[1] = '\0';
	for (size_t i = 0; i < ELEMENTSOF(places); i++) {
		if ((size_t)snprintf(ret, PATH_MAX, "%s%s", self, places[i]) >= PATH_MAX)
			return -ENAMETOOLONG;
		if (access(ret, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static void check_exec(const struct args *a)
{
	char path[PATH_MAX];
	int r = find_tsgwd(path);

	if (r == 0) {
		execl(path, "tsgwd", "--check", "--config", a->config_path, "--run-dir", a->run_dir,
			(char *)NULL);
		r = -errno;
	}
	fprintf(stderr, "tsgwctl: cannot run tsgwd: %s\n", strerror(-r));
}

/* Reads both outputs of `tsgwd --check` by way of files: no order between two pipes to get
 * wrong. */
static int check_child(const struct args *a, FILE *out, FILE *err)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		if (dup2(fileno(out), STDOUT_FILENO) >= 0 && dup2(fileno(err), STDERR_FILENO) >= 0)
			check_exec(a);
		_exit(CTL_FAILED);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

/* The lines of F as an array. */
static json_t *check_lines(FILE *f)
{
	json_t *list = json_array();
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		json_array_append_new(list, text_json(line + (strncmp(line, "; ", 2) ? 0 : 2)));
	}
	return list;
}

/* What `tsgwd --check` prints before the steps: the configuration. F is left behind the line
 * that ends it. */
static json_t *check_config(FILE *f)
{
	_cleanup_free_ char *line = NULL, *text = NULL;
	size_t size = 0, text_size = 0;
	FILE *config = open_memstream(&text, &text_size);

	while (config && getline(&line, &size, f) > 0 &&
		strncmp(line, CHECK_STEPS, strlen(CHECK_STEPS)))
		fputs(line, config);
	if (!config || fclose(config) == EOF)
		return NULL;
	return text_json(text);
}

static int check_json(const struct args *a)
{
	_cleanup_fclose_ FILE *out = tmpfile();
	_cleanup_fclose_ FILE *err = tmpfile();
	json_t *j;
	int code = out && err ? check_child(a, out, err) : -errno;

	if (code < 0) {
		fprintf(stderr, "tsgwctl: cannot run tsgwd: %s\n", strerror(-code));
		return CTL_FAILED;
	}
	j = json_object();
	json_object_set_new(j, "ok", json_boolean(code == CTL_DONE));
	rewind(out);
	rewind(err);
	json_object_set_new(j, "problems", check_lines(err));
	json_object_set_new(j, "config", check_config(out));
	json_object_set_new(j, "steps", check_lines(out));
	return text_print_json(j) == CTL_DONE ? code : CTL_FAILED;
}

int system_check(const struct args *a)
{
	if (a->json)
		return check_json(a);
	check_exec(a);
	return CTL_FAILED;
}

int system_logs(const struct args *a)
{
	_cleanup_free_ char **argv = calloc(a->n_words + 4, sizeof(*argv));
	char unit[64];
	int code;

	if (!parse_is_tailnet_name(a->name)) {
		fprintf(stderr, "tsgwctl: %s: no such tailnet (a name is made of a-z, 0-9 and -)\n",
			a->name);
		return CTL_NO_TAILNET;
	}
	code = target_configured(a);
	if (code != CTL_DONE)
		return code;
	if (!argv || !unit_available()) {
		fprintf(stderr, "tsgwctl: %s: no systemd here: read what tsgwd writes to stderr\n",
			a->name);
		return CTL_FAILED;
	}
	snprintf(unit, sizeof(unit), "--unit=tsgw@%s.service", a->name);
	argv[0] = (char[]){"journalctl"};
	argv[1] = unit;
	memcpy(argv + 2, a->words, a->n_words * sizeof(*argv));
	execvp(argv[0], argv);
	fprintf(stderr, "tsgwctl: journalctl: %s\n", strerror(errno));
	return CTL_FAILED;
}
