# SPDX-License-Identifier: MIT
"""A kernel that refuses: system calls of a node fail as the test says (inject.c), or a route really shrinks.

    a  tsgw-wg (injected) ── eth0 ── eth0 ── wireguard-go  b        10.0.0.1 -> 10.0.0.2

Whatever fails, the rest goes on at the first packet that has not been sent: none twice.
"""
import errno
import mmap
import os
import socket
import struct
import threading
import time

import lab as L
from lab import BUILD, check, equal, inside, wait_for
from picture import key_pair, start_wireguard, wg

PORT = 51820
UDP_SEGMENT, SO_RCVBUFFORCE = 103, 33
FIELDS = ("train_error", "single_error", "single_times", "partial", "join_error", "old_kernel",
          "no_ipv6", "trains", "train_failures", "singles", "single_failures", "joins",
          "join_failures")


class Page:
    """The page that inject.so reads, as attributes."""

    def __init__(self, lab):
        path = lab.file("inject", "\0" * 4096, 0o666)
        with open(path, "r+b") as f:
            self.__dict__.update(path=path, memory=mmap.mmap(f.fileno(), 4096))

    def __getattr__(self, name):
        return struct.unpack_from("=I", self.memory, 4 * FIELDS.index(name))[0]

    def __setattr__(self, name, value):
        struct.pack_into("=I", self.memory, 4 * FIELDS.index(name), value)


class Pair:
    def __init__(self, lab, env=None, **page):
        self.lab, self.page = lab, Page(lab)
        for name, value in page.items():
            setattr(self.page, name, value)
        self.a, self.b = lab.ns("a"), lab.ns("b")
        lab.link(self.a, self.b, a_if="eth0", b_if="eth0")
        self.a.ip("addr add 192.0.2.1/24 dev eth0")
        self.b.ip("addr add 192.0.2.2/24 dev eth0")
        self.wa, self.wb = lab.ifname("a"), lab.ifname("b")
        self.node = self.a.spawn([os.path.join(BUILD, "tsgw-wg"), "-f", self.wa], name="node", env={
            "LD_PRELOAD": os.path.join(BUILD, "tests/net/inject.so"), "INJECT": self.page.path,
            "LOG_LEVEL": "verbose", "ASAN_OPTIONS": "verify_asan_link_order=0", **(env or {})})
        wait_for(lambda: os.path.exists(f"{L.UAPI_DIR}/{self.wa}.sock"), "the node serves")
        start_wireguard(lab, self.b, self.wb, "wireguard-go")
        (ka, pa), (kb, pb) = key_pair(), key_pair()
        wg("set", self.wa, "listen-port", str(PORT), "private-key", lab.file("a.key", ka), "peer", pb,
           "allowed-ips", "10.0.0.2/32", "endpoint", f"192.0.2.2:{PORT}")
        wg("set", self.wb, "listen-port", str(PORT), "private-key", lab.file("b.key", kb), "peer", pa,
           "allowed-ips", "10.0.0.1/32")
        self.a.ip(f"addr add 10.0.0.1/24 dev {self.wa}", f"link set {self.wa} up mtu 1420")
        self.b.ip(f"addr add 10.0.0.2/24 dev {self.wb}", f"link set {self.wb} up mtu 1420")
        self.serial = 0
        with inside(self.b):
            self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sink.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.sink.bind(("10.0.0.2", 9))
        self.sink.settimeout(20)
        with inside(self.a):
            self.source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.source.connect(("10.0.0.2", 9))
        self.send(1)
        self.take(1)

    def send(self, n):
        """A superpacket of N numbered datagrams, 1000 bytes each."""
        self.source.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000 if n > 1 else 0)
        self.source.send(b"".join(struct.pack(">I", self.serial + i).ljust(1000, b".")
                                  for i in range(n)))
        self.serial += n

    def rounds(self, n):
        """N superpackets, each taken before the next: no queue on the way is to overflow."""
        for _ in range(n):
            self.send(30)
            self.take(30)

    def take(self, n, lost=0):
        """Each of the last N came once; up to LOST of those before the very last not at all."""
        got = []
        while not got or got[-1] != self.serial - 1:
            got.append(struct.unpack(">I", self.sink.recv(2000)[:4])[0])
        equal(len(set(got)), len(got), "datagrams, each once")
        check(set(got) <= set(range(self.serial - n, self.serial)), "old datagrams")
        check(n - lost <= len(got) <= n, f"{len(got)} of {n} came")
        return len(got)

    def bulk(self, n_bytes, upwards=True, during=None):
        """A TCP transfer from a to b, or back. -> (longest pause in s)"""
        with inside(self.b):
            server = socket.create_server(("10.0.0.2", 0))
        with inside(self.a):
            near = socket.socket()
        near.settimeout(60)
        near.connect(server.getsockname())
        far = server.accept()[0]
        far.settimeout(60)
        sender, receiver = (near, far) if upwards else (far, near)
        block = os.urandom(1 << 16)

        def pour():
            for _ in range(n_bytes >> 16):
                sender.sendall(block)
            sender.shutdown(socket.SHUT_WR)
        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        got, pause, last = bytearray(), 0, time.monotonic()
        while part := receiver.recv(1 << 20):
            now = time.monotonic()
            pause, last = max(pause, now - last), now
            got += part
            if during and len(got) > n_bytes // 4:
                during()
                during = None
        thread.join()
        check(got == block * (n_bytes >> 16), "what came is what was sent")
        for s in (near, far, server):
            s.close()
        return pause


