// SPDX-License-Identifier: MIT
// tailscaled's preferences: what the configuration wants of them, and what is to be changed.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ipc/msg.h"

#define PREFS_TAGS_MAX	 32
#define PREFS_ROUTES_MAX 256

struct prefs_wanted {
	char control_url[ENGINE_URL_MAX];
	char hostname[ENGINE_HOST_MAX];
	char exit_id[64]; /* StableID of the exit node, "" = none */
	bool accept_routes;
	char tags[PREFS_TAGS_MAX][ENGINE_TAG_MAX];
	size_t n_tags;
	struct prefix routes[PREFS_ROUTES_MAX];
	size_t n_routes;
};

/* The fields in which NOW (the answer to GET prefs) is not what is wanted, each with its value; empty if
 * all is well. NULL without memory. */
json_t *prefs_difference(const struct prefs_wanted *w, const json_t *now);
/* Such a change takes effect only with a new registration. */
bool prefs_registers(const json_t *difference);
/* Body for PATCH prefs. Fresh text or NULL. */
char *prefs_patch(const json_t *difference);
/* Body for POST start: NOW with the difference in it. Fresh text or NULL. */
char *prefs_start(const json_t *now, const json_t *difference, const char *auth_key);
