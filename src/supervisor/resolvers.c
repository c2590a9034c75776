// SPDX-License-Identifier: MIT
// What tsgw-proxy is told of the tailnet's resolvers: whom to ask for which names, and the search list.
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "supervisor/facts.h"
#include "supervisor/tailnet.h"

static int send_splits(struct tailnet *t)
{
	int r = 0;

	for (size_t i = 0; i < facts_splits(t) && r == 0; i++) {
		struct msg_proxy_split split;

		if (facts_split(t, i, &split))
			r = worker_tell(&t->proxy, MSG_PROXY_SPLIT, &split);
	}
	return r;
}

/* The proxy asks only those that the tailnet routes; `tsgwd --check` has said which it does not. */
int proxy_send_resolver(struct tailnet *t)
{
	const struct addr *dns;
	char *const *search;
	size_t n_dns = facts_resolvers(t, &dns), n_search = facts_search(t, &search);
	struct msg_proxy_resolver m = {.n = (uint32_t)MIN(n_dns, (size_t)MSG_SERVERS)};
	int r;

	if (m.n)
		memcpy(m.servers, dns, m.n * sizeof(m.servers[0]));
	r = m.n ? worker_tell(&t->proxy, MSG_PROXY_RESOLVER, &m) : 0;
	if (r == 0)
		r = send_splits(t);
	for (size_t i = 0; i < n_search && i < MSG_SEARCH_MAX && r == 0; i++) {
		struct msg_proxy_search d = {0};

		snprintf(d.domain, sizeof(d.domain), "%s", search[i]);
		r = worker_tell(&t->proxy, MSG_PROXY_SEARCH, &d);
	}
	return r;
}
