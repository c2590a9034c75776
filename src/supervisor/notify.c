// SPDX-License-Identifier: MIT
// What follows from a change of a tailnet's state: who waits is answered, watchers are told, systemd hears of it.
#include "supervisor/supervisor.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "supervisor/control.h"
#include "supervisor/front.h"
#include "supervisor/tailnet.h"
#include "supervisor/watch.h"

static void supervisor_notify(struct supervisor *s)
{
	size_t n[TAILNET_STATES] = {0};
	char text[CONTROL_REASON_MAX + 128] = "";
	size_t len = 0;

	if (s->n_tailnets == 1) {
		snprintf(text, sizeof(text), "%s%s%s", tailnet_state_name(s->tailnets[0]->state),
			*s->tailnets[0]->reason ? ": " : "", s->tailnets[0]->reason);
	} else {
		for (size_t i = 0; i < s->n_tailnets; i++)
			n[s->tailnets[i]->state]++;
		for (size_t i = 0; i < TAILNET_STATES; i++)
			if (n[i])
				len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%zu %s",
					len ? ", " : "", n[i], tailnet_state_name((unsigned)i));
		if (!len)
			snprintf(text, sizeof(text), "%s",
				s->front ? "front services run"
					 : "nothing runs: the configuration has it no more");
	}
	(void)sd_notifyf(0, "STATUS=%s", text);
}

static void supervisor_settle(struct supervisor *s)
{
	for (size_t i = 0; i < s->n_tailnets; i++)
		if (!tailnet_is_settled(s->tailnets[i]))
			return;
	if (s->front &&
		(worker_is_starting(&s->front->dns) || worker_is_starting(&s->front->web.worker)))
		return;
	s->ready = true;
	(void)sd_notify(0, "READY=1");
	log_info(NULL, NULL, "ready");
}

static int supervisor_on_changed(sd_event_source *source, void *userdata)
{
	struct supervisor *s = userdata;

	s->changed = sd_event_source_disable_unref(s->changed);
	if (s->stopping)
		return 0;
	control_settle(s->control);
	watch_look(s);
	supervisor_notify(s);
	if (!s->ready && s->started)
		supervisor_settle(s);
	return 0;
}

/* Told once for all that happens in one turn of the loop. */
void supervisor_changed(struct supervisor *s)
{
	if (!s->stopping && !s->changed &&
		sd_event_add_defer(s->event, &s->changed, supervisor_on_changed, s) < 0)
		(void)supervisor_on_changed(NULL, s);
}
