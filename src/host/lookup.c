// SPDX-License-Identifier: MIT
// One name to addresses, as the host's own resolver sees it.
#include "host/lookup.h"

#include <netdb.h>
#include <string.h>

#include "common/parse.h"

static bool lookup_usable(const struct addr *a)
{
	return !addr_is_unspecified(a) && !addr_is_multicast(a) && !addr_is_broadcast(a);
}

void lookup_name(const struct msg_host_lookup *q, bool service, struct msg_host_answer *ret)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM, /* one entry per address */
		.ai_flags = service ? 0 : AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL;
	int error;

	ret->id = q->id;
	ret->n = 0;
	if (!memchr(q->name, '\0', sizeof(q->name)) || !parse_is_dns_name(q->name)) {
		ret->error = -EAI_NONAME;
		return;
	}
	error = getaddrinfo(q->name, NULL, &hints, &list);
	ret->error = -error;
	for (struct addrinfo *a = list; a && ret->n < HOST_ADDRS_MAX; a = a->ai_next) {
		struct hostport h;

		if (hostport_from_sockaddr(a->ai_addr, &h) == 0 && lookup_usable(&h.addr))
			ret->addrs[ret->n++] = h.addr;
	}
	if (list)
		freeaddrinfo(list);
	if (!ret->error && !ret->n)
		ret->error = -EAI_NONAME;
}
