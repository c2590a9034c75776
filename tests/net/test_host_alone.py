# SPDX-License-Identifier: MIT
"""tsgw-host alone, with this test in the supervisor's place: its queue, its patience, its rights."""
import os
import select
import signal
import socket
import struct

import lab as L
import proxyworker as W

HELLO, BEGIN, COMMIT, READY, LOOKUP, ANSWER, CONFIG, PUBLISH = 1, 2, 3, 4, 64, 65, 66, 67
EAI_AGAIN = 3
CHANNEL = 3


class Worker:
    def __init__(self, lab, ns):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours.setsockopt(socket.SOL_SOCKET, 32, 8 << 20)  # SO_SNDBUFFORCE, as the supervisor has it
        memfd = self.stats = os.memfd_create("stats")
        os.ftruncate(memfd, 4096)
        empty = os.path.join(lab.dir, "empty")
        os.makedirs(empty, mode=0o755, exist_ok=True)
        self.pid = os.fork()
        if not self.pid:
            try:
                fd = os.open(ns.path, os.O_RDONLY)
                L.LIBC.setns(fd, L.CLONE_NEWNET)
                os.dup2(theirs.fileno(), CHANNEL, inheritable=True)
                os.closerange(4, 1024)
                program = os.path.join(L.BUILD, "tsgw-host")
                os.execv(program, [program, "--worker", "red", str(lab.uid_base + 3), empty])
            finally:
                os._exit(127)
        theirs.close()
        self.ours.settimeout(60)
        self.send(HELLO, struct.pack("=Ii", 1, 6), [memfd])
        self.send(BEGIN, struct.pack("=I", 1))
        self.send(CONFIG, struct.pack("=III", 30, 7200, 300))
        self.send(COMMIT, struct.pack("=I", 1))
        L.equal(self.ours.recv(100), struct.pack("=HHI", READY, 8, 1), "READY")

    def send(self, kind, body=b"", fds=()):
        socket.send_fds(self.ours, [struct.pack("=HH", kind, len(body) + 4) + body], list(fds))

    def ask(self, number, name):
        self.send(LOOKUP, struct.pack("=I254s2x", number, name.encode()))

    def answer(self):
        """(id, error, [addresses])"""
        data = self.ours.recv(2048)
        kind, size, number, error, n = struct.unpack("=HHIiI", data[:16])
        L.equal((kind, size), (ANSWER, len(data)), "an answer's head")
        addresses = []
        for i in range(n):
            family, raw = struct.unpack("=B3x16s", data[16 + 20 * i:36 + 20 * i])
            addresses.append(socket.inet_ntop(*((socket.AF_INET, raw[:4]) if family == 4
                                                else (socket.AF_INET6, raw))))
        return number, error, addresses

    def publish(self, listener, to):
        """What comes to LISTENER goes TO."""
        body = (W.hostport(*listener.getsockname()) + to[0].encode().ljust(254, b"\0")
                + struct.pack("=HBB2x", to[1], 0, 0))
        self.send(PUBLISH, body, [listener.fileno()])

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_answers(lab):
    w = Worker(lab, lab.ns("host"))
    for i, (name, error) in enumerate([("localhost", False), ("no such name", True), ("x..y", True)]):
        w.ask(i, name)
        got = w.answer()
        L.equal((got[0], got[1] != 0), (i, error), name)
        L.check(error or got[2][0] in ("127.0.0.1", "::1"), f"{name}: {got}")
    st = L.status(w.pid)
    L.equal(st["Uid"], [lab.uid_base + 3] * 4, "uid")
    L.equal((int(st["CapPrm"], 16), int(st["CapBnd"], 16), st["NoNewPrivs"], st["Seccomp"]), (0, 0, "1", "2"),
            "capabilities, no-new-privileges, seccomp")
    w.ours.close()
    L.equal(w.wait(), 0, "end of the channel")


def test_dead_resolver(lab):
    """No network at all behind the resolver: questions are answered or given back, the channel stays empty."""
    w = Worker(lab, lab.ns("host"))
    for i in range(500):
        w.ask(i, f"host{i}.example.net")
    errors = [w.answer() for _ in range(500)]
    L.check(all(error for _, error, _ in errors), "an address from nowhere")
    L.check({number for number, _, _ in errors} == set(range(500)), "a question without an answer")
    w.ask(1000, "localhost")
    L.equal(w.answer()[:2], (1000, 0), "afterwards")
    os.kill(w.pid, signal.SIGTERM)
    L.equal(w.wait(), 0, "SIGTERM")


def test_bad_message(lab):
    w = Worker(lab, lab.ns("host"))
    w.send(LOOKUP, struct.pack("=I256s", 1, b"a" * 256))
    L.equal(w.wait(), 1, "a name without end")


def resolvers():
    with open("/etc/resolv.conf", encoding="ascii", errors="replace") as f:
        words = [line.split() for line in f]
    return [w[1] for w in words if w[:1] == ["nameserver"] and ":" not in w[1]] or ["127.0.0.1"]


def test_answer_to_nobody(lab):
    """A name of an endpoint is answered when the supervisor is gone: no client of a published port hears
    of it."""
    ns = lab.ns("host")
    servers = []
    for address in resolvers():
        if not address.startswith("127."):
            ns.ip(f"addr add {address}/32 dev lo")
        with L.inside(ns):
            servers.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        servers[-1].bind((address, 53))
        servers[-1].settimeout(20)
    w = Worker(lab, ns)
    with L.inside(ns):
        published, service = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    w.publish(published, service.getsockname())
    w.ask(1, "slow.example.net")
    question, who = servers[0].recvfrom(2000)
    w.ours.close()
    clients = []
    for _ in range(4):  # their descriptors have the lowest numbers that are free
        with L.inside(ns):
            c = socket.create_connection(published.getsockname(), 20)
        s = service.accept()[0]
        s.settimeout(20)
        clients += [(c, s), (s, c)]
    before = os.pread(w.stats, 4096, 0)
    while os.pread(w.stats, 4096, 0) == before:  # every question: there is no such name
        servers[0].sendto(question[:2] + b"\x81\x83" + question[4:], who)
        question, who = servers[0].recvfrom(2000) if more(servers[0]) else (question, who)
    for a, b in clients:
        a.sendall(b"ping")
        L.equal(b.recv(100), b"ping", "what arrived")
    os.kill(w.pid, signal.SIGTERM)
    L.equal(w.wait(), 0, "SIGTERM")


def more(s):
    return select.select([s], [], [], 0.1)[0]
