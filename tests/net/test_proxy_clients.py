# SPDX-License-Identifier: MIT
"""Who is connected, told page by page; limits and deadlines that a crowd reaches.

The place is that of test_proxy_alone.
"""
import contextlib
import os
import resource
import socket
import stat
import struct
import threading
import time

import lab as L
import test_proxy_alone as A
from test_proxy_users import hashed, login


def everybody(p):
    """All pages; and how many there were."""
    found, pages, after = [], 0, 0
    while True:
        page, more = p.worker.clients(after, number=pages + 1)
        pages += 1
        found += page
        if not more:
            return found, pages
        L.equal(len(page), 32, "connections on a page that is not the last")
        after = page[-1]["number"]


def one(p, **wanted):
    """The connection that has these."""
    return [c for c in everybody(p)[0] if all(c[k] == v for k, v in wanted.items())]


def test_view(lab):
    """Client, user, destination as asked and as resolved, bytes, age, protocol, state."""
    with A.Place(lab, users=[("bob", hashed(b"secret"))]) as p:
        p.serve(1, A.echo)
        p.serve(80, A.http_hello)
        p.server.run(["nft", "add table ip t; add chain ip t i { type filter hook prerouting priority "
                      "0; }; add rule ip t i ip daddr 10.66.1.0/24 drop"], ok=0)
        p.worker.listen(p.proxy, "192.0.2.1", 1080, only="192.0.2.2")
        L.equal(everybody(p), ([], 1), "nobody")
        auth = b"\5\1\2" + login(b"bob", b"secret")
        s = p.connect(auth + A.request5("grafana.red", 1) + b"x" * 1000)
        A.read_exactly(s, 14 + 1000)
        [c] = everybody(p)[0]
        number = c.pop("number")
        L.check(0 <= c.pop("age_ms") < 60000, "age")
        L.check(1000 <= c.pop("up") < 1100 and 1000 <= c.pop("down") < 1100, "bytes")
        L.equal(c, dict(client=s.getsockname(), resolved=(A.HOST, 1), asked_port=1, user="bob",
                        asked="grafana.red", protocol="socks5", state="open"), "the connection")
        quiet, half = p.connect(), p.connect(b"\5\1\2\1\3bo")
        dialing = p.connect(auth + A.request5("10.66.1.1", 7))
        L.wait_for(lambda: one(p, asked="10.66.1.1", state="connecting"), "one that connects")
        L.equal(len(one(p, state="greeting", asked="", resolved=None)), 2, "ones that greet")
        [c] = one(p, asked="10.66.1.1")
        L.equal((c["resolved"], c["user"]), (None, "bob"), "one that connects")
        web = p.connect(b"GET http://grafana/a HTTP/1.1\r\n\r\n", to=("192.0.2.1", 1080))
        web.recv(1000)
        four = p.connect(b"\4\1\0\1\x0a\x09\0\2me\0", to=("192.0.2.1", 1080))
        A.read_exactly(four, 8)
        tunnel = p.connect(b"CONNECT [fd09::2]:80 HTTP/1.1\r\n\r\n", to=("192.0.2.1", 1080))
        L.equal([(c["protocol"], c["asked"], c["user"]) for c in everybody(p)[0][4:6]],
                [("http", "grafana", ""), ("socks4", A.HOST, "")], "others")
        L.wait_for(lambda: one(p, asked="[fd09::2]", asked_port=80, protocol="connect"), "CONNECT")
        # hostile bytes in a name are no bytes for a terminal
        bad = p.connect(auth + A.request5("a\x1b[31m b\n", 80))
        A.read_all(bad)
        s.close()
        L.wait_for(lambda: not one(p, number=number), "the first one to be gone")
        for c in (quiet, half, dialing, web, four, tunnel):
            c.close()
        L.wait_for(lambda: everybody(p)[0] == [], "all to be gone")


