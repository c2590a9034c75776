// SPDX-License-Identifier: MIT
// Which files are read, in which order, and how: regular ones, never waiting, no copy left behind.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "config/load.h"
#include "config/owner.h"
#include "config/users.h"

void source_free(struct source *s)
{
	if (s->text)
		sodium_memzero(s->text, s->len);
	free(s->text);
	s->text = NULL;
}

/* Not fd_read_all(): growing by realloc() would leave parts of a key behind in freed memory. */
static int read_exactly(int fd, size_t size, struct source *s)
{
	s->text = malloc(size + 1);
	if (!s->text)
		return -ENOMEM;
	while (s->len <= size) {
		ssize_t n = read(fd, s->text + s->len, size + 1 - s->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		s->len += (size_t)n;
	}
	if (s->len > size) /* somebody writes to it */
		return -EAGAIN;
	s->text[s->len] = '\0';
	return 0;
}

/* -EISDIR, -ENOTSUP: not a regular file; -EFBIG: over CONFIG_FILE_MAX. */
int source_read(const char *path, struct source *ret)
{
	/* O_NONBLOCK: a FIFO without a writer must not hold us up */
	_cleanup_close_ int fd = owner_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct source s = {0};
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENXIO ? -ENOTSUP : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	if (st.st_size > CONFIG_FILE_MAX)
		return -EFBIG;
	r = read_exactly(fd, (size_t)st.st_size, &s);
	if (r < 0) {
		source_free(&s);
		return r;
	}
	s.mode = st.st_mode & 07777;
	*ret = s;
	return 0;
}

static int read_source(struct loader *l, const char *path, struct source *ret)
{
	int r;

	for (size_t i = 0; i < l->n_over; i++) {
		const struct config_overlay *o = &l->over[i];

		if (strcmp(o->path, path) != 0)
			continue;
		if (!o->text)
			return -ENOENT;
		*ret = (struct source){
			.text = strdup(o->text), .len = strlen(o->text), .mode = 0600};
		return ret->text ? 0 : -ENOMEM;
	}
	r = l->read(path, ret);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM) { /* it says nothing about the file */
		l->shortage = -r;
		l->oom = true;
	}
	return r;
}

static const char *read_error(int r)
{
	return r == -ENOTSUP   ? "not a regular file"
		: r == -EFBIG  ? "larger than 4 MiB"
		: r == -EAGAIN ? "changed while it was read"
			       : strerror(-r);
}

static void load_file(struct loader *l, const char *path)
{
	unsigned file = load_file_name(l, path);
	struct where w = {.file = file};
	struct source s = {0};
	int r = read_source(l, path, &s);

	if (r == -ENOMEM)
		l->oom = true;
	else if (r < 0)
		problem(l, &w, "%s", read_error(r));
	else
		load_ini(l, file, s.text, s.len);
	source_free(&s);
}

static bool is_ini(const char *name)
{
	size_t len = strlen(name);

	return *name != '.' && len > 4 && !strcmp(name + len - 4, ".ini") && !strchr(name, '/');
}

static int is_ini_entry(const struct dirent *e)
{
	return is_ini(e->d_name);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b); /* the locale has no say */
}

struct names {
	char **items;
	size_t n;
};

static void names_add(struct loader *l, struct names *names, const char *name)
{
	if (!load_room(l, &names->items, names->n, sizeof(char *)))
		return;
	names->items[names->n] = load_strdup(l, name);
	names->n += names->items[names->n] != NULL;
}

