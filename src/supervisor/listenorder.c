// SPDX-License-Identifier: MIT
// The order of a tailnet's listeners: what a supervisor has taken over comes in any, as does what came back.
#include "config/expose.h"
#include "supervisor/tailnet.h"

void listeners_sort(struct listener *items, size_t n, const struct expose *e)
{
	size_t sorted = 0;

	for (size_t k = 0; k < e->n; k++)
		for (size_t i = sorted; i < n; i++) {
			struct listener l = items[i];

			if (!addr_equal(&l.at.addr, &e->addrs[k]))
				continue;
			items[i] = items[sorted];
			items[sorted++] = l;
			break;
		}
}
