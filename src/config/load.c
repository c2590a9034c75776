// SPDX-License-Identifier: MIT
// How the sections of the files become structs, and the course of one run.
#include "config/load.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/domains.h"
#include "config/keys.h"
#include "config/lines.h"
#include "config/values.h"

#define HOST_NAME_LIMIT 128 /* bytes of a name in [hosts]: fits on a line with any address */

bool load_room(struct loader *l, void *items_ptr, size_t n, size_t size)
{
	void **items = items_ptr, *more;

	if (n && (n < 4 || (n & (n - 1))))
		return true; /* room for 4, 8, 16, … */
	more = reallocarray(*items, n ? n * 2 : 4, size);
	if (!more) {
		l->oom = true;
		return false;
	}
	*items = more;
	return true;
}

char *load_strdup(struct loader *l, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		l->oom = true;
	return copy;
}

unsigned load_file_name(struct loader *l, const char *name)
{
	char *copy = load_strdup(l, name);

	if (!copy || !load_room(l, &l->out->files, l->out->n_files, sizeof(char *))) {
		free(copy);
		return 0; /* the main file's: .oom is set */
	}
	l->out->files[l->out->n_files] = copy;
	return (unsigned)l->out->n_files++;
}

/* ---- sections ---- */

static struct section *add_section(struct loader *l, enum section_kind kind, unsigned line,
	const char *title, const char *tailnet)
{
	struct section *s;

	if (!load_room(l, &l->sections, l->n_sections, sizeof(struct section *)))
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s) {
		l->oom = true;
		return NULL;
	}
	s->kind = kind;
	s->file = l->file;
	s->line = line;
	memcpy(s->title, title, strnlen(title, sizeof(s->title) - 1));
	memcpy(s->tailnet, tailnet, strnlen(tailnet, sizeof(s->tailnet) - 1));
	l->sections[l->n_sections++] = s;
	return s;
}

static void add_tailnet(struct loader *l, struct section *s)
{
	struct config *c = l->c;
	struct tailnet_config *t;

	if (!load_room(l, &c->tailnets, c->n_tailnets, sizeof(t)))
		return;
	t = malloc(sizeof(*t));
	if (!t || !key_template(l)) {
		free(t);
		l->oom = true;
		return;
	}
	*t = *l->defaults;
	memcpy(t->name, s->tailnet, strnlen(s->tailnet, sizeof(t->name) - 1));
	t->file = l->out->files[s->file];
	t->line = s->line;
	c->tailnets[c->n_tailnets++] = t;
	s->t = t;
}

static void unknown_section(struct loader *l, const struct where *w, const char *word)
{
	static const struct {
		const char *word, *form;
	} known[] = {
		{"gateway", "[gateway]"}, {"tailnet", "[tailnet NAME]"}, {"hosts", "[hosts NAME]"}};

	for (size_t i = 0; i < ELEMENTSOF(known); i++) {
		if (key_distance(word, known[i].word) > 2)
			continue;
		problem(l, w,
			strcmp(word, known[i].word) ? "unknown section (did you mean %s?)"
						    : "this section is written %s",
			known[i].form);
		return;
	}
	problem(l, w, "unknown section");
}

/* "tailnet  fgpu" in parts. */
struct title {
	char word[INI_SECTION_MAX + 1], name[INI_SECTION_MAX + 1];
	char whole[INI_SECTION_MAX + 1]; /* with one blank */
};

static void split_title(const char *text, struct title *ret)
{
	size_t len = strcspn(text, " \t"), n = len;
	const char *name = text + len + strspn(text + len, " \t");
	size_t rest = strlen(name); /* lines.c takes no more than INI_SECTION_MAX in all */

	memcpy(ret->word, text, len);
	ret->word[len] = '\0';
	memcpy(ret->name, name, rest + 1);
	memcpy(ret->whole, text, len);
	if (rest)
		ret->whole[n++] = ' ';
	memcpy(ret->whole + n, name, rest + 1);
}

/* IGNORED after an error was noted. */
static enum section_kind classify(struct loader *l, const struct where *w, const struct title *t)
{
	bool tailnet = !strcmp(t->word, "tailnet");

