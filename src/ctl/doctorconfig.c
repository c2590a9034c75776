// SPDX-License-Identifier: MIT
// doctor, the configuration: what it says, against what the host has.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/domains.h"
#include "ctl/doctor.h"
#include "report/text.h"

#define PROBLEMS_SHOWN	 8
#define OVERLAPS_SHOWN	 8
#define OVERLAP_WORK_MAX 4000000 /* pairs of prefixes that are compared */
#define BROAD_V4	 8	 /* networks of fewer bits let in parts of the Internet */
#define BROAD_V6	 16

void doctor_config(struct doctor *d)
{
	const struct config *c = d->view.config;
	size_t shown = 0, errors = 0;

	if (!d->root && access(d->args->config_path, F_OK) == 0 &&
		access(d->args->config_path, R_OK) < 0) {
		doctor_say(d, "config", FINDING_SKIP, "Be root.", "%s may not be read",
			d->args->config_path);
		return;
	}
	for (size_t i = 0; i < c->n_problems; i++) {
		const struct problem *p = &c->problems[i];
		bool hidden = !d->root && strstr(p->text, "Permission denied");

		errors += !p->warning && !hidden;
		if (shown++ >= PROBLEMS_SHOWN)
			continue;
		doctor_say(d, "config",
			hidden		     ? FINDING_SKIP
				: p->warning ? FINDING_WARN
					     : FINDING_FAIL,
			NULL, "%s", p->text);
	}
	if (shown > PROBLEMS_SHOWN)
		doctor_say(d, "config", errors ? FINDING_FAIL : FINDING_WARN,
			"Run tsgwctl check to see all.", "%zu more lines like these",
			shown - PROBLEMS_SHOWN);
	if (!shown)
		doctor_say(d, "config", FINDING_OK, NULL, "%zu tailnet%s in %s", c->n_tailnets,
			c->n_tailnets == 1 ? "" : "s", c->path);
}

void doctor_primaries(struct doctor *d)
{
	char list[256] = "", text[ADDR_TEXT_MAX];

	for (size_t i = 0; i < d->expose.n; i++)
		text_join(list, sizeof(list), addr_format(&d->expose.addrs[i], text));
	if (!d->expose.n)
		doctor_say(d, "primary", FINDING_FAIL,
			"Bring it up, or name another interface or address as primary in "
			"[gateway].",
			"nobody can connect: %s", d->expose.missing);
	else if (*d->expose.missing)
		doctor_say(d, "primary", FINDING_WARN,
			"Bring it up, or take it out of primary in [gateway].", "%s (there: %s)",
			d->expose.missing, list);
	else
		doctor_say(d, "primary", FINDING_OK, NULL, "%s", list);
}

/* ---- allow ---- */

static bool too_broad(const struct prefix_list *l, char buf[PREFIX_TEXT_MAX])
{
	for (size_t i = 0; i < l->n; i++) {
		const struct prefix *p = &l->items[i];

		if (p->len >= (p->addr.family == 4 ? BROAD_V4 : BROAD_V6) ||
			addr_is_loopback(&p->addr))
			continue;
		/* 10/8 and the like are as they are; 0/0 begins with no address of anybody */
		if (p->len && !addr_is_public(&p->addr))
			continue;
		prefix_format(p, buf);
		return true;
	}
	return false;
}

/* The first network of the primaries from which nobody is let in. */
static bool too_narrow(
	const struct doctor *d, const struct prefix_list *l, char buf[PREFIX_TEXT_MAX])
{
	struct prefix_list own = {0};
	bool narrow = false;

	if (expose_default_allow(&d->view.config->gateway, d->addresses, d->n_addresses, &own) < 0)
		return false;
	for (size_t i = 0; i < own.n && !narrow; i++) {
		bool met = addr_is_loopback(&own.items[i].addr);

		for (size_t k = 0; k < l->n && !met; k++)
			met = prefix_overlaps(&own.items[i], &l->items[k]);
		if (!met)
			prefix_format(&own.items[i], buf);
		narrow = !met;
	}
	free(own.items);
	return narrow;
}

