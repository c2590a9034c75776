// SPDX-License-Identifier: MIT
// What a worker says of ports that it was given and cannot serve yet.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "supervisor/worker.h"

#define WORKER_ERRNO_MAX 4095

/* It goes on with the rest, and tries again by itself. */
int worker_waits(struct worker *w, const struct msg_waits *m)
{
	const char *what = m->type == MSG_PROXY_LISTEN ? "the listener"
		: m->type == MSG_PROXY_FORWARD	       ? "the forwarded port"
		: m->type == MSG_PROXY_RESOLVE	       ? "names: port"
		: m->type == MSG_HOST_PUBLISH	       ? "the published port"
						       : NULL;

	if (!m->n) {
		w->waits[0] = '\0';
	} else {
		if (!what || !m->error || m->error > WORKER_ERRNO_MAX)
			return -EBADMSG;
		snprintf(w->waits, sizeof(w->waits), "%s cannot serve %s %u yet: %.40s", w->program,
			what, m->port, strerror((int)m->error));
	}
	w->ops->changed(w->owner, w);
	return 0;
}
