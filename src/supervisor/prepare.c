// SPDX-License-Identifier: MIT
// What the start of many tailnets looks up, once for all of them.
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"

static bool is_ours(void *arg, const char *ifname)
{
	const struct supervisor *s = arg;

	for (size_t i = 0; i < s->n_tailnets; i++)
		if (!strcmp(s->tailnets[i]->link, ifname))
			return true;
	return false;
}

/* What a start looks up, once for all of them; where that fails each does it itself. */
void supervisor_prepare(struct supervisor *s)
{
	_cleanup_free_ const char **names = calloc(s->n_tailnets + 1, sizeof(*names));
	size_t n = 0;
	int r;

	for (size_t i = 0; i < s->n_tailnets && names; i++)
		if (!s->tailnets[i]->config->broken && s->tailnets[i]->netns_fd < 0)
			names[n++] = s->tailnets[i]->name;
	if (!n)
		return;
	r = links_used_but(
		s->host, s->addresses, s->n_addresses, is_ours, s, &s->used.items, &s->used.n);
	if (r == 0 && n > 1)
		r = store_pool_prepare(&s->store, names, n, &s->config->gateway.veth_pool,
			s->used.items, s->used.n);
	if (r < 0)
		log_debug(NULL, "veth-pool", "not for all at once: %s", strerror(-r));
}
