// SPDX-License-Identifier: MIT
// A worker process: started, told, listened to, started again with backoff when it dies.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "common/sandbox.h"
#include "ipc/msg.h"
#include "supervisor/retry.h"

struct made;
struct made_process;
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
	const char *option;  /* one more argument, NULL = none */
	enum sandbox_kind kind;
	uid_t uid;
	int netns_fd; /* borrowed; -1 = stay in the host's */
	const struct worker_ops *ops;
	void *owner;

	/* state */
	bool wanted;
	pid_t pid; /* 0 = not running */
	int pidfd;
	int channel;
	uint64_t build; /* of its program */
	bool pinged;	/* and has not answered */
	bool adopted;	/* not our child: an earlier supervisor started it */
	bool resuming;	/* adopted, and has not yet answered what we told it first */
	bool ready;	/* answered READY to the last COMMIT */
	bool serves; /* answered READY since it was started: only the newest changes are missing */
	uint32_t generation; /* of the last BEGIN */
	uint32_t restarts;
	uint64_t started_ms;
	struct retry retry; /* since it lived for a while */
	bool condemned;	    /* we have killed it, for what it did */
	bool outside;	    /* it failed for a cause outside of us, and was not ready since */
	bool hurried;	    /* another one had luck: it is started sooner than planned */
	char reason[160];   /* why it is not running, "" else */
	char waits[96];	    /* what it was given and cannot serve yet, "" = it serves all */
	int stats_fd;	    /* kept over restarts, so that counters go on */
	void *stats;
	size_t stats_size;
	sd_event_source *io_source, *exit_source, *restart_source;
	struct worker *prev, *next; /* all of this process */
};

void worker_init(struct worker *w, size_t stats_size);
/* Starts it now. A failure is retried with backoff too. */
/* Without the timer that would mend it nothing does: ends the process at once, as a crash would, so that the
 * next one takes over what runs. */
_Noreturn void worker_no_timer(const char *label, const char *object);
void worker_start_now(struct worker *w);
/* Takes over the process that an earlier supervisor left and M records, and tells it everything anew.
 * -ENOENT: there is none that could be used; what is left of it is the caller's to end. -ESTALE: it
 * is of another build; *ret_left is what M says of it and *ret_pidfd the caller's. */
int worker_adopt(
	struct worker *w, const struct made *m, struct made_process *ret_left, int *ret_pidfd);
/* What tells two builds of its program apart; 0 if it cannot be read. */
uint64_t worker_build(const struct worker *w);
/* What the record says of it. 0 or -ESRCH. */
int worker_describe(const struct worker *w, struct made_process *ret);
/* Lets go of it, alive and in the store, for the next supervisor. */
void worker_leave(struct worker *w);
/* Wanted, and neither ready nor known to fail. */
static inline bool worker_is_starting(const struct worker *w)
{
	return w->wanted && !w->ready && !*w->reason;
}
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

/* Its report, for the state of its owner. 0 or -EBADMSG. */
int worker_waits(struct worker *w, const struct msg_waits *m);

/* Every worker that runs is asked whether it is alive; who has not answered since the last time is
 * killed, and started again. */
void worker_ping_all(void);

/* For those who take it over, too. */
const char *worker_label(const struct worker *w); /* in the log: "-" is the front */
void worker_kill(const struct worker *w, int signal_number);
int worker_watch(struct worker *w); /* its channel and its death */
/* Its place in the descriptor store: "tsgw-wg.pid", ".channel", ".stats". */
const char *worker_object(const struct worker *w, const char *what, char ret[64]);

/* The directory that holds the workers: beside the running executable, ../libexec/tsgw, or the
 * built-in one. */
int worker_find_dir(char *ret, size_t size);
