# SPDX-License-Identifier: MIT
"""tsgw-dns alone, with this test in the supervisor's place.

    client (namespace "dns", addresses 127.0.0.1…, ::1) --- lo --- 100.121.76.21, fd00::53  tsgw-dns
"""
import os
import re
import select
import signal
import socket
import struct
import time

import lab as L
import run
from dnsworker import RCODES, Worker

V4, V6 = "100.121.76.21", "fd00::53"
FGPU = {"name": "fgpu", "routes": ["10.100.0.0/16", "fd7a:1::/32"],
        "hosts": [("grafana", "10.100.10.141"), ("a.b", "10.100.1.1")]
        + [("many", f"10.100.9.{i}") for i in range(100)]}
LAB = {"name": "lab", "suffixes": ["lab", "cust1.gw.example.com"], "routes": ["10.100.0.0/16", "10.7.0.0/16"]}


def start(lab, *zones):
    ns = lab.ns("dns")
    ns.ip(f"addr add {V4}/32 dev lo", f"addr add {V6}/128 dev lo nodad")
    worker = Worker(lab)
    worker.configure(*(zones or (FGPU, LAB)))
    for at in (V4, V6):
        worker.listen(ns, at)
    return ns, worker


def dig(ns, *words, server=V4):
    return ns.run(["dig", "+tries=1", "+time=5", "@" + server, *words], ok=0).stdout


def rcode(text):
    m = re.search(r"status: (\w+)", text)
    return m and m[1]


def query(name, qtype=1, number=1):
    labels = b"".join(bytes([len(w)]) + w.encode() for w in name.split(".") if w)
    return struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + labels + struct.pack(">BHH", 0, qtype, 1)


def framed(*messages):
    return b"".join(struct.pack(">H", len(m)) + m for m in messages)


