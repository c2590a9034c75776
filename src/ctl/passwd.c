// SPDX-License-Identifier: MIT
// passwd: one user's line in a tailnet's users-file.
//
// Every other line stays as it is, also those that are wrong. The file is replaced as a whole, and who
// else changes it at the same moment waits for a lock on its directory.
#include "ctl/command.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <termios.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config/config.h"
#include "config/users.h"
#include "ctl/client.h"
#include "ctl/target.h"

struct password {
	char text[USER_PASSWORD_MAX + 1];
	size_t len;
};

/* One line of stdin, without its end. NULL, or why not. */
static const char *read_line(struct password *ret)
{
	bool too_long = false;
	char c = 0;
	ssize_t n;

	ret->len = 0;
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (!c)
			return "the password has a NUL byte";
		if (ret->len < USER_PASSWORD_MAX)
			ret->text[ret->len++] = c;
		else
			too_long |= c != '\r';
	}
	if (n < 0)
		return strerror(errno);
	if (ret->len && c == '\n' && ret->text[ret->len - 1] == '\r')
		ret->len--;
	ret->text[ret->len] = '\0';
	if (too_long)
		return "the password is longer than 255 bytes";
	return ret->len ? NULL : "no password was given";
}

static const char *prompt(const char *text, struct password *ret)
{
	struct termios before, quiet;
	const char *why;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return strerror(errno);
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	fputs(text, stderr);
	why = read_line(ret);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return why;
}

/* Twice from a person, once from a script. */
static const char *ask(struct password *ret)
{
	struct password again;
	const char *why;

	if (!isatty(STDIN_FILENO))
		return read_line(ret);
	why = prompt("New password: ", ret);
	if (!why)
		why = prompt("Once more: ", &again);
	if (!why && (ret->len != again.len || sodium_memcmp(ret->text, again.text, ret->len) != 0))
		why = "the two passwords are different";
	sodium_memzero(&again, sizeof(again));
	return why;
}

/* The lines of TEXT but USER's, then LINE (may be NULL), into *RET. */
static int replace(const char *text, const char *user, const char *line, char **ret,
	size_t *ret_len, bool *ret_found)
{
	size_t len = strlen(user);
	FILE *out = open_memstream(ret, ret_len);

	if (!out)
		return -ENOMEM;
	*ret_found = false;
	while (*text) {
		const char *end = strchrnul(text, '\n');
		bool his = !strncmp(text, user, len) && text[len] == ':';

		if (!his)
			fprintf(out, "%.*s\n", (int)(end - text), text);
		else if (line && !*ret_found)
			fprintf(out, "%s\n", line);
		*ret_found |= his;
		text = *end ? end + 1 : end;
	}
	if (line && !*ret_found)
		fprintf(out, "%s\n", line);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int lock_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0 && flock(fd, LOCK_EX) < 0)
		fd = fd_close(fd);
	return fd;
}

/* LINE NULL: the user is removed. */
static int rewrite(const struct args *a, const char *path, const char *user, const char *line)
{
	_cleanup_free_ char *text = NULL, *changed = NULL;
	char real[PATH_MAX];
	_cleanup_close_ int lock = -1;
	size_t len = 0, old = 0;
	bool found = false;
	int r;

	/* a link stays a link */
	if (realpath(path, real))
		path = real;
	lock = lock_directory(path);
	r = lock < 0 ? -errno : file_read(path, CONFIG_FILE_MAX, &text, &old);
	if (r == -ENOENT && lock >= 0)
		r = 0;
	if (r == 0 && text && strlen(text) != old)
		r = -EILSEQ; /* a NUL byte: not a text that we would cut */
	if (r == 0)
		r = replace(text ? text : "", user, line, &changed, &len, &found);
	if (r == 0 && !line && !found) {
		fprintf(stderr, "tsgwctl: %s: no user %s in %s\n", a->name, user, path);
		return CTL_FAILED;
	}
	if (r == 0)
		r = file_write_atomic(path, changed, len, 0600);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: %s: %s: %s\n", a->name, path, strerror(-r));
		return CTL_FAILED;
	}
	printf("%s: %s %s in %s\n", a->name, line ? (found ? "changed" : "added") : "removed", user,
		path);
	return CTL_DONE;
}

static int set_password(const struct args *a, const char *path, const char *user)
{
	char hash[crypto_pwhash_STRBYTES], line[USER_NAME_MAX + 2 + sizeof(hash)];
	struct password p;
	const char *why = ask(&p);

	if (!why &&
		crypto_pwhash_str(hash, p.text, p.len, crypto_pwhash_OPSLIMIT_INTERACTIVE,
			crypto_pwhash_MEMLIMIT_INTERACTIVE) < 0)
		why = "not enough memory for its hash";
	sodium_memzero(&p, sizeof(p));
	if (why) {
		fprintf(stderr, "tsgwctl: %s: %s: %s\n", a->name, user, why);
		return CTL_FAILED;
	}
	snprintf(line, sizeof(line), "%s:%s", user, hash);
	return rewrite(a, path, user, line);
}

/* Whoever serves it goes on with what it read before. */
static void say_reload(const struct args *a)
{
	_cleanup_close_ int fd = -1;

	if (client_open(a->run_dir, a->name, &fd, NULL) == 0)
		puts("tsgwctl reload applies it");
}

int passwd_set(const struct args *a)
{
	const char *user = a->words[0], *why = users_bad_name(user);
	const struct tailnet_config *t;
	struct config *c;
	int code;

	if (why) {
		fprintf(stderr, "tsgwctl: passwd: %s\n", why);
		return CTL_USAGE;
	}
	code = target_configured(a);
	if (code != CTL_DONE)
		return code;
	if (sodium_init() < 0 || config_load(a->config_path, &c) < 0) {
		fputs("tsgwctl: out of memory\n", stderr);
		return CTL_FAILED;
	}
	t = config_find(c, a->name);
	if (t && t->users_path) {
		code = a->delete ? rewrite(a, t->users_path, user, NULL)
				 : set_password(a, t->users_path, user);
	} else {
		fprintf(stderr,
			t ? "tsgwctl: %s: its section in %s has no users-file: add users-file = "
			    "%s.users\n"
			  : "tsgwctl: %s: %s does not say which users-file it has\n",
			a->name, a->config_path, a->name);
		code = CTL_FAILED;
	}
	config_free(c);
	if (code == CTL_DONE)
		say_reload(a);
	return code;
}
