// SPDX-License-Identifier: MIT
// The tailnet's resolvers that can be asked: those of the configuration in force that it routes.
#include "proxy/resolvers.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "proxy/peers.h"
#include "proxy/query.h"
#include "proxy/setup.h"
#include "proxy/split.h"

_Static_assert(SPLIT_GROUPS_MAX <= QUERY_GROUPS_MAX, "every group has its channel");

static struct resolvers { /* of a group of split.h */
	struct addr servers[MSG_SERVERS];
	uint32_t peers[MSG_SERVERS];
	size_t n;
	bool set; /* they are those of the group's channel */
} resolvers[SPLIT_GROUPS_MAX];
static uint64_t digest; /* of the domains */

int resolvers_open(bool split)
{
	return query_open(split ? SPLIT_GROUPS_MAX : 1);
}

static bool same_servers(const struct resolvers *a, const struct resolvers *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_equal(&a->servers[i], &b->servers[i]) || a->peers[i] != b->peers[i])
			return false;
	return true;
}

static struct resolvers routed(const struct split_group *g)
{
	const struct policy *policy = &setup_now()->policy;
	struct resolvers now = {0};
	char text[ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < g->n; i++) {
		now.servers[now.n] = g->servers[i];
		if (policy_check(policy, &g->servers[i], &now.peers[now.n]) == POLICY_OK)
			now.n++;
		else
			log_warning(NULL, "resolver",
				"%s is not asked: the tailnet does not route it",
				addr_format(&g->servers[i], text));
	}
	return now;
}

/* What memory was wanting for is done when the next question comes. */
static bool group_set(size_t group)
{
	struct resolvers *r = &resolvers[group];

	r->set = r->set || query_servers(group, r->servers, r->n) == 0;
	return r->set;
}

bool resolvers_configured(void)
{
	const struct splits *s = &setup_now()->splits;
	bool changed = digest != s->digest;

	for (size_t i = 0; i < query_groups(); i++) {
		struct resolvers now = routed(&s->groups[i]);

		if (same_servers(&now, &resolvers[i]))
			continue;
		changed = true;
		resolvers[i] = now;
		if (!group_set(i))
			log_error(NULL, "resolver", "cannot be asked yet: no memory");
	}
	digest = s->digest;
	return changed;
}

int resolvers_group(const char *name)
{
	int group = split_find(&setup_now()->splits, name);

	if (group < 0)
		return group;
	return (size_t)group < query_groups() && resolvers[group].n && group_set((size_t)group)
		? group
		: SPLIT_NOBODY;
}

bool resolvers_peer_up(int group)
{
	const struct resolvers *r = group >= 0 ? &resolvers[group] : NULL;

	for (size_t i = 0; r && i < r->n; i++)
		if (peers_get(r->peers[i])->state == PEER_UP)
			return true;
	return false;
}

size_t resolvers_servers(int group, const struct addr **ret)
{
	*ret = group >= 0 ? resolvers[group].servers : NULL;
	return group >= 0 ? resolvers[group].n : 0;
}
