# SPDX-License-Identifier: MIT
"""Looks for what must not be there: a tailnet's own packets on any link of the host.

A Generator talks all the time inside the tailnet's namespace, and says MARK in each packet: UDP, DNS and
ICMP over IPv4 and IPv6, to what the tailnet routes and to what it does not. A Watch listens on every
link of the host for MARK and counts, by the host's packet filter, what goes to the tailnet's addresses.
What the node encrypts carries no MARK; so one MARK anywhere is a leak.
"""
import contextlib
import os
import re
import select
import socket
import struct
import subprocess
import threading

from client import checksum
from lab import Failure, check, inside

MARK = b"never outside"
ROUTED4, ROUTED6 = "10.100.10.141", "fd77:100::141"
FAR4, FAR6 = "198.51.100.53", "2001:db8::53"  # no tailnet routes them
ETH_P_ALL = 3
DNS_QUESTION = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x0dnever outside\x00\x00\x01\x00\x01"
RULES = """table inet watch {
	counter gone { }
	chain out { type filter hook output priority 0; policy accept;
		ip daddr { 10.100.0.0/16, 198.51.100.53 } counter name gone
		ip6 daddr { fd77:100::/64, 2001:db8::53 } counter name gone
		meta l4proto { 6, 17 } th dport 53 counter name gone
	}
	chain through { type filter hook forward priority 0; policy accept; counter name gone; }
}"""


# a host that forwards what is encrypted: what goes through is looked at, not counted
RULES_FORWARDS = re.sub(r"\tchain through .*\n", "", RULES)


class Generator:
    """Sends from inside whatever namespace is pinned under a name, as often as it can. With LINKS also from
    sockets that are bound to them, which need no route."""

    def __init__(self, pin, links=()):
        self.pin, self.links, self.sent, self.rounds = pin, links, 0, 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stop.is_set():
            try:
                with contextlib.ExitStack() as stack:
                    with inside(self.pin):
                        sockets = [stack.enter_context(socket.socket(*how)) for how in (
                            (socket.AF_INET, socket.SOCK_DGRAM), (socket.AF_INET6, socket.SOCK_DGRAM),
                            (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))]
                    self._burst(*sockets)
                    for link in self.links:
                        for s in sockets:
                            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
                        self._burst(*sockets)
            except OSError:  # there is no namespace just now
                select.select([], [], [], 0.002)
            self.rounds += 1

    def _burst(self, udp4, udp6, icmp):
        echo = b"\x00\x01\x00\x01" + MARK + b"\0"
        echo = b"\x08\x00" + struct.pack(">H", checksum(b"\x08\x00\x00\x00" + echo)) + echo
        for s, data, to in ((udp4, MARK, (ROUTED4, 5000)), (udp6, MARK, (ROUTED6, 5000)),
                            (udp4, DNS_QUESTION, (FAR4, 53)), (udp4, DNS_QUESTION, (ROUTED4, 53)),
                            (udp6, DNS_QUESTION, (FAR6, 53)),
                            (udp4, MARK, ("100.121.76.21", 5000)), (icmp, echo, (ROUTED4, 0)),
                            (icmp, echo, (FAR4, 0)), (icmp, echo, ("100.121.76.21", 0))):
            with contextlib.suppress(OSError):
                s.sendto(data, to)
                self.sent += 1

    def end(self):
        self.stop.set()
        self.thread.join()


class Watch:
    """Sees every packet on every link of NS, and what its packet filter lets out."""

    def __init__(self, ns, rules=RULES):
        self.ns, self.seen, self.leaks = ns, 0, []
        ns.run(["nft", "-f", "-"], stdin=rules, ok=0)
        with inside(ns):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
        self.wake = os.pipe()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        self._prove()

    def _run(self):
        while self.wake[0] not in select.select([self.socket, self.wake[0]], [], [])[0]:
            try:
                data, (link, _, kind, *_) = self.socket.recvfrom(65536)
            except OSError:  # a link went away
                continue
            self.seen += 1
            if MARK in data and len(self.leaks) < 100:
                self.leaks.append(f"{link} ({kind}): {data.hex()}")

    def counted(self):
        p = self.ns.run(["nft", "list", "counters", "table", "inet", "watch"], ok=0)
        return int(re.search(r"packets (\d+)", p.stdout)[1])

    def _prove(self):
        """It sees a leak when there is one: this one is ours."""
        from lab import wait_for
        with inside(self.ns):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.sendto(MARK, (FAR4, 5000))
        wait_for(lambda: self.leaks, "the watch sees a packet of ours")
        check(self.counted() == 1, "the counter counts a packet of ours")
        self.leaks.clear()
        self.ns.run(["nft", "reset", "counters", "table", "inet", "watch"], ok=0)

    def end(self):
        os.write(self.wake[1], b"x")
        self.thread.join()
        dropped = self.socket.getsockopt(263, 6, 8)  # SOL_PACKET, PACKET_STATISTICS
        for fd in self.wake:
            os.close(fd)
        self.socket.close()
        lost = struct.unpack("II", dropped)[1]
        check(not lost, f"the watch was too slow: {lost} packets not looked at")
        check(not self.leaks, f"{len(self.leaks)} leaks: {self.leaks[:3]}")
        counted = self.counted()
        check(not counted, f"{counted} packets to the tailnet's addresses left the host")


@contextlib.contextmanager
def watched(ns, *pins, rules=RULES, links=()):
    """Generators inside PINS and a watch on NS, while the block runs; a leak fails it at the end."""
    watch, generators = Watch(ns, rules), []
    try:
        generators = [Generator(p, links) for p in pins]
        yield generators
    except BaseException:
        for g in generators:
            g.end()
        with contextlib.suppress(Failure, subprocess.SubprocessError):
            watch.end()
        raise
    for g in generators:
        g.end()
    watch.end()
