// SPDX-License-Identifier: MIT
// What the DNS responder has counted, tailnet by tailnet.
#include <stdio.h>
#include <string.h>

#include "ipc/stats.h"
#include "supervisor/front.h"

/* The worker writes the page, so a name there is held against the configuration's. */
static const struct dns_zone_stats *front_zone_stats(
	const struct dns_stats *stats, const char *tailnet)
{
	for (size_t i = 0; i < STATS_ZONES_MAX; i++)
		if (!strncmp(stats->zones[i].tailnet, tailnet, sizeof(stats->zones[i].tailnet)))
			return &stats->zones[i];
	return NULL;
}

bool front_serves_now(const struct front *f, const struct tailnet_config *t)
{
	const struct collected *c;

	if (t->enabled || !front_may_serve(t))
		return front_serves(t);
	c = collect_find(f->collected, t->name);
	return c && c->known;
}

bool front_dns_counts(const struct front *f, size_t i, struct control_dns *ret)
{
	const struct config *c = f ? f->s->config : NULL;
	const struct dns_stats *stats = f ? f->dns.stats : NULL;
	const struct dns_zone_stats *zone;
	struct control_dns r = {0};
	size_t served = 0, k = 0;

	if (!stats || !c->gateway.dns_port)
		return false;
	if (!i) {
		r.all = stats->all;
		*ret = r;
		return true;
	}
	while (k < c->n_tailnets && (!front_serves_now(f, c->tailnets[k]) || ++served < i))
		k++;
	if (k == c->n_tailnets)
		return false;
	snprintf(r.tailnet, sizeof(r.tailnet), "%s", c->tailnets[k]->name);
	zone = front_zone_stats(stats, r.tailnet);
	if (zone)
		r.zone = *zone;
	*ret = r;
	return true;
}
