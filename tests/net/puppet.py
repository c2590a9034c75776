# SPDX-License-Identifier: MIT
"""A process that runs, taken over: common-puppet makes it do one system call."""
import os
import subprocess

from lab import BUILD, Failure, Skip

# what reaches into the host's files, or by a path to somebody's socket
REACHING = ("passwd", "access", "stat", "proc", "datagram", "neighbour")
PUPPET = os.path.join(BUILD, "tests/net/common-puppet")
WORDS = {0: "worked", 10: "refused", 11: "killed"}
# a process that may all, with what it may do it to at PATH; its descriptor 0 is as a worker's below a unit, where that
# leads to the journal
PLAIN = """
import os, socket, sys
s, d, log = (socket.socket(socket.AF_UNIX, t) for t in (socket.SOCK_SEQPACKET, socket.SOCK_DGRAM, socket.SOCK_DGRAM))
s.bind(sys.argv[1])
s.listen()
d.bind(sys.argv[1] + ".datagrams")
for end in "", ".datagrams":
    os.chmod(sys.argv[1] + end, 0o666)
os.dup2(log.fileno(), 0)
print("listens", flush=True)
log.recv(1)
"""


def attempts(lab):
    p = lab.run([PUPPET, "list"])
    if p.returncode == 77:
        raise Skip("common-puppet knows the registers of x86-64 only")
    return p.stdout.split()


WAITS = {7, 232, 271, 281, 441}  # poll, epoll_wait, ppoll, epoll_pwait, epoll_pwait2


def settled(pid):
    """It has done all that it does before it serves anybody, and waits for something to happen."""
    try:
        with open(f"/proc/{pid}/syscall", encoding="ascii") as f:
            number = f.read().split()[0]
    except OSError:
        return False
    return number.isdigit() and int(number) in WAITS


def attempt(pid, other, sock, what):
    """Tried again if the process was just not in a system call."""
    p = None
    for _ in range(20):
        p = subprocess.run([PUPPET, str(pid), str(other), sock, what], capture_output=True, text=True, check=False,
                           stdin=subprocess.DEVNULL, timeout=60)
        if p.returncode in WORDS:
            attempt.why = p.stdout.strip()  # the name of an errno
            return WORDS[p.returncode]
        if not os.path.exists(f"/proc/{pid}"):
            break
    raise Failure(f"{what}: exit {p.returncode} {p.stdout}{p.stderr}")
