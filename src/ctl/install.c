// SPDX-License-Identifier: MIT
// A card's text put into a file of the user's own, between two marks, and taken out again.
#include "ctl/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define INSTALL_FILE_MAX (1u << 20)
#define MARK_BEGIN	 "# >>> tsgw: written by tsgwctl client-config --install >>>\n"
#define MARK_END	 "# <<< tsgw <<<\n"

static const struct place {
	enum clients_kind kind;
	const char *file, *dir; /* below the home directory */
	mode_t mode;
	bool at_top; /* ssh goes by the first that fits */
} places[] = {
	{CLIENTS_SSH, ".ssh/config", ".ssh", 0600, true},
	{CLIENTS_ENV, ".profile", NULL, 0644, false},
};

static const struct place *place_of(enum clients_kind kind)
{
	for (size_t i = 0; i < ELEMENTSOF(places); i++)
		if (places[i].kind == kind)
			return &places[i];
	return NULL;
}

bool install_knows(enum clients_kind kind)
{
	return place_of(kind) != NULL;
}

/* ---- the text ---- */

/* Our block in TEXT, marks and the line's end included; without one: the end of TEXT, 0 bytes. */
static const char *find_block(const char *text, size_t *ret_len)
{
	const char *begin = strstr(text, MARK_BEGIN), *end;

	while (begin && begin != text && begin[-1] != '\n')
		begin = strstr(begin + 1, MARK_BEGIN);
	end = begin ? strstr(begin, MARK_END) : NULL;
	*ret_len = end ? (size_t)(end - begin) + strlen(MARK_END) : 0;
	return end ? begin : text + strlen(text);
}

char *install_merge(const char *text, const char *block, bool at_top)
{
	char *out = NULL;
	size_t old, size;
	const char *at = find_block(text, &old);
	FILE *f = open_memstream(&out, &size);
	bool new = !old;

	if (!f)
		return NULL;
	if (new &&at_top)
		at = text;
	fwrite(text, 1, (size_t)(at - text), f);
	if (*block) {
		if (at != text && at[-1] != '\n')
			fputc('\n', f);
		fprintf(f, MARK_BEGIN "%s" MARK_END, block);
	}
	fputs(at + old, f);
	if (fclose(f) == EOF) {
		free(out);
		return NULL;
	}
	return out;
}

/* ---- what is shown ---- */

static void print_lines(char sign, const char *text, size_t n)
{
	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) + 1 : n;

		printf("%c%.*s%s", sign, (int)len, text, end ? "" : "\n");
		text += len;
		n -= len;
	}
}

/* Both texts differ in one place only: ours. */
static void print_diff(const char *path, const char *before, const char *after, bool there)
{
	size_t same = 0, b = strlen(before), a = strlen(after), tail = 0;

	while (before[same] && before[same] == after[same])
		same++;
	while (same && before[same - 1] != '\n')
		same--;
	while (tail < b - same && tail < a - same && before[b - tail - 1] == after[a - tail - 1])
		tail++;
	while (tail && before[b - tail - 1] != '\n' && b - tail > same)
		tail--;
	printf("--- %s%s\n+++ %s\n", path, there ? "" : " (not there yet)", path);
	print_lines('-', before + same, b - tail - same);
	print_lines('+', after + same, a - tail - same);
}

static bool ask(const char *question)
{
	char line[16] = "";

	if (!isatty(0)) {
		fputs("tsgwctl: nobody is here to ask: say --yes\n", stderr);
		return false;
	}
	printf("%s [y/N] ", question);
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) && (*line == 'y' || *line == 'Y');
}

/* ---- the file ---- */

/* The block: what is to be pasted, without the page's comments. */
static char *block_of(const struct clients_card *card)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < card->n; i++)
		fputs(card->blocks[i].code, f);
	return fclose(f) == EOF ? NULL : out;
}

/* Where the file is, links in its path resolved, so that a link is not replaced by a file. */
static int find_file(const struct place *p, char ret[PATH_MAX])
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *real = NULL;

	if (!home || *home != '/' || snprintf(ret, PATH_MAX, "%s/%s", home, p->file) >= PATH_MAX) {
		fputs("tsgwctl: HOME does not say where your files are\n", stderr);
		return -EINVAL;
	}
	real = realpath(ret, NULL);
	if (real && strlen(real) < PATH_MAX)
		memcpy(ret, real, strlen(real) + 1);
	return 0;
}

static int make_dir(const struct place *p)
{
	char path[PATH_MAX];

	if (!p->dir)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", getenv("HOME"), p->dir);
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_file(const struct place *p, const char *path, const char *text)
{
	struct stat st;
	bool there = stat(path, &st) == 0;
	int r = make_dir(p);

	if (r == 0)
		r = file_write_atomic(
			path, text, strlen(text), there ? st.st_mode & 07777 : p->mode);
	if (r == 0 && there && geteuid() == 0 && chown(path, st.st_uid, st.st_gid) < 0)
		r = -errno;
	return r;
}

static int install_change(const struct place *p, const char *path, const char *before,
	const char *after, bool there, bool undo, bool yes)
{
	int r;

	if (!strcmp(before, after)) {
		printf("%s: nothing changes\n", path);
		return CTL_DONE;
	}
	print_diff(path, before, after, there);
	if (!yes && !ask("Write it?"))
		return CTL_FAILED;
	r = write_file(p, path, after);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: %s: %s\n", path, strerror(-r));
		return CTL_FAILED;
	}
	printf("%s is written.%s\n", path, undo ? "" : " The same with --undo takes it out again.");
	return CTL_DONE;
}

int install_card(const struct clients_card *card, bool undo, bool yes)
{
	const struct place *p = place_of(card->kind);
	_cleanup_free_ char *before = NULL, *after = NULL,
			    *block = undo ? strdup("") : block_of(card);
	char path[PATH_MAX];
	size_t len;
	bool there;
	int r;

	if (!block || find_file(p, path) < 0)
		return CTL_FAILED;
	r = file_read(path, INSTALL_FILE_MAX, &before, &len);
	there = r == 0;
	if (r == -ENOENT) {
		before = strdup("");
	} else if (r < 0 || strlen(before) != len) {
		fprintf(stderr, "tsgwctl: %s: %s\n", path,
			r < 0 ? strerror(-r) : "is no text file");
		return CTL_FAILED;
	}
	after = before ? install_merge(before, block, p->at_top) : NULL;
	if (!after) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	return install_change(p, path, before, after, there, undo, yes);
}
