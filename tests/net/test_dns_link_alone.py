# SPDX-License-Identifier: MIT
"""tsgw-dns and its connections to the tailnets' resolvers, with this test at their other end.

    client (namespace "dns") --- 100.121.76.21  tsgw-dns --- socketpair --- this test as tsgw-proxy
"""
import socket
import struct
import threading
import time

import lab as L
from dnsworker import RCODES, Worker
from test_dns_alone import FGPU, LAB, V4, V6, ask, connect, framed, query, rcode, dig

RECORDS, NO_SUCH, FAILED, FORGET = range(4)
QUESTION = "=IHBB255sx"
A, TXT, AAAA, HTTPS, PTR = 1, 16, 28, 65, 12
ASKING = dict(FGPU, asks=True)
GOOD, BAD = bytes([10, 100, 0, 9]), bytes([192, 168, 0, 9])


def start(lab, *zones):
    ns = lab.ns("dns")
    ns.ip(f"addr add {V4}/32 dev lo", f"addr add {V6}/128 dev lo nodad")
    worker = Worker(lab)
    worker.configure(*(zones or (ASKING, LAB)))
    for at in (V4, V6):
        worker.listen(ns, at)
    return ns, worker


def answer(number, kind=RECORDS, records=(), ttl=60, relative=0, n=None):
    data = b"".join(struct.pack(">H", len(r)) + r for r in records)
    return struct.pack("=IIBBHHH", number, ttl, kind, relative, 0, len(records) if n is None else n, len(data)) + data


def question(link):
    """(id, type, label of the suffix, name) of the next question."""
    data = link.recv(4096)
    L.equal(len(data), struct.calcsize(QUESTION), "a question's size")
    number, kind, suffix, size, name = struct.unpack(QUESTION, data)
    labels, at = [], 0
    while name[at]:
        labels.append(name[at + 1:at + 1 + name[at]].decode())
        at += 1 + name[at]
    L.equal(at + 1, size, "the name's length")
    return number, kind, suffix, ".".join(labels)


class Resolver:
    """Answers each question on a link by f(name, type), as long as it lives."""

    def __init__(self, worker, tailnet, f):
        self.link, self.f, self.asked = worker.link(tailnet), f, []
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self):
        self.link.settimeout(None)
        while True:
            try:
                number, kind, _, name = question(self.link)
            except (OSError, L.Failure, struct.error):
                return
            self.asked.append((name, kind))
            got = self.f(name, kind)
            if got is not None:
                self.link.send(answer(number, **got))


def name(text):
    return b"".join(bytes([len(w)]) + w.encode() for w in text.split(".") if w) + b"\0"


