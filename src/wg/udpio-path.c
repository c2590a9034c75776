// SPDX-License-Identifier: MIT
// Where a peer is, and where it was when it sent something: socket addresses and ours.
#include <string.h>

#include "common/cleanup.h"
#include "wg/udpio.h"

void udpio_path_set(struct udpio_path *path, const struct hostport *h)
{
	struct sockaddr_storage ss;

	memset(path, 0, sizeof(*path));
	if (!h || !h->addr.family)
		return;
	memcpy(&path->to, &ss, MIN((size_t)hostport_to_sockaddr(h, &ss), sizeof(path->to)));
}

struct hostport udpio_hostport(const union udpio_sockaddr *sa)
{
	struct hostport h = {0};

	(void)hostport_from_sockaddr(&sa->sa, &h);
	return h;
}

static bool sockaddr_equal(const union udpio_sockaddr *a, const union udpio_sockaddr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	if (a->sa.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port &&
			a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port && a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
		!memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr));
}

bool udpio_path_from(struct udpio_path *path, const struct udpio_message *m)
{
	bool other = !sockaddr_equal(&path->to, &m->from);

	path->to = m->from;
	path->source = m->to;
	path->source.arrived = m->to.ifindex;
	if (m->to.family != 6 || !IN6_IS_ADDR_LINKLOCAL(&m->to.v6))
		path->source.ifindex = 0;
	return other;
}

static bool source_equal(const struct udpio_source *a, const struct udpio_source *b)
{
	if (a->family != b->family || a->ifindex != b->ifindex)
		return false;
	if (a->family == 6)
		return !memcmp(&a->v6, &b->v6, sizeof(a->v6));
	return a->family != 4 || a->v4.s_addr == b->v4.s_addr;
}

bool udpio_same_way(const struct udpio_message *a, const struct udpio_message *b)
{
	return a->ecn == b->ecn && sockaddr_equal(&a->from, &b->from) &&
		source_equal(&a->to, &b->to);
}
