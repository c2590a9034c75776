# SPDX-License-Identifier: MIT
"""The keys udp-gso, udp-gro and tun-offload: each changed in a running tailnet, and seen to take effect.

    demon ── to1 ── peer        as in picture.py; wireguard-go at the far end
"""
import ctypes
import os
import socket
import struct

from client import connect, get, read_all, socks5
from lab import LIBC, check, equal, inside, wait_for
from picture import PRIMARY, TARGET, check_page

SOL_PACKET, PACKET_VNET_HDR = 263, 15
UDP_GRO = 104
ARPHRD_ETHER = 1
BULK = 4000000
SYS_pidfd_getfd = 438


class Sniffer:
    """Packets of an interface with their virtio_net_hdr: whether, and how, they are segmented."""

    def __init__(self, namespace, ifname, outgoing):
        with inside(namespace):
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            self.s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
            self.s.bind((ifname, 3))
        self.s.setblocking(False)
        self.outgoing = outgoing

    def packets(self):
        """-> [(gso_size or 0, the IP packet)] since the last call."""
        got = []
        while True:
            try:
                data, where = self.s.recvfrom(1 << 17)
            except BlockingIOError:
                return got
            if (where[2] == socket.PACKET_OUTGOING) == self.outgoing:
                gso_type, gso_size = data[1], struct.unpack("<H", data[4:6])[0]
                link = 14 if where[3] == ARPHRD_ETHER else 0
                if link == 0 or data[22:24] == b"\x08\x00":
                    got.append((gso_size if gso_type else 0, data[10 + link:]))

    def close(self):
        self.s.close()


def upload(picture, t):
    s = connect(picture.mac, PRIMARY, t.port, timeout_s=60)
    equal(socks5(s, TARGET, 7), 0, "SOCKS5")
    s.sendall(bytes(BULK))
    s.shutdown(socket.SHUT_WR)
    equal(read_all(s), b"red counted %d\n" % BULK, "bytes up")
    s.close()


def download(picture, t):
    s = connect(picture.mac, PRIMARY, t.port, timeout_s=60)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    equal(len(get(s, f"/bytes/{BULK}")), BULK, "bytes down")
    s.close()


def change(g, t, *keys):
    t.keys = list(keys)
    g.write_config()
    g.ctl("reload", ok=0)


def start(picture, *keys):
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = list(keys)
    g = picture.gateway().start()
    g.wait_up()
    return t, g


def test_udp_gso(picture):
    """auto, off, sentinel and on, changed under an open connection; the session stays."""
    t, g = start(picture)
    node = g.worker("tsgw-wg", t)
    held = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(held, TARGET, 3000), 0, "SOCKS5")
    sniffer = Sniffer(t.peer.ns, "eth0", outgoing=False)
    handshake = t.peer.handshake_s()

    def trains():
        """UDP payload and segment size of what came as a train."""
        sniffer.packets()
        upload(picture, t)
        equal(get(held, "/x"), "this is red, you asked for /x\n", "the open connection")
        return [(len(ip) - 28, size) for size, ip in sniffer.packets() if size]

    check(any(n // size > 8 for n, size in trains()), "auto makes trains")
    change(g, t, "udp-gso = off")
    equal(trains(), [], "trains with off")
    change(g, t, "udp-gso = sentinel")
    seen = trains()
    check(any(n % size == 1 for n, size in seen), f"no sentinel: {seen[:20]}")
    equal([x for x in seen if x[0] % x[1] == 0], [], "trains of equal datagrams")
    equal([x for x in seen if x[0] // x[1] < 7], [], "short trains")
    change(g, t, "udp-gso = on")
    seen = trains()
    check(any(n // size > 8 for n, size in seen), "on makes trains")
    equal([x for x in seen if x[0] % x[1] == 1], [], "sentinels with on")
    equal(g.worker("tsgw-wg", t), node, "the node")
    equal(t.peer.handshake_s(), handshake, "the session")
    sniffer.close()
    held.close()


def udp_gro_of(pid):
    """UDP_GRO of each UDP socket that the process holds."""
    values = []
    pidfd = os.pidfd_open(pid)
    for fd in os.listdir(f"/proc/{pid}/fd"):
        copy = LIBC.syscall(SYS_pidfd_getfd, pidfd, int(fd), 0)
        if copy < 0:
            raise OSError(ctypes.get_errno(), "pidfd_getfd")
        try:
            if os.readlink(f"/proc/self/fd/{copy}").startswith("socket:"):
                s = socket.socket(fileno=os.dup(copy))
                if s.type == socket.SOCK_DGRAM and s.family in (socket.AF_INET, socket.AF_INET6):
                    values.append(s.getsockopt(socket.IPPROTO_UDP, UDP_GRO))
                s.close()
        finally:
            os.close(copy)
    os.close(pidfd)
    return values


def test_udp_gro(picture):
    """on and off; new sockets (wg set listen-port) are as configured."""
    t, g = start(picture, "udp-gro = off")
    node = g.worker("tsgw-wg", t)
    equal(udp_gro_of(node), [0, 0], "off from the start")
    download(picture, t)
    change(g, t, "udp-gro = on")
    equal(udp_gro_of(node), [1, 1], "on")
    download(picture, t)
    change(g, t, "udp-gro = off")
    equal(udp_gro_of(node), [0, 0], "off again")
    picture.lab.run(["wg", "set", t.link, "listen-port", "51777"], ok=0)
    equal(udp_gro_of(node), [0, 0], "off on another port")
    download(picture, t)
    change(g, t)
    equal(udp_gro_of(node), [1, 1], "auto, on this kernel")
    equal(g.worker("tsgw-wg", t), node, "the node")


def test_tun_offload(picture):
    """Off: nothing above the MTU passes between kernel and node, in either direction."""
    t, g = start(picture)
    node = g.worker("tsgw-wg", t)
    out, back = Sniffer(t.pin, "wg0", outgoing=True), Sniffer(t.pin, "wg0", outgoing=False)

    def largest():
        out.packets()
        back.packets()
        upload(picture, t)
        download(picture, t)
        return [max(len(ip) for _, ip in s.packets()) for s in (out, back)]

    def small(sizes):
        return all(n <= 1420 for n in sizes)

    large = largest()
    check(all(n > 4000 for n in large), f"auto joins: {large}")
    change(g, t, "tun-offload = off")
    check(small(sizes := largest()), f"off: {sizes}")
    change(g, t, "tun-offload = on")
    large = largest()
    check(all(n > 4000 for n in large), f"on joins: {large}")
    change(g, t, "tun-offload = off")
    os.kill(node, 9)  # the next node finds it so
    wait_for(lambda: g.worker("tsgw-wg", t) != node, "another node")
    g.wait_up()
    check_page(picture, t)
    check(small(sizes := largest()), f"off, another node: {sizes}")
    out.close()
    back.close()


def test_mtu_of_a_running_tailnet(picture):
    """A new MTU reaches the node, too: what it sends is padded up to it, not beyond."""
    t, g = start(picture, "udp-gso = off")
    sniffer = Sniffer(t.peer.ns, "eth0", outgoing=False)

    def longest():
        sniffer.packets()
        upload(picture, t)
        return max(len(ip) for _, ip in sniffer.packets())

    equal(longest(), 20 + 8 + 32 + 1420, "outer packets")
    change(g, t, "udp-gso = off", "mtu = 1301")
    equal(longest(), 20 + 8 + 32 + 1301, "outer packets with another MTU")
    sniffer.close()
