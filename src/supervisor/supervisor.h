// SPDX-License-Identifier: MIT
// The gateway in one process: what it was asked to run, and what it knows of the host.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include "config/config.h"
#include "supervisor/links.h"
#include "supervisor/store.h"
#include "supervisor/suffixes.h"

struct tailnet;
struct front;
struct control;
struct watch;
struct uplink_watch;

struct options {
	const char *config_path;
	const char *run_dir;
	const char *state_dir;
	char **names; /* --tailnet */
	size_t n_names;
	bool all;   /* every enabled tailnet: neither --tailnet nor --front was given */
	bool front; /* --front, or all */
	bool check, sweep;
};

#define HEAL_SHARED 2

struct heal { /* directories that are watched, see heal.c */
	int shared_fds[HEAL_SHARED], run_fd;
	bool shared_due, run_due; /* something was deleted there */
	bool signals;		  /* that say so are heard */
	sd_event_source *timer;
};

struct supervisor {
	const struct options *options;
	sd_event *event;
	struct store store;
	struct config *config;
	struct suffixes suffixes; /* of .config */
	char worker_dir[4096];
	char empty_dir[4096];
	int host_netns_fd;
	struct links *host;  /* in our own namespace */
	struct links *watch; /* events of links and addresses there */
	struct link_address *addresses;
	size_t n_addresses;
	struct prefix_list
		used; /* only while many are started: what nobody may get from the pool */
	struct tailnet **tailnets;
	size_t n_tailnets;
	struct front *front; /* NULL = not ours */
	struct control *control;
	struct watch *watchers;
	struct heal heal;
	sd_event_source *changed; /* what follows from changes is to be done in this turn */
	struct uplink_watch *uplink_watch; /* NULL = no uplink needs it */
	sd_event_source *mounts;	   /* somebody waits for a change of mounts */
	uint64_t watchdog_usec; /* between two signs of life to systemd, 0 = none is wanted */
	bool started; /* every tailnet has been started once: being down means something now */
	bool ready;
	bool stopping;
	bool leaving; /* everything stays as it is, for the next supervisor of this unit */
	bool asking;  /* systemd, which of both */
};

/* True if this process was asked to run a tailnet of the configuration. */
bool supervisor_wants(const struct supervisor *s, const struct tailnet_config *t);
/* Runs until it is asked to stop. Returns the exit code: 0, 1 or 2. */
int supervisor_run(const struct options *o);

/* hostwatch.c: reads .addresses anew; from then on hears of what changes, and acts on it. */
int supervisor_read_addresses(struct supervisor *s);
int supervisor_watch(struct supervisor *s);
/* Before many are started: what nobody may get from the pool, and a /30 for who has none (prepare.c). */
void supervisor_prepare(struct supervisor *s);
/* Reload: 0, or -EINVAL with the problems given to SAY. DRY: only say the steps. SAY may be NULL. */
int supervisor_reload(struct supervisor *s, bool dry,
	void (*say)(void *arg, bool problem, const char *line), void *arg);
/* A tailnet's or the front's state changed: tell systemd, answer who waits. */
void supervisor_changed(struct supervisor *s);
/* Makes it, takes its lock, serves its control socket; does not start it. Errors are logged. */
int supervisor_add(struct supervisor *s, struct tailnet_config *c, struct tailnet **ret);
struct tailnet *supervisor_find(const struct supervisor *s, const char *name);
