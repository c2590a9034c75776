// SPDX-License-Identifier: MIT
// tsgwd --sweep: what a supervisor that is gone for good has left is removed.
//
// It is the unit's ExecStopPost=. A supervisor that was killed leaves everything to the next one, and so
// does this while there will be a next one: a start is queued, or Restart=on-failure will queue it after
// us. $SERVICE_RESULT and $EXIT_STATUS say how the supervisor ended (systemd.exec(5)); by hand there is
// neither, and everything goes. A stop may still come before that start: sweepguard.c.
#include "supervisor/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "supervisor/controlsock.h"
#include "supervisor/recover.h"
#include "supervisor/sweepguard.h"
#include "supervisor/unitjob.h"

#define EXIT_BAD_CONFIGURATION "2" /* RestartPreventExitStatus= of the units */

int sweep_one(const struct store *store, struct links *host, const char *name)
{
	_cleanup_close_ int lock = -1;
	char object[128] = "";
	int r = store_lock(store, name, &lock, NULL);

	if (r == -ENOENT || r == -EAGAIN)
		return 0; /* there was never one, or there is one again */
	if (r == 0)
		r = name ? recover_tailnet(store, name, host, object) : recover_front(store);
	if (r < 0)
		log_error(name, *object ? object : NULL, "cannot be removed: %s", strerror(-r));
	else
		controlsock_unlink(store->run_dir, name); /* nobody serves it: we have the lock */
	return r;
}

static bool restarts_by_itself(void)
{
	const char *result = getenv("SERVICE_RESULT"), *code = getenv("EXIT_CODE"),
		   *status = getenv("EXIT_STATUS");

	if (!result || !strcmp(result, "success") || !strcmp(result, "start-limit-hit"))
		return false;
	return !(code && status && !strcmp(code, "exited") &&
		!strcmp(status, EXIT_BAD_CONFIGURATION));
}

enum verdict { GOES, STAYS, STAYS_SO_FAR };

/* A start that fails is still a job: whether another follows is for its exit code to say. */
static void on_answer(void *arg, enum unit_job job)
{
	bool succeeded = getenv("SERVICE_RESULT") && !strcmp(getenv("SERVICE_RESULT"), "success");
	enum verdict v = GOES;

	if (job == UNIT_JOB_RESTART || (job == UNIT_JOB_START && succeeded))
		v = STAYS;
	else if (job != UNIT_JOB_STOP && restarts_by_itself())
		v = STAYS_SO_FAR;
	(void)sd_event_exit(arg, v);
}

static int sweep(const struct options *o)
{
	const struct store store = {.run_dir = o->run_dir, .state_dir = o->state_dir};
	struct links *host;
	int r = links_open(-1, &host);

	if (r < 0)
		return r;
	for (size_t i = 0; i < o->n_names; i++)
		r = sweep_one(&store, host, o->names[i]) ?: r;
	if (o->front)
		r = sweep_one(&store, host, NULL) ?: r;
	links_close(host);
	return r;
}

/* True in the process that is left behind, once there is something to remove after all. */
static bool stays_with_guard(void)
{
	pid_t pid = fork();

	if (pid < 0)
		log_warning(NULL, NULL, "no process to see whether it starts: %s", strerror(errno));
	if (pid != 0)
		return false;
	return sweepguard_was_stopped() || (_exit(0), false);
}

int sweep_run(const struct options *o)
{
	sd_event *event;
	int verdict, r = sd_event_new(&event);

	if (r < 0)
		return 1;
	unitjob_ask(event, on_answer, event);
	verdict = sd_event_loop(event);
	sd_event_unref(event);
	if (verdict != STAYS && verdict != STAYS_SO_FAR)
		return sweep(o) < 0;
	log_info(NULL, NULL, "everything stays for the next start");
	if (verdict == STAYS_SO_FAR && stays_with_guard()) {
		log_info(NULL, NULL, "stopped before it started again: everything goes");
		return sweep(o) < 0;
	}
	return 0;
}
