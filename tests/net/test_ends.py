# SPDX-License-Identifier: MIT
"""Every way to end a connection, in every phase, from either side: exact bytes, and nothing is left.

`make check-long` moves a gibibyte for each of the late ones (long.py); here it is less.
"""
import hashlib
import random
import socket
import struct
import threading

import lab as L
from run import deadline
from test_proxy_alone import GREETING, Place, read_exactly, request5

PORT = 9000
CHUNK = random.Random(5).randbytes((1 << 20) - 4099)  # what is lost, doubled or moved is no multiple of it
ENDINGS = ("fin", "rst", "linger-0")
SILENT = "10.66.0.9"  # routed, and nobody is there


def end(s, ending):
    """FIN; or a reset, by what came and is not read, or by force."""
    if ending == "fin":
        s.shutdown(socket.SHUT_WR)
        return
    if ending == "linger-0":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def give(s, size):
    for at in range(0, size, len(CHUNK)):
        s.sendall(memoryview(CHUNK)[:min(len(CHUNK), size - at)])


def take(s):
    """(bytes, digest, how it ended) of all that comes."""
    n, h = 0, hashlib.sha256()
    try:
        while data := s.recv(1 << 20):
            n += len(data)
            h.update(data)
    except ConnectionResetError:
        return n, h.hexdigest(), "reset"
    return n, h.hexdigest(), "fin"


def digest(size):
    h = hashlib.sha256()
    for at in range(0, size, len(CHUNK)):
        h.update(memoryview(CHUNK)[:min(len(CHUNK), size - at)])
    return h.hexdigest()


class Far:
    """The server's half: what to do with the next connection, and what came of it."""

    def __init__(self, place):
        self.act, self.result, self.done = None, None, threading.Event()
        place.serve(PORT, self.handle)

    def handle(self, conn):
        conn.settimeout(120)
        try:
            self.result = self.act(conn)
        finally:
            self.done.set()

    def next(self, act):
        self.act, self.result = act, None
        self.done.clear()

    def wait(self, what):
        L.check(self.done.wait(120), f"{what}: the server's side did not end")
        return self.result


def sender(size, ending, ask):
    """One who sends SIZE bytes and ends; ASK: something of the other side lies unread then."""
    def act(s):
        if ask and ending == "rst":
            L.wait_for(lambda: s.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT), "what will not be read")
        give(s, size)
        end(s, ending)
        if ending == "fin":
            took = take(s)
            s.close()
            return took
        return None
    return act


def receiver(ask):
    def act(s):
        if ask:
            s.sendall(b"unread")
        took = take(s)
        s.close()
        return took
    return act


def judge(what, took, size, ending, whole):
    n, h, how = took
    L.check(how == ("fin" if ending == "fin" else "reset"), f"{what}: it ended by {how}")
    if ending == "fin":
        L.equal(n, size, f"{what}: bytes")
    L.check(n <= size, f"{what}: {n} bytes of {size}")
    L.equal(h, whole if n == size else digest(n), f"{what}: digest of the first {n} bytes")


def transfers(p, far, size, endings=ENDINGS):
    whole = digest(size)
    for ending in endings:
        for upward in (True, False):
            what = f"{size} bytes {'up' if upward else 'down'}, then {ending}"
            # a reset by unread bytes needs some; with FIN the other side must see just its own
            unread = ending == "rst"
            near_act, far_act = sender(size, ending, unread), receiver(unread)
            if not upward:
                near_act, far_act = far_act, near_act
            go = threading.Event()  # who resets at once is told as one who refuses
            far.next(lambda s, act=far_act, go=go: go.wait(120) and act(s))
            s = p.socks(PORT)
            s.settimeout(120)
            go.set()
            took = near_act(s)
            far_took = far.wait(what)
            judge(what, far_took if upward else took, size, ending, whole)


def all_gone(p, before):
    L.wait_for(lambda: not p.worker.stats()["clients"], "no connection is left", 60)
    L.wait_for(lambda: p.worker.descriptors() <= before, "no descriptor is left", 60)
    for ns in (p.client, p.proxy, p.server):
        left = ns.run(["ss", "-Htan", "state", "connected", "exclude", "time-wait"], ok=0).stdout
        L.equal([line for line in left.splitlines() if ":22 " not in line], [], "sockets in the kernel")


def warm(p, far):
    """One of everything, so that what is kept for later is there: gives the number of descriptors."""
    far.next(receiver(False))
    s = p.socks(PORT)
    sender(1 << 20, "fin", False)(s)
    far.wait("the first")
    L.wait_for(lambda: not p.worker.stats()["clients"], "the first is gone")
    return p.worker.descriptors() + 2 * 16  # pipes that are kept


@deadline(300)
def test_after_transfers(lab):
    """Up and down, nothing, a byte and megabytes, then FIN, a reset by unread bytes, or one by force."""
    with Place(lab) as p:
        far = Far(p)
        before = warm(p, far)
        for size in (0, 1, 70000, 24 << 20):
            transfers(p, far, size)
        all_gone(p, before)


def phases(p, times):
    """The client ends at any point before there is anything to relay."""
    request = request5("10.9.0.2", PORT)
    waiting = request5(SILENT, PORT)
    http = b"CONNECT 10.9.0.2:9000 HTTP/1.1\r\nHost: x\r\n\r\n"
    said_before = [b"", b"\5", GREETING, GREETING + request[:3], GREETING + request[:-1], GREETING + waiting,
              http[:5], http[:-2], b"\4\1", b"GET http://10.9.0.2:9000/ HTTP/1.1\r\nHost:"]
    for said in said_before:
        for ending in ENDINGS:
            for _ in range(times):
                s = p.connect(said)
                if said.startswith(GREETING):
                    read_exactly(s, 2)
                end(s, ending)
                s.close()


@deadline(300)
def test_in_every_phase(lab):
    with Place(lab) as p:
        far = Far(p)
        before = warm(p, far)
        phases(p, 5)
        all_gone(p, before)
        far.next(receiver(False))
        s = p.socks(PORT)
        s.sendall(b"still here")
        s.shutdown(socket.SHUT_WR)
        L.equal(far.wait("the last")[0], 10, "bytes of the last one")


def middle(p, far, times):
    """Either side resets while both send as fast as they can."""
    for breaks in ("near", "far") * times:
        def pour(s, breaks_off):
            try:
                for _ in range(8 if breaks_off else 1 << 20):
                    s.sendall(CHUNK[:1 << 16])
                    s.recv(1 << 16)
            except (ConnectionError, TimeoutError):
                return "broken"
            end(s, "linger-0")
            return "by us"
        far.next(lambda s, b=breaks: pour(s, b == "far"))
        s = p.socks(PORT)
        s.settimeout(60)
        got = pour(s, breaks == "near")
        L.equal({got, far.wait("the other side")}, {"by us", "broken"}, f"{breaks} breaks off")
        s.close()


@deadline(300)
def test_in_the_middle(lab):
    with Place(lab) as p:
        far = Far(p)
        before = warm(p, far)
        middle(p, far, 8)
        all_gone(p, before)