def ask(ns, name, qtype=1, server=V4, source=None):
    """By UDP: (rcode, number of answers), or None after a while without an answer."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with L.inside(ns), socket.socket(family, socket.SOCK_DGRAM) as s:
        if source:
            s.bind((source, 0))
        s.connect((server, 53))
        s.settimeout(2)
        s.send(query(name, qtype))
        try:
            a = s.recv(4096)
        except OSError:
            return None
        return RCODES[a[3] & 15], struct.unpack(">H", a[6:8])[0]


def connect(ns, server=V4, source=None):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with L.inside(ns):
        s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(30)
    if source:
        s.bind((source, 0))
    s.connect((server, 53))
    return s


def read_answers(s, n):
    """The ids of N framed answers, in their order."""
    ids, buffer = [], b""
    while len(ids) < n:
        data = s.recv(65536)
        L.check(data, f"the connection ended after {len(ids)} of {n} answers")
        buffer += data
        while len(buffer) >= 2 and len(buffer) >= 2 + struct.unpack(">H", buffer[:2])[0]:
            size = struct.unpack(">H", buffer[:2])[0]
            ids.append(struct.unpack(">H", buffer[2:4])[0])
            buffer = buffer[2 + size:]
    return ids


def closed(s):
    """The other end has gone (its last data read away)."""
    try:
        while s.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def test_names(lab):
    ns, w = start(lab)
    for server in (V4, V6):
        L.equal(dig(ns, "+short", "10.100.10.141.fgpu", server=server).strip(), "10.100.10.141", "dotted")
    L.equal(dig(ns, "+short", "10-100-10-141.fgpu").strip(), "10.100.10.141", "dashed")
    L.equal(dig(ns, "+short", "+tcp", "grafana.fgpu").strip(), "10.100.10.141", "[hosts]")
    L.equal(dig(ns, "+short", "10.7.1.2.cust1.gw.example.com").strip(), "10.7.1.2", "the longer suffix")
    L.equal(dig(ns, "+short", "fd7a-1--5.fgpu", "AAAA").strip(), "fd7a:1::5", "dashed IPv6")
    L.equal(dig(ns, "+short", "-x", "10.7.1.2").strip(), "10.7.1.2.lab.", "PTR")
    L.equal(rcode(dig(ns, "-x", "10.100.10.141")), "REFUSED", "PTR of an address that two tailnets route")
    L.equal(rcode(dig(ns, "127.0.0.1.fgpu")), "NXDOMAIN", "loopback")
    for name in ("example.com", "localhost", "."):
        L.equal(rcode(dig(ns, name)), "REFUSED", name)
    for qtype in ("AAAA", "HTTPS", "SVCB", "TYPE1234"):
        text = dig(ns, "10.100.10.141.fgpu", qtype)
        L.equal((rcode(text), "AUTHORITY: 1" in text), ("NOERROR", True), qtype)
    many = dig(ns, "many.fgpu")  # comes back truncated, dig asks again by TCP
    L.check("(TCP)" in many and many.count("\t10.100.9.") == 100, "no answer by TCP after truncation:\n" + many)
    text = dig(ns, "+ignore", "+bufsize=65535", "many.fgpu")
    L.check("tc" in re.search(r"flags: ([\w ]*);", text)[1].split(), "TC is missing")
    stats = w.stats()
    L.check(stats["tcp"] == 2 and stats["rcodes"][5] == 4 and stats["rcodes"][3] == 1, f"counters: {stats}")


def test_edns_probes(lab):
    """The rows of ednscomp.isc.org and RFC 8906 §8."""
    ns, _ = start(lab)
    opt0, soa = r"EDNS: version: 0, flags:", r"\tSOA\t"
    rows = [  # what is asked; rcode; must be there; must not be there
        ("+norec +noedns soa", "NOERROR", [soa], [opt0]),
        ("+norec +edns=0 soa", "NOERROR", [soa, opt0], []),
        ("+norec +edns=0 +nocookie +ednsopt=100 soa", "NOERROR", [soa, opt0], ["OPT=100"]),
        ("+norec +edns=0 +ednsflags=0x80 soa", "NOERROR", [soa, opt0], ["MBZ"]),
        ("+norec +edns=0 +dnssec soa", "NOERROR", [soa, r"flags: do;"], []),
        ("+norec +edns=0 +dnssec +bufsize=512 +ignore dnskey", "NOERROR", [opt0], []),
        ("+norec +edns=100 +noednsneg soa", "BADVERS", [opt0], [soa]),
        ("+norec +edns=100 +noednsneg +ednsopt=100 soa", "BADVERS", [opt0], [soa, "OPT=100"]),
        ("+norec +edns=100 +noednsneg +dnssec soa", "BADVERS", [r"flags: do;"], [soa]),
        ("+norec +noedns type1000", "NOERROR", [soa], []),
        ("+norec +noedns +adflag soa", "NOERROR", [soa], [r"flags: [a-z ]*\bad\b"]),
        ("+norec +noedns +cdflag soa", "NOERROR", [soa], []),
        ("+norec +noedns +aaflag soa", "NOERROR", [soa], []),
        ("+norec +noedns +tcflag soa", "NOERROR", [soa], [r"flags: [a-z ]*\btc\b"]),
        ("+norec +noedns +raflag soa", "NOERROR", [soa], [r"flags: [a-z ]*\bra\b"]),
        ("+norec +noedns +zflag soa", "NOERROR", [soa], ["MBZ"]),
        ("+rec +noedns soa", "NOERROR", [soa, r"flags: [a-z ]*\brd\b"], [r"flags: [a-z ]*\bra\b"]),
        ("+noedns +noad +norec +opcode=15 +header-only", "NOTIMP", [], [soa]),
        ("+norec +opcode=notify soa", "NOTIMP", [], [soa]),
        ("+norec +opcode=update soa", "NOTIMP", [], [soa]),
        ("+norec +noedns +tcp soa", "NOERROR", [soa], []),
        ("+norec +edns=0 +tcp +cookie=0102030405060708 soa", "NOERROR", [soa, r"COOKIE: 0102030405060708\w{32} \(good\)"],
         []),
        ("+norec +noedns any", "NOERROR", [r"RFC8482"], []),
        ("+norec -c CH -t txt -q version.bind", "REFUSED", [], []),
        ("+norec -c CH -t txt -q id.server", "REFUSED", [], []),
        ("+norec +edns=1 +noednsneg soa", "BADVERS", [opt0], [soa]),
        ("+norec +edns=1 +noednsneg +ednsopt=100 soa", "BADVERS", [opt0], [soa, "OPT=100"]),
        ("+norec +edns=1 +noednsneg +ednsflags=0x40 soa", "BADVERS", [opt0], [soa, "MBZ"]),
        ("+norec +edns=1 +noednsneg +dnssec soa", "BADVERS", [r"flags: do;"], [soa]),
        ("+norec +edns=1 +noednsneg +nsid soa", "BADVERS", [opt0], [soa, "NSID"]),
        ("+norec +edns=0 +ednsflags=0x40 soa", "NOERROR", [soa, opt0], ["MBZ"]),
        ("+norec +edns=0 +nocookie +nsid soa", "NOERROR", [soa, opt0], ["NSID"]),
        ("+norec +edns=0 +nocookie +expire soa", "NOERROR", [soa, opt0], ["EXPIRE"]),
        ("+norec +edns=0 +nocookie +subnet=0.0.0.0/0 soa", "NOERROR", [soa, opt0], ["CLIENT-SUBNET"]),
        ("+norec +edns=0 +nocookie +padding=64 soa", "NOERROR", [soa, opt0], ["PADDING"]),
        ("+norec +edns=0 +nocookie +keepalive +tcp soa", "NOERROR", [soa, opt0], []),
        ("+norec +edns=0 +nsid +subnet=0.0.0.0/0 +expire +cookie=0102030405060708 soa", "NOERROR",
         [soa, opt0, r"COOKIE: 0102030405060708\w{32} \(good\)"], ["NSID", "CLIENT-SUBNET", "EXPIRE"]),
        ("+norec +edns=0 +bufsize=512 +ignore soa", "NOERROR", [soa, opt0], [r"flags: [a-z ]*\btc\b"]),
        ("+norec +edns=0 +tcp soa", "NOERROR", [soa, opt0], []),
        ("+norec +edns=0 +dnssec +bufsize=512 +tcp dnskey", "NOERROR", [opt0, soa], []),
        ("+norec +edns=0 +dnssec +adflag soa", "NOERROR", [soa, r"flags: do;"], [r"flags: [a-z ]*\bad\b"]),
        ("+norec +opcode=15 +adflag +cdflag +tcflag +rdflag soa", "NOTIMP", [], [soa]),
        ("+norec +opcode=status soa", "NOTIMP", [], [soa]),
        *((f"+norec +noedns +opcode={n} soa", "NOTIMP", [], [soa]) for n in (1, 3, 6, 7, 14)),
        *((f"+norec +noedns {k}", "NOERROR", [soa], []) for k in (
            "a aaaa cname ptr mx txt srv naptr ds dnskey nsec nsec3 rrsig tlsa caa uri loc sshfp svcb https hinfo rp afsdb "
            "dname cert apl ipseckey dhcid hip cds cdnskey openpgpkey csync zonemd spf type666 type65534 type130").split()),
        ("+norec ixfr=1", "REFUSED", [], []),
    ]
    for words, code, there, not_there in rows:
        text = dig(ns, *(["fgpu"] if "-q" not in words else []), *words.split())
        if "ixfr" in words:
            L.check("Transfer failed" in text or rcode(text) == code, f"{words}:\n{text}")
            continue
        L.equal(rcode(text), code, words)
        for pattern in there:
            L.check(re.search(pattern, text), f"{words}: no /{pattern}/ in\n{text}")
        for pattern in not_there:
            L.check(not re.search(pattern, text), f"{words}: /{pattern}/ in\n{text}")


def test_configuration_is_swapped(lab):
    ns, w = start(lab)
    L.equal(ask(ns, "10.100.10.141.fgpu"), ("NOERROR", 1), "before")
    w.configure(LAB)
    L.equal(ask(ns, "10.100.10.141.fgpu"), ("REFUSED", 0), "a tailnet that is gone")
    L.equal(ask(ns, "10.7.0.1.lab"), ("NOERROR", 1), "one that stays")
    w.configure()
    L.equal(ask(ns, "10.7.0.1.lab"), ("REFUSED", 0), "nothing left")
    w.configure(FGPU)
    w.unlisten(V4)
    L.wait_for(lambda: ask(ns, "10.100.0.1.fgpu") is None, "the address that was taken back falls silent")
    L.equal(ask(ns, "10.100.0.1.fgpu", server=V6), ("NOERROR", 1), "the other address")
    w.listen(ns, V4)
    L.equal(ask(ns, "10.100.0.1.fgpu"), ("NOERROR", 1), "given again")


def test_allow(lab):
    friend = dict(LAB, allow=["127.0.0.2/32", "fd00::/64"])
    ns, _ = start(lab, FGPU, friend)
    for source, server, code in (("127.0.0.2", V4, "NOERROR"), ("127.0.0.3", V4, "REFUSED"), (V6, V6, "NOERROR"),
                                 ("::1", V6, "REFUSED")):
        L.equal(ask(ns, "10.7.0.1.lab", server=server, source=source)[0], code, f"from {source}")
        L.equal(ask(ns, "10.100.0.1.fgpu", server=server, source=source)[0], "NOERROR", f"from {source}")
    # two tailnets route it; who may know one of them gets that one's name
    reverse = "1.0.100.10.in-addr.arpa"
    L.equal(ask(ns, reverse, 12, source="127.0.0.2"), ("REFUSED", 0), "PTR, both seen")
    L.equal(ask(ns, reverse, 12, source="127.0.0.3"), ("NOERROR", 1), "PTR, one seen")


def test_no_answer_is_due(lab):
    """Answers, our own address, port 0, and bytes that are no message: dropped and counted."""
    ns, w = start(lab)
    reply = bytearray(query("10.100.0.1.fgpu"))
    reply[2] |= 0x80
    with L.inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
    raw.bind((V4, 0))
    q = query("10.100.0.1.fgpu")
    for source in (0, 53):  # ports
        raw.sendto(struct.pack(">4H", source, 53, 8 + len(q), 0) + q, (V4, 0))
    for data in (bytes(reply), b"", b"x" * 11):
        s.sendto(data, (V4, 53))
    L.wait_for(lambda: w.stats()["dropped"] == 5, lambda: f"five drops: {w.stats()}")
    s.sendto(q, (V4, 53))
    s.settimeout(10)
    L.equal(s.recv(1000)[:2], q[:2], "the first answer")


def test_tcp_pipelines(lab):
    ns, w = start(lab)
    s = connect(ns)
    everything = framed(*(query("10.100.10.141.fgpu", number=i) for i in range(1000)))
    s.sendall(everything)
    L.equal(read_answers(s, 1000), list(range(1000)), "the answers to 1000 questions at once")
    # the same byte by byte, also in the length
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(200):
        s.send(everything[i:i + 1])
    L.equal(read_answers(s, 5), list(range(5)), "dripped questions")
    L.equal(w.stats()["tcp"] >= 1005, True, "counted")


def test_tcp_reader_that_does_not_read(lab):
    """Who asks without reading stops itself only, and not for long."""
    ns, w = start(lab)
    greedy = connect(ns)
    greedy.setblocking(False)
    block = framed(*(query("many.fgpu") for _ in range(100)))
    sent = 0
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            sent += greedy.send(block)
        except BlockingIOError:
            if not select.select([], [greedy], [], 0.5)[1]:
                break
    L.check(sent < 50 << 20, "it never stopped reading")
    other = connect(ns)
    other.sendall(framed(query("10.100.0.1.fgpu", number=9)))
    L.equal(read_answers(other, 1), [9], "another client meanwhile")
    cpu = w.cpu_s()
    greedy.settimeout(1)
    L.wait_for(lambda: connections(ns) == 1, "the greedy one is closed after its ten seconds", 20)
    L.check(w.cpu_s() - cpu < 0.5, "it turned in circles meanwhile")


def connections(ns):
    """Established connections to us, as the worker's side sees them."""
    out = ns.run(["ss", "-Htn", "state", "established", "sport", "=", ":53"], ok=0).stdout
    return len(out.splitlines())


