#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What systemd does between fork and exec: handover.py SOCKET COMMAND… receives descriptors and their names
over SOCKET, puts them from 3 on, names them in the environment and becomes COMMAND."""
import fcntl
import os
import socket
import sys


def main():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(sys.argv[1])
        names, fds = [], []
        while True:
            text, some, _, _ = socket.recv_fds(s, 65536, 200)
            if not text:
                break
            names += text.decode().split(":")
            fds += [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 1000) for fd in some]
            for fd in some:
                os.close(fd)
    for i, fd in enumerate(fds):
        os.dup2(fd, 3 + i, inheritable=True)
    if fds:
        os.environ.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()),
                          LISTEN_FDNAMES=":".join(names))
    os.execvp(sys.argv[2], sys.argv[2:])


main()