def given_up_once(lab, error):
    p = Pair(lab)
    p.rounds(1)
    check(p.page.trains > 0, "trains at first")
    p.page.train_error = error
    p.rounds(20)
    # EINVAL may also mean that our own address is gone: tried again without it
    check(1 <= p.page.train_failures <= 2, f"{p.page.train_failures} trains tried in vain")
    before = p.page.trains
    p.page.train_error = 0
    p.rounds(1)
    equal(p.page.trains, before, "trains once they are given up")
    equal(p.node.log().count("segmented sends"), 1, "lines in the log")


def test_eio(lab):
    """A device without checksum offload: no trains any more, nothing lost, nothing twice."""
    given_up_once(lab, errno.EIO)


def test_einval(lab):
    """A kernel that does not know UDP_SEGMENT."""
    given_up_once(lab, errno.EINVAL)


def test_eio_with_udp_gso_on(lab):
    """Insisting: tried each time, everything comes, and trains return with the kernel's consent."""
    p = Pair(lab, {"TSGW_UDP_GSO": "on"}, train_error=errno.EIO)
    p.rounds(5)
    check(p.page.train_failures >= 5, "tried again")
    p.page.train_error = 0
    p.rounds(1)
    check(p.page.trains > 0, "trains are back")


def test_emsgsize(lab):
    """A smaller route: this train one by one, the next one is tried again."""
    p = Pair(lab)
    p.page.train_error = errno.EMSGSIZE
    p.rounds(5)
    check(p.page.train_failures >= 5, "tried again")
    before = p.page.trains
    p.page.train_error = 0
    p.rounds(1)
    check(p.page.trains > before, "trains are back")


def test_partial_batches(lab):
    """sendmmsg() that takes seven at a time: it goes on at the eighth."""
    p = Pair(lab, {"TSGW_UDP_GSO": "off"}, partial=7)
    p.rounds(20)
    equal(p.page.trains, 0, "trains with off")


def refused_in_a_batch(lab, error):
    """Two datagrams fail in the midst of batches (a third would end the batch); the others come, once."""
    p = Pair(lab, {"TSGW_UDP_GSO": "off"}, partial=7)
    p.page.single_error = error
    for _ in range(5):
        p.page.single_times = 2
        p.send(30)
        wait_for(lambda: p.page.single_times == 0, "they have failed")
        p.send(1)
        p.take(31, lost=2)
    equal(p.page.single_failures, 10, "failures")
    return p


def test_enobufs(lab):
    """A full queue: waited for a moment, then dropped."""
    refused_in_a_batch(lab, errno.ENOBUFS)


def test_eperm(lab):
    """A firewall: dropped, and said a few times, not each time."""
    p = refused_in_a_batch(lab, errno.EPERM)
    said = p.node.log().count("sending is not permitted")
    check(1 <= said <= 3, f"{said} lines in the log")


def test_route_mtu_shrinks_in_mid_transfer(lab):
    """1500 -> 1280 on the way, for real: full-size trains do not fit any more. The transfer goes on."""
    p = Pair(lab)
    trains = []

    def shrink():
        p.a.ip("link set eth0 mtu 1280")
        trains.append(p.page.trains)
    pause = p.bulk(64 << 20, during=shrink)
    print(f"# longest pause {pause:.2f} s")
    check(pause < 5, f"a pause of {pause:.1f} s")
    p.a.ip("link set eth0 mtu 1500")
    before = p.page.trains
    check(before >= trains[0] > 0, "there were trains")
    p.rounds(1)
    check(p.page.trains > before, "trains are back")


def test_tun_refuses_joined_packets(lab):
    """EINVAL for a write with gso_type: the packets one by one, and none is joined from then on."""
    p = Pair(lab, join_error=errno.EINVAL)
    p.bulk(16 << 20, upwards=False)
    # what was joined before the first one failed is tried, too
    tried = p.page.join_failures
    check(1 <= tried <= 8, f"{tried} joined writes tried")
    p.page.join_error = 0
    p.bulk(4 << 20, upwards=False)
    equal((p.page.joins, p.page.join_failures), (0, tried), "joined writes once they are given up")
    equal(p.node.log().count("refuses joined TCP"), 1, "lines in the log")


def test_tun_offload_on_insists(lab):
    p = Pair(lab, {"TSGW_TUN_OFFLOAD": "on"}, join_error=errno.EINVAL)
    p.bulk(8 << 20, upwards=False)
    check(p.page.join_failures > 1, "tried again")
    p.page.join_error = 0
    p.bulk(8 << 20, upwards=False)
    check(p.page.joins > 0, "joined at last")


def test_old_kernel(lab):
    """Neither USO (6.2) nor UDP_GRO (5.0): TCP and UDP both ways."""
    p = Pair(lab, old_kernel=1)
    p.bulk(16 << 20)
    p.bulk(16 << 20, upwards=False)
    p.rounds(5)


def test_no_ipv6_outside(lab):
    """W24: no IPv6 sockets: it says so and works over IPv4, also on another port."""
    p = Pair(lab, no_ipv6=1)
    p.node.wait_line("IPv4 only")
    p.send(3)
    p.take(3)
    wg("set", p.wa, "listen-port", "51999")
    p.send(3)
    p.take(3)


def test_tsgw_udp_gso_is_checked(lab):
    ns = lab.ns("a")
    for variable in ("TSGW_UDP_GSO", "TSGW_UDP_GRO", "TSGW_TUN_OFFLOAD"):
        for value in ("sentinel", "yes") if variable != "TSGW_UDP_GSO" else ("yes",):
            p = lab.run([os.path.join(BUILD, "tsgw-wg"), "-f", lab.ifname("x")], ns=ns, timeout_s=20,
                        env={variable: value})
            check(p.returncode == 1 and variable in p.stderr, f"{variable}={value}: {p.stderr}")
