// SPDX-License-Identifier: MIT
// Under which names the tailnet's resolver is asked for a name that a client used.
//
//   bare       "gpu1"          gpu1.DOMAIN for each search domain, gpu1
//   under us   "gpu1.fgpu"     gpu1.DOMAIN for each search domain, gpu1 if it has a dot ("wiki.corp.fgpu"
//                              is corp's wiki), gpu1.fgpu; but where fgpu is in a search domain, and so
//                              a zone that really exists, gpu1.fgpu comes first
//   any other  "wiki.corp"     wiki.corp, wiki.corp.DOMAIN for each search domain
//   absolute   "wiki.corp."    wiki.corp (but "gpu1.fgpu." is gpu1.fgpu: the suffix is ours, not theirs)
//
// That is what resolv.conf(5) does with ndots:1, so a name means the same in `tsgwctl exec`.
#include "proxy/search.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/parse.h"

int search_add(struct search *s, const char *domain)
{
	char *to;

	if (!parse_is_dns_name(domain))
		return -EINVAL;
	if (s->n == MSG_SEARCH_MAX)
		return -ENOSPC;
	to = s->domains[s->n];
	snprintf(to, MSG_DOMAIN_MAX, "%s", domain);
	for (; *to; to++)
		*to = (char)tolower((unsigned char)*to);
	s->n++;
	return 0;
}

static bool is_in_domain(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n >= d && !strcmp(name + n - d, domain) && (n == d || name[n - d - 1] == '.');
}

static bool suffix_is_searched(const struct search *s, const char *suffix)
{
	for (size_t i = 0; i < s->n; i++)
		if (is_in_domain(suffix, s->domains[i]))
			return true;
	return false;
}

/* The first LEN bytes of NAME, under DOMAIN ("" = as they are). */
static bool join(const char *name, size_t len, const char *domain, char ret[MSG_DOMAIN_MAX])
{
	int n = snprintf(
		ret, MSG_DOMAIN_MAX, "%.*s%s%s", (int)len, name, *domain ? "." : "", domain);

	return n > 0 && n < MSG_DOMAIN_MAX;
}

static bool candidate(const struct search *s, const struct resolve_result *r, size_t turn,
	char ret[MSG_DOMAIN_MAX])
{
	size_t len = strlen(r->name), i;
	bool under = r->relative > 0;
	const char *own = under ? r->name + r->relative + 1 : "";
	bool whole_first = under ? suffix_is_searched(s, own) : strchr(r->name, '.') != NULL;

	if (r->absolute && !under)
		return turn == 0 && join(r->name, len, "", ret);
	if (turn == (whole_first ? 0 : s->n + 1))
		return join(r->name, len, "", ret);
	i = turn - whole_first;
	if (i < s->n)
		return join(r->name, under ? r->relative : len, s->domains[i], ret);
	return under && memchr(r->name, '.', r->relative) && join(r->name, r->relative, "", ret);
}

bool search_name(const struct search *s, const struct resolve_result *r, size_t turn,
	char ret_name[MSG_DOMAIN_MAX])
{
	char earlier[MSG_DOMAIN_MAX];

	if (turn >= SEARCH_TURNS(s) || !candidate(s, r, turn, ret_name))
		return false;
	for (size_t i = 0; i < turn; i++)
		if (candidate(s, r, i, earlier) && !strcmp(earlier, ret_name))
			return false;
	return true;
}