def test_answers(lab):
    """Whatever the tailnet says: what its clients may know of it, under the name that they asked for."""
    ns, w = start(lab)
    said = {
        ("gpu1.fgpu", A): {"records": [GOOD]}, ("mixed.fgpu", A): {"records": [GOOD, BAD, b"\x7f\0\0\1"]},
        ("bad.fgpu", A): {"records": [BAD]}, ("six.fgpu", AAAA): {"records": [bytes.fromhex("fd7a0001") + bytes(11) + b"\1"]},
        ("six2.fgpu", AAAA): {"records": [bytes(15) + b"\1"]}, ("odd.fgpu", A): {"records": [b"\1\2\3"]},
        ("text.fgpu", TXT): {"records": [b"\5hello", b"\5world"]}, ("no.fgpu", A): {"kind": NO_SUCH},
        ("empty.fgpu", A): {}, ("failed.fgpu", A): {"kind": FAILED}, ("zero.fgpu", A): {"records": [GOOD], "ttl": 0},
        ("h.fgpu", HTTPS): {"records": [b"\0\1\0\0\4\0\4" + GOOD]},
        ("rebind.fgpu", HTTPS): {"records": [b"\0\1\0\0\4\0\x08" + GOOD + BAD]},
        ("broken.fgpu", HTTPS): {"records": [b"\0\1\0\0\4\0\x09" + GOOD]},
        ("b.fgpu", A): {"kind": NO_SUCH}, ("big.fgpu", TXT): {"records": [b"\xff" + b"x" * 255] * 10},
        ("9.200.100.10.in-addr.arpa", PTR): {"records": [name("gpu9")], "relative": 1},
        ("8.200.100.10.in-addr.arpa", PTR): {"records": [name("gpu8.elsewhere")]},
        ("7.200.100.10.in-addr.arpa", PTR): {"kind": NO_SUCH}, ("6.200.100.10.in-addr.arpa", PTR): {"kind": FAILED},
    }
    w.configure(ASKING)
    r = Resolver(w, "fgpu", lambda n, k: said[n, k])
    for n, k, code, count in (
            ("gpu1.fgpu", A, "NOERROR", 1), ("GPU1.fgpu", A, "NOERROR", 1), ("mixed.fgpu", A, "NOERROR", 1),
            ("bad.fgpu", A, "NOERROR", 0), ("six.fgpu", AAAA, "NOERROR", 1), ("six2.fgpu", AAAA, "NOERROR", 0),
            ("odd.fgpu", A, "NOERROR", 0), ("text.fgpu", TXT, "NOERROR", 2), ("no.fgpu", A, "NXDOMAIN", 0),
            ("empty.fgpu", A, "NOERROR", 0), ("failed.fgpu", A, "SERVFAIL", 0), ("zero.fgpu", A, "NOERROR", 1),
            ("h.fgpu", HTTPS, "NOERROR", 1), ("rebind.fgpu", HTTPS, "NOERROR", 0), ("broken.fgpu", HTTPS, "NOERROR", 0),
            ("b.fgpu", A, "NOERROR", 0), ("gpu1.fgpu", 255, "NOERROR", 1), ("no.fgpu", 255, "NXDOMAIN", 0),
            ("gpu1.fgpu", 6, "NOERROR", 0), ("gpu1.fgpu", 2, "NOERROR", 0), ("no.fgpu", 43, "NXDOMAIN", 0)):
        L.equal(ask(ns, n, k), (code, count), f"{n} type {k}")
    L.equal(r.asked.count(("gpu1.fgpu", A)), 1, "asked once for A, ANY, SOA and NS")
    text = dig(ns, "BiG.fgpu", "TXT", "+ignore")
    L.check(" tc" in text and rcode(text) == "NOERROR" and "ANSWER: 0" in text, "truncated:\n" + text)
    L.check(dig(ns, "big.fgpu", "TXT").count("xxxxxxxx\"") == 10, "whole by TCP")
    for address, wanted in (("10.100.200.9", "gpu9.fgpu."), ("10.100.200.8", "gpu8.elsewhere."),
                            ("10.100.200.7", "10.100.200.7.fgpu."), ("10.100.200.6", "10.100.200.6.fgpu."),
                            ("10.100.1.1", "a.b.fgpu.")):
        L.equal(dig(ns, "+short", "-x", address).strip(), wanted, address)
    L.equal(ask(ns, "zero.fgpu"), ("NOERROR", 1), "TTL 0 once more")
    L.equal(r.asked.count(("zero.fgpu", A)), 2, "TTL 0 is not kept")
    stats = w.zone_stats("fgpu")
    L.check(stats["unrouted"] >= 7 and stats["hits"] >= 5 and stats["answered"] == len(r.asked) - stats["timeouts"]
            - sum(n in ("failed.fgpu", "6.200.100.10.in-addr.arpa") for n, _ in r.asked), stats)


