# SPDX-License-Identifier: MIT
"""What happens to tsgw-proxy in one round of its loop: events of what is closed by then.

The place is that of test_proxy_alone. To have several events in one round the worker is stopped while
they come.
"""
import contextlib
import os
import signal
import socket
import struct
import threading

import lab as L
import proxyworker as W
import test_proxy_alone as A

SO_TIMESTAMPNS = 35


@contextlib.contextmanager
def held(p):
    """The worker does nothing meanwhile."""
    os.kill(p.worker.pid, signal.SIGSTOP)
    L.wait_for(lambda: state(p) == "T", "the worker to stop")
    try:
        yield
    finally:
        os.kill(p.worker.pid, signal.SIGCONT)


def state(p):
    with open(f"/proc/{p.worker.pid}/stat", encoding="ascii") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def answer_to(s):
    """One HTTP answer with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            return data
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n")
                  if x.lower().startswith(b"content-length:"))
    return head + b"\r\n\r\n" + body + A.read_exactly(s, length - len(body))


def get(host, port):
    return b"GET http://%s:%d/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (host, port, host)


def test_other_server(lab):
    """A kept server ends in the same round in which the client asks for something of another, who does
    not answer at once: that end is not the other's."""
    with A.Place(lab) as p:
        p.serve(81, A.http_hello, host="0.0.0.0")
        for how, port, late in (("fin", 82, "10.9.0.8"), ("reset", 83, "10.9.0.9")):
            go, gone = threading.Event(), threading.Event()

            def ends(conn, how=how, go=go, gone=gone):
                conn.recv(65536)
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                go.wait(20)
                if how == "reset":
                    A.reset_now(conn)
                conn.close()
                gone.set()

            p.serve(port, ends)
            s = p.connect(get(b"10.9.0.2", port))
            L.check(answer_to(s).endswith(b"ok"), "the first answer")
            with held(p):
                s.sendall(get(late.encode(), 81))
                go.set()
                gone.wait(20)
            L.wait_for(lambda late=late: late in p.proxy.ip("neigh show"),
                       "the worker to look for the other server")
            p.server.ip(f"addr add {late}/24 dev {p.far}")
            got = answer_to(s)
            L.check(got.startswith(b"HTTP/1.1 200"), f"{how}: {got[:300]!r}")


def test_counted(lab):
    """Every request of a kept connection is counted, CONNECT and nonsense too."""
    with A.Place(lab) as p:
        p.serve(80, A.http_hello)
        for more, counter in ((b"CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: x\r\n\r\n", "policy"),
                              (b"nonsense\r\n\r\n", "bad_http")):
            s = p.connect(get(b"10.9.0.2", 80))
            L.check(answer_to(s).startswith(b"HTTP/1.1 200"), "the first answer")
            before = p.worker.stats()
            s.sendall(more)
            A.read_all(s)
            after = p.worker.stats()
            L.equal({k for k in W.RESULTS if after[k] != before[k]}, {counter}, "what was counted")


def test_listener_goes(lab):
    """A listener that goes while somebody else holds its socket open: nothing is heard of it."""
    with A.Place(lab) as p:
        with L.inside(p.proxy):
            other = socket.create_server(("192.0.2.1", 12345))
        p.worker.send(W.LISTEN, W.hostport("192.0.2.1", 12345) + W.addr("") + bytes(4), [other.fileno()])
        A.read_all(p.connect(b"\5\0", to=("192.0.2.1", 12345)))
        p.worker.unlisten("192.0.2.1", 12345)
        p.configure()  # it has heard of the end
        with L.inside(p.client):
            late = [socket.create_connection(("192.0.2.1", 12345), 20) for _ in range(20)]
        p.serve(80, A.http_hello)
        accepted = p.worker.stats()["accepted"]
        for _ in range(20):
            L.check(answer_to(p.connect(get(b"10.9.0.2", 80))).startswith(b"HTTP/1.1 200"), "answer")
        L.equal(p.worker.stats()["accepted"], accepted + 20, "clients")
        L.equal(len(late), 20, "clients of the other holder")


class Arrivals:
    """A server that notes when the kernel got the first byte after a mark, for each connection."""

    def __init__(self, p, port):
        self.ready, self.came, self.lock = threading.Semaphore(0), {}, threading.Lock()
        p.serve(port, self.handle)

    def handle(self, conn):
        conn.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        size = int.from_bytes(A.read_exactly(conn, 4), "big")
        A.read_exactly(conn, size)
        self.ready.release()
        first, ancillary, _, _ = conn.recvmsg(1, 256)
        with self.lock:
            self.came.setdefault(first, []).append(struct.unpack("=qq", ancillary[0][2][:16]))
        self.ready.release()
        while conn.recv(1 << 16):
            pass

    def wait(self, n):
        for _ in range(n):
            L.check(self.ready.acquire(timeout=30), "the server has not got everything")


