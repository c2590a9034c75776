// SPDX-License-Identifier: MIT
// The socket at which wg(8) looks for a node that stands alone.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define WGSOCKET_DIR	  "/run/wireguard"
#define WGSOCKET_PATH_MAX 108

/* Listens at WGSOCKET_DIR/NAME.sock, mode 0600, and takes the place of one on which nobody listens any
 * more. The non-blocking descriptor, or -errno: -EADDRINUSE a live one, -EEXIST something else. */
int wgsocket_listen(const char *name, char ret_path[WGSOCKET_PATH_MAX]);

/* Is FD a listening unix socket, made by somebody else? Its path then; "" if it has none. */
bool wgsocket_listens(int fd, char ret_path[WGSOCKET_PATH_MAX]);

/* Watches for the removal of PATH: a descriptor for wgsocket_is_gone(), or -errno. */
int wgsocket_watch(const char *path);
/* Takes what has been told so far. */
bool wgsocket_is_gone(int watch_fd, const char *path);
