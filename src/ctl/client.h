// SPDX-License-Identifier: MIT
// One conversation with a supervisor over a control socket.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "ctl/command.h"
#include "ipc/record.h"

#define CLIENT_PATIENCE_MS 5000
#define CLIENT_RECORDS_MAX 1048576 /* of one answer */

/* Connects to RUN_DIR/NAME/control.sock, or RUN_DIR/front.sock for NAME NULL. *ret_pid (may be
 * NULL) is who made the socket, 0 if unknown. 0; -ENOENT: nobody serves it (no socket, or a dead
 * one); -EACCES; other -errno. */
int client_open(const char *run_dir, const char *name, int *ret_fd, pid_t *ret_pid);

/* The same for who asks many: DIR is an O_PATH descriptor of RUN_DIR. */
int client_open_at(int dir, const char *run_dir, const char *name, int *ret_fd, pid_t *ret_pid);

/* Sends Q (magic and version are filled in) and gives every record before the end to EACH (may
 * be NULL), which may end it all with -errno. Waits at most PATIENCE_MS for each record, without
 * limit if that is COMMAND_WAIT_FOREVER. 0 and *ret; -ETIMEDOUT; -EPIPE: hung up without an end;
 * -EBADMSG: no record of control.h; -errno. */
int client_ask(int fd, struct control_request *q, uint32_t patience_ms,
	int (*each)(void *arg, const union control_any *m), void *arg, struct control_end *ret);

/* The two halves of it: sends Q; reads the answer. */
int client_send(int fd, struct control_request *q);
int client_read(int fd, uint32_t patience_ms, int (*each)(void *arg, const union control_any *m),
	void *arg, struct control_end *ret);

/* One clear line for a failure of client_open() or client_ask(). WHO: the tailnet, NULL the front.
 * Returns the exit code. */
int client_complain(const char *run_dir, const char *who, int error);
