// SPDX-License-Identifier: MIT
// This host as programs see it: its addresses.
#include "ctl/host.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned mask_bits(const struct sockaddr *mask, unsigned family)
{
	const uint8_t *bytes = family == 4
		? (const uint8_t *)&((const struct sockaddr_in *)(const void *)mask)->sin_addr
		: (const uint8_t *)&((const struct sockaddr_in6 *)(const void *)mask)->sin6_addr;
	unsigned n = 0, max = family == 4 ? 32 : 128;

	while (n < max && (bytes[n / 8] & 0x80 >> n % 8))
		n++;
	return n;
}

static void take(const struct ifaddrs *i, const struct addr *addr, struct link_address *ret)
{
	*ret = (struct link_address){
		.ifindex = (int)if_nametoindex(i->ifa_name),
		.prefix = prefix_of_addr(addr),
		.usable = i->ifa_flags & IFF_UP,
	};
	if (i->ifa_netmask)
		ret->prefix.len = (uint8_t)mask_bits(i->ifa_netmask, addr->family);
	snprintf(ret->ifname, sizeof(ret->ifname), "%s", i->ifa_name);
}

int host_addresses(struct link_address **ret, size_t *ret_n)
{
	struct link_address *list;
	struct ifaddrs *all;
	struct hostport h;
	size_t n = 0, k = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (struct ifaddrs *i = all; i; i = i->ifa_next)
		n++;
	list = calloc(n + 1, sizeof(*list));
	for (struct ifaddrs *i = all; list && i; i = i->ifa_next)
		if (i->ifa_addr && hostport_from_sockaddr(i->ifa_addr, &h) == 0)
			take(i, &h.addr, &list[k++]);
	freeifaddrs(all);
	if (!list)
		return -ENOMEM;
	*ret = list;
	*ret_n = k;
	return 0;
}
