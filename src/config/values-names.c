// SPDX-License-Identifier: MIT
// The types of values that are names: engines and other choices, suffixes, host names, paths.
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/domains.h"
#include "config/values.h"

/* ---- one of several words ---- */

bool value_is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	for (const char *p = choices; len && (p = strstr(p, text)); p += len)
		if ((p == choices || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

void value_bad_choice(struct value *v)
{
	char words[64];

	key_choices(v->key, words, sizeof(words));
	problem(v->l, &v->where, CLIP " is not one of %s", v->text, words);
}

static void parse_engine(struct value *v)
{
	struct tailnet_config *t = v->target;

	if (!strcmp(v->text, "tailscale")) {
		t->engine = ENGINE_TAILSCALE;
	} else if (!strcmp(v->text, "wireguard")) {
		t->engine = ENGINE_WIREGUARD;
	} else {
		value_bad_choice(v);
	}
}

static void print_engine(const struct key *k, const void *target, FILE *out)
{
	const struct tailnet_config *t = target;

	fputs(t->engine == ENGINE_TAILSCALE ? "tailscale" : "wireguard", out);
}

const struct key_type type_engine = {parse_engine, print_engine};

/* The place of the word among the key's choices, as one byte. */
static void parse_choice(struct value *v)
{
	const char *p = v->key->choices;
	uint8_t n = 0;

	if (!value_is_choice(v->key->choices, v->text)) {
		value_bad_choice(v);
		return;
	}
	for (size_t len; (len = strcspn(p, " ")) != strlen(v->text) || memcmp(p, v->text, len);
		p += len + 1)
		n++;
	*((uint8_t *)v->target + v->key->offset) = n;
}

static void print_choice(const struct key *k, const void *target, FILE *out)
{
	const char *p = k->choices;

	for (uint8_t n = *((const uint8_t *)target + k->offset); n; n--)
		p += strcspn(p, " ") + 1;
	fprintf(out, "%.*s", (int)strcspn(p, " "), p);
}

const struct key_type type_choice = {parse_choice, print_choice};

/* ---- names ---- */

static void add_name(struct value *v, char ***list, size_t *n)
{
	char *name;

	if (!parse_is_dns_name(v->text)) {
		problem(v->l, &v->where, CLIP " is not a domain name", v->text);
		return;
	}
	for (char *p = v->text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i < *n; i++) {
		if (!strcmp((*list)[i], v->text)) {
			problem(v->l, &v->where, CLIP " is named twice", v->text);
			return;
		}
	}
	if (*n >= CONFIG_LIST_MAX) {
		problem(v->l, &v->where, "has more than %d entries", CONFIG_LIST_MAX);
		return;
	}
	name = load_strdup(v->l, v->text);
	if (name && load_room(v->l, list, *n, sizeof(*list)))
		(*list)[(*n)++] = take_ptr(name);
	free(name);
}

static void parse_suffixes(struct value *v)
{
	struct tailnet_config *t = v->target;
	const char *what = parse_is_dns_name(v->text) ? domains_refused_suffix(v->text) : NULL;

	if (what) {
		problem(v->l, &v->where, CLIP " %s", v->text, what);
		return;
	}
	if (domains_is_public(v->text))
		warning(v->l, &v->where,
			CLIP " is a public top-level domain: its real names will be hidden",
			v->text);
	add_name(v, &t->suffixes, &t->n_suffixes);
}

static void print_suffixes(const struct key *k, const void *target, FILE *out)
{
	const struct tailnet_config *t = target;

	for (size_t i = 0; i < t->n_suffixes; i++)
		fprintf(out, "%s\n", t->suffixes[i]);
}

const struct key_type type_suffixes = {parse_suffixes, print_suffixes};

static void parse_web_names(struct value *v)
{
	struct gateway_config *g = v->target;

	add_name(v, &g->web_names, &g->n_web_names);
}

static void print_web_names(const struct key *k, const void *target, FILE *out)
{
	const struct gateway_config *g = target;

	for (size_t i = 0; i < g->n_web_names; i++)
		fprintf(out, "%s\n", g->web_names[i]);
}

const struct key_type type_names = {parse_web_names, print_web_names};

/* ---- files ---- */

char *value_absolute_path(const char *file, const char *value)
{
	_cleanup_free_ char *cwd = NULL;
	const char *slash = strrchr(file, '/');
	size_t dir = slash ? (size_t)(slash - file) : 0, len = strlen(value);
	char *path = NULL;

	if (*value == '/')
		return strdup(value);
	if (*file == '/') { /* once for each of thousands of sections */
		path = malloc(dir + len + 2);
		if (!path)
			return NULL;
		memcpy(path, file, dir);
		path[dir] = '/';
		memcpy(path + dir + 1, value, len + 1);
		return path;
	}
	cwd = getcwd(NULL, 0);
	if (!cwd ||
		asprintf(&path, "%s%s%.*s/%s", cwd, slash ? "/" : "", (int)dir, file, value) < 0)
		return NULL;
	return path;
}

static void parse_path(struct value *v)
{
	char **target = (char **)(void *)((char *)v->target + v->key->offset);
	_cleanup_free_ char *path = value_absolute_path(v->l->out->files[v->where.file], v->text);
	size_t limit = CONFIG_LINE_MAX - strlen(v->key->name) - strlen("=");

	if (!path)
		v->l->oom = true;
	else if (strlen(path) > limit || strstr(path, " ;") || strstr(path, "\t;"))
		problem(v->l, &v->where, "the absolute path is longer than %zu bytes or holds ' ;'",
			limit);
	else if (v->text[strlen(v->text) - 1] == '/')
		problem(v->l, &v->where, CLIP " is not the path of a file", v->text);
	else
		*target = take_ptr(path);
}

static void print_path(const struct key *k, const void *target, FILE *out)
{
	const char *const *path =
		(const char *const *)(const void *)((const char *)target + k->offset);

	if (*path)
		fputs(*path, out);
}

const struct key_type type_path = {parse_path, print_path};
