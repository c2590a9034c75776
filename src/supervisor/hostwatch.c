// SPDX-License-Identifier: MIT
// What the host tells the supervisor: its addresses, and that they or its links have changed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "config/names.h"
#include "supervisor/front.h"
#include "supervisor/heal.h"
#include "supervisor/retry.h"
#include "supervisor/supervisor.h"
#include "supervisor/tailnet.h"

int supervisor_read_addresses(struct supervisor *s)
{
	struct link_address *a;
	size_t n;
	int r = links_addresses(s->host, &a, &n);

	if (r < 0) {
		log_error(NULL, "netlink", "addresses cannot be read: %s", strerror(-r));
		return r;
	}
	free(s->addresses);
	s->addresses = a;
	s->n_addresses = n;
	return 0;
}

/* Our own links come and go too: only what can matter to a listener is worth a look. */
static uint64_t addresses_digest(const struct supervisor *s)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a */

	for (size_t i = 0; i < s->n_addresses; i++) {
		const struct link_address *a = &s->addresses[i];
		const uint8_t *p = (const uint8_t *)&a->prefix;

		if (!strncmp(a->ifname, "tsgw-", 5) || !a->usable)
			continue;
		for (size_t k = 0; k < sizeof(a->prefix); k++)
			h = (h ^ p[k]) * 1099511628211u;
		for (const char *c = a->ifname; *c; c++)
			h = (h ^ (uint8_t)*c) * 1099511628211u;
	}
	return h;
}

static void supervisor_look(struct supervisor *s)
{
	uint64_t before = addresses_digest(s);

	if (supervisor_read_addresses(s) < 0)
		return;
	heal_links(s);
	if (addresses_digest(s) == before)
		return;
	for (size_t i = 0; i < s->n_tailnets; i++)
		tailnet_addresses_changed(s->tailnets[i]);
	retry_all(s);
	if (s->front)
		front_addresses_changed(s->front);
}

static int supervisor_on_link(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct supervisor *s = userdata;
	int r = links_watch_drain(s->watch);

	if (r < 0)
		log_error(NULL, "netlink", "%s", strerror(-r));
	if (r > 0)
		supervisor_look(s);
	return 0;
}

/* A supervisor of one tailnet, or of the front alone, has no use for news of the links of others. */
static void supervisor_watch_less(struct supervisor *s)
{
	const struct options *o = s->options;
	char link[LINK_NAME_MAX];

	if (o->all || o->n_names > 1)
		return;
	if (o->n_names)
		names_link(o->names[0], link);
	links_watch_less(s->watch, "tsgw-", o->n_names ? link : NULL);
}

/* After the start, so that it is not told of its own doing, and a thousand that start at the same time do not tell each
 * other of theirs: each event costs the kernel a copy for everybody who listens. Then it looks once more. */
int supervisor_watch(struct supervisor *s)
{
	int r = links_watch_open(&s->watch);

	if (r == 0) {
		supervisor_watch_less(s);
		r = sd_event_add_io(
			s->event, NULL, links_watch_fd(s->watch), EPOLLIN, supervisor_on_link, s);
	}
	if (r < 0) {
		log_error(NULL, "netlink", "links cannot be watched: %s", strerror(-r));
		return r;
	}
	supervisor_look(s);
	return 0;
}
