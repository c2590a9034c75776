# SPDX-License-Identifier: MIT
"""Name servers inside a far side: dnsmasq, and one that answers what a test tells it to."""
import re
import socket
import struct
import threading

import lab as L

A, AAAA, SOA = 1, 28, 6


class Dnsmasq:
    """dnsmasq in namespace NS on ADDRESS; HOSTS: (name, address…); knows ZONES and refuses others."""

    def __init__(self, lab, ns, address, hosts=(), zones=(), ttl=0, args=()):
        self.path = L.tool("dnsmasq")
        tag = f"dnsmasq-{len(lab.processes)}"
        table = lab.file(f"{tag}.hosts", "".join(f"{a} {name}\n" for name, *many in hosts
                                                 for a in many))
        self.process = ns.spawn(
            [self.path, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
             f"--addn-hosts={table}", f"--listen-address={address}", "--bind-interfaces",
             "--log-queries", "--log-facility=-", f"--local-ttl={ttl}", "--pid-file=", "--user=root",
             "--dns-forward-max=10000", *(f"--local=/{z}/" for z in zones), *args], name=tag)
        self.process.wait_line("started, version")
        self.process.wait_line(re.escape(table))

    def asked(self, name=None):
        """How often a client has asked for NAME (A and AAAA), or at all."""
        what = re.escape(name) if name else r"\S+"
        return sum(bool(re.search(rf"query\[A+\] {what} from", line))
                   for line in list(self.process.lines))

    def stop(self):
        self.process.stop()


class Scripted:
    """A name server whose answers are a function of (name, type): bytes behind the question, rcode.

    answer(name, kind) -> None (silence) or (rcode, [records], [authority records])."""

    def __init__(self, ns, address, answer):
        self.answer, self.questions, self.held = answer, [], []
        with L.inside(ns):
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address, 53))
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self):
        while True:
            data, who = self.udp.recvfrom(4096)
            name, at = "", 12
            while data[at]:
                name += data[at + 1:at + 1 + data[at]].decode() + "."
                at += data[at] + 1
            kind = struct.unpack("!H", data[at + 1:at + 3])[0]
            name = name.rstrip(".").lower()
            self.questions.append((name, kind))
            got = self.answer(name, kind)
            if got is None:
                continue
            if callable(got):  # later, by another thread
                self.held.append((got, data, at, who))
                continue
            self.send(data, at, who, *got)

    def send(self, data, at, who, rcode, records=(), authority=()):
        head = data[:2] + struct.pack("!HHHHH", 0x8580 | rcode, 1, len(records), len(authority), 0)
        self.udp.sendto(head + data[12:at + 5] + b"".join(records) + b"".join(authority), who)

    def asked(self, name):
        return sum(n == name for n, _ in self.questions)


def record(address, ttl=0):
    """An A or AAAA record for the name that was asked for."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    data = socket.inet_pton(family, address)
    return struct.pack("!HHHIH", 0xc00c, AAAA if ":" in address else A, 1, ttl, len(data)) + data


def soa(minimum, ttl=3600):
    data = b"\xc0\x0c\xc0\x0c" + struct.pack("!IIIII", 1, 3600, 600, 86400, minimum)
    return struct.pack("!HHHIH", 0xc00c, SOA, 1, ttl, len(data)) + data
