// SPDX-License-Identifier: MIT
// Runs tests/config/*.cases: each case is a set of files and the exact lines that loading them gives.
//
// "--- case NAME"; the lines after it are tsgw.ini. "--- file PATH [mode=NNNN] [dir|fifo|none]" begins
// another file. "--- unprivileged" loads as a user who is not root. What is expected comes last:
// "--- errors" (every problem, with at least one error) or "--- warnings" (problems, no error) and
// "--- good" (the configuration printed back). DIR stands for the directory, \xNN and \r for bytes, and
// $PRIVATE, $KEY1, $KEY2, $OWN, $ZERO for keys. A case that names wg.conf without giving it has a good one.
// `config-corpus --print FILE` writes FILE with what really happens in place of what is expected.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "config/config.h"
#include "test.h"

#define NOBODY 65534

static const struct {
	const char *name, *text;
} keys[] = {
	{"$PRIVATE", "qEBWJ38k8kxVFl+6xPzqXPNXnLSKSNMQb0kpUWAoNl8="},
	{"$OWN", "KiAvY90nlUHi+vKGs8+Vsv1Pm+a8cfG5Kdak7kyuumU="}, /* of $PRIVATE */
	{"$KEY1", "EPFpgoH+g2oEEljx+4Q/l9F0tsyd8oHPuJZDmTQcGlQ="},
	{"$KEY2", "unlIDPSS5tAopT6T2+kEdTh5R1o55dh7PFTRHLe4eSg="},
	{"$ZERO", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
};
static const char good_wg[] = "[Interface]\nPrivateKey = $PRIVATE\nAddress = 10.77.0.2/24\n"
			      "[Peer]\nPublicKey = $KEY1\nAllowedIPs = 10.100.0.0/16\n";

struct case_run {
	char name[64];
	char dir[64];
	FILE *input; /* of the file that is being written */
	bool has_wg, names_wg, unprivileged;
};

static void unescape(const char *line, FILE *out)
{
	unsigned byte;

	for (const char *p = line; *p; p++) {
		bool key = false;

		for (size_t i = 0; i < ELEMENTSOF(keys) && !key; i++) {
			key = !strncmp(p, keys[i].name, strlen(keys[i].name));
			if (key) {
				fputs(keys[i].text, out);
				p += strlen(keys[i].name) - 1;
			}
		}
		if (key)
			continue;
		if (p[0] == '\\' && p[1] == 'r') {
			fputc('\r', out);
			p++;
		} else if (sscanf(p, "\\x%2x", &byte) == 1) {
			fputc((int)byte, out);
			p += 3;
		} else {
			fputc(*p, out);
		}
	}
}

/* What was read or said, with the directory's name replaced. */
static void put_masked(const char *text, const char *dir, FILE *out)
{
	for (const char *p = text; *p;) {
		if (!strncmp(p, dir, strlen(dir))) {
			fputs("DIR", out);
			p += strlen(dir);
		} else {
			fputc(*p++, out);
		}
	}
}

static void load_and_tell(const char *dir, const char *ini, FILE *out)
{
	_cleanup_free_ char *printed = NULL;
	char path[PATH_MAX];
	struct config *c;
	size_t size;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, ini);
	if (config_load(path, &c) < 0) {
		fputs("out of memory\n", out);
		return;
	}
	if (c->n_problems)
		fprintf(out, "--- %s\n", c->errors ? "errors" : "warnings");
	for (size_t i = 0; i < c->n_problems; i++) {
		put_masked(c->problems[i].text, dir, out);
		fputc('\n', out);
	}
	if (!c->errors) {
		fputs("--- good\n", out);
		f = open_memstream(&printed, &size);
		config_print(c, f);
		fclose(f);
		put_masked(printed, dir, out);
	}
	config_free(c);
}

