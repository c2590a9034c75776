# SPDX-License-Identifier: MIT
"""The kernel's WireGuard selftest, its scenarios in our own words, for userspace nodes.

    n1: w1 192.168.241.1, fd00::1        n2: w2 192.168.241.2, fd00::2
          │                                    │
          └── UDP port 1 ── n0: lo ── UDP port 2 ──┘

A node is started in the namespace that shall have its sockets (n0); then its TUN is moved to where it
belongs. A scenario decorated with @both runs with our node, which must pass, and with a reference beside
it, whose result is printed: lines "# netns | SCENARIO | tsgw-wg | wireguard-go". NETNS_ENGINES names
others ("" for none); `make netns` shows all as one table.
"""
import os
import socket
import struct
import time

import lab as L
from client import checksum
from lab import Failure, Skip, check, inside, wait_for
from picture import engine_path, key_pair, start_wireguard, wg

IN4, IN6 = ("192.168.241.1", "192.168.241.2"), ("fd00::1", "fd00::2")
PORTS = (1, 2)
ANSWER_S = 10.0  # a single packet must arrive, however slow the machine
SILENCE_S = 1.0  # nothing may come within


def both(scenario):
    """Runs SCENARIO(arena) with our node and with the reference."""
    name = scenario.__name__.removeprefix("test_")

    def run(lab):
        results = []
        for engine in engines():
            results.append((engine, attempt(lab, scenario, engine)))
        print(f"# netns | {name} | " + " | ".join(f"{e}: {r or 'ok'}" for e, r in results))
        if results[0][1]:
            raise Failure(results[0][1])
    run.__name__, run.__doc__ = scenario.__name__, scenario.__doc__
    return run


def engines():
    named = os.environ.get("NETNS_ENGINES")
    if named is not None:
        return ["tsgw-wg", *named.split()]
    return ["tsgw-wg", *[e for e in ("wireguard", "wireguard-go") if engine_path(e)][:1]]


def attempt(lab, scenario, engine):
    """"" or what went wrong."""
    a = Arena(lab, engine)
    try:
        scenario(a)
        for node in a.nodes:
            check(node.gone or node.process.alive(), f"{node.ifname} has died: {node.process.log()}")
        return ""
    except Skip:
        raise
    except (Failure, OSError) as e:
        return str(e).splitlines()[0]
    finally:
        a.close()


class Node:
    """A userspace WireGuard: its sockets are in BIRTH, its TUN is in HOME."""

    def __init__(self, arena, word, birth, home):
        self.arena, self.home, self.gone = arena, home, False
        self.ifname = arena.lab.ifname(word)
        self.private, self.public = key_pair()
        self.process = start_wireguard(arena.lab, birth, self.ifname, arena.engine)
        self.process.forgiven = True
        if home is not birth:
            birth.ip(f"link set {self.ifname} netns {home.name}")
        arena.nodes.append(self)

    def set(self, *args):
        return wg("set", self.ifname, *map(str, args))

    def show(self, what):
        return wg("show", self.ifname, what)

    def ip(self, *lines):
        return self.home.ip(*(line.replace("DEV", self.ifname) for line in lines))

    def key(self, private):
        return self.arena.secret(private)

    def endpoint(self, public):
        return dict(line.split("\t") for line in self.show("endpoints").splitlines()).get(public)

    def transfer(self):
        """Received, sent; of the first peer."""
        return tuple(map(int, self.show("transfer").split()[1:3]))

    def delete(self):
        """By ip(8); the process has to follow, and well."""
        self.gone = True
        self.ip("link del DEV")
        code = self.process.wait()
        check(code == 0, f"{self.ifname}'s process ended with {code}")
        check(not os.path.exists(f"{L.UAPI_DIR}/{self.ifname}.sock"), "it left its socket")