def test_tcp_nonsense(lab):
    ns, _ = start(lab)
    for data in (b"\0\0", b"\0\x05hello", b"\xff\xff" + b"x" * 100, framed(b"\0\1\x80" + bytes(20)), b"GET / HTTP/1.0\r\n"):
        s = connect(ns)
        s.sendall(data)
        L.check(closed(s), f"{data[:20]!r} was borne")
    s = connect(ns)
    s.sendall(framed(query("10.100.0.1.fgpu", number=4)) + b"\0\0")
    L.equal(read_answers(s, 1), [4], "the answer before the nonsense")
    L.check(closed(s), "it went on after nonsense")
    s = connect(ns)
    s.sendall(framed(*(query("10.100.0.1.fgpu", number=i) for i in range(50))))
    s.shutdown(socket.SHUT_WR)
    L.equal(read_answers(s, 50), list(range(50)), "answers after a half-close")
    L.check(closed(s), "open after a half-close")


def test_tcp_idle_and_drip(lab):
    """Ten seconds from one whole question to the next; bytes alone do not count."""
    ns, _ = start(lab)
    idle, drip, busy = connect(ns), connect(ns), connect(ns)
    start_s, n, silent_s = time.monotonic(), 0, None
    q = framed(query("10.100.0.1.fgpu"))
    drip.send(q[:5])
    while len(live := select.select([idle, drip], [], [], 0.5)[0]) < 2:
        L.check(time.monotonic() - start_s < 20, "an idle connection stayed")
        n += 1
        if drip not in live:
            drip.send(q[5 + n % 3:6 + n % 3] if n < 20 else b"x")
        busy.sendall(q)
        read_answers(busy, 1)
        silent_s = time.monotonic() - start_s
    L.check(silent_s > 8, f"closed after {silent_s} s already")
    L.check(closed(idle) and closed(drip), "said something")
    busy.sendall(q)
    read_answers(busy, 1)


