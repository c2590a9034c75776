// SPDX-License-Identifier: MIT
// The stock node of a tailnet: tailscaled inside the namespace, and what it reports.
#pragma once

#include "supervisor/tailnet.h"

/* Does the node have to be told, or started anew? */
bool engine_differs(const struct tailnet_config *old, const struct tailnet_config *new);
int engine_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new);
