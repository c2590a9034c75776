// SPDX-License-Identifier: MIT
// The rules of iptables-legacy(8), of which the kernel tells no changes: what they come to is asked now and then.
#pragma once

#include <stdint.h>

/* Of both filter tables as they are, without their counters; 0: there are none. */
uint64_t legacyrules_digest(void);
