// SPDX-License-Identifier: MIT
// What this host is called, as far as its own files say it.
//
// getaddrinfo(3) with AI_CANONNAME would ask the network, and root reads no answer of a network.
#include "supervisor/hostnames.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"

#define HOSTS_MAX (1u << 20)

/* The line's first name is the full one, if NAME is among the others or is its first label. */
static bool line_names(char *line, const char *name, char ret[MSG_DOMAIN_MAX])
{
	char *save, *full, *alias;
	size_t n = strlen(name);

	line[strcspn(line, "#")] = '\0';
	if (!strtok_r(line, " \t", &save))
		return false;
	full = strtok_r(NULL, " \t", &save);
	if (!full || !strchr(full, '.') || !parse_is_dns_name(full))
		return false;
	for (alias = full; alias; alias = strtok_r(NULL, " \t", &save))
		if (!strcasecmp(alias, name) ||
			(alias == full && !strncasecmp(full, name, n) && full[n] == '.')) {
			snprintf(ret, MSG_DOMAIN_MAX, "%s", full);
			return true;
		}
	return false;
}

bool hostnames_find(const char *hosts, const char *name, char ret[MSG_DOMAIN_MAX])
{
	char line[1024];

	while (*hosts) {
		size_t n = strcspn(hosts, "\r\n");

		if (n < sizeof(line)) {
			memcpy(line, hosts, n);
			line[n] = '\0';
			if (line_names(line, name, ret))
				return true;
		}
		hosts += n + (hosts[n] != '\0');
	}
	return false;
}

void hostnames_get(char ret_name[MSG_DOMAIN_MAX], char ret_fqdn[MSG_DOMAIN_MAX])
{
	_cleanup_free_ char *text = NULL;
	char name[65] = "";
	size_t len;

	*ret_name = *ret_fqdn = '\0';
	if (gethostname(name, sizeof(name) - 1) < 0 || !parse_is_dns_name(name))
		return;
	snprintf(ret_name, MSG_DOMAIN_MAX, "%s", name);
	if (strchr(name, '.')) { /* the name is the full one; its first label is the short one */
		snprintf(ret_fqdn, MSG_DOMAIN_MAX, "%s", name);
		ret_name[strcspn(name, ".")] = '\0';
		return;
	}
	if (file_read("/etc/hosts", HOSTS_MAX, &text, &len) == 0)
		(void)hostnames_find(text, name, ret_fqdn);
}
