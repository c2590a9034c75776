// SPDX-License-Identifier: MIT
// The socket at which wg(8) looks for a node that stands alone.
#pragma once

#define WGSOCKET_DIR	  "/run/wireguard"
#define WGSOCKET_PATH_MAX 108

/* Listens at WGSOCKET_DIR/NAME.sock, mode 0600, and takes the place of one on which nobody listens any
 * more. The non-blocking descriptor, or -errno: -EADDRINUSE a live one, -EEXIST something else. */
int wgsocket_listen(const char *name, char ret_path[WGSOCKET_PATH_MAX]);
