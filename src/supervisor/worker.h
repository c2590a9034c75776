// SPDX-License-Identifier: MIT
// A worker process: started, told, listened to, started again with backoff when it dies.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/sandbox.h"
#include "ipc/msg.h"

#define WORKER_BACKOFF_MIN_MS 100
#define WORKER_BACKOFF_MAX_MS 30000
#define WORKER_STABLE_MS      60000 /* lived so long: the next backoff starts small again */

struct worker;

struct worker_ops {
	/* The process may be recorded now (w->pid); called before it is told anything. 0 or -errno. */
	int (*record)(void *owner);
	/* Tell it everything: descriptors, BEGIN, items, COMMIT. 0 or -errno (then it is ended). */
	int (*configure)(void *owner, struct worker *w);
	/* A checked message other than READY. -EBADMSG ends the worker. */
	int (*report)(void *owner, struct worker *w, const union msg *m);
	/* It became ready, died, or could not be started. */
	void (*changed)(void *owner, struct worker *w);
};

struct worker {
	/* set by worker_init() */
	sd_event *event;
	const char *dir;     /* where the programs are */
	const char *program; /* "tsgw-wg" */
	const char *empty_dir;
	const char *tailnet; /* "-" for the front */
	enum sandbox_kind kind;
	uid_t uid;
	int netns_fd; /* borrowed; -1 = stay in the host's */
	const struct worker_ops *ops;
	void *owner;

	/* state */
	bool wanted;
	pid_t pid; /* 0 = not running */
	int channel;
	bool ready;  /* answered READY to the last COMMIT */
	bool serves; /* answered READY since it was started: only the newest changes are missing */
	uint32_t generation; /* of the last BEGIN */
	uint32_t restarts;
	uint64_t started_ms;
	uint32_t backoff_ms;
	char reason[160]; /* why it is not running, "" else */
	int stats_fd;	  /* kept over restarts, so that counters go on */
	void *stats;
	size_t stats_size;
	sd_event_source *io_source, *child_source, *restart_source;
};

void worker_init(struct worker *w, size_t stats_size);
/* Starts it now. A failure is retried with backoff too. */
void worker_start_now(struct worker *w);
/* Ends it (SIGTERM; SIGKILL after half a second), waits for it, forgets it. */
void worker_stop(struct worker *w);
/* Frees what worker_init() made. */
void worker_done(struct worker *w);

/* Sends one message; a worker that does not take it within two seconds is killed (and started
 * again). */
int worker_send(
	struct worker *w, enum msg_type type, void *msg, size_t size, const int *fds, size_t n_fds);
#define worker_tell(w, type, msg) worker_send(w, type, msg, sizeof(*(msg)), NULL, 0)
/* N prefixes in as many struct msg_prefixes of TYPE as they need. */
int worker_tell_prefixes(struct worker *w, enum msg_type type, const struct prefix *p, size_t n);
int worker_begin(struct worker *w);
int worker_commit(struct worker *w);

/* The directory that holds the workers: beside the running executable, ../libexec/tsgw, or the
 * built-in one. */
int worker_find_dir(char *ret, size_t size);
