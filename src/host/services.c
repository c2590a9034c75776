// SPDX-License-Identifier: MIT
// Names of published services: looked up at each connection, each name by one question at a time.
//
// Whoever comes while its name is being asked for waits for the same answer, so a peer that opens many
// connections makes no more questions than one.
#include "host/services.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/asker.h"

struct services_name {
	char text[MSG_DOMAIN_MAX];
	struct services_wait *first;
	uint32_t id; /* 0 = unused */
};

static struct services_name names[SERVICES_NAMES_MAX];
static uint32_t last_id;

static struct services_name *name_of(const char *text)
{
	struct services_name *unused = NULL;

	for (size_t i = 0; i < SERVICES_NAMES_MAX; i++) {
		if (names[i].id && !strcmp(names[i].text, text))
			return &names[i];
		if (!names[i].id)
			unused = &names[i];
	}
	return unused;
}

int services_ask(struct services_wait *w, const char *name)
{
	struct services_name *n = name_of(name);

	if (!n)
		return -ENOSPC;
	if (!n->id) {
		struct msg_host_lookup q = {0};

		q.id = ++last_id ? last_id : ++last_id;
		snprintf(q.name, sizeof(q.name), "%s", name);
		if (!asker_ask(ASKER_SERVICES, &q))
			return -ENOSPC;
		n->id = q.id;
		snprintf(n->text, sizeof(n->text), "%s", name);
	}
	w->name = n;
	w->prev = NULL;
	w->next = n->first;
	if (w->next)
		w->next->prev = w;
	n->first = w;
	return 0;
}

void services_cancel(struct services_wait *w)
{
	if (!w->name)
		return;
	*(w->prev ? &w->prev->next : &w->name->first) = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->name = NULL;
}

void services_answered(const struct msg_host_answer *a)
{
	struct services_name *n = NULL;

	for (size_t i = 0; i < SERVICES_NAMES_MAX && !n; i++)
		if (names[i].id && names[i].id == a->id)
			n = &names[i];
	if (!n)
		return;
	n->text[0] = '\0'; /* who asks from now on asks anew, in another place */
	while (n->first) {
		struct services_wait *w = n->first;

		services_cancel(w);
		w->done(w, a->addrs, a->n, a->error);
	}
	n->id = 0;
}
