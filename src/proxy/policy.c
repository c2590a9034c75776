// SPDX-License-Identifier: MIT
// Which addresses a client may reach through this tailnet: what it routes, less what nobody may reach.
#include "proxy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ::ffff:a.b.c.d is an IPv4 connection in disguise: the kernel would take it into the IPv4 stack. */
static bool is_v4_mapped(const struct addr *a)
{
	static const uint8_t head[12] = {[10] = 0xff, [11] = 0xff};

	return a->family == 6 && !memcmp(a->bytes, head, sizeof(head));
}

enum policy_verdict policy_check(const struct policy *p, const struct addr *a, uint32_t *ret_peer)
{
	struct addr v4;

	if (addr_is_never_proxied(a) || is_v4_mapped(a))
		return POLICY_NEVER;
	if (prefixset_find(&p->deny, a, NULL))
		return POLICY_DENIED;
	if (addr_embedded_v4(a, &v4) && prefixset_find(&p->deny, &v4, NULL))
		return POLICY_DENIED;
	if (a->family == 6 && !p->has_ipv6)
		return POLICY_NO_IPV6;
	return prefixset_find(&p->routes, a, ret_peer) ? POLICY_OK : POLICY_NOT_ROUTED;
}

enum policy_verdict policy_check_port(
	const struct policy *p, const struct hostport *to, bool udp, uint32_t *ret_peer)
{
	enum policy_verdict verdict = policy_check(p, &to->addr, ret_peer);

	for (size_t i = 0; verdict == POLICY_DENIED && i < p->n_published; i++) {
		const struct policy_port *own = &p->published[i];

		if (own->at.port != to->port || own->udp != udp ||
			!addr_equal(&own->at.addr, &to->addr))
			continue;
		*ret_peer = p->self;
		verdict = POLICY_OK;
	}
	return verdict;
}

int policy_publish(struct policy *p, const struct hostport *at, bool udp)
{
	struct policy_port *more;

	if (p->n_published >= POLICY_PORTS_MAX)
		return -ENOSPC;
	more = reallocarray(p->published, p->n_published + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	p->published = more;
	more[p->n_published++] = (struct policy_port){*at, udp};
	return 0;
}

bool policy_admits(const struct policy *p, const struct addr *client)
{
	return prefixset_find(&p->allow, client, NULL);
}

void policy_seal(struct policy *p)
{
	prefixset_seal(&p->routes);
	prefixset_seal(&p->deny);
	prefixset_seal(&p->allow);
}

void policy_free(struct policy *p)
{
	prefixset_free(&p->routes);
	prefixset_free(&p->deny);
	prefixset_free(&p->allow);
	free(p->published);
}
