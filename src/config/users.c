// SPDX-License-Identifier: MIT
// A users-file: one "user:hash" a line, the hash as libsodium's crypto_pwhash_str() writes it.
#include "config/users.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/load.h"

const char *users_bad_name(const char *name)
{
	if (!*name)
		return "the user's name is empty";
	if (strlen(name) > USER_NAME_MAX)
		return "the user's name is longer than 255 bytes";
	if (*name == '#')
		return "a user's name does not begin with #";
	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		if (*p < 0x20 || *p == 0x7f || *p == ':')
			return "the user's name has a colon or a control character";
	return NULL;
}

/* "m=65536,t=2,p=1" behind "$argon2id$v=19$" */
static int take_cost(const char *hash, uint64_t *ret_kib, uint64_t *ret_passes)
{
	const char *m = strstr(hash, "$m="), *t = m ? strstr(m, ",t=") : NULL;
	char number[16];

	if (!t || t - m > 12)
		return -1;
	snprintf(number, sizeof(number), "%.*s", (int)(t - m - 3), m + 3);
	if (parse_u64(number, 1, UINT32_MAX, ret_kib) < 0)
		return -1;
	t += strlen(",t=");
	snprintf(number, sizeof(number), "%.*s", (int)MIN(strcspn(t, ","), (size_t)11), t);
	return parse_u64(number, 1, UINT32_MAX, ret_passes);
}

const char *users_bad_hash(const char *hash)
{
	uint64_t kib, passes;

	if (strlen(hash) >= crypto_pwhash_STRBYTES || strncmp(hash, "$argon2i", 8) ||
		crypto_pwhash_str_needs_rehash(hash, 1, crypto_pwhash_MEMLIMIT_MIN) < 0 ||
		take_cost(hash, &kib, &passes) < 0)
		return "this is no hash of crypto_pwhash_str (tsgwctl passwd writes one)";
	if (kib > USERS_HASH_KIB_MAX || kib * passes > USERS_HASH_COST_MAX)
		return "checking this hash would take more than 256 MiB, or 4 passes over them";
	return NULL;
}

static int compare_users(const void *a, const void *b)
{
	const struct user_line *x = a, *y = b;
	int order = strcmp(x->user.name, y->user.name);

	return order ? order : x->line < y->line ? -1 : 1;
}

static void take_line(struct loader *l, struct where *w, struct users_reading *r, char *line)
{
	char *hash = strchr(line, ':');
	const char *why;

	if (!hash) {
		problem(l, w, "is not of the form user:hash");
		return;
	}
	*hash++ = '\0';
	why = users_bad_name(line);
	why = why ? why : users_bad_hash(hash);
	if (why) {
		problem(l, w, "%s", why);
	} else if (r->n >= CONFIG_USERS_MAX) {
		if (!r->overflow)
			problem(l, w, "there are more than %d users", CONFIG_USERS_MAX);
		r->overflow = true;
	} else if (load_room(l, &r->lines, r->n, sizeof(*r->lines))) {
		struct user_line *u = &r->lines[r->n];

		*u = (struct user_line){.line = w->line, .user.name = load_strdup(l, line)};
		snprintf(u->user.hash, sizeof(u->user.hash), "%s", hash);
		r->n += u->user.name != NULL;
	}
}

/* Sorted by name, each once. */
static void give(
	struct loader *l, struct tailnet_config *t, struct where *w, struct users_reading *r)
{
	t->users = calloc(r->n + 1, sizeof(*t->users));
	if (!t->users) {
		l->oom = true;
		return;
	}
	if (r->n)
		qsort(r->lines, r->n, sizeof(*r->lines), compare_users);
	for (size_t i = 0; i < r->n; i++) {
		struct user_line *u = &r->lines[i], *first = i ? u - 1 : NULL;

		if (first && t->n_users && !strcmp(u->user.name, t->users[t->n_users - 1].name)) {
			w->line = u->line;
			problem(l, w, "this user is there already, in line %u", first->line);
			continue;
		}
		t->users[t->n_users++] = (struct user_config){.name = take_ptr(u->user.name)};
		memcpy(t->users[t->n_users - 1].hash, u->user.hash, sizeof(u->user.hash));
	}
}

void users_parse(struct loader *l, struct tailnet_config *t, unsigned file, char *text, size_t len)
{
	struct where w = {.file = file, .tailnet = t->name};
	struct users_reading r = {0};
	char *rest = text;

	if (memchr(text, '\0', len)) {
		problem(l, &w, "has a NUL byte");
		return;
	}
	while (rest) {
		char *line = strsep(&rest, "\n");
		size_t n = strlen(line);

		w.line++;
		if (n && line[n - 1] == '\r')
			line[--n] = '\0';
		if (n && *line != '#')
			take_line(l, &w, &r, line);
	}
	give(l, t, &w, &r);
	w.line = 0;
	if (!t->n_users && !t->broken)
		warning(l, &w, "names no user: nobody gets in");
	for (size_t i = 0; i < r.n; i++)
		free(r.lines[i].user.name);
	if (r.lines)
		sodium_memzero(r.lines, r.n * sizeof(*r.lines));
	free(r.lines);
}

void users_free(struct tailnet_config *t)
{
	for (size_t i = 0; i < t->n_users; i++)
		free(t->users[i].name);
	if (t->users)
		sodium_memzero(t->users, t->n_users * sizeof(*t->users));
	free(t->users);
}

bool users_equal(const struct tailnet_config *a, const struct tailnet_config *b)
{
	if (!a->users_path != !b->users_path || a->n_users != b->n_users)
		return false;
	for (size_t i = 0; i < a->n_users; i++)
		if (strcmp(a->users[i].name, b->users[i].name) ||
			strcmp(a->users[i].hash, b->users[i].hash))
			return false;
	return true;
}
