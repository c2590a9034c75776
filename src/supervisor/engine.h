// SPDX-License-Identifier: MIT
// The stock node of a tailnet: tailscaled inside the namespace, and what tsgw-host reports of it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>

#include "ipc/control.h"
#include "ipc/msg.h"
#include "supervisor/retry.h"
#include "supervisor/store.h"

#define ENGINE_TUN "tailscale0"

struct tailnet;
struct tailnet_config;
struct netmap;

enum key_end { KEY_NOT_KNOWN, KEY_GOOD, KEY_NEAR, KEY_ENDED };

struct stock {
	bool wanted;
	pid_t pid; /* 0 = it does not run */
	uint64_t start_ticks;
	int log_fd, log_write_fd; /* both ends: it outlives either side */
	int version_fd;		  /* of a child that tells its version, -1 = none asked */
	pid_t version_pid;
	char version_text[64];
	size_t version_n;
	struct stat checked; /* the program whose version is good enough */
	sd_event_source *exit_source, *version_source;
	sd_event_source *start_timer, *connect_timer, *hang_timer, *version_timer, *retry_timer;
	uint64_t started_ms;
	struct retry retry;
	uint32_t restarts;
	uint32_t conns; /* that tsgw-host has, or was given and did not report yet */
	bool cannot;	/* .reason is nothing that passes by itself soon */
	bool again;	/* it is ended to be started anew at once */
	bool hung;	/* we have killed it, for its silence */
	bool logged_out;
	char reason[CONTROL_REASON_MAX]; /* why it does not run, "" else */
	char failure
		[ENGINE_REASON_MAX]; /* why it could not register, until something else is known */
	struct msg_engine_state said;
	enum key_end key_end; /* as watchers were told, with .key_expiry_s */
	uint64_t key_expiry_s;
	sd_event_source *expiry_timer, *peers_timer;
	uint32_t news_left; /* of the burst; see netnews.c */
	bool news_cut;
	uint64_t news_ms;
	struct netmap *staging;
};

void engine_init(struct stock *e);
/* Does the node have to be told, or started anew? */
bool engine_differs(const struct tailnet_config *old, const struct tailnet_config *new);
int engine_make(
	struct tailnet *t, const struct tailnet_config *old, const struct tailnet_config *new);
/* Ends it and waits. */
void engine_stop(struct tailnet *t);
/* What the record says of it: -ESRCH if it does not run. */
int engine_describe(const struct tailnet *t, struct made_process *ret);
/* Ends it, if it runs, and starts it at once. */
void engine_restart(struct tailnet *t);
/* Gives tsgw-host the connections that it lacks, now or in a moment. */
void engine_connect(struct tailnet *t);
void engine_connect_in(struct tailnet *t, unsigned ms);
/* One that is silent for too long is ended. */
void engine_watch_silence(struct tailnet *t);
/* Everything to a new tsgw-host: between its BEGIN and COMMIT, and what is live. */
int engine_send_config(struct tailnet *t);
int engine_send_live(struct tailnet *t);
int engine_send_log(struct tailnet *t);	  /* the pipe that its node logs to, once there is one */
int engine_send_peers(struct tailnet *t); /* to a new tsgw-proxy: who is up */
/* The node's own service addresses, to a tsgw-proxy that is being configured. */
int engine_send_service(struct tailnet *t);
/* A report of tsgw-host. */
int engine_report(struct tailnet *t, const union msg *m);
/* tsgw-host is gone. */
void engine_lost_host(struct tailnet *t);
/* The tailnet's state as far as the node decides it: UP if it has nothing to say. */
enum tailnet_state engine_derive(const struct tailnet *t, char *reason, size_t size);
bool engine_serves(const struct tailnet *t);
/* CLOCK_REALTIME for people. */
void engine_time(uint64_t s, char *ret, size_t size);
/* Logs in or out, or looks anew. */
void engine_act(struct tailnet *t, enum engine_act act);
/* For tsgwctl: NULL, or why it cannot be. */
const char *engine_login(struct tailnet *t, bool in);
/* There is a registration from an earlier time, so that no auth key is needed. */
bool engine_is_registered(const struct store *s, const char *name);
/* The same: 1 there is, 0 there is none, -errno it cannot be seen from here. */
int engine_registration(const struct store *s, const char *name);
/* An auth key that is needed and not there: -ENOENT and the line that says so; 1: that cannot be told from here, and
 * the line for it; 0. */
#define ENGINE_PROBLEM_MAX 512
int engine_key_problem(
	const struct store *s, const struct tailnet_config *t, char *ret, size_t size);
/* RUN/NAME/tailscaled.sock and what it leads to. */
void engine_remove_files(const struct store *s, const char *name);
/* Runs the program at PATH in its box; with VERSION it only tells its version. As enginebox_run(). */
int engine_run_program(struct tailnet *t, const char *path, bool version, int out_fd,
	pid_t *ret_pid, const char **ret_step);
/* The program: 0, or -ENOENT. */
int engine_find_program(const struct tailnet_config *c, char *ret);
