// SPDX-License-Identifier: MIT
// WireGuard inside WireGuard: how deep a packet is nested, so that a loop of tunnels comes to an end.
//
// Tunnels that carry each other's packets, by a mistake in some route, make a packet grow until it is
// fragmented, and from then on its fragments multiply until all processors do nothing else. A node cannot see
// that, for what it is handed is encrypted; but every turn goes through a route, of this host or also of
// others, so the hop limit of the outer packet is handed on. Around a WireGuard packet we set 99; around one
// that came with 99 to 85 one less than that; at 84 it ends, or, as each router on the way takes one away, up
// to seven below: a larger circle is not seen. Packets from elsewhere begin with 64, 128 or 255 and hardly ever
// have lost 29 to 51 of 128 on their way.
//
// Of a fragment only the first shows what it is; the others of a UDP datagram are believed their hop limit.
#include "wg/nested.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#define NESTED_LAST (NESTED_FIRST - NESTED_LEVEL)
#define V6_HEADER   40
#define FRAGMENT    8 /* bytes of IPv6's fragment header */
#define UDP	    8

/* The UDP header's offset; 0: not UDP. *ret_later: a fragment, but not the first one. */
static size_t find_udp(const uint8_t *ip, size_t len, bool *ret_later)
{
	size_t at = 0;

	*ret_later = false;
	if (ip[0] >> 4 == 4) {
		at = ip[9] == IPPROTO_UDP ? (ip[0] & 15u) * 4 : 0;
		*ret_later = (ip[6] & 0x1f) || ip[7];
	} else if (ip[6] == IPPROTO_UDP) {
		at = V6_HEADER;
	} else if (ip[6] == IPPROTO_FRAGMENT && len >= V6_HEADER + FRAGMENT &&
		ip[V6_HEADER] == IPPROTO_UDP) {
		at = V6_HEADER + FRAGMENT;
		*ret_later = ip[V6_HEADER + 2] || (ip[V6_HEADER + 3] & 0xf8);
	}
	return at;
}

/* Whitepaper §5.4: a type and three zero bytes. */
static bool is_wireguard(const uint8_t *payload)
{
	return payload[0] >= 1 && payload[0] <= 4 && !payload[1] && !payload[2] && !payload[3];
}

int nested_hops(const uint8_t *ip, size_t len)
{
	uint8_t hops = ip[0] >> 4 == 4 ? ip[8] : ip[7];
	bool later, ours = hops > NESTED_LAST && hops <= NESTED_FIRST;
	bool ends = hops <= NESTED_LAST && hops > NESTED_LAST - NESTED_ROUTERS;
	size_t udp = find_udp(ip, len, &later);

	if (!udp || (later && !ours && !ends))
		return 0;
	if (!later && (len < udp + UDP + 4 || !is_wireguard(ip + udp + UDP)))
		return 0;
	if (ends)
		return -ELOOP;
	return ours ? hops - 1 : NESTED_FIRST;
}