def test_one_question_for_all(lab):
    """The same question of many clients goes out once; answers come in any order, also over TCP."""
    ns, w = start(lab)
    link = w.link("fgpu")
    with L.inside(ns):
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
    for i, s in enumerate(clients):
        s.settimeout(20)
        s.connect((V4, 53))
        s.send(query(("GPU1" if i % 2 else "gpu1") + ".fgpu", number=i))
    tcp = connect(ns)
    tcp.sendall(framed(query("first.fgpu", number=1), query("second.fgpu", number=2), query("grafana.fgpu", number=3),
                       query("gpu1.fgpu", number=4)))
    asked = {}
    for _ in range(3):
        number, kind, suffix, n = question(link)
        L.equal((kind, suffix), (A, 1), n)
        asked[n] = number
    L.equal(set(asked), {"gpu1.fgpu", "first.fgpu", "second.fgpu"}, "asked")
    L.equal(read_ids(tcp, 1), [3], "what is known needs not wait")
    link.send(answer(asked["second.fgpu"], NO_SUCH))
    L.equal(read_ids(tcp, 1), [2], "the second before the first")
    link.send(answer(asked["gpu1.fgpu"], records=[GOOD]))
    for i, s in enumerate(clients):
        got = s.recv(1000)
        L.equal(got[:2], struct.pack(">H", i), "its own number")
        L.equal(got[12:17], b"\4GPU1" if i % 2 else b"\4gpu1", "its own spelling")
    L.equal(read_ids(tcp, 1), [4], "the same by TCP")
    link.send(answer(asked["first.fgpu"], records=[GOOD]))
    L.equal(read_ids(tcp, 1), [1], "the first at last")
    tcp.sendall(framed(query("late.fgpu", number=9)))
    tcp.shutdown(socket.SHUT_WR)
    link.send(answer(question(link)[0], records=[GOOD]))
    L.equal(read_ids(tcp, 1), [9], "after a half-close")
    L.equal(tcp.recv(10), b"", "and then the end")


def read_ids(s, n):
    ids, size = [], None
    for _ in range(n):
        size = struct.unpack(">H", s.recv(2, socket.MSG_WAITALL))[0]
        ids.append(struct.unpack(">H", s.recv(size, socket.MSG_WAITALL)[:2])[0])
    return ids


def test_silence(lab):
    """SERVFAIL within 2 s; what comes later is kept; without a connection SERVFAIL at once."""
    ns, w = start(lab)
    begin = time.monotonic()
    L.equal(ask(ns, "gpu1.fgpu"), ("SERVFAIL", 0), "nobody to ask")
    L.check(time.monotonic() - begin < 1, "at once")
    link = w.link("fgpu")
    L.wait_for(lambda: w.zone_stats("fgpu")["down"] == 1, "counted")
    begin = time.monotonic()
    with L.inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.connect((V4, 53))
    s.send(query("gpu1.fgpu"))
    number = question(link)[0]
    L.equal(RCODES[s.recv(100)[3] & 15], "SERVFAIL", "silence")
    took = time.monotonic() - begin
    L.check(1 < took < 2.3, f"after {took:.2f} s")
    link.send(answer(number + 1, records=[GOOD]))  # another's
    link.send(answer(number, records=[GOOD]))
    L.wait_for(lambda: ask(ns, "gpu1.fgpu") == ("NOERROR", 1), "the late answer")
    stats = w.zone_stats("fgpu")
    L.equal((stats["timeouts"], stats["asked"]), (1, 1), "counters")
    link.send(answer(0, FORGET))
    s.send(query("gpu1.fgpu"))
    L.equal(question(link)[3], "gpu1.fgpu", "forgotten, so asked again")
    link.close()
    L.equal(w.lost(), "fgpu", "the report")
    L.equal(RCODES[s.recv(100)[3] & 15], "SERVFAIL", "the connection ended")
    second = w.link("fgpu")
    s.send(query("gpu1.fgpu"))
    second.send(answer(question(second)[0], records=[GOOD]))
    L.equal(RCODES[s.recv(100)[3] & 15], "NOERROR", "a fresh connection")
    third = w.link("fgpu")  # replaces it
    L.equal(second.recv(10), b"", "the replaced one")
    w.configure(LAB)
    L.equal(third.recv(10), b"", "its zone is gone")
    L.check(w.alive(), "alive")


