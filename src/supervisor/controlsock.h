// SPDX-License-Identifier: MIT
// RUN/NAME/control.sock and RUN/front.sock as files: made, and removed.
#pragma once

/* A listening socket, 0600 root or 0660 of group tsgw; NAME NULL: the front's. Its descriptor or
 * -errno. */
int controlsock_bind(const char *run_dir, const char *name);
void controlsock_unlink(const char *run_dir, const char *name);