def test_tcp_caps(lab):
    ns, w = start(lab)
    mine = [connect(ns, source="127.0.0.9") for _ in range(16)]
    extra = connect(ns, source="127.0.0.9")
    L.check(closed(extra), "a seventeenth connection of one client")
    mine.pop().close()
    L.wait_for(lambda: connections(ns) == 15, "the place is free")
    again = connect(ns, source="127.0.0.9")
    again.sendall(framed(query("10.100.0.1.fgpu", number=3)))
    L.equal(read_answers(again, 1), [3], "the freed place")
    crowd = [connect(ns, source=f"127.0.1.{1 + i // 16}") for i in range(512 - 16)]
    again.sendall(framed(query("10.100.0.1.fgpu", number=5)))
    L.equal(read_answers(again, 1), [5], "at the limit")
    last = connect(ns, source="127.0.2.1")  # the one longest without a question makes room
    last.sendall(framed(query("10.100.0.1.fgpu", number=6)))
    L.equal(read_answers(last, 1), [6], "one more than all")
    L.check(closed(mine[0]), "the oldest did not make room")
    again.sendall(framed(query("10.100.0.1.fgpu", number=7)))
    L.equal(read_answers(again, 1), [7], "one that has asked lately")
    L.equal(len(crowd) + 16, 512, "the crowd")
    L.equal(w.stats()["dropped"], 1, "dropped")