def test_bulk_waits(lab):
    """A key is passed on before what came earlier on streams that move much."""
    with A.Place(lab) as p:
        server = Arrivals(p, 80)
        streams, key = [p.socks(80) for _ in range(4)], p.socks(80)
        with held(p):  # all of it comes in one read: now they are such streams
            for s in streams:
                s.sendall((60000).to_bytes(4, "big") + bytes(60000))
            key.sendall(bytes(4))
        server.wait(5)
        with held(p):
            for s in streams:
                s.sendall(b"b" * 60000)
            key.sendall(b"k")
        server.wait(5)
        L.check(server.came[b"k"][0] < min(server.came[b"b"]), server.came)


SOCK_EVENTS, SOCK_UNTOLD = 0x2005, 0x2004  # EPOLLIN, EPOLLOUT, EPOLLRDHUP; and without the first


def watched(p):
    """What the worker's epoll watches its connections for."""
    at = f"/proc/{p.worker.pid}"
    epoll = next(fd for fd in os.listdir(at + "/fd") if "eventpoll" in os.readlink(f"{at}/fd/{fd}"))
    with open(f"{at}/fdinfo/{epoll}", encoding="ascii") as f:
        masks = [int(line.split()[3], 16) & SOCK_EVENTS for line in f if line.startswith("tfd:")]
    return [m for m in masks if m & ~1 == SOCK_UNTOLD]


def is_polled(p):
    return SOCK_UNTOLD in watched(p)


def pour(s, enough):
    """Zeros until ENOUGH(), and a one."""
    while not enough():
        s.sendall(bytes(1 << 20))
    s.sendall(b"\1")


def answer_drunk(s):
    """The length of the body of one HTTP answer."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += A.read_exactly(s, 1)
    L.check(head.startswith(b"HTTP/1.1 200"), head)
    n = left = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    while left:
        got = len(s.recv(min(left, 1 << 20)))
        L.check(got, f"{left} bytes of the body are missing")
        left -= got
    return n


def drink(s):
    while not s.recv(1 << 20).endswith(b"\1"):
        pass


def test_fast_streams(lab):
    """A fast stream is looked at from time to time only, and when it is over every byte is news again: whoever talks
    on its connection then is heard at once."""
    with A.Place(lab) as p:
        end = threading.Event()

        def talk(conn):
            if conn.recv(1) == b"g":
                pour(conn, end.is_set)
            else:
                drink(conn)
                conn.sendall(b"\1")
            while key := conn.recv(1):
                conn.sendall(key * 10)

        p.serve(80, talk)
        for way in (b"g", b"p"):
            end.clear()
            s = p.socks(80)
            s.sendall(way)
            t = threading.Thread(target=drink, args=(s,), daemon=True) if way == b"g" else \
                threading.Thread(target=pour, args=(s, end.is_set), daemon=True)
            t.start()
            L.wait_for(lambda: is_polled(p), f"{way}: the loop to be relieved of a fast stream", 60)
            end.set()
            t.join(60)
            if way == b"p":
                drink(s)
            for i in range(20):
                s.sendall(b"k")
                L.equal(A.read_exactly(s, 10), b"k" * 10, f"{way}: answer {i}")
            L.wait_for(lambda: not is_polled(p), f"{way}: the loop to tell again")
            L.equal(len(watched(p)), 2, "connections")
            s.close()
            L.wait_for(lambda: not watched(p), "the worker to close")


def test_fast_bodies(lab):
    """The same for bodies of HTTP, behind which the next request comes."""
    size = 64 << 20
    with A.Place(lab) as p:
        def web(conn):
            left = b""
            while True:
                while b"\r\n\r\n" not in left:
                    more = conn.recv(65536)
                    if not more:
                        return
                    left += more
                head, left = left.split(b"\r\n\r\n", 1)
                todo = size if b"POST" in head else 0
                todo, left = todo - len(left[:todo]), left[todo:]
                while todo:
                    todo -= len(conn.recv(min(todo, 1 << 20)))
                body = bytes(size) if b"GET /big" in head else b"ok"
                conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

        p.serve(80, web)
        target = b" http://10.9.0.2/%s HTTP/1.1\r\nHost: 10.9.0.2\r\n"
        for method, path in ((b"POST", b""), (b"GET", b"big")):
            s, seen, done = p.connect(), [], threading.Event()

            def look(seen=seen, done=done):
                while not done.is_set():
                    if is_polled(p):
                        seen.append(1)
            t = threading.Thread(target=look)
            t.start()
            try:
                for _ in range(100):
                    if method == b"POST":
                        s.sendall(b"POST" + target % path + b"Content-Length: %d\r\n\r\n" % size)
                        s.sendall(bytes(size))
                    else:
                        s.sendall(b"GET" + target % path + b"\r\n")
                    answer_drunk(s)
                    s.sendall(b"GET" + target % b"small" + b"\r\n")
                    L.equal(answer_drunk(s), 2, "the small one behind it")
                    if seen:
                        break
            finally:
                done.set()
                t.join()
            L.check(seen, f"{method}: no body was fast enough")
            L.check(not is_polled(p), "the loop does not tell of what comes next")
            s.close()