	if (!strcmp(t->word, "gateway") && !*t->name)
		return SECTION_GATEWAY;
	if ((!tailnet && strcmp(t->word, "hosts")) || !*t->name) {
		unknown_section(l, w, t->word);
		return SECTION_IGNORED;
	}
	if (parse_is_tailnet_name(t->name))
		return tailnet ? SECTION_TAILNET : SECTION_HOSTS;
	problem(l, w, "%s is not a tailnet's name (a-z, 0-9 and inner '-', at most 32 characters)",
		t->name);
	return SECTION_IGNORED;
}

static bool too_many(struct loader *l, const struct where *w, enum section_kind kind)
{
	if (kind == SECTION_TAILNET && l->c->n_tailnets >= CONFIG_TAILNETS_MAX)
		problem(l, w, "there are more than %d tailnets", CONFIG_TAILNETS_MAX);
	else if (kind == SECTION_HOSTS && l->n_hosts_sections >= CONFIG_TAILNETS_MAX)
		problem(l, w, "there are more than %d sections of this kind", CONFIG_TAILNETS_MAX);
	else
		return false;
	return true;
}

static struct section *new_section(struct loader *l, const struct where *w, const struct title *t)
{
	enum section_kind kind = classify(l, w, t);
	struct section *s, *first;

	if (kind == SECTION_IGNORED || too_many(l, w, kind))
		return NULL;
	first = titles_find(&l->titles, t->whole);
	if (first) {
		problem(l, w, "this section is there already, in %s:%u", l->out->files[first->file],
			first->line);
		return NULL;
	}
	s = add_section(l, kind, w->line, t->whole, t->name);
	if (!s)
		return NULL;
	if (!titles_add(&l->titles, s))
		l->oom = true;
	l->n_hosts_sections += kind == SECTION_HOSTS;
	if (kind == SECTION_TAILNET)
		add_tailnet(l, s);
	if (kind == SECTION_GATEWAY)
		l->gateway = s;
	return kind == SECTION_TAILNET && !s->t ? NULL : s;
}

static void on_section(void *arg, unsigned line, const char *text)
{
	struct loader *l = arg;
	struct title t;

	split_title(text, &t);
	/* an error in a section of a tailnet belongs to it, even where its name is wrong */
	bool owned = *t.name && (!strcmp(t.word, "tailnet") || !strcmp(t.word, "hosts"));
	struct where w = {l->file, line, t.whole, NULL, owned ? t.name : NULL};

	l->seen_section = true;
	l->current = new_section(l, &w, &t);
}

/* ---- keys ---- */

static void add_host(struct loader *l, struct section *s, const struct where *w, const char *name,
	const char *value)
{
	struct host_line h = {.line = w->line};

	if (addr_parse(value, &h.entry.addr) < 0) {
		if (*value)
			problem(l, w, CLIP " is not an IP address", value);
		else
			problem(l, w, "an item of the list is empty");
		return;
	}
	if (s->n_hosts >= CONFIG_HOSTS_MAX) {
		if (!s->hosts_overflow)
			problem(l, w, "there are more than %d names", CONFIG_HOSTS_MAX);
		s->hosts_overflow = true;
		return;
	}
	h.entry.name = load_strdup(l, name);
	if (h.entry.name && load_room(l, &s->hosts, s->n_hosts, sizeof(h)))
		s->hosts[s->n_hosts++] = h;
	else
		free(h.entry.name);
}

static void set_host(
	struct loader *l, struct section *s, unsigned line, const char *key, const char *value)
{
	struct where w = {s->file, line, s->title, key, s->tailnet};
	char name[CONFIG_LINE_MAX + 1], values[CONFIG_LINE_MAX + 1], *rest = values;

	snprintf(values, sizeof(values), "%s", value);
	snprintf(name, sizeof(name), "%s", key);
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (!parse_is_dns_name(name) || strlen(name) > HOST_NAME_LIMIT)
		problem(l, &w, "this is not a domain name of at most %d bytes", HOST_NAME_LIMIT);
	else if (domains_is_address(name))
		problem(l, &w, "this name stands for an address already");
	else if (!*value)
		problem(l, &w, "has no value");
	else
		while (rest)
			add_host(l, s, &w, name, lines_trim(strsep(&rest, ",")));
}

static void on_key(void *arg, unsigned line, const char *key, const char *value)
{
	struct loader *l = arg;
	struct where w = {.file = l->file, .line = line};

	if (!l->seen_section)
		problem(l, &w, CLIP " stands before the first section", key);
	else if (l->current && l->current->kind == SECTION_HOSTS)
		set_host(l, l->current, line, key, value);
	else if (l->current)
		key_set(l, l->current, line, key, value);
	/* else: in a section that was refused as a whole */
}

