// SPDX-License-Identifier: MIT
// RUN/NAME/resolve.sock, by which the front's tsgw-dns asks a tailnet's tsgw-proxy: made, found, removed.
#pragma once

#define RESOLVESOCK_FILE "resolve.sock"

/* A listening socket, 0600 root. It is moved into its place when it listens, so whoever sees it come can
 * connect. Its descriptor or -errno. */
int resolvesock_bind(const char *run_dir, const char *name);
/* A non-blocking connection, or -errno: -ENOENT, -ECONNREFUSED: the tailnet is down. */
int resolvesock_connect(const char *run_dir, const char *name);
void resolvesock_unlink(const char *run_dir, const char *name);