def test_routes_not_known_yet(lab):
    """A tailnet whose netmap has not come: SERVFAIL for its addresses, but what nobody may reach is not there."""
    ns, w = start(lab, {"name": "home", "asks": True, "unsure": True, "routes": [], "hosts": [("nas", "10.1.1.1")]})
    for n, k, code, count in (("10.100.0.1.home", A, "SERVFAIL", 0), ("fd7a--1.home", AAAA, "SERVFAIL", 0),
                              ("127.0.0.1.home", A, "NXDOMAIN", 0), ("nas.home", A, "NOERROR", 1),
                              ("nas.home", AAAA, "NOERROR", 0), ("gpu1.home", A, "SERVFAIL", 0), ("home", 6, "NOERROR", 1)):
        L.equal(ask(ns, n, k), (code, count), f"{n} type {k}")
    w.configure({"name": "home", "asks": True, "routes": ["10.100.0.0/16"]})
    L.equal(ask(ns, "10.100.0.1.home"), ("NOERROR", 1), "it has come")
    L.equal(ask(ns, "10.99.0.1.home"), ("NXDOMAIN", 0), "and says all")


def test_hostile(lab):
    """A datagram against the rules ends the connection, and nothing else."""
    ns, w = start(lab)
    n = 0
    for bad in (b"x", answer(1)[:-1], answer(1) + b"x", answer(1, 4), answer(1, NO_SUCH, [b"x"]),
                answer(1, records=[b"x"], n=2), answer(1, records=[b"x"], n=0), answer(1, records=[b"x"], relative=2),
                answer(1, records=[b"\5x"], relative=1), answer(1, records=[b""] * 257), b"\xff" * 9000):
        link = w.link("fgpu")
        link.send(bad)
        try:
            L.equal(link.recv(10), b"", f"{bad[:20]}")
        except ConnectionResetError:
            pass
        L.equal(w.lost(), "fgpu", "the report")
        n += 1
    link = w.link("fgpu")
    for i in range(5000):
        link.send(answer(i, records=[GOOD]))  # to questions that nobody asked
    L.equal(ask(ns, "grafana.fgpu"), ("NOERROR", 1), "the zone")
    L.equal(w.zone_stats("fgpu")["answered"], 0, "unasked answers")
    nobody = w.link("nobody")
    L.equal(nobody.recv(10), b"", "a tailnet that there is not")


def test_bounds(lab):
    """One client, and one tailnet, can have only so many questions under way; others go on."""
    ns, w = start(lab, ASKING, dict(LAB, asks=True))
    fgpu = w.link("fgpu")
    other = Resolver(w, "lab", lambda n, k: {"records": [bytes([10, 100, 0, 1])]})
    L.equal(ask(ns, "gpu1.lab", source="127.0.0.3"), ("NOERROR", 1), "both are there")
    with L.inside(ns):
        greedy = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    greedy.bind(("127.0.0.2", 0))
    greedy.connect((V4, 53))
    greedy.settimeout(20)
    for i in range(300):
        greedy.send(query(f"n{i}.fgpu", number=i))
        if i % 50 == 49:
            L.equal(ask(ns, "grafana.fgpu"), ("NOERROR", 1), "the socket's queue is bounded, too")
    refused = [greedy.recv(1000) for _ in range(44)]
    L.check(all(RCODES[r[3] & 15] == "SERVFAIL" for r in refused), "too many of one client")
    L.equal(ask(ns, "gpu1.lab", source="127.0.0.3"), ("NOERROR", 1), "another tailnet")
    L.equal(ask(ns, "grafana.fgpu", source="127.0.0.2"), ("NOERROR", 1), "what needs nobody")
    L.equal(ask(ns, "more.fgpu", source="127.0.0.3"), ("SERVFAIL", 0), "the tailnet's own limit")
    L.equal(w.zone_stats("fgpu")["full"], 45, "counted")
    numbers = [question(fgpu)[0] for _ in range(256)]
    for number in numbers:
        fgpu.send(answer(number, NO_SUCH))
    codes = [RCODES[greedy.recv(1000)[3] & 15] for _ in range(256)]
    L.equal(codes.count("NXDOMAIN") + codes.count("SERVFAIL"), 256, "each has its answer")
    L.equal(len(other.asked), 1, "the other tailnet")
    for k in range(3):  # connections that end with questions under way
        s = connect(ns)
        s.sendall(framed(*(query(f"t{k}-{i}.fgpu", number=i) for i in range(80))))
        for _ in range(64):
            question(fgpu)
        s.close()
        fgpu.send(answer(1))
    L.check(w.alive() and ask(ns, "grafana.fgpu") == ("NOERROR", 1), "alive")
