// SPDX-License-Identifier: MIT
// This host as programs see it: its addresses.
#pragma once

#include "config/expose.h"

/* Every address of the host (of the caller's network namespace). Fresh memory. 0 or -errno. */
int host_addresses(struct link_address **ret, size_t *ret_n);