/* As another user, so in another process. */
static void load_as_nobody(const char *dir, FILE *out)
{
	char buf[4096];
	int fds[2];
	ssize_t n;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	fflush(NULL);
	pid_t pid = fork();

	if (pid == 0) {
		FILE *f = fdopen(fds[1], "w");

		if (geteuid() == 0 &&
			(setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(1);
		load_and_tell(dir, "tsgw.ini", f);
		fflush(f);
		_exit(0);
	}
	close(fds[1]);
	while ((n = read(fds[0], buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, out);
	close(fds[0]);
	waitpid(pid, NULL, 0);
}

/* What a good configuration prints must load without a change and print the same again. */
static bool is_fixed_point(const char *dir, const char *told)
{
	_cleanup_free_ char *again = NULL;
	const char *good = strstr(told, "--- good\n");
	char path[PATH_MAX], *p;
	size_t size;
	FILE *f;

	if (!good)
		return true;
	good += strlen("--- good\n");
	mkdir((snprintf(path, sizeof(path), "%s/again", dir), path), 0755);
	snprintf(path, sizeof(path), "%s/again/tsgw.ini", dir);
	f = fopen(path, "w");
	for (const char *q = good; *q; q++) {
		if (!strncmp(q, "DIR/", 4) && fputs(dir, f) >= 0)
			q += 2;
		else
			fputc(*q, f);
	}
	fclose(f);
	f = open_memstream(&again, &size);
	load_and_tell(dir, "again/tsgw.ini", f);
	fclose(f);
	p = strstr(again, "--- good\n");
	return p && !strcmp(p + strlen("--- good\n"), good);
}

static void open_file(struct case_run *run, const char *directive)
{
	char path[PATH_MAX], name[256], option[2][32] = {"", ""}, *slash;
	unsigned mode = 0600;
	bool ini;

	if (run->input)
		fclose(run->input);
	run->input = NULL;
	sscanf(directive, "%255s %31s %31s", name, option[0], option[1]);
	ini = !strcmp(name, "tsgw.ini");
	run->has_wg |= !strcmp(name, "wg.conf");
	snprintf(path, sizeof(path), "%s/%s", run->dir, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	mkdir(path, 0755);
	*slash = '/';
	for (size_t i = 0; i < 2; i++) {
		sscanf(option[i], "mode=%o", &mode);
		if (!strcmp(option[i], "none") && (!ini || unlink(path) == 0))
			return;
		if (!strcmp(option[i], "dir")) {
			mkdir(path, 0755);
			return;
		}
		if (!strcmp(option[i], "fifo")) {
			(void)mkfifo(path, 0600);
			return;
		}
	}
	run->input = fopen(path, "w");
	if (run->input)
		fchmod(fileno(run->input), (mode_t)mode);
}

static void begin(struct case_run *run, const char *name)
{
	*run = (struct case_run){0};
	snprintf(run->name, sizeof(run->name), "%s", name);
	snprintf(run->dir, sizeof(run->dir), "/tmp/tsgw-config-XXXXXX");
	if (!mkdtemp(run->dir)) {
		perror(run->dir);
		exit(1);
	}
	open_file(run, "tsgw.ini mode=0644");
}

static void give_to_nobody(const char *dir)
{
	char pattern[80];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "%s/*", dir);
	if (glob(pattern, 0, NULL, &g) == 0) {
		for (size_t i = 0; i < g.gl_pathc; i++)
			(void)!chown(g.gl_pathv[i], NOBODY, NOBODY);
		globfree(&g);
	}
	(void)!chown(dir, NOBODY, NOBODY);
}

/* Loads the case; *ret_told in the form of the corpus. False: print and load do not agree. */
static bool finish(struct case_run *run, char **ret_told)
{
	size_t size;
	FILE *out;
	bool fixed;

	if (run->names_wg && !run->has_wg) {
		open_file(run, "wg.conf mode=0600");
		unescape(good_wg, run->input);
	}
	if (run->input)
		fclose(run->input);
	out = open_memstream(ret_told, &size);
	if (run->unprivileged && geteuid() == 0)
		give_to_nobody(run->dir);
	if (run->unprivileged)
		load_as_nobody(run->dir, out);
	else
		load_and_tell(run->dir, "tsgw.ini", out);
	fclose(out);
	fixed = is_fixed_point(run->dir, *ret_told);

	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", run->dir);
	(void)!system(command);
	return fixed;
}

/* Blank lines separate the cases. */
static void drop_blank_end(char *text)
{
	size_t len = strlen(text);

	while (len > 1 && text[len - 1] == '\n' && text[len - 2] == '\n')
		text[--len] = '\0';
}

static void compare(const char *file, const struct case_run *run, bool fixed, const char *told,
	const char *expected)
{
	if (fixed && !strcmp(told, expected)) {
		test_passed++;
		return;
	}
	test_failed++;
	printf("not ok %s: %s%s\nexpected:\n%sbut:\n%s", file, run->name,
		fixed ? "" : " (what is printed does not load to the same)", expected, told);
}

static bool is_expectation(const char *line)
{
	return !strcmp(line, "--- errors\n") || !strcmp(line, "--- warnings\n") ||
		!strcmp(line, "--- good\n");
}

struct corpus_file {
	const char *path;
	bool print;
	struct case_run run;
	char *expected;
	size_t expected_size;
	FILE *out; /* writes .expected; NULL outside of a case */
};

static void end_case(struct corpus_file *cf)
{
	_cleanup_free_ char *told = NULL;
	bool fixed;

	if (!cf->out)
		return;
	fclose(cf->out);
	cf->out = NULL;
	fixed = finish(&cf->run, &told);
	drop_blank_end(told);
	drop_blank_end(cf->expected);
	if (cf->print)
		printf("%s\n", told);
	else
		compare(cf->path, &cf->run, fixed, told, cf->expected);
	free(cf->expected);
	cf->expected = NULL;
}

static void case_line(struct corpus_file *cf, const char *line, bool *expecting)
{
	if (!strncmp(line, "--- case ", 9)) {
		end_case(cf);
		begin(&cf->run, line + 9);
		cf->run.name[strcspn(cf->run.name, "\n")] = '\0';
		cf->out = open_memstream(&cf->expected, &cf->expected_size);
		*expecting = false;
	} else if (!cf->out) {
		;
	} else if (is_expectation(line) || *expecting) {
		*expecting = true;
		fputs(line, cf->out);
		return;
	} else if (!strncmp(line, "--- file ", 9)) {
		open_file(&cf->run, line + 9);
	} else if (!strcmp(line, "--- unprivileged\n")) {
		cf->run.unprivileged = true;
	} else if (cf->run.input) {
		cf->run.names_wg |= strstr(line, "wg.conf") != NULL;
		unescape(line, cf->run.input);
	}
	if (cf->print)
		fputs(line, stdout);
}

static void run_file(const char *path, bool print)
{
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	struct corpus_file cf = {.path = path, .print = print};
	_cleanup_free_ char *line = NULL;
	bool expecting = false;
	size_t size = 0;

	if (!f) {
		perror(path);
		test_failed++;
		return;
	}
	while (getline(&line, &size, f) > 0)
		case_line(&cf, line, &expecting);
	end_case(&cf);
}

int main(int argc, char **argv)
{
	glob_t g;

	(void)test_failed_checks;
	umask(022);
	if (argc == 3 && !strcmp(argv[1], "--print")) {
		run_file(argv[2], true);
		return 0;
	}
	if (glob("tests/config/*.cases", 0, NULL, &g)) {
		fputs("no tests/config/*.cases here\n", stderr);
		return 1;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		run_file(g.gl_pathv[i], false);
	globfree(&g);
	return TEST_END();
}
