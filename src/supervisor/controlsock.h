// SPDX-License-Identifier: MIT
// RUN/NAME/control.sock and RUN/front.sock as files: made, and removed; and how an answer goes out.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

/* A listening socket, 0600 root or 0660 of group tsgw; NAME NULL: the front's. Its descriptor or
 * -errno. */
int controlsock_bind(const char *run_dir, const char *name);
/* Connects to one, without waiting. 0 or -errno: -ENOENT, -ECONNREFUSED (a leftover, or it does not
 * listen yet), -EAGAIN (its queue is full). */
int controlsock_connect(const char *run_dir, const char *name, int *ret_fd);
/* Who connected: others than root come in by the socket's group alone. 0 or -errno. */
int controlsock_peer(int fd, uid_t *ret_uid);
/* One record of an answer. The socket's own patience (SO_SNDTIMEO) is for one, CONTROLSOCK_PATIENCE_MS for all of them:
 * who takes one now and then would hold up everybody else for minutes. *BLOCKED_NS, 0 at first: how long it has taken so
 * far. 0 or -errno: it is to be told no more. */
#define CONTROLSOCK_PATIENCE_MS 3000
int controlsock_send(int fd, const void *record, size_t size, uint64_t *blocked_ns);
void controlsock_unlink(const char *run_dir, const char *name);

/* The address of the socket FILE in RUN/NAME (NULL: in RUN), by way of the directory's descriptor, so that
 * sun_path (108 bytes) holds whatever --run-dir is. Returns that descriptor, to be closed after use, or
 * -errno. */
int controlsock_address(
	const char *run_dir, const char *name, const char *file, struct sockaddr_un *ret);
