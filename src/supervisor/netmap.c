// SPDX-License-Identifier: MIT
// The netmap of a tailnet with engine tailscale: what its node reports, checked like a configuration.
#include "supervisor/netmap.h"

#include <stdlib.h>

void netmap_free(struct netmap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n_peers; i++)
		free(m->peers[i].routes.items);
	free(m->peers);
	for (size_t i = 0; i < m->n_search; i++)
		free(m->search[i]);
	free(m->search);
	free(m->splits);
	free(m->addresses.items);
	free(m);
}