static bool has_public_primary(const struct doctor *d)
{
	for (size_t i = 0; i < d->expose.n; i++)
		if (addr_is_public(&d->expose.addrs[i]))
			return true;
	return false;
}

/* True if there was something to say. */
static bool allow_one(struct doctor *d, const struct entry *e)
{
	const struct tailnet_config *t = e->config;
	char net[PREFIX_TEXT_MAX];
	struct prefix_list l = {0};
	bool said = true;

	if (expose_allow(&d->view.config->gateway, t, d->addresses, d->n_addresses, &l) < 0)
		return false;
	if (too_broad(&l, net) && !t->users_path)
		doctor_say(d, "allow", has_public_primary(d) ? FINDING_FAIL : FINDING_WARN,
			"Name the networks of your clients in allow, or set users-file.",
			"%s lets in %s, and asks for no password", t->name, net);
	else if (too_narrow(d, &l, net))
		doctor_say(d, "allow", FINDING_WARN,
			"Add that network to allow, if clients are to come from it.",
			"%s lets in nobody of %s, a network of the primaries", t->name, net);
	else
		said = false;
	free(l.items);
	if (e->live && e->live->has_counters && e->live->proxy.results[PROXY_REFUSED_CLIENT]) {
		doctor_say(d, "allow", FINDING_WARN,
			"The log names their addresses; if they are yours, add their network to "
			"allow.",
			"%s has turned away %llu connections of clients outside allow", t->name,
			(unsigned long long)e->live->proxy.results[PROXY_REFUSED_CLIENT]);
		said = true;
	}
	return said;
}

void doctor_allow(struct doctor *d)
{
	bool said = false;

	for (size_t i = 0; i < d->view.table.n; i++)
		if (view_at(&d->view, i)->config)
			said |= allow_one(d, view_at(&d->view, i));
	if (!said && d->view.config->n_tailnets)
		doctor_say(d, "allow", FINDING_OK, NULL,
			"admits the networks of the primaries, not the world");
}

/* ---- between tailnets ---- */

static void overlap_pair(struct doctor *d, const struct tailnet_config *a,
	const struct tailnet_config *b, size_t *shown)
{
	struct prefix_list x, y;
	char text[PREFIX_TEXT_MAX];

	if (config_routes(a, &x) < 0)
		return;
	if (config_routes(b, &y) < 0) {
		free(x.items);
		return;
	}
	for (size_t i = 0; x.n * y.n < OVERLAP_WORK_MAX && i < x.n; i++) {
		for (size_t k = 0; k < y.n; k++) {
			/* a default route overlaps everything, and nobody is surprised */
			if (!x.items[i].len || !y.items[k].len ||
				!prefix_overlaps(&x.items[i], &y.items[k]))
				continue;
			if ((*shown)++ < OVERLAPS_SHOWN)
				doctor_say(d, "overlap", FINDING_OK, NULL,
					"%s is in %s and in %s: their names and ports keep them "
					"apart",
					prefix_format(x.items[i].len > y.items[k].len ? &x.items[i]
										      : &y.items[k],
						text),
					a->name, b->name);
			i = x.n;
			break;
		}
	}
	free(x.items);
	free(y.items);
}

void doctor_overlaps(struct doctor *d)
{
	const struct config *c = d->view.config;
	size_t shown = 0;

	for (size_t i = 0; i < c->n_tailnets && shown < OVERLAPS_SHOWN; i++)
		for (size_t k = i + 1; k < c->n_tailnets; k++)
			overlap_pair(d, c->tailnets[i], c->tailnets[k], &shown);
}

void doctor_suffixes(struct doctor *d)
{
	const struct config *c = d->view.config;

	for (size_t i = 0; i < c->n_tailnets; i++) {
		const struct tailnet_config *t = c->tailnets[i];

		for (size_t k = 0; k < t->n_suffixes; k++)
			if (domains_is_public(t->suffixes[k]))
				doctor_say(d, "suffix", FINDING_WARN,
					"Choose one that is no public domain.",
					"%s of %s is a public top-level domain: its real names are "
					"hidden "
					"from clients that ask the gateway for it",
					t->suffixes[k], t->name);
	}
}
