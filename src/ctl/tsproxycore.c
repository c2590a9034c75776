// SPDX-License-Identifier: MIT
// The Corefile of a hand-made gateway: its zones, where it listens, names of the hosts plugin.
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/parse.h"
#include "ctl/tsproxylines.h"

/* "fgpu:53 lab.fgpu {": the zones of a block. */
static void corefile_zones(struct tsproxy *t, const struct line *l)
{
	for (size_t i = 0; i + 1 < l->n; i++) {
		char *zone = l->words[i];
		size_t len;

		if (!strncmp(zone, "dns://", 6))
			zone += 6;
		zone[strcspn(zone, ":,")] = '\0';
		len = strlen(zone);
		if (len && zone[len - 1] == '.')
			zone[len - 1] = '\0';
		if (!parse_is_dns_name(zone) || strlen(zone) >= TSPROXY_TEXT_MAX / 2 ||
			t->n_zones == TSPROXY_NETS_MAX)
			continue;
		for (char *c = zone; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		snprintf(t->zones[t->n_zones++], TSPROXY_TEXT_MAX, "%s", zone);
	}
}

/* "10.100.10.141 grafana.fgpu": a line of the hosts plugin. */
static void corefile_host(struct tsproxy *t, const struct line *l, const char *zone)
{
	struct addr a;

	if (!l->n || !*zone || addr_parse(l->words[0], &a) < 0)
		return;
	for (size_t i = 1; i < l->n && t->n_hosts < TSPROXY_HOSTS_MAX; i++) {
		struct tsproxy_host *h = &t->hosts[t->n_hosts];
		char *name = l->words[i];
		size_t len = strlen(name), cut = strlen(zone) + 1;

		if (len && name[len - 1] == '.')
			name[--len] = '\0';
		if (len <= cut || strcasecmp(name + len - cut + 1, zone) != 0 ||
			name[len - cut] != '.')
			continue;
		name[len - cut] = '\0';
		if (!parse_is_dns_name(name) || strlen(name) > 100)
			continue;
		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		h->addr = a;
		snprintf(h->name, sizeof(h->name), "%s", name);
		snprintf(h->zone, sizeof(h->zone), "%s", zone);
		t->n_hosts++;
	}
}

void tsproxy_corefile(struct tsproxy *t, const char *name, char *text)
{
	struct line l = {.file = name, .netns = ""};
	unsigned depth = 0;
	char *raw, zone[TSPROXY_TEXT_MAX] = "";

	while ((raw = tsproxy_next_line(&text))) {
		raw[strcspn(raw, "#")] = '\0';
		tsproxy_split(raw, &l);
		if (!l.n)
			continue;
		if (!depth && !strcmp(l.words[l.n - 1], "{")) {
			size_t before = t->n_zones;

			corefile_zones(t, &l);
			snprintf(zone, sizeof(zone), "%s",
				t->n_zones > before ? t->zones[before] : "");
		} else if (depth && !strcmp(l.words[0], "bind")) {
			for (size_t i = 1; i < l.n && t->n_binds < TSPROXY_NETS_MAX; i++)
				t->n_binds += addr_parse(l.words[i], &t->binds[t->n_binds]) == 0;
		} else if (depth && !strcmp(l.words[0], "forward") && *zone) {
			tsproxy_note(t,
				"%.60s: names of %.60s were forwarded: set dns-server to a "
				"resolver inside the "
				"tailnet, if they are to be looked up there",
				name, zone);
		} else if (depth) {
			corefile_host(t, &l, zone);
		}
		for (size_t i = 0; i < l.n; i++)
			depth += !strcmp(l.words[i], "{")	    ? 1
				: depth && !strcmp(l.words[i], "}") ? -1u
								    : 0;
	}
}
