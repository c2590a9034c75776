# SPDX-License-Identifier: MIT
"""What a bulk stream may have under way to tsgw-proxy. The place is that of test_proxy_alone."""
import socket
import struct
import threading
import time

import lab as L
import test_proxy_alone as A

SND_WND = 228  # in struct tcp_info
MOVED = 256 << 20
MOST = 3 << 19  # WINDOW_FLOOR, and what is on its way there


class Stream:
    """A server that has always something to send, and its client."""

    def __init__(self, p, port):
        self.moved, self.conn, self.ended = 0, None, False
        p.serve(port, self.send)
        self.client = p.socks(port)
        threading.Thread(target=self.read, daemon=True).start()

    def send(self, conn):
        self.conn = conn
        data = bytes(1 << 16)
        while not self.ended:
            conn.sendall(data)

    def read(self):
        room = bytearray(1 << 18)
        while not self.ended:
            self.moved += self.client.recv_into(room)

    def window(self):
        info = self.conn.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
        return struct.unpack_from("=I", info, SND_WND)[0]


def test_near(lab):
    """The kernel alone would let many megabytes come; near streams have one together."""
    with A.Place(lab) as p:
        p.proxy.sysctl("ipv4/tcp_rmem", "4096 8388608 33554432")
        p.serve(80, A.echo)
        idle = p.socks(80)
        one = Stream(p, 81)
        L.wait_for(lambda: one.moved > MOVED, "the stream moves", 60)
        L.wait_for(lambda: one.window() < MOST, lambda: f"its window is {one.window()}")
        two = Stream(p, 82)
        L.wait_for(lambda: two.moved > MOVED, "the second moves", 60)
        L.wait_for(lambda: one.window() + two.window() < MOST, lambda: f"{one.window()}, {two.window()}")
        at = one.moved
        L.wait_for(lambda: one.moved > at + MOVED, "both go on", 60)
        idle.sendall(b"x")
        L.equal(idle.recv(1), b"x", "an echo beside them")
        one.ended = two.ended = True


def test_alone(lab):
    """Nobody waits behind a stream that is alone: its window is the kernel's, until somebody comes and for a while after."""
    with A.Place(lab) as p:
        p.proxy.sysctl("ipv4/tcp_rmem", "4096 8388608 33554432")
        p.serve(80, A.echo)
        one = Stream(p, 81)
        L.wait_for(lambda: one.moved > MOVED, "the stream moves", 60)
        L.check(one.window() > 2 * MOST, f"alone its window is {one.window()}")
        other = p.socks(80)  # it need not say anything
        L.wait_for(lambda: one.window() < MOST, lambda: f"beside another it is {one.window()}")
        other.close()
        gone = time.monotonic()
        L.wait_for(lambda: one.window() > 2 * MOST, lambda: f"alone again it is {one.window()}", 60)
        L.check(time.monotonic() - gone > 8, "it grew at once")
        one.ended = True