/* What lies in DIR, and what is to be read as if it did, less what is to be read as if it did not. */
static void names_collect(struct loader *l, const char *dir, struct names *ret)
{
	struct dirent **found = NULL;
	size_t len = strlen(dir);
	int n = scandir(dir, &found, is_ini_entry, NULL);

	if (n < 0 && errno != ENOENT) {
		struct where w = {.file = load_file_name(l, dir)};

		problem(l, &w, "%s", strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		names_add(l, ret, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	for (size_t i = 0; i < l->n_over; i++) {
		const struct config_overlay *o = &l->over[i];
		const char *name = o->path + len + 1;

		if (strncmp(o->path, dir, len) != 0 || o->path[len] != '/' || !is_ini(name))
			continue;
		for (size_t k = 0; k < ret->n; k++)
			if (!strcmp(ret->items[k], name)) {
				free(ret->items[k]);
				ret->items[k--] = ret->items[--ret->n];
			}
		if (o->text)
			names_add(l, ret, name);
	}
	if (ret->n)
		qsort(ret->items, ret->n, sizeof(char *), by_bytes);
}

/* tsgw.d beside PATH; none is fine. */
static void load_directory(struct loader *l, const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = NULL;
	struct names names = {0};

	if (asprintf(&dir, "%.*stsgw.d", slash ? (int)(slash - path) + 1 : 0, path) < 0) {
		dir = NULL;
		l->oom = true;
		return;
	}
	names_collect(l, dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s/%s", dir, names.items[i]) < 0) {
			file = NULL;
			l->oom = true;
		} else {
			load_file(l, file);
		}
		free(names.items[i]);
	}
	free(names.items);
}

/* Of a unit of systemd, which makes it at its start and removes it at its stop. */
static bool is_credential(const char *path)
{
	static const char dir[] = "/run/credentials/";

	return !strncmp(path, dir, strlen(dir));
}

/* The wg-quick file of the tailnet of section S. */
static void load_wg(struct loader *l, struct section *s, struct wg_places *at)
{
	struct tailnet_config *t = s->t;
	struct where w = section_where(s, "wg-config");
	struct where mtu = section_where(s, "mtu");
	struct source text = {0};
	int r;

	r = read_source(l, t->wg_config_path, &text);
	if (r == -ENOMEM) {
		l->oom = true;
	} else if (r == -ENOENT && is_credential(t->wg_config_path)) {
		credential_awaited(l, &w, t->wg_config_path);
	} else if (r < 0) {
		problem(l, &w, "%s: %s", t->wg_config_path, read_error(r));
	} else {
		if (text.mode & 077)
			problem(l, &w,
				"%s: mode %04o lets others read the private key: chmod 600 %s",
				t->wg_config_path, text.mode, t->wg_config_path);
		at->file = load_file_name(l, t->wg_config_path);
		wgquick_parse(l, t, at, text.text, text.len);
		wgcheck(l, t, at, &mtu);
	}
	source_free(&text);
}

static void load_users(struct loader *l, struct section *s)
{
	struct tailnet_config *t = s->t;
	struct where w = section_where(s, "users-file");
	struct source text = {0};
	int r = read_source(l, t->users_path, &text);

	if (r == -ENOMEM) {
		l->oom = true;
	} else if (r < 0) {
		problem(l, &w, "%s: %s%s", t->users_path, read_error(r),
			r == -ENOENT ? " (tsgwctl passwd makes it)" : "");
	} else {
		if (text.mode & 077)
			problem(l, &w, "%s: mode %04o lets others read the hashes: chmod 600 %s",
				t->users_path, text.mode, t->users_path);
		users_parse(l, t, load_file_name(l, t->users_path), text.text, text.len);
	}
	source_free(&text);
}

/* One line; what is around it does not count. */
static void take_auth_key(
	struct loader *l, const struct where *w, struct tailnet_config *t, char *text)
{
	char *key = text + strspn(text, " \t\r\n");
	size_t len = strcspn(key, " \t\r\n");

	if (!len)
		problem(l, w, "%s: is empty", t->auth_key_path);
	else if (len > CONFIG_AUTH_KEY_MAX || key[len + strspn(key + len, " \t\r\n")])
		problem(l, w, "%s: is not one line with one key", t->auth_key_path);
	else
		t->auth_key = strndup(key, len);
	if (len && len <= CONFIG_AUTH_KEY_MAX && !t->auth_key && errno == ENOMEM)
		l->oom = true;
}

/* The credential auth-key.NAME of systemd stands in for a key that is not given. One that is not there is
 * no error here: who has registered once does without it. */
static void load_auth_key(struct loader *l, struct section *s)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	struct tailnet_config *t = s->t;
	struct where w = section_where(s, "auth-key-file");
	bool credential = !t->auth_key_path;
	_cleanup_free_ char *path = NULL;
	struct source text = {0};
	int r;

	if (credential && (!dir || *dir != '/'))
		return;
	if (credential && asprintf(&path, "%s/auth-key.%s", dir, t->name) < 0) {
		path = NULL;
		l->oom = true;
		return;
	}
	r = read_source(l, credential ? path : t->auth_key_path, &text);
	if (credential && r == 0)
		t->auth_key_path = take_ptr(path);
	if (r == -ENOENT && !credential)
		t->auth_key_missing = w.line;
	if (r == -ENOMEM) {
		l->oom = true;
	} else if (r < 0 && r != -ENOENT) {
		problem(l, &w, "%s: %s", credential ? path : t->auth_key_path, read_error(r));
	} else if (r == 0) {
		if (text.mode & 077 && !credential)
			problem(l, &w, "%s: mode %04o lets others read the key: chmod 600 %s",
				t->auth_key_path, text.mode, t->auth_key_path);
		errno = 0;
		take_auth_key(l, &w, t, text.text);
	}
	source_free(&text);
}

static void load_ca(struct loader *l, struct section *s)
{
	const char *path = s->t->login_ca_path;
	struct where w = section_where(s, "login-ca-file");
	struct source text = {0};
	int r = read_source(l, path, &text);

	if (r == -ENOMEM)
		l->oom = true;
	else if (r < 0)
		problem(l, &w, "%s: %s", path, read_error(r));
	else if (!strstr(text.text, "-----BEGIN CERTIFICATE-----"))
		problem(l, &w, "%s: holds no certificate in PEM form", path);
	source_free(&text);
}

static bool is_read(const struct loader *l, const char *tailnet)
{
	for (size_t i = 0; i < l->n_only; i++)
		if (!strcmp(l->only[i], tailnet))
			return true;
	return !l->n_only;
}

static void load_named(struct loader *l, struct section *s, struct wg_places *at)
{
	if (s->t->engine == ENGINE_WIREGUARD && s->t->wg_config_path)
		load_wg(l, s, at);
	if (s->t->users_path && !l->oom)
		load_users(l, s);
	if (s->t->engine == ENGINE_TAILSCALE && !l->oom)
		load_auth_key(l, s);
	if (s->t->engine == ENGINE_TAILSCALE && s->t->login_ca_path && !l->oom)
		load_ca(l, s);
}

void source_load_named(struct loader *l)
{
	size_t n = 0;

	l->wg = calloc(l->c->n_tailnets + 1, sizeof(*l->wg));
	if (!l->wg) {
		l->oom = true;
		return;
	}
	for (size_t i = 0; i < l->n_sections && !l->oom; i++) {
		struct section *s = l->sections[i];

		if (s->kind != SECTION_TAILNET)
			continue;
		if (is_read(l, s->t->name))
			load_named(l, s, &l->wg[n]);
		n++;
	}
}

void source_load_all(struct loader *l, const char *path)
{
	load_file(l, path);
	load_directory(l, path);
}
