// SPDX-License-Identifier: MIT
// tailscaled's preferences: what the configuration wants of them, and what is to be changed.
#include "host/prefs.h"

#include <stdlib.h>
#include <string.h>

#include "common/addr.h"
#include "common/cleanup.h"

#define DEFAULT_URL   "https://controlplane.tailscale.com"
#define NETFILTER_OFF 0
#define NETFILTER_ON  2

static json_t *tag_list(const struct prefs_wanted *w)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < w->n_tags; i++)
		json_array_append_new(list, json_string(w->tags[i]));
	return list;
}

static json_t *route_list(const struct prefs_wanted *w)
{
	json_t *list = json_array();
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; list && i < w->n_routes; i++)
		json_array_append_new(list, json_string(prefix_format(&w->routes[i], text)));
	return list;
}

/* null and an empty list are the same to it; the order of a list does not count */
static bool same_list(const json_t *a, const json_t *b)
{
	const json_t *x, *y;
	size_t i, k;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, x)
	{
		bool found = false;

		json_array_foreach(b, k, y) found |= json_equal(x, y);
		if (!found)
			return false;
	}
	return true;
}

static bool same(const char *key, const json_t *now, const json_t *wanted)
{
	if (json_is_array(wanted))
		return same_list(now, wanted);
	if (!strcmp(key, "ControlURL") && json_is_string(now) && !*json_string_value(now))
		return !strcmp(json_string_value(wanted), DEFAULT_URL);
	return json_equal(now, wanted);
}

static json_t *whole(const struct prefs_wanted *w)
{
	/* what the host resolves is none of its business; nor is the host's packet filter, but where
	 * routes are offered: then it hides who comes behind the namespace's own address */
	return json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s, s:i, s:o, s:o}", "ControlURL",
		*w->control_url ? w->control_url : DEFAULT_URL, "Hostname", w->hostname, "RouteAll",
		w->accept_routes, "CorpDNS", 0, "WantRunning", 1, "LoggedOut", 0, "ExitNodeID",
		w->exit_id, "ExitNodeIP", "", "NetfilterMode",
		w->n_routes ? NETFILTER_ON : NETFILTER_OFF, "AdvertiseTags", tag_list(w),
		"AdvertiseRoutes", route_list(w));
}

json_t *prefs_difference(const struct prefs_wanted *w, const json_t *now)
{
	json_t *all = whole(w), *value;
	const char *key;
	void *next;

	json_object_foreach_safe(all, next, key,
		value) if (same(key, json_object_get(now, key), value)) json_object_del(all, key);
	return all;
}

bool prefs_registers(const json_t *difference)
{
	return json_object_get(difference, "ControlURL") ||
		json_object_get(difference, "AdvertiseTags");
}

char *prefs_patch(const json_t *difference)
{
	json_t *patch = json_copy((json_t *)(uintptr_t)difference), *value;
	char *text = NULL, name[64];
	const char *key;
	void *next;

	if (!patch)
		return NULL;
	json_object_foreach_safe((json_t *)(uintptr_t)difference, next, key, value)
	{
		snprintf(name, sizeof(name), "%sSet", key);
		json_object_set_new(patch, name, json_true());
	}
	text = json_dumps(patch, JSON_COMPACT);
	json_decref(patch);
	return text;
}

char *prefs_start(const json_t *now, const json_t *difference, const char *auth_key)
{
	json_t *prefs = json_copy((json_t *)(uintptr_t)now), *options;
	char *text;

	if (!prefs)
		return NULL;
	json_object_del(prefs, "Config"); /* who it is stays */
	json_object_update(prefs, (json_t *)(uintptr_t)difference);
	options =
		json_pack("{s:s, s:o}", "AuthKey", auth_key ? auth_key : "", "UpdatePrefs", prefs);
	text = options ? json_dumps(options, JSON_COMPACT) : NULL;
	json_decref(options);
	return text;
}
