// SPDX-License-Identifier: MIT
// What the configuration wants of a stock node, as it is told message by message.
#include "host/wanted.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "common/cleanup.h"

#define RETRY_FIRST_S  2
#define RETRY_MAX_S    300
#define RETRY_DOUBLING 8

static int take_config(struct wanted *w, const struct msg_engine_config *m)
{
	if (w->any || !memchr(m->control_url, 0, sizeof(m->control_url)) ||
		!memchr(m->hostname, 0, sizeof(m->hostname)) ||
		!memchr(m->exit_node, 0, sizeof(m->exit_node)))
		return -EBADMSG;
	w->any = true;
	w->logged_out = m->logged_out;
	w->prefs.accept_routes = m->accept_routes;
	memcpy(w->prefs.control_url, m->control_url, sizeof(w->prefs.control_url));
	memcpy(w->prefs.hostname, m->hostname, sizeof(w->prefs.hostname));
	memcpy(w->exit_node, m->exit_node, sizeof(w->exit_node));
	return 0;
}

static int take_tag(struct wanted *w, const struct msg_engine_tag *m)
{
	if (w->prefs.n_tags == PREFS_TAGS_MAX || !memchr(m->tag, 0, sizeof(m->tag)))
		return -EBADMSG;
	memcpy(w->prefs.tags[w->prefs.n_tags++], m->tag, ENGINE_TAG_MAX);
	return 0;
}

static int take_routes(struct wanted *w, const struct msg_prefixes *m)
{
	if (m->n > MSG_PREFIXES || w->prefs.n_routes + m->n > PREFS_ROUTES_MAX)
		return -EBADMSG;
	memcpy(w->prefs.routes + w->prefs.n_routes, m->prefixes, m->n * sizeof(m->prefixes[0]));
	w->prefs.n_routes += m->n;
	return 0;
}

int wanted_take(struct wanted *w, const union msg *m)
{
	switch (m->h.type) {
	case MSG_ENGINE_CONFIG:
		return take_config(w, &m->engine_config);
	case MSG_ENGINE_TAG:
		return take_tag(w, &m->engine_tag);
	case MSG_ENGINE_ROUTES:
		return take_routes(w, &m->prefixes);
	case MSG_ENGINE_KEY:
		if (!memchr(m->engine_key.key, 0, sizeof(m->engine_key.key)))
			return -EBADMSG;
		memcpy(w->key, m->engine_key.key, sizeof(w->key));
		w->has_key = true;
		return 0;
	default:
		return -EBADMSG;
	}
}

/* "gpu1" is gpu1.tail1234.ts.net, too. */
static bool is_it(const struct ipn_peer *p, const char *want, const struct addr *a)
{
	size_t len = strlen(want);
	bool found = !strcasecmp(p->name, want) ||
		(!strchr(want, '.') && !strncasecmp(p->name, want, len) && p->name[len] == '.');

	for (uint32_t i = 0; i < p->n_addresses; i++)
		found |= a->family && addr_equal(&p->addresses[i], a);
	return found;
}

void wanted_choose_exit(
	struct wanted *w, const struct ipn_status *status, char *trouble, size_t size)
{
	struct addr a = {0};

	w->prefs.exit_id[0] = trouble[0] = '\0';
	if (!*w->exit_node)
		return;
	(void)addr_parse(w->exit_node, &a);
	for (size_t i = 0; i < status->n_peers; i++) {
		const struct ipn_peer *p = &status->peers[i];

		if (!is_it(p, w->exit_node, &a))
			continue;
		if (p->flags & PEER_OFFERS_EXIT)
			memcpy(w->prefs.exit_id, p->id, sizeof(w->prefs.exit_id));
		else
			snprintf(trouble, size, "the exit node %s does not offer to be one",
				w->exit_node);
		return;
	}
	snprintf(trouble, size, "the exit node %s does not exist", w->exit_node);
}

/* 2 s, doubling to 5 min, a quarter more or less. */
uint64_t wanted_pause_s(unsigned failures)
{
	unsigned doublings = MIN(failures, (unsigned)RETRY_DOUBLING);
	uint64_t s = MIN((uint64_t)RETRY_FIRST_S << doublings, (uint64_t)RETRY_MAX_S);
	uint32_t random = 0;

	(void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
	return s - s / 4 + random % (s / 2 + 1);
}
