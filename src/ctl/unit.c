// SPDX-License-Identifier: MIT
// tsgw@NAME.service, spoken to over D-Bus.
#include "ctl/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "ctl/command.h"

#define UNIT_MANAGER \
	"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define UNIT_JOB_TIMEOUT_MS 180000 /* longer than any start or stop of the unit may take */
#define UNIT_NAME_MAX	    64

static const char *const verbs[] = {
	[UNIT_START] = "StartUnit",
	[UNIT_STOP] = "StopUnit",
	[UNIT_RESTART] = "RestartUnit",
};

/* Jobs that ended, noted by their signal: it may come before the answer with the job's path. */
struct job {
	char unit[UNIT_NAME_MAX];
	char path[256];
	char done_path[256];
	char result[32];
};

/* A tailnet's name needs no escaping in an instance name: %i gives it back as it is. */
static void unit_name(const char *name, char ret[UNIT_NAME_MAX])
{
	snprintf(ret, UNIT_NAME_MAX, "tsgw@%s.service", name);
}

bool unit_available(void)
{
	return sd_booted() > 0;
}

bool unit_owns(const char *name, pid_t pid)
{
	__attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *answer = NULL;
	char unit[UNIT_NAME_MAX], *id = NULL;
	const char *path;
	bool owns = false;

	if (pid <= 0 || !unit_available() || sd_bus_open_system(&bus) < 0)
		return false;
	unit_name(name, unit);
	if (sd_bus_call_method(
		    bus, UNIT_MANAGER, "GetUnitByPID", NULL, &answer, "u", (uint32_t)pid) < 0 ||
		sd_bus_message_read(answer, "o", &path) < 0)
		return false;
	if (sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path,
		    "org.freedesktop.systemd1.Unit", "Id", NULL, &id) >= 0)
		owns = !strcmp(id, unit);
	free(id);
	return owns;
}

/* The path of its object, loaded if need be. */
static int unit_load(sd_bus *bus, const char *unit, char **ret)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *answer = NULL;
	const char *path;
	int r = sd_bus_call_method(bus, UNIT_MANAGER, "LoadUnit", NULL, &answer, "s", unit);

	if (r >= 0)
		r = sd_bus_message_read(answer, "o", &path);
	if (r < 0)
		return r;
	*ret = strdup(path);
	return *ret ? 0 : -ENOMEM;
}

static int unit_property(sd_bus *bus, const char *path, const char *name, char **ret)
{
	return sd_bus_get_property_string(bus, "org.freedesktop.systemd1", path,
		"org.freedesktop.systemd1.Unit", name, NULL, ret);
}

int unit_query(const char *unit, struct unit_state *ret)
{
	__attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;
	_cleanup_free_ char *path = NULL, *load = NULL, *active = NULL, *file = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = unit_load(bus, unit, &path);
	if (r >= 0)
		r = unit_property(bus, path, "LoadState", &load);
	if (r >= 0)
		r = unit_property(bus, path, "ActiveState", &active);
	if (r >= 0)
		r = unit_property(bus, path, "UnitFileState", &file);
	if (r < 0)
		return r;
	*ret = (struct unit_state){
		.exists = !strcmp(load, "loaded"),
		.enabled = !strncmp(file, "enabled", 7),
		.active = strcmp(active, "inactive") != 0 && strcmp(active, "failed") != 0,
		.failed = !strcmp(active, "failed"),
	};
	return 0;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct job *j = userdata;
	const char *path, *unit, *result;
	uint32_t id;

	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0 || strcmp(unit, j->unit))
		return 0;
	/* another job of the same unit must not end our waiting */
	if (*j->path && strcmp(path, j->path))
		return 0;
	snprintf(j->done_path, sizeof(j->done_path), "%s", path);
	snprintf(j->result, sizeof(j->result), "%s", result);
	return 0;
}

static int job_wait(sd_bus *bus, struct job *j)
{
	uint64_t deadline = clock_now_ms() + UNIT_JOB_TIMEOUT_MS;
	int r;

	while (strcmp(j->done_path, j->path)) {
		uint64_t now = clock_now_ms();

		if (now >= deadline)
			return -ETIMEDOUT;
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, (deadline - now) * 1000);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return 0;
}

static int job_queue(sd_bus *bus, enum unit_verb verb, struct job *j, sd_bus_error *error)
{
	__attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *answer = NULL;
	const char *path;
	int r = sd_bus_match_signal(bus, NULL, UNIT_MANAGER, "JobRemoved", on_job_removed, j);

	if (r >= 0)
		r = sd_bus_call_method(bus, UNIT_MANAGER, "Subscribe", error, NULL, "");
	if (r >= 0)
		r = sd_bus_call_method(
			bus, UNIT_MANAGER, verbs[verb], error, &answer, "ss", j->unit, "replace");
	if (r >= 0)
		r = sd_bus_message_read(answer, "o", &path);
	if (r < 0)
		return r;
	snprintf(j->path, sizeof(j->path), "%s", path);
	return 0;
}

int unit_act(enum unit_verb verb, const char *name)
{
	__attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;
	__attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
	struct job job = {0};
	int r = sd_bus_open_system(&bus);

	unit_name(name, job.unit);
	if (r >= 0)
		r = job_queue(bus, verb, &job, &error);
	if (r >= 0)
		r = job_wait(bus, &job);
	if (r < 0) {
		fprintf(stderr, "tsgwctl: %s: %s: %s\n", job.unit, verbs[verb],
			r == -ETIMEDOUT		? "the job does not end"
				: error.message ? error.message
						: strerror(-r));
		return CTL_FAILED;
	}
	if (!strcmp(job.result, "done"))
		return CTL_DONE;
	fprintf(stderr, "tsgwctl: %s: %s: %s; see journalctl -u %s\n", job.unit, verbs[verb],
		job.result, job.unit);
	return CTL_FAILED;
}

static int enable_call(sd_bus *bus, const char *unit, bool enable, sd_bus_error *error)
{
	int r = enable ? sd_bus_call_method(bus, UNIT_MANAGER, "EnableUnitFiles", error, NULL,
				 "asbb", 1, unit, false, false)
		       : sd_bus_call_method(bus, UNIT_MANAGER, "DisableUnitFiles", error, NULL,
				 "asb", 1, unit, false);

	/* as systemctl does: what it knows of unit files is old now */
	return r < 0 ? r : sd_bus_call_method(bus, UNIT_MANAGER, "Reload", error, NULL, "");
}

int unit_enable(const char *name, bool enable)
{
	__attribute__((cleanup(sd_bus_flush_close_unrefp))) sd_bus *bus = NULL;
	__attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
	char unit[UNIT_NAME_MAX];
	int r = sd_bus_open_system(&bus);

	unit_name(name, unit);
	if (r >= 0)
		r = enable_call(bus, unit, enable, &error);
	if (r >= 0)
		return CTL_DONE;
	fprintf(stderr, "tsgwctl: %s: cannot %s it: %s\n", unit, enable ? "enable" : "disable",
		error.message ? error.message : strerror(-r));
	return CTL_FAILED;
}