class Arena:
    def __init__(self, lab, engine):
        self.lab, self.engine, self.nodes, self.n_keys = lab, engine, [], 0
        self.tag = engine[0] + str(len(lab.namespaces))
        self.n0, self.n1, self.n2 = (lab.ns(f"{self.tag}-{i}") for i in range(3))
        self.psk = wg("genpsk")
        self.w1 = self.w2 = None

    def close(self):
        for n in self.nodes:
            n.process.stop()

    def secret(self, text):
        self.n_keys += 1
        return self.lab.file(f"{self.tag}/key{self.n_keys}", text + "\n")

    def node(self, word, birth, home=None):
        return Node(self, word, birth, home or birth)

    def pair(self, birth1=None, birth2=None):
        """The two nodes, with addresses and keys; no endpoint yet."""
        self.w1 = self.node("w1", birth1 or self.n0, self.n1)
        self.w2 = self.node("w2", birth2 or self.n0, self.n2)
        for i, (w, other) in enumerate(((self.w1, self.w2), (self.w2, self.w1))):
            w.ip(f"addr add {IN4[i]}/24 dev DEV", f"addr add {IN6[i]}/112 dev DEV")
            w.set("private-key", w.key(w.private), "listen-port", PORTS[i], "peer", other.public,
                  "preshared-key", w.key(self.psk), "allowed-ips", f"{IN4[1 - i]}/32,{IN6[1 - i]}/128")
            w.ip("link set up dev DEV")
        return self.w1, self.w2

    def join(self, host="127.0.0.1"):
        """Tells both where the other one is."""
        self.w1.set("peer", self.w2.public, "endpoint", f"{host}:{PORTS[1]}")
        self.w2.set("peer", self.w1.public, "endpoint", f"{host}:{PORTS[0]}")

    def nft(self, ns, *lines):
        self.lab.run([L.tool("nft"), "-f", "-"], ns=ns, ok=0, stdin="\n".join(lines) + "\n")

    # ---- traffic

    def iperf(self, client, server, address, *args):
        """One run of iperf3; gives nothing, as speeds are for bench/."""
        p = server.spawn([L.tool("iperf3"), "-s", "-1", "-B", address, "--forceflush"], "iperf3 server")
        p.forgiven = True
        p.wait_line("Server listening")
        client.run(["iperf3", "-c", address, "-t", "1", *args], ok=0, timeout_s=60)
        p.wait()

    def battery(self, parallel=(4, 5, 50)):
        a, b = self.n1, self.n2
        for target, source in ((IN4[0], b), (IN4[1], a), (IN6[0], b), (IN6[1], a)):
            reach(source, target, 10)
        self.iperf(a, b, IN4[1], "-Z")
        self.iperf(b, a, IN6[0], "-Z")
        self.iperf(b, a, IN4[0], "-Z", "-u", "-b", "0")
        self.iperf(a, b, IN6[1], "-Z", "-u", "-b", "0")
        for n in parallel:
            self.iperf(a, b, IN4[1], "-Z", "-P", str(n))


# ---- single packets

def echo_socket(ns, v6, device):
    with inside(ns):
        s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW,
                          socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
    if device:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    return s


def echo_request(v6, mark, number, size):
    rest = mark + struct.pack(">H", number) + bytes(size - 6)
    if v6:  # the kernel fills in the checksum
        return struct.pack(">BBHHH", 128, 0, 0, 1, number) + rest
    head = struct.pack(">BBHHH", 8, 0, 0, 1, number)
    total = checksum(head + rest + b"\0" * (size & 1))
    return struct.pack(">BBHHH", 8, 0, total, 1, number) + rest


def listen_echo(s, v6, mark, wanted, end):
    """-> (numbers that were answered, [(type, code, from) of errors about ours])."""
    got, errors = set(), []
    while len(got) + len(errors) < wanted and (left := end - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            data, where = s.recvfrom(65536)
        except TimeoutError:
            break
        data = data if v6 else data[20:]
        if mark not in data:
            continue
        if data[0] == (129 if v6 else 0):
            got.add(data[12:14])
        elif data[0] in ((1, 2, 3) if v6 else (3, 11, 12)):
            errors.append((data[0], data[1], where[0]))
    return got, errors


def echo(ns, target, count=1, wait_s=ANSWER_S, size=56, device=None):
    """COUNT pings with SIZE bytes behind the header; gives how many were answered, and errors."""
    v6, mark = ":" in target, os.urandom(4)
    with echo_socket(ns, v6, device) as s:
        for number in range(count):
            try:
                s.sendto(echo_request(v6, mark, number, size), (target, 0))
            except OSError as e:
                return 0, [(None, e.errno, "here")]
        got, errors = listen_echo(s, v6, mark, count, time.monotonic() + wait_s)
    return len(got), errors


def reach(ns, target, count=1, **options):
    got, errors = echo(ns, target, count, **options)
    check(got == count, f"{got} of {count} pings of {target} were answered, errors {errors}")


def no_reach(ns, target):
    got, _ = echo(ns, target, wait_s=SILENCE_S)
    check(not got, f"{target} answered")


def udp_socket(ns, address, port):
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


def endpoint_is(node, public, wanted):
    wait_for(lambda: node.endpoint(public) == wanted,
             lambda: f"endpoint {wanted}, it is {node.endpoint(public)}", 5)
