// SPDX-License-Identifier: MIT
// The configuration as text again, key by key as the table has them.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "config/keys.h"

static void put_line(FILE *out, const char *key, const char *value)
{
	/* what was read without blanks around '=' may be too long a line with them */
	bool tight = strlen(key) + strlen(value) + strlen(" = ") > CONFIG_LINE_MAX;

	fprintf(out, tight ? "%s=%s\n" : "%s = %s\n", key, value);
}

/* ITEMS: one on each line; as many on a line of ours as fit. */
static void put_list(FILE *out, const char *key, char *items)
{
	char line[CONFIG_LINE_MAX + 1] = "";
	char *rest = items;

	while (rest && *rest) {
		const char *item = strsep(&rest, "\n");
		size_t used = strlen(line);

		if (used && strlen(key) + used + strlen(item) + strlen(" = , ") > CONFIG_LINE_MAX) {
			put_line(out, key, line);
			used = 0;
		}
		snprintf(line + used, sizeof(line) - used, "%s%s", used ? ", " : "", item);
	}
	if (*line)
		put_line(out, key, line);
}

static void put_key(FILE *out, const struct key *k, const void *target)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return;
	k->type->print(k, target, f);
	if (fclose(f) == 0 && text && *text)
		put_list(out, k->name, text);
}

static void put_section(FILE *out, enum section_kind kind, const void *target)
{
	for (size_t i = 0; i < config_n_keys; i++)
		if (config_keys[i].section == kind && key_counts(&config_keys[i], target))
			put_key(out, &config_keys[i], target);
}

static void put_hosts(FILE *out, const struct tailnet_config *t)
{
	char text[ADDR_TEXT_MAX];

	fprintf(out, "\n[hosts %s]\n", t->name);
	for (size_t i = 0; i < t->n_hosts; i++)
		put_line(out, t->hosts[i].name, addr_format(&t->hosts[i].addr, text));
}

void config_print(const struct config *c, FILE *out)
{
	fputs("[gateway]\n", out);
	put_section(out, SECTION_GATEWAY, &c->gateway);
	for (size_t i = 0; i < c->n_tailnets; i++) {
		fprintf(out, "\n[tailnet %s]\n", c->tailnets[i]->name);
		put_section(out, SECTION_TAILNET, c->tailnets[i]);
		if (c->tailnets[i]->n_hosts)
			put_hosts(out, c->tailnets[i]);
	}
}

void config_print_keys(FILE *out)
{
	for (size_t i = 0; i < config_n_keys; i++) {
		const struct key *k = &config_keys[i];

		fprintf(out, "%s %s %s\n", k->section == SECTION_GATEWAY ? "gateway" : "tailnet",
			k->name, k->def ? k->def : k->def_text);
	}
}
