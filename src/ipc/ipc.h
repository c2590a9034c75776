// SPDX-License-Identifier: MIT
// Sending and receiving one message with its descriptors over a SOCK_SEQPACKET socket.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ipc/msg.h"

enum ipc_sender { IPC_PARENT, IPC_WORKER };

/* Fills in MSG's header and sends it with N_FDS descriptors (which stay the caller's).
 * 0 or -errno (-EAGAIN on a full non-blocking socket, -EPIPE when the other end is gone). */
int ipc_send(int sock, enum msg_type type, void *msg, size_t size, const int *fds, size_t n_fds);
#define ipc_send_msg(sock, type, msg) ipc_send(sock, type, msg, sizeof(*(msg)), NULL, 0)

/* Receives one message that SENDER may send. Checks type, exact size and the number of descriptors;
 * those are the caller's then (CLOEXEC), *ret_n_fds of them.
 * A ping is answered here, and is nothing to the caller (-EAGAIN).
 * 1 a message; 0 end of file; -EAGAIN; -EBADMSG against the page msg.h; other -errno. */
int ipc_recv(
	int sock, enum ipc_sender sender, union msg *ret, int fds[MSG_FDS_MAX], size_t *ret_n_fds);

/* The pure part: does a message of SIZE bytes with N_FDS descriptors from SENDER obey msg.h?
 * 0 or -EBADMSG. */
int ipc_check(const union msg *m, size_t size, size_t n_fds, enum ipc_sender sender);

/* "wg-peer", …, for logs; "unknown" else. */
const char *ipc_type_name(uint16_t type);
