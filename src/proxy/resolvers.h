// SPDX-License-Identifier: MIT
// The tailnet's resolvers that can be asked: those of the configuration in force that it routes.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/addr.h"

/* Before the sandbox. SPLIT: there may be domains with resolvers of their own. 0 or -errno. */
int resolvers_open(bool split);
/* A new configuration is in force: true if any name is asked of others now. */
bool resolvers_configured(void);
/* Whom to ask for NAME, which is in lower case: a group for query_start(), or SPLIT_NONE, SPLIT_NOBODY. */
int resolvers_group(const char *name);
/* A peer that routes one of GROUP is up; false for SPLIT_*. */
bool resolvers_peer_up(int group);
size_t resolvers_servers(int group, const struct addr **ret);
