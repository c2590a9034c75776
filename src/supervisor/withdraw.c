// SPDX-License-Identifier: MIT
// Who may no longer come in is cut off also where he is served by a worker of an earlier build.
//
// tsgw-proxy ends by itself what a new configuration does not admit (proxy/revoke.c). One that only keeps its
// connections understands no message of this build: when `allow` becomes narrower, or a user goes, it is ended.
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/recover.h"
#include "supervisor/tailnet.h"

static void end_drained(struct tailnet *t, const char *why)
{
	for (size_t i = 0; i < t->n_left; i++) {
		const struct leftover *l = &t->left[i];

		if (!l->source || l->process.uid != t->proxy.uid)
			continue;
		log_notice(t->name, NULL,
			"process %d of an earlier build is ended with its connections: %s",
			(int)l->process.pid, why);
		recover_signal_process(l->pidfd, SIGTERM);
	}
}

static bool covered(const struct prefix *p, const struct prefix_list *by)
{
	for (size_t i = 0; i < by->n; i++)
		if (by->items[i].len <= p->len && prefix_contains(&by->items[i], &p->addr))
			return true;
	return false;
}

void withdraw_allow(struct tailnet *t, const struct prefix_list *now)
{
	struct prefix *copy = malloc(MAX(now->n, (size_t)1) * sizeof(*copy));
	bool narrower = !copy;

	for (size_t i = 0; i < t->told_allow.n && !narrower; i++)
		narrower = !covered(&t->told_allow.items[i], now);
	if (narrower)
		end_drained(t, "allow is narrower now");
	if (copy && now->n)
		memcpy(copy, now->items, now->n * sizeof(*copy));
	free(t->told_allow.items);
	t->told_allow = (struct prefix_list){.items = copy, .n = copy ? now->n : 0};
}

static bool is_user(const struct tailnet_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_users; i++)
		if (!strcmp(c->users[i].name, name))
			return true;
	return false;
}

void withdraw_users(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	bool narrower = !old->users_path && new->users_path;

	if (!t->n_left) /* the usual case: nobody to look thousands of users up for */
		return;
	for (size_t i = 0; i < old->n_users && !narrower && new->users_path; i++)
		narrower = !is_user(new, old->users[i].name);
	if (narrower)
		end_drained(t, "users are gone");
}
