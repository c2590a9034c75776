// SPDX-License-Identifier: MIT
// Split DNS: which of the tailnet's resolvers are asked for a name.
//
// Domains with the same resolvers share a group, for a group costs a channel that had to be opened before the
// sandbox (query.c). A domain never falls back to the resolvers of the others: those may be public, and its
// names are the tailnet's own.
#include "proxy/split.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/parse.h"

static bool good_servers(const struct addr *servers, uint32_t n)
{
	if (n > MSG_SERVERS)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (servers[i].family != 4 && servers[i].family != 6)
			return false;
	return true;
}

static void group_fill(struct split_group *g, const struct addr *servers, uint32_t n)
{
	g->n = n;
	for (uint32_t i = 0; i < n; i++)
		g->servers[i] = servers[i];
}

static bool group_is(const struct split_group *g, const struct addr *servers, uint32_t n)
{
	if (g->n != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!addr_equal(&g->servers[i], &servers[i]))
			return false;
	return true;
}

/* FNV-1a */
static void digest(struct splits *s, const void *m, size_t size)
{
	const uint8_t *p = m;

	for (size_t i = 0; i < size; i++)
		s->digest = (s->digest ^ p[i]) * 1099511628211u;
}

int split_set_others(struct splits *s, const struct msg_proxy_resolver *m)
{
	if (s->groups[0].n || !good_servers(m->servers, m->n))
		return -EBADMSG;
	group_fill(&s->groups[0], m->servers, m->n);
	digest(s, m, sizeof(*m));
	return 0;
}

/* The group that has these servers, a new one if there is none; SPLIT_NOBODY if there is no room. */
static int group_of(struct splits *s, const struct addr *servers, uint32_t n)
{
	for (size_t i = 1; i <= s->n_groups; i++)
		if (group_is(&s->groups[i], servers, n))
			return (int)i;
	if (s->n_groups + 1 == SPLIT_GROUPS_MAX)
		return SPLIT_NOBODY;
	group_fill(&s->groups[++s->n_groups], servers, n);
	return (int)s->n_groups;
}

int split_add(struct splits *s, const struct msg_proxy_split *m)
{
	struct split_domain *more, *d;

	if (!memchr(m->domain, '\0', sizeof(m->domain)) || !good_servers(m->servers, m->n))
		return -EBADMSG;
	if (!parse_is_dns_name(m->domain))
		return -EINVAL;
	if (s->n == SPLIT_DOMAINS_MAX)
		return -ENOSPC;
	more = reallocarray(s->domains, s->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->domains = more;
	digest(s, m, sizeof(*m));
	d = &more[s->n++];
	snprintf(d->domain, sizeof(d->domain), "%s", m->domain);
	for (char *p = d->domain; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (m->n)
		d->group = group_of(s, m->servers, m->n);
	else
		d->group = m->nobody ? SPLIT_NOBODY : SPLIT_NONE;
	return m->n && d->group == SPLIT_NOBODY ? -ENOSPC : 0;
}

void split_free(struct splits *s)
{
	free(s->domains);
}

static bool is_in(const char *name, size_t len, const char *domain, size_t n)
{
	return len >= n && !memcmp(name + len - n, domain, n) &&
		(len == n || name[len - n - 1] == '.');
}

int split_find(const struct splits *s, const char *name)
{
	size_t len = strlen(name), longest = 0;
	int group = 0;

	for (size_t i = 0; i < s->n; i++) {
		size_t n = strlen(s->domains[i].domain);

		if (n <= longest || !is_in(name, len, s->domains[i].domain, n))
			continue;
		longest = n;
		group = s->domains[i].group;
	}
	return group;
}
