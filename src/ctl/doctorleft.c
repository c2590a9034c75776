// SPDX-License-Identifier: MIT
// doctor, what was left: objects of tailnets that nobody runs.
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/parse.h"
#include "config/names.h"
#include "ctl/client.h"
#include "ctl/doctor.h"
#include "report/text.h"

#define LEFT_PATH_MAX 512

static bool served(const struct doctor *d, const char *name)
{
	_cleanup_close_ int fd = -1;

	/* one that is there but refuses us serves, too */
	return client_open(d->args->run_dir, name, &fd, NULL) != -ENOENT;
}

/* What of tailnet NAME exists, as a list. */
static void what_is_there(const char *name, char *buf, size_t size)
{
	char link[LINK_NAME_MAX], path[LEFT_PATH_MAX];

	*buf = '\0';
	names_link(name, link);
	names_netns_path(name, path, sizeof(path));
	if (access(path, F_OK) == 0)
		text_join(buf, size, path);
	if (if_nametoindex(link)) {
		snprintf(path, sizeof(path), "link %s", link);
		text_join(buf, size, path);
	}
	snprintf(path, sizeof(path), "/run/wireguard/%s.sock", link);
	if (access(path, F_OK) == 0)
		text_join(buf, size, path);
	snprintf(path, sizeof(path), "/etc/netns/tsgw-%s/resolv.conf", name);
	if (access(path, F_OK) == 0)
		text_join(buf, size, path);
}

/* True if there was something to say. */
static bool left_one(struct doctor *d, const char *name)
{
	bool configured = config_find(d->view.config, name);
	char list[LEFT_PATH_MAX], path[LEFT_PATH_MAX], advice[256];
	bool ours;

	if (served(d, name))
		return false;
	what_is_there(name, list, sizeof(list));
	if (!*list)
		return false;
	snprintf(path, sizeof(path), "%s/%s/made", d->args->run_dir, name);
	ours = access(path, F_OK) == 0;
	if (ours && configured)
		snprintf(advice, sizeof(advice),
			"Start it: that removes what is left (tsgwctl up %s).", name);
	else
		snprintf(advice, sizeof(advice),
			"Remove it: ip netns del tsgw-%s; ip link del the link.", name);
	if (ours)
		doctor_say(d, "leftover", FINDING_WARN, advice,
			"nobody runs %s, but a supervisor that was killed left: %s", name, list);
	else
		doctor_say(d, "leftover", FINDING_WARN, advice,
			"nobody here runs %s, but there is, not made by us: %s; a start will "
			"refuse it",
			name, list);
	return true;
}

void doctor_leftovers(struct doctor *d)
{
	const struct config *c = d->view.config;
	DIR *dir = opendir(d->args->run_dir);
	struct dirent *de;
	bool said = false;

	for (size_t i = 0; i < c->n_tailnets; i++)
		said |= left_one(d, c->tailnets[i]->name);
	while (dir && (de = readdir(dir)))
		if (parse_is_tailnet_name(de->d_name) && !config_find(c, de->d_name))
			said |= left_one(d, de->d_name);
	if (dir)
		closedir(dir);
	if (!said)
		doctor_say(d, "leftover", FINDING_OK, NULL, "nothing was left behind");
}
