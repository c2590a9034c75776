// SPDX-License-Identifier: MIT
// WireGuard inside WireGuard: how deep a packet is nested, so that a loop of tunnels comes to an end.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define NESTED_FIRST   99 /* the outer hop limit around a WireGuard packet */
#define NESTED_LEVEL   15 /* how often may WireGuard be around WireGuard around … */
#define NESTED_ROUTERS 8  /* and fewer in a circle: then its end is not missed */

/* Which hop limit shall be around the inner packet of LEN bytes at IP, the header being whole:
 * 0 the system's, or 1…255. -ELOOP: it is nested too deeply and is to be dropped. */
int nested_hops(const uint8_t *ip, size_t len);