def test_channel(lab):
    early = Worker(lab)
    early.ours.close()
    L.equal(early.wait(), 0, "no supervisor before the first READY")
    for kind, body in ((99, b""), (52, b"x"), (49, b"\0" * 256), (3, struct.pack("=I", 1))):
        w = Worker(lab, level=2)
        w.configure(FGPU)
        w.send(kind, body)
        L.equal(w.wait(), 1, f"message {kind} of {len(body)} bytes")
    ns, w = start(lab)
    w.ours.close()
    L.equal(ask(ns, "10.100.0.1.fgpu"), ("NOERROR", 1), "names go on without a supervisor")
    cpu = w.cpu_s()
    for _ in range(20):
        ask(ns, "10.100.0.1.fgpu")
    L.check(w.alive() and w.cpu_s() - cpu < 0.5, "it turns in circles")
    os.kill(w.pid, signal.SIGTERM)
    L.equal(w.wait(), 0, "SIGTERM")


def test_rights(lab):
    ns, w = start(lab)
    L.wait_for(lambda: ask(ns, "10.100.0.1.fgpu", server=V6) == ("NOERROR", 1), "it answers")
    s = L.status(w.pid)
    uid = lab.uid_base + 4
    L.equal((s["Uid"], s["Gid"], s["Groups"]), ([uid] * 4, [uid] * 4, []), "uid, gid, groups")
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        L.equal(int(s[key], 16), 0, key)
    L.equal((s["NoNewPrivs"], s["Seccomp"]), ("1", "2"), "no-new-privileges, seccomp")
    L.equal(os.readlink(f"/proc/{w.pid}/root"), os.path.join(lab.dir, "empty"), "its root")
    L.equal(os.stat(f"/proc/{w.pid}/mem").st_uid, 0, "its memory's owner: not dumpable")
    with open(f"/proc/{w.pid}/limits", encoding="ascii") as f:
        limits = dict((line[:26].strip(), line[26:].split()[:2]) for line in f)
    L.equal((limits["Max core file size"], limits["Max processes"]), (["0", "0"],) * 2, "limits")
    kinds = sorted(re.sub(r"[\d\[\]:]+", "", os.readlink(f"/proc/{w.pid}/fd/{fd}"))
                   for fd in os.listdir(f"/proc/{w.pid}/fd") if int(fd) > 2)
    L.equal(kinds, ["anon_inodeeventpoll"] + ["socket"] * 5, "its descriptors")


@run.serial
def test_cpu(lab):
    """Prints the cost of a question; asserts only that nothing was lost to ourselves."""
    ns, w = start(lab)
    with L.inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((V4, 53))
    s.settimeout(5)
    q, cpu, n = query("10.100.10.141.fgpu"), w.cpu_s(), 0
    for _ in range(2000):
        for _ in range(20):
            s.send(q)
        for _ in range(20):
            s.recv(600)
            n += 1
    print(f"{(w.cpu_s() - cpu) / n * 1e6:.2f} µs of CPU for a question")
    L.equal(w.stats()["udp"], n, "answered")
