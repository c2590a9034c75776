// SPDX-License-Identifier: MIT
// The process beside a node that stands alone: it makes the sockets, and reads nothing from a network.
#pragma once

#include <stdint.h>

/* Both families on one port, 0 = any that is free for both; a family that the system does not have
 * leaves -1 (IPv6: and the port is IPv4's). 0 or -errno. */
int binder_open_here(uint16_t port, uint32_t fwmark, int ret[2], uint16_t *ret_port);

/* Starts the process, to be called before the caller's own sandbox and threads. What it is asked
 * through *ret_channel it does with CAP_NET_BIND_SERVICE and CAP_NET_ADMIN, as far as we have them;
 * it ends when the channel does. STDIO_FD takes the place of standard input, output and error there,
 * unless -1. 0 or -errno. */
int binder_start(int stdio_fd, int *ret_channel);

/* binder_open_here() there. */
int binder_open(int channel, uint16_t port, uint32_t fwmark, int ret[2], uint16_t *ret_port);