def test_pages(lab):
    """A thousand connections: each told once, also while others come and go."""
    with A.Place(lab) as p:
        held = [p.connect(b"\5") for _ in range(1000)]
        L.wait_for(lambda: p.worker.stats()["clients"] == 1000, "a thousand")
        found, pages = everybody(p)
        L.equal(pages, 32, "pages")
        L.equal(sorted(c["client"][1] for c in found), sorted(s.getsockname()[1] for s in held),
                "who is there")
        L.check([c["number"] for c in found] == sorted(c["number"] for c in found), "their order")
        first, more = p.worker.clients()
        gone = {c["client"][1] for c in first[-5:]}
        for s in held:
            if s.getsockname()[1] in gone:
                s.close()
        L.wait_for(lambda: p.worker.stats()["clients"] == 995, "five to go")
        second, _ = p.worker.clients(first[-1]["number"])
        L.check(more and not {c["number"] for c in first} & {c["number"] for c in second}, "pages")
        L.equal(second, found[32:64] and [dict(c, age_ms=second[i]["age_ms"])
                                         for i, c in enumerate(found[32:64])], "the second page")


def test_greeting_timeout(lab):
    """A key of its own; in total, however slowly the bytes come; also for a further request."""
    with A.Place(lab, greeting_s=2) as p:
        p.serve(80, A.http_hello)
        begin = time.monotonic()
        slow, head = p.connect(b"\5"), p.connect(b"GET ")
        kept = p.connect(b"GET http://grafana/ HTTP/1.1\r\n\r\n")
        L.check(b"200 OK" in kept.recv(1000), "a request")
        kept.sendall(b"GET http://gr")
        open_ = [slow, head, kept]

        def drip():
            for s in list(open_):
                s.setblocking(False)
                try:
                    s.send(b"\xff" if s is slow else b"a")
                    if s.recv(100) == b"":
                        open_.remove(s)
                except BlockingIOError:
                    pass
                except OSError:
                    open_.remove(s)
            return not open_
        L.wait_for(drip, "all to be cut off, though they go on sending", timeout_s=30)
        L.check(time.monotonic() - begin > 1.5, "too early")
        L.check(p.worker.stats()["greeting_timeout"] >= 2, p.worker.stats())


def test_keepalive(lab):
    """Both sides of a relay that lasts have TCP keep-alive on, with the numbers of the manual."""
    with A.Place(lab) as p:
        p.serve(1, A.echo)
        s = p.socks(1)
        def both():
            out = p.proxy.run(["ss", "-Htno", "state", "established"], ok=0).stdout
            lines = [x for x in out.splitlines() if ":11080" in x or "10.9.0.2:1 " in x]
            return len(lines) == 2 and all("timer:(keepalive,3min" in x or "timer:(keepalive,4min" in x
                                           for x in lines)
        L.wait_for(both, "keep-alive on both sides", timeout_s=60)
        s.close()


def tcp_count(ns, name):
    """A counter of /proc/net/netstat."""
    with L.inside(ns), open("/proc/thread-self/net/netstat", encoding="ascii") as f:
        names, values = [line.split() for line in f if line.startswith("TcpExt:")]
    return int(values[names.index(name)])


def test_acknowledgements(lab):
    """A greeting is acknowledged by its answer; whoever has more to say first is not kept waiting."""
    with A.Place(lab) as p:
        pure, late = tcp_count(p.client, "TCPPureAcks"), tcp_count(p.proxy, "DelayedACKs")
        for _ in range(40):
            s = p.connect(b"\5\1\0")
            L.equal(s.recv(2), b"\5\0", "the answer to a greeting")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        L.check(tcp_count(p.client, "TCPPureAcks") - pure < 20, "greetings are acknowledged on their own")
        for _ in range(40):  # what is not yet acknowledged keeps the second half back (RFC 896)
            s = p.connect()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            s.sendall(b"GET http://grafana/ HT")
            s.sendall(b"TP/9\r\n\r\n")
            L.check(s.recv(100).startswith(b"HTTP/1.1 400"), "the answer to a head in two halves")
            s.close()
        L.check(tcp_count(p.proxy, "DelayedACKs") - late < 40, "the second half of a head has to wait")


SEGS_IN = 140  # in struct tcp_info
PIDFD_GETFD = 438


