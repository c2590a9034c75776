// SPDX-License-Identifier: MIT
// The stock node of a tailnet: tailscaled inside the namespace, and what it reports.
#include "supervisor/engine.h"

#include <errno.h>

bool engine_differs(const struct tailnet_config *old, const struct tailnet_config *new)
{
	return !prefs_equal(old, new);
}

int engine_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new)
{
	return -ENOSYS;
}
