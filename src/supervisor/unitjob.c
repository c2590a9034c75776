// SPDX-License-Identifier: MIT
// What systemd is about to do with our unit.
//
// A restart is a job of the type "restart" while the old process is stopped, and of the type "start" once
// that is gone; a stop is one of the type "stop". The bus may be dead, or die of the same shutdown: then a
// second is all that is waited.
#include "supervisor/unitjob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"

#define UNITJOB_TIMEOUT_US 1000000
#define SYSTEMD		   "org.freedesktop.systemd1"

static struct {
	sd_bus *bus;
	sd_event_source *timer;
	void (*done)(void *arg, enum unit_job job);
	void *arg;
} question;

static void finish(enum unit_job job)
{
	void (*done)(void *arg, enum unit_job job) = question.done;

	question.timer = sd_event_source_disable_unref(question.timer);
	if (question.bus)
		sd_bus_detach_event(question.bus);
	question.bus = sd_bus_close_unref(question.bus);
	question.done = NULL;
	if (done)
		done(question.arg, job);
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata)
{
	log_notice(NULL, "systemd", "does not tell why this process ends");
	finish(UNIT_JOB_UNKNOWN);
	return 0;
}

static int on_type(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *type = "";

	if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "v", "s", &type) < 0)
		finish(UNIT_JOB_UNKNOWN); /* it is over meanwhile */
	else if (!strcmp(type, "stop"))
		finish(UNIT_JOB_STOP);
	else if (!strcmp(type, "start"))
		finish(UNIT_JOB_START);
	else
		finish(strstr(type, "restart") ? UNIT_JOB_RESTART : UNIT_JOB_NONE);
	return 0;
}

static int on_job(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *path;
	uint32_t id = 0;
	int r;

	if (sd_bus_message_is_method_error(m, NULL) ||
		sd_bus_message_read(m, "v", "(uo)", &id, &path) < 0) {
		finish(UNIT_JOB_UNKNOWN);
		return 0;
	}
	if (!id) {
		finish(UNIT_JOB_NONE);
		return 0;
	}
	r = sd_bus_call_method_async(question.bus, NULL, SYSTEMD, path,
		"org.freedesktop.DBus.Properties", "Get", on_type, NULL, "ss", SYSTEMD ".Job",
		"JobType");
	if (r < 0)
		finish(UNIT_JOB_UNKNOWN);
	return 0;
}

static int ask(sd_event *event)
{
	_cleanup_free_ char *unit = NULL, *path = NULL;
	int r = getenv("NOTIFY_SOCKET") || getenv("SERVICE_RESULT") ? sd_pid_get_unit(0, &unit)
								    : -ENODATA;

	if (r >= 0)
		r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
	if (r >= 0)
		r = sd_bus_open_system(&question.bus);
	if (r >= 0)
		r = sd_bus_attach_event(question.bus, event, SD_EVENT_PRIORITY_NORMAL);
	if (r >= 0)
		r = sd_bus_call_method_async(question.bus, NULL, SYSTEMD, path,
			"org.freedesktop.DBus.Properties", "Get", on_job, NULL, "ss",
			SYSTEMD ".Unit", "Job");
	if (r >= 0)
		r = sd_event_add_time_relative(event, &question.timer, CLOCK_MONOTONIC,
			UNITJOB_TIMEOUT_US, 1000, on_timeout, NULL);
	return r;
}

void unitjob_ask(sd_event *event, void (*done)(void *arg, enum unit_job job), void *arg)
{
	int r;

	question.done = done;
	question.arg = arg;
	r = ask(event);
	if (r < 0 && r != -ENODATA)
		log_debug(NULL, "systemd", "cannot be asked: %s", strerror(-r));
	if (r < 0)
		finish(UNIT_JOB_UNKNOWN);
}
