// SPDX-License-Identifier: MIT
// Descriptors: closing, flags, whole-file reads and atomic writes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Closes *FD unless it is -1, keeps errno, leaves -1 behind. */
void fd_closep(int *fd);
/* Closes FD unless it is negative; always returns -1, for `fd = fd_close(fd)`. */
int fd_close(int fd);
/* 0 or -errno. */
int fd_nonblock(int fd, bool on);
int fd_cloexec(int fd, bool on);
/* recv(2) of a whole datagram of a connected SOCK_SEQPACKET, without waiting: its real length even if that is more than
 * SIZE, 0 at the end, or -1 and errno. The end never stands before the last datagrams (the kernel looks for a
 * datagram first and for the end afterwards: what came between is lost to who believes the first 0). */
ssize_t fd_recv(int fd, void *buf, size_t size);
/* The same socket, pipe or file behind two descriptors? */
bool fd_same(int a, int b);
/* Whose is this pidfd? -ESRCH if it has ended and is gone. */
int fd_pidfd_pid(int fd, pid_t *ret);

/* Reads at most MAX bytes of PATH into fresh memory, always NUL-terminated behind the end.
 * Returns 0, -EFBIG when the file is larger, or -errno. */
int file_read(const char *path, size_t max, char **ret_text, size_t *ret_len);
int fd_read_all(int fd, size_t max, char **ret_text, size_t *ret_len);

/* Makes a directory with exactly MODE, whatever the umask is; one that is there stays as it is. 0 or -errno. */
int directory_make(const char *path, mode_t mode);

/* Writes LEN bytes to PATH by way of a temporary file in the same directory, with fsync and
 * rename, so that a reader sees the old or the new whole. Returns 0 or -errno. */
int file_write_atomic(const char *path, const void *data, size_t len, mode_t mode);
/* write(2) until everything is out. Returns 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);
