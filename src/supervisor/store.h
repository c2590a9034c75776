// SPDX-License-Identifier: MIT
// What is remembered: the /30 and slot of each tailnet (STATE/NAME, kept), and what a run has made (RUN/NAME, volatile).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/addr.h"
#include "config/config.h"
#include "supervisor/netns.h"

/* Directories of this gateway. */
struct store {
	const char *run_dir;   /* "/run/tsgw" */
	const char *state_dir; /* "/var/lib/tsgw" */
};

/* Makes run_dir (0755), run_dir/.empty (0555, for the workers' chroot) and state_dir (0700); names
 * the one that fails in the log. */
int store_init(const struct store *s);
/* Makes RUN/NAME (0755), and looks at STATE/NAME, if it is there. */
int store_init_tailnet(const struct store *s, const char *name);
/* Makes STATE/NAME (0700): for the pool, which knows who has one. */
int store_init_state(const struct store *s, const char *name);

/* Takes the lock RUN/NAME/lock (or RUN/front.lock for NAME NULL): open file description lock, held
 * while *ret_fd is open. -EAGAIN if another process has it; *ret_pid (may be NULL) is its pid
 * then, or 0. */
int store_lock(const struct store *s, const char *name, int *ret_fd, pid_t *ret_pid);

/* The tailnet's /30: the remembered one if it lies in POOL, else the first free (no other
 * STATE/NAME has it, no USED prefix overlaps it), remembered with write-rename under a lock on
 * STATE/pool.lock. A remembered one that USED overlaps is replaced, with a warning. *ret_slot = 1
 * + its index in the pool. -ENOSPC: pool exhausted. With DRY_RUN nothing is written or locked
 * (works unprivileged, unreadable state = nothing remembered). */
int store_pool_get(const struct store *s, const char *name, const struct prefix *pool,
	const struct prefix *used, size_t n_used, bool dry_run, struct prefix *ret,
	uint32_t *ret_slot);
/* For those of NAMES that have none yet, all at once: cheaper than one by one, and only that. Which do not get
 * one here ask for it by store_pool_get(). */
int store_pool_prepare(const struct store *s, const char *const *names, size_t n,
	const struct prefix *pool, const struct prefix *used, size_t n_used);
/* For a plan of many, without a lock and without writing: what all tailnets remember; the /30 that NAME would get
 * where USED and TAKEN are so. */
int store_pool_all(const struct store *s, struct prefix_list *ret);
int store_pool_plan(const struct store *s, const char *name, const struct prefix *pool,
	const struct prefix_list *used, const struct prefix_list *taken, struct prefix *ret);
int store_pool_free(const struct store *s, const char *name);

/* The volatile record RUN/NAME/made: what exists or is about to. Written before the thing is made,
 * so that a start after SIGKILL knows all of it. */
#define STORE_PIDS_MAX 16
struct made_process {
	pid_t pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	uint32_t uid;
	uint64_t build; /* of its program: see worker_build(); 0 = not known */
};
#define STORE_FORWARDS_MAX 8
struct made_forward { /* an interface of the host that forwards because of us, see forwarding.h */
	char ifname[16]; /* "" = empty */
	uint8_t family;
	uint8_t old; /* how it was */
};
struct made {
	struct netns_id netns; /* ino 0 = none */
	char link[16];	       /* "" = none */
	bool resolv_conf;
	char uapi_link[16];			       /* of /run/wireguard/LINK.sock, "" = none */
	struct made_process processes[STORE_PIDS_MAX]; /* pid 0 = empty */
	bool table;				       /* of nftables, tsgw-NAME */
	struct made_forward forwards[STORE_FORWARDS_MAX];
	struct made_process
		owner; /* the supervisor that wrote it: filled in by store_made_write() */
};
int store_made_write(const struct store *s, const char *name, const struct made *m);
/* -ENOENT: nothing recorded. A damaged record: -EBADMSG. Parsed strictly. */
int store_made_read(const struct store *s, const char *name, struct made *ret);
int store_made_remove(const struct store *s, const char *name);
/* start_ticks of a live process; -ESRCH. */
int store_process_start(pid_t pid, uint64_t *ret_ticks);

/* The mark of everything that this gateway makes: "tsgw:RUN_DIR", RUN_DIR without links in its
 * path. */
#define STORE_MARK_MAX 256
void store_mark(const struct store *s, char ret[STORE_MARK_MAX]);
/* "RUN/NAME/FILE" into RET (PATH_MAX bytes); -ENAMETOOLONG. */
int store_run_path(const struct store *s, const char *name, const char *file, char *ret);

/* The pure parts. A text is right only if printing what was read gives the same bytes. 0 or
 * -EBADMSG. */
#define STORE_MADE_TEXT_MAX 2048
int store_made_format(const struct made *m, char ret[STORE_MADE_TEXT_MAX]); /* length or -EINVAL */
int store_made_parse(const char *text, size_t len, struct made *ret);
#define STORE_NET_TEXT_MAX 64
int store_net_format(const struct prefix *p, char ret[STORE_NET_TEXT_MAX]);
int store_net_parse(const char *text, size_t len, struct prefix *ret);
/* The first /30 of POOL that overlaps nothing of TAKEN (sorted in place). 0 or -ENOSPC. */
int store_pool_first(const struct prefix *pool, struct prefix *taken, size_t n, struct prefix *ret);