static void on_bad(void *arg, unsigned line, bool heading, const char *what)
{
	struct loader *l = arg;
	struct where w = {.file = l->file, .line = line};

	if (heading) {
		l->current = NULL;
		l->seen_section = true;
	} else if (l->current) {
		w.section = l->current->title;
		w.tailnet = l->current->kind == SECTION_GATEWAY ? NULL : l->current->tailnet;
	} else if (l->seen_section) {
		return;
	}
	problem(l, &w, "%s", what);
}

void load_ini(struct loader *l, unsigned file, char *text, size_t len)
{
	static const struct ini_events events = {on_section, on_key, on_bad};

	if (l->oom)
		return; /* the file may have no name */
	l->file = file;
	l->current = NULL;
	l->seen_section = false;
	lines_parse_ini(text, len, &events, l);
	l->current = NULL;
}

/* ---- one run ---- */

int load_begin(struct loader *l, const char *path)
{
	if (sodium_init() < 0)
		return -EIO;
	*l = (struct loader){.read = source_read};
	l->out = calloc(1, sizeof(*l->out));
	if (!l->out)
		return -ENOMEM;
	l->c = &l->out->c;
	l->c->path = load_strdup(l, path);
	if (l->oom) {
		config_free(l->c);
		return -ENOMEM;
	}
	return 0;
}

static void add_defaults(struct loader *l)
{
	struct section *missing;

	if (!l->gateway) {
		missing = add_section(l, SECTION_GATEWAY, 0, "gateway", "");
		if (missing)
			missing->file = 0;
		l->gateway = missing;
	}
	for (size_t i = 0; i < l->n_sections && !l->oom; i++)
		if (l->sections[i]->kind != SECTION_HOSTS)
			key_defaults(l, l->sections[i]);
}

static void free_section(struct section *s)
{
	for (size_t i = 0; i < s->n_hosts; i++)
		free(s->hosts[i].entry.name); /* NULL once a tailnet has it */
	free(s->hosts);
	free(s->key_lines);
	free(s->broken);
	free(s);
}

static void free_loader(struct loader *l)
{
	for (size_t i = 0; i < l->n_sections; i++)
		free_section(l->sections[i]);
	free(l->sections);
	for (size_t i = 0; l->wg && i < l->c->n_tailnets; i++)
		free(l->wg[i].allowed);
	free(l->wg);
	for (size_t i = 0; i < l->n_noted; i++) {
		free(l->noted[i].p.text);
		free(l->noted[i].p.tailnet);
	}
	free(l->noted);
	titles_free(&l->titles);
	free(l->defaults);
}

int load_end(struct loader *l, struct config **ret)
{
	struct config *c = l->c;

	add_defaults(l);
	if (!l->oom)
		source_load_named(l);
	if (!l->oom)
		check_all(l);
	if (!l->oom)
		problems_finish(l);
	free_loader(l);
	if (l->oom) {
		config_free(c);
		return l->shortage ? -l->shortage : -ENOMEM;
	}
	*ret = c;
	return 0;
}

/* HOW: what of it is wanted. */
static int load_as(const char *path, const struct loader *how, struct config **ret)
{
	struct loader l;
	int r = load_begin(&l, path);

	if (r < 0)
		return r;
	l.only = how->only;
	l.n_only = how->n_only;
	l.view = how->view;
	l.over = how->over;
	l.n_over = how->n_over;
	source_load_all(&l, path);
	return load_end(&l, ret);
}

int config_load(const char *path, struct config **ret)
{
	return load_as(path, &(struct loader){0}, ret);
}

int config_load_only(const char *path, const char *const *names, size_t n, struct config **ret)
{
	return load_as(path, &(struct loader){.only = names, .n_only = n}, ret);
}

int config_load_sections(const char *path, struct config **ret)
{
	static const char *const nobody[] = {""};

	return config_load_only(path, nobody, 1, ret);
}

int config_load_view(const char *path, struct config **ret)
{
	return load_as(path, &(struct loader){.view = true}, ret);
}

int config_load_over(
	const char *path, const struct config_overlay *over, size_t n, struct config **ret)
{
	return load_as(path, &(struct loader){.over = over, .n_over = n}, ret);
}