def test_first_bytes(lab):
    """Bytes that wait for the destination to be connected acknowledge its handshake themselves. Nobody else's server is
    kept waiting for that, as it may be the one who speaks first; and no later byte waits for an acknowledgement."""
    with A.Place(lab) as p:
        segments, greeted, waits = [], threading.Event(), []

        def server(conn):
            greeted.set()
            while conn.recv(65536):
                info = conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 144)
                segments.append(struct.unpack_from("=I", info, SEGS_IN)[0])
        p.serve(80, server)
        connect = b"CONNECT 10.9.0.2:80 HTTP/1.1\r\n\r\n"

        def first(data, then=b""):
            segments.clear()
            greeted.clear()
            s = p.connect(data)
            if then:
                L.check(s.recv(100), "an answer")
                begin = time.monotonic()
                L.check(greeted.wait(20), "the server to be connected before a byte came for it")
                waits.append(time.monotonic() - begin)
                s.sendall(then)
            L.wait_for(lambda: segments, "bytes at the server")
            return segments[0], s
        late = min(first(connect, b"x")[0] for _ in range(5))
        L.check(min(waits) < 0.15, f"it took {min(waits):.3f} s; what is kept back goes out after 0.2")
        for data in (connect + b"x", b"\5\1\0" + A.request5(A.HOST, 80) + b"x", b"GET http://10.9.0.2/ HTTP/1.1\r\n\r\n"):
            L.equal(min(first(data)[0] for _ in range(5)), late - 1, f"segments to the first byte of {data}")

        p.serve(81, server)
        _, s = first(connect.replace(b":80", b":81"), b"x")
        for on in (False, True, True):
            L.equal(bool(no_delay(p, (A.HOST, 81))), on, "TCP_NODELAY")
            n = len(segments)
            s.sendall(b"x")
            L.wait_for(lambda n=n: len(segments) > n, "one more byte")


def no_delay(p, peer):
    """TCP_NODELAY of the worker's socket that is connected to PEER."""
    pidfd = os.pidfd_open(p.worker.pid)
    try:
        for fd in map(int, os.listdir(f"/proc/{p.worker.pid}/fd")):
            number = L.LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                os.close(number)
                continue
            with socket.socket(fileno=number) as s, contextlib.suppress(OSError):
                if s.family == socket.AF_INET and s.getpeername() == peer:
                    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    finally:
        os.close(pidfd)
    raise L.Failure(f"it has no socket to {peer}")


def test_crowd_of_5000(lab):
    """5,000 slow or silent clients do not disturb a fast one, nor do they make work."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
    with A.Place(lab, greeting_s=600) as p:
        p.serve(1, A.echo)
        crowd = [p.connect() for _ in range(2500)]
        crowd += [p.connect(b"\5", "192.0.2.3") for _ in range(1250)]
        crowd += [p.connect(b"GET http://grafana/ HTTP/1.1\r\nA: ", "192.0.2.3") for _ in range(1250)]
        L.wait_for(lambda: p.worker.stats()["clients"] == 5000, "the crowd")
        times = []
        for i in range(200):
            for s in crowd[2500 + i::200]:  # byte by byte
                s.sendall(b"a")
            begin = time.monotonic()
            s = p.socks(1, data=b"x")
            L.equal(s.recv(1), b"x", "echo")
            times.append(time.monotonic() - begin)
            s.close()
        times.sort()
        print(f"# beside 5000 a fast client needs {times[100] * 1000:.1f} ms, p99 {times[-2] * 1000:.1f}")
        before = p.worker.switches()
        L.equal(p.socks(1, data=b"x").recv(1), b"x", "one more")
        L.check(p.worker.switches() - before < 50, "silent clients wake the proxy")


def test_descriptor_limit_is_quiet(lab):
    """While accepting is paused nothing spins: the number of wake-ups tells."""
    with A.Place(lab, descriptors=100, greeting_s=600) as p:
        held = [p.connect(b"\5") for _ in range(100)]
        L.wait_for(lambda: p.worker.stats()["paused"], "accepting to pause")
        L.wait_for(lambda: p.worker.stats()["paused"] > 1, "the first look whether that is over")
        before, paused = p.worker.switches(), p.worker.stats()["paused"]
        L.wait_for(lambda: p.worker.stats()["paused"] > paused + 1, "two more of them")
        L.check(p.worker.switches() - before < 30, f"{p.worker.switches() - before} wake-ups")
        for s in held:
            s.close()
