// SPDX-License-Identifier: MIT
// What watchers are told of a tailnet's network: its routes and its peers' names.
#include "supervisor/told.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "supervisor/facts.h"
#include "supervisor/netmap.h"
#include "supervisor/watch.h"

void told_free(struct told *f)
{
	free(f->routes.items);
	free(f->names);
	*f = (struct told){0};
}

static int names_of(const struct tailnet *t, struct told *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < facts_peers(t); i++) {
		const struct netmap_peer *p = facts_peer(t, i).node;

		n += p && *p->name ? p->n_addresses : 0;
	}
	ret->names = calloc(n + 1, sizeof(*ret->names));
	if (!ret->names)
		return -ENOMEM;
	for (size_t i = 0; i < facts_peers(t); i++) {
		const struct netmap_peer *p = facts_peer(t, i).node;

		for (uint32_t k = 0; p && *p->name && k < p->n_addresses; k++) {
			struct told_name *name = &ret->names[ret->n_names++];

			name->addr = p->addresses[k];
			netmap_relative_name(t->netmap, p->name, name->name);
		}
	}
	return 0;
}

static int told_of(const struct tailnet *t, struct told *ret)
{
	struct told told = {0};
	int r = facts_routes(t, &told.routes);

	if (r == 0)
		r = names_of(t, &told);
	if (r < 0) {
		told_free(&told);
		return r;
	}
	told.routes.n = MIN(told.routes.n, (size_t)CONTROL_FACTS_MAX);
	*ret = told;
	return 0;
}

static bool names_equal(const struct told *a, const struct told *b)
{
	if (a->n_names != b->n_names)
		return false;
	for (size_t i = 0; i < a->n_names; i++)
		if (strcmp(a->names[i].name, b->names[i].name) ||
			!addr_equal(&a->names[i].addr, &b->names[i].addr))
			return false;
	return true;
}

int told_update(struct tailnet *t)
{
	struct told new;
	int r;

	if (!t->config->wg && !t->netmap)
		return 0; /* nothing is known yet, which is not the same as that nothing is there */
	r = told_of(t, &new);
	if (r < 0)
		return r;
	if (t->watched.facts && prefix_list_equal(&new.routes, &t->told.routes) &&
		names_equal(&new, &t->told)) {
		told_free(&new);
		return 0;
	}
	told_free(&t->told);
	t->told = new;
	watch_facts(t);
	return 0;
}

static size_t mark(const struct tailnet *t, bool end, struct control_facts *ret)
{
	*ret = (struct control_facts){.h = {CONTROL_FACTS, sizeof(*ret)}, .end = end};
	memcpy(ret->tailnet, t->name, sizeof(ret->tailnet));
	return sizeof(*ret);
}

static size_t routes(const struct tailnet *t, size_t first, struct control_routes *ret)
{
	const struct prefix_list *l = &t->told.routes;

	*ret = (struct control_routes){.h = {CONTROL_ROUTES, sizeof(*ret)},
		.n = (uint32_t)MIN(l->n - first, (size_t)MSG_PREFIXES)};
	memcpy(ret->tailnet, t->name, sizeof(ret->tailnet));
	memcpy(ret->prefixes, l->items + first, ret->n * sizeof(*l->items));
	return sizeof(*ret);
}

static size_t name(const struct tailnet *t, const struct told_name *n, struct control_name *ret)
{
	*ret = (struct control_name){.h = {CONTROL_NAME, sizeof(*ret)}, .addr = n->addr};
	memcpy(ret->tailnet, t->name, sizeof(ret->tailnet));
	memcpy(ret->name, n->name, sizeof(ret->name));
	return sizeof(*ret);
}

size_t told_record(const struct tailnet *t, size_t at, union control_any *ret)
{
	const struct told *f = &t->told;
	size_t chunks = (f->routes.n + MSG_PREFIXES - 1) / MSG_PREFIXES;

	if (at == 0)
		return mark(t, false, &ret->facts);
	at--;
	if (at < chunks)
		return routes(t, at * MSG_PREFIXES, &ret->routes);
	at -= chunks;
	if (at < f->n_names)
		return name(t, &f->names[at], &ret->name);
	return at == f->n_names ? mark(t, true, &ret->facts) : 0;
}
