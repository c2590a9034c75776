// SPDX-License-Identifier: MIT
// RUN/NAME/control.sock and RUN/front.sock as files: made, and removed.
#pragma once

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
void controlsock_unlink(const char *run_dir, const char *name);

/* The address of the socket FILE in RUN/NAME (NULL: in RUN), by way of the directory's descriptor, so that
 * sun_path (108 bytes) holds whatever --run-dir is. Returns that descriptor, to be closed after use, or
 * -errno. */
int controlsock_address(
	const char *run_dir, const char *name, const char *file, struct sockaddr_un *ret);
