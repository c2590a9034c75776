// SPDX-License-Identifier: MIT
// The moment between a crash and the start that follows it.
//
// After a crash everything stays for the next start, which comes RestartSec= later. Who stops the unit within that
// time finds no process to end: systemd just forgets the start, and does not run ExecStopPost= a second time. So
// the sweep of the crash leaves this guard behind, which looks at the unit until it has gone one way or the other.
// It outlives the sweep as the workers do (KillMode=process), and touches nothing that has an owner again.
#include "supervisor/sweepguard.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/cleanup.h"

#define SYSTEMD	     "org.freedesktop.systemd1"
#define LOOK_MIN_US  50000
#define LOOK_MAX_US  1000000
#define ASK_LIMIT_US 5000000

enum outlook { OUTLOOK_OPEN, OUTLOOK_STARTS, OUTLOOK_STOPPED };

static bool has_job(sd_bus *bus, const char *path)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *m = NULL;
	const char *job;
	uint32_t id;

	return sd_bus_get_property(bus, SYSTEMD, path, SYSTEMD ".Unit", "Job", NULL, &m, "(uo)") <
		0 ||
		sd_bus_message_read(m, "(uo)", &id, &job) < 0 || id != 0;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* One property tells it all, so it cannot change between two questions. It is asked for before the job: what was
 * dead without a job, and has none afterwards, stays dead. */
static enum outlook look(sd_bus *bus, const char *path)
{
	_cleanup_free_ char *sub = NULL;
	int r = sd_bus_get_property_string(
		bus, SYSTEMD, path, SYSTEMD ".Unit", "SubState", NULL, &sub);

	if (r < 0)
		return r == -ETIMEDOUT ? OUTLOOK_OPEN : OUTLOOK_STARTS;
	/* "auto-restart", of newer ones also "auto-restart-queued" and "dead-before-auto-restart" */
	if (strstr(sub, "auto-restart") || begins(sub, "stop") || begins(sub, "final"))
		return OUTLOOK_OPEN;
	if (!begins(sub, "dead") && strcmp(sub, "failed") != 0)
		return OUTLOOK_STARTS;
	return has_job(bus, path) ? OUTLOOK_OPEN : OUTLOOK_STOPPED;
}

bool sweepguard_was_stopped(void)
{
	_cleanup_free_ char *unit = NULL, *path = NULL;
	enum outlook outlook = OUTLOOK_STARTS;
	useconds_t pause = LOOK_MIN_US;
	sd_bus *bus = NULL;

	if (sd_pid_get_unit(0, &unit) >= 0 &&
		sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path) >= 0 &&
		sd_bus_open_system(&bus) >= 0) {
		(void)sd_bus_set_method_call_timeout(bus, ASK_LIMIT_US);
		while ((outlook = look(bus, path)) == OUTLOOK_OPEN) {
			usleep(pause);
			pause = MIN(pause * 2, (useconds_t)LOOK_MAX_US);
		}
	}
	sd_bus_close_unref(bus);
	return outlook == OUTLOOK_STOPPED;
}
