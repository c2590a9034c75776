// SPDX-License-Identifier: MIT
// import tsproxy DIR: reads the files of a hand-made gateway, prints the configuration that replaces it.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/fd.h"
#include "ctl/command.h"
#include "ctl/tsproxy.h"

#define IMPORT_DEPTH	 4
#define IMPORT_FILES_MAX 500
#define IMPORT_PATHS_MAX 4096

struct paths {
	char *items[IMPORT_PATHS_MAX];
	size_t n;
};

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Every regular file below DIR, not through links to directories. */
static int collect(const char *dir, unsigned depth, struct paths *ret)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	if (!d)
		return -errno;
	while ((de = readdir(d)) && ret->n < IMPORT_PATHS_MAX) {
		_cleanup_free_ char *path = NULL;
		struct stat st;

		if (*de->d_name == '.')
			continue;
		if (asprintf(&path, "%s/%s", dir, de->d_name) < 0) {
			path = NULL;
			continue;
		}
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth < IMPORT_DEPTH)
			(void)collect(path, depth + 1, ret);
		else if (stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
			st.st_size <= TSPROXY_FILE_MAX)
			ret->items[ret->n++] = take_ptr(path);
	}
	closedir(d);
	return 0;
}

static bool is_script(const char *name)
{
	const char *dot = strrchr(name, '.');

	return !dot || strcmp(dot, ".service") != 0;
}

/* Scripts first: they name the namespaces that units speak of. */
static void feed_all(struct tsproxy *t, const struct paths *paths)
{
	for (unsigned turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < paths->n && i < IMPORT_FILES_MAX; i++) {
			const char *name = strrchr(paths->items[i], '/') + 1;
			_cleanup_free_ char *text = NULL;
			size_t len;

			if (is_script(name) == (turn == 0) &&
				file_read(paths->items[i], TSPROXY_FILE_MAX, &text, &len) == 0 &&
				strlen(text) == len)
				tsproxy_feed(t, name, text);
		}
	}
}

static int import_print(const char *dir, struct tsproxy *t)
{
	const char *why = tsproxy_finish(t);

	if (why) {
		fprintf(stderr, "tsgwctl: import: %s: %s\n", dir, why);
		return CTL_FAILED;
	}
	printf("; Made by tsgwctl import tsproxy %s. Read it through, put it into\n"
	       "; " COMMAND_CONFIG ", look with tsgwctl check, stop the old units, start tsgw.\n\n",
		dir);
	tsproxy_print(t, stdout);
	return CTL_DONE;
}

int import_show(const struct args *a)
{
	_cleanup_free_ struct tsproxy *t = calloc(1, sizeof(*t));
	_cleanup_free_ struct paths *paths = calloc(1, sizeof(*paths));
	int r, code = CTL_FAILED;

	if (strcmp(a->words[0], "tsproxy") != 0) {
		fprintf(stderr,
			"tsgwctl: import: \"%s\" is nothing that can be imported: tsproxy can\n",
			a->words[0]);
		return CTL_USAGE;
	}
	/* it is printed in a comment */
	if (strpbrk(a->words[1], "\r\n")) {
		fputs("tsgwctl: import: the directory's name has a line break\n", stderr);
		return CTL_USAGE;
	}
	if (!t || !paths) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	r = collect(a->words[1], 0, paths);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: import: %s: %s\n", a->words[1], strerror(-r));
	} else {
		if (paths->n)
			qsort(paths->items, paths->n, sizeof(char *), by_bytes);
		feed_all(t, paths);
		code = import_print(a->words[1], t);
	}
	for (size_t i = 0; i < paths->n; i++)
		free(paths->items[i]);
	tsproxy_free(t);
	return code;
}
