# SPDX-License-Identifier: MIT
"""The largest numbers of the workers, reached: pipes, listeners, published connections."""
import contextlib
import os
import resource
import signal
import socket
import struct
import threading

import lab as L
import proxyworker as W
from run import deadline
from test_host_alone import Worker as Host
from test_proxy_alone import LISTEN, Place

PIPES_MAX = 512        # relay/pipes.h
LISTENERS_MAX = 4096   # proxy/listener.h
LINKS_MAX, LINKS_PER_PEER_MAX = 4096, 1024  # host/link.h
HOST_LIMIT = 5         # enum publish_result
FIXED_UDP_MAX = 2048   # proxy/fixed.c
SESSIONS_MAX, SESSIONS_PER_CLIENT = 16384, 1024  # relay/sessions.h
WAITING_BYTES, WAITING_MAX = 4096, 1 << 20       # relay/udpport.h
FORWARD, UNFORWARD = 83, 84  # ipc/msg.h


def links_of(pid, what):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            pass  # closed meanwhile
    return sum(x.startswith(what) for x in found)


@deadline(300)
def test_pipes(lab):
    """More stalled streams than there are pipes: the others are copied, and all arrive whole."""
    streams, size = PIPES_MAX + 60, 1 << 20
    block = os.urandom(1 << 16)

    def send(conn):
        for _ in range(size // len(block)):
            conn.sendall(block)
    with Place(lab) as p:
        p.serve(9000, send)
        held, others = [], links_of(p.worker.pid, "pipe:")
        for _ in range(streams):
            with L.inside(p.client):
                s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # stalls at once
            s.settimeout(60)
            s.connect(LISTEN)
            s.sendall(b"\5\1\0\5\1\0\1" + socket.inet_aton("10.9.0.2") + struct.pack("!H", 9000))
            held.append(s)
        L.wait_for(lambda: links_of(p.worker.pid, "pipe:") == others + 2 * PIPES_MAX,
                   lambda: f"{PIPES_MAX} pipes are in use: {links_of(p.worker.pid, 'pipe:')} ends", 60)
        for s in held:
            got = bytearray()
            while data := s.recv(1 << 16):
                got += data
            L.equal(bytes(got[:12]), b"\5\0\5\0\0\1" + got[6:12], "SOCKS5")
            L.check(bytes(got[12:]) == block * (size // len(block)), f"{len(got) - 12} bytes, not as they were sent")
            s.close()
        L.wait_for(lambda: links_of(p.worker.pid, "pipe:") < others + PIPES_MAX, "pipes are given back")


def forward(p, kind, port, udp=False, host="127.0.0.1", target=b"10.9.0.2"):
    """A port of HOST that leads to the server: it comes or goes."""
    body = W.hostport(host, port) + target.ljust(254, b"\0") + struct.pack("=HBB2x", 9000, udp, 0)
    if kind == UNFORWARD:
        p.worker.send(kind, body)
        return
    with L.inside(p.proxy):
        if udp:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((host, port))
        else:
            s = socket.create_server((host, port))
    p.worker.send(kind, body, [s.fileno()])
    s.close()


@deadline(300)
def test_listeners(lab):
    """One listener more than fits is closed; the worker and those that are there go on."""
    with Place(lab) as p:
        p.serve(9000, lambda conn: conn.sendall(b"hello"))
        last = 20000 + LISTENERS_MAX - 1  # and LISTEN is there already

        def refused():
            with L.inside(p.proxy):
                try:
                    socket.create_connection(("127.0.0.1", last), 5).close()
                except (ConnectionRefusedError, ConnectionResetError):  # closed before or while it is asked
                    return True
            return False
        for port in range(20000, last + 1):
            forward(p, FORWARD, port)
        L.wait_for(refused, "the last one is closed", 60)
        s = p.socks(9000)
        L.equal(s.recv(100), b"hello", "through the first one")
        s.close()
        forward(p, UNFORWARD, 20000)
        forward(p, FORWARD, last)
        L.wait_for(lambda: not refused(), "there is room again", 60)


def more_files():
    """As many as may be, for this process and its workers; gives their number."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (1 << 17, 1 << 17))
        most = 1 << 17
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def forwarded(p, field):
    """A counter of struct udp_stats, of forwarded ports."""
    before = len(W.COUNTERS) + len(W.UDP_STATS) + len(W.DNS_STATS) + 1
    names = "sessions opened replaced full refused failed dropped up_bytes down_bytes".split()
    return struct.unpack_from("=Q", p.worker.stats_page, 8 * (before + names.index(field)))[0]


def wait_forwarded(p, field, n):
    L.wait_for(lambda: forwarded(p, field) == n, lambda: f"{field} is {n}: {forwarded(p, field)}", 60)


def datagrams(ns, to, source=("0.0.0.0", 0)):
    with L.inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(source)
    if to:
        s.connect(to)
    s.settimeout(20)
    return s


def echo(p):
    with L.inside(p.server):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("10.9.0.2", 9000))

    def loop():
        while True:
            data, where = s.recvfrom(65536)
            s.sendto(data, where)
    threading.Thread(target=loop, daemon=True).start()


def asks(s, word=b"hello"):
    """Is there an answer? A closed port refuses."""
    try:
        s.send(word)
        return s.recv(100) == word
    except ConnectionRefusedError:
        return False


@deadline(300)
def test_forwarded_udp_ports(lab):
    """One more UDP port of `forward` than fits is closed; those that are there go on, and one that goes makes room."""
    more_files()
    with Place(lab, allow=["127.0.0.0/8"]) as p:
        echo(p)
        last = 20000 + FIXED_UDP_MAX
        for port in range(20000, last + 1):
            forward(p, FORWARD, port, udp=True)
        L.check(asks(datagrams(p.proxy, ("127.0.0.1", last - 1))), "the last one that fits")
        L.check(not asks(datagrams(p.proxy, ("127.0.0.1", last))), "one more")
        L.check(asks(datagrams(p.proxy, ("127.0.0.1", 20000))), "the first one")
        forward(p, UNFORWARD, 20000, udp=True)
        forward(p, FORWARD, last, udp=True)
        L.check(asks(datagrams(p.proxy, ("127.0.0.1", last))), "there is room again")


@deadline(300)
def test_forwarded_udp_sessions(lab):
    """16,384 sessions (a quarter of all descriptors, if that is less): one more gets none, which is counted, until
    another ends."""
    most = min(SESSIONS_MAX, more_files() // 4)
    with Place(lab, allow=["127.0.0.0/8"]) as p:
        echo(p)
        ports = range(20000, 20000 + SESSIONS_PER_CLIENT)
        for port in ports:
            forward(p, FORWARD, port, udp=True)

        def ask(s, port):
            s.sendto(b"hello", ("127.0.0.1", port))
            L.equal(s.recv(100), b"hello", f"by {port}")
        clients = [datagrams(p.proxy, None, (f"127.0.1.{i + 1}", 0)) for i in range(most // SESSIONS_PER_CLIENT + 2)]
        everybody = [(s, port) for s in clients for port in ports]
        for who in everybody[:most]:
            ask(*who)
        L.equal([forwarded(p, x) for x in ("sessions", "replaced", "full")], [most, 0, 0], "sessions")
        clients[-1].sendto(b"hello", ("127.0.0.1", 20001))
        wait_forwarded(p, "full", 1)
        ask(*everybody[0])
        ask(*everybody[most - 1])
        # one that has as many as one may have replaces its own oldest, also now
        ask(datagrams(p.proxy, None, ("127.0.1.1", 0)), 20001)
        L.equal([forwarded(p, x) for x in ("sessions", "replaced", "full")], [most, 1, 1], "sessions")
        forward(p, UNFORWARD, 20000, udp=True)
        L.wait_for(lambda: forwarded(p, "sessions") < most, "a port goes, with its sessions")
        ask(clients[-1], 20001)


@deadline(300)
def test_forwarded_udp_waiting(lab):
    """While a name is looked up 4 KiB of each session wait and 1 MiB of all; what is more is dropped and counted."""
    half = bytes(WAITING_BYTES // 2 - 2)  # each has two bytes for its length
    with Place(lab, allow=["127.0.0.0/8"], resolvers=["10.9.0.3"]) as p:
        with L.inside(p.server):
            silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("10.9.0.3", 53))
        for port in (20000, 20001):
            forward(p, FORWARD, port, udp=True, target=b"one.example")
        held = []
        for i in range(WAITING_MAX // WAITING_BYTES):
            held.append(datagrams(p.proxy, ("127.0.0.1", 20000)))
            held[-1].send(half)
            held[-1].send(half)
            if not i % 8:
                held[-1].send(b"x")
                wait_forwarded(p, "dropped", 1 + i // 8)
        late = datagrams(p.proxy, ("127.0.0.1", 20001))
        late.send(b"x")
        wait_forwarded(p, "dropped", 1 + len(held) // 8)
        wait_forwarded(p, "sessions", 0)  # the resolver never answers
        late.send(half)
        wait_forwarded(p, "sessions", 1)
        L.equal(forwarded(p, "dropped"), 1 + len(held) // 8, "there is room again")


def counted(w, field):
    return struct.unpack_from("=Q", os.pread(w.stats, 8, 8 * field))[0]


@deadline(300)
def test_published_connections(lab):
    """4,096 connections to published ports, 1,024 from one address; the next is reset and counted."""
    more_files()
    ns = lab.ns("host")
    w = Host(lab, ns)
    with L.inside(ns):
        published, service = (socket.create_server(("127.0.0.1", 0), backlog=4096) for _ in range(2))
    w.publish(published, service.getsockname())
    accepted = []

    def accept():
        try:
            while True:
                accepted.append(service.accept()[0])
        except OSError:
            pass
    threading.Thread(target=accept, daemon=True).start()

    def come(i):
        with L.inside(ns):
            return socket.create_connection(published.getsockname(), 20, (f"127.0.1.{i}", 0))

    def is_reset(i):
        try:
            return come(i).recv(1) == b"never"
        except ConnectionResetError:  # perhaps while it still connects
            return True
    clients = []
    for i in range(LINKS_MAX // LINKS_PER_PEER_MAX):
        clients += [come(i) for _ in range(LINKS_PER_PEER_MAX)]
        L.wait_for(lambda: counted(w, 0) == len(clients), "they are connected", 60)
        if i == 0:
            L.check(is_reset(i), "one more from that address")
            L.equal(counted(w, 2 + HOST_LIMIT), 1, "counted")
    L.check(is_reset(200), "one more than all")
    L.equal(counted(w, 2 + HOST_LIMIT), 2, "counted")
    L.wait_for(lambda: len(accepted) == LINKS_MAX, "the service has them all", 60)
    clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    clients.pop().close()  # a reset: a mere end would be half of one
    L.wait_for(lambda: counted(w, 0) == LINKS_MAX - 1, "one has left")
    s = come(200)
    L.wait_for(lambda: len(accepted) == LINKS_MAX + 1, "another takes its place")
    accepted[-1].sendall(b"ping")
    L.equal(s.recv(4), b"ping", "through the last one")
    os.kill(w.pid, signal.SIGTERM)
    L.equal(w.wait(), 0, "SIGTERM")
    service.close()
