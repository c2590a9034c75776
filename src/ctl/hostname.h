// SPDX-License-Identifier: MIT
// Names under a tailnet's suffix, for programs that run inside and know nothing of suffixes.
#pragma once

#include "config/config.h"

#define HOSTNAME_MAX 256

/* "10.100.10.141.fgpu", "10-100-10-141.fgpu", "fd7a--1.fgpu" (dashes for colons) and names of
 * [hosts], with or without suffix -> the address; a suffix before anything else is cut off. What
 * is none of that, or with T NULL, is copied. */
void hostname_resolve(const struct tailnet_config *t, const char *host, char ret[HOSTNAME_MAX]);
