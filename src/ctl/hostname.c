// SPDX-License-Identifier: MIT
// Names under a tailnet's suffix, for programs that run inside and know nothing of suffixes.
#include "ctl/hostname.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The longest suffix that HOST ends in cuts it; returns the length that is left. */
static size_t cut(const struct tailnet_config *t, const char *host)
{
	size_t len = strlen(host), left = len;

	if (len && host[len - 1] == '.')
		left = --len;
	for (size_t i = 0; i < t->n_suffixes; i++) {
		size_t n = strlen(t->suffixes[i]);

		if (n + 1 >= len || host[len - n - 1] != '.' ||
			strncasecmp(host + len - n, t->suffixes[i], n) != 0)
			continue;
		if (len - n - 1 < left)
			left = len - n - 1;
	}
	return left;
}

static bool dashed(const char *name, struct addr *ret)
{
	static const char separators[] = {'.', ':'};
	char text[HOSTNAME_MAX];

	for (size_t i = 0; i < sizeof(separators); i++) {
		snprintf(text, sizeof(text), "%s", name);
		for (char *c = text; *c; c++)
			if (*c == '-')
				*c = separators[i];
		if (addr_parse(text, ret) == 0)
			return true;
	}
	return false;
}

void hostname_resolve(const struct tailnet_config *t, const char *host, char ret[HOSTNAME_MAX])
{
	struct addr addr;
	char name[HOSTNAME_MAX];

	snprintf(ret, HOSTNAME_MAX, "%s", host);
	if (!t)
		return;
	snprintf(name, sizeof(name), "%.*s", (int)cut(t, ret), ret);
	if (addr_parse(name, &addr) == 0 || dashed(name, &addr)) {
		addr_format(&addr, ret);
		return;
	}
	for (size_t i = 0; i < t->n_hosts; i++) {
		if (strcasecmp(t->hosts[i].name, name) == 0) {
			addr_format(&t->hosts[i].addr, ret);
			return;
		}
	}
	memcpy(ret, name, sizeof(name));
}
