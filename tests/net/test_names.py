# SPDX-License-Identifier: MIT
"""The DNS responder, as dig sees it from the client: contract §6."""
import re
import socket

from client import connect
from lab import check, equal, inside, wait_for
from picture import PRIMARY, STRANGER, TARGET


def rcode(answer):
    found = re.search(r"status: (\w+)", answer)
    return found[1] if found else "no answer"


def section(answer, name):
    part = answer.split(f";; {name} SECTION:")
    return part[1].split("\n\n")[0].strip() if len(part) > 1 else ""


def test_answers(picture):
    """Dotted and dashed names, [hosts], apex, NODATA, NXDOMAIN, foreign names; over UDP and TCP."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    u = picture.tailnet("blue", 11081, ssh=False, serve=False, ipv6=True)
    hosts = {t.name: [("grafana", TARGET), ("deep.inside", "10.100.1.1")],
             u.name: [("six", "fd77:100::141"), ("both", TARGET), ("both", "fd77:100::141")]}
    picture.gateway(hosts=hosts).start().wait_up()
    n, m = t.name, u.name
    for flags in ((), ("+tcp",), ("+noedns",), ("+bufsize=512",)):
        for name, kind, wanted in (
                (f"{TARGET}.{n}", "A", [TARGET]), (f"10-100-10-141.{n}", "A", [TARGET]),
                (f"GRAFANA.{n.upper()}", "A", [TARGET]), (f"deep.inside.{n}", "A", ["10.100.1.1"]),
                (f"{TARGET}.{m}", "A", [TARGET]), (f"six.{m}", "AAAA", ["fd77:100::141"]),
                (f"fd77-100--141.{m}", "AAAA", ["fd77:100::141"]), (f"both.{m}", "A", [TARGET]),
                (f"both.{m}", "AAAA", ["fd77:100::141"])):
            got = picture.dig(name, kind, "+short", *flags).split()
            equal(got, wanted, f"{name} {kind} {flags}")
    for name, kind, wanted in (
            (f"nosuch.{n}", "A", "NXDOMAIN"), (f"127.0.0.1.{n}", "A", "NXDOMAIN"),
            (f"8.8.8.8.{n}", "A", "NXDOMAIN"), (f"10.200.0.1.{n}", "A", "NXDOMAIN"),
            (f"300.1.1.1.{n}", "A", "NXDOMAIN"), (f"x.{TARGET}.{n}", "A", "NXDOMAIN"),
            (f"{TARGET}.{n}", "AAAA", "NOERROR"), (f"{TARGET}.{n}", "HTTPS", "NOERROR"),
            (f"10.141.{n}", "A", "NOERROR"), (f"141.{n}", "A", "NOERROR"),
            (f"inside.{n}", "A", "NOERROR"), (f"six.{m}", "A", "NOERROR"),
            (n, "A", "NOERROR"), ("example.com", "A", "REFUSED"), (".", "NS", "REFUSED"),
            ("localhost", "A", "REFUSED"), ("version.bind", "CH TXT", "REFUSED"),
            (f"{n}x", "A", "REFUSED")):
        answer = picture.dig(name, *(["CH", "TXT"] if kind.startswith("CH") else [kind]))
        equal(rcode(answer), wanted, f"{name} {kind}")
        equal(section(answer, "ANSWER"), "", f"answer for {name} {kind}")
        has_soa = "\tSOA\t" in section(answer, "AUTHORITY")
        equal(has_soa, wanted != "REFUSED", f"SOA with {wanted} for {name} {kind}")
        check(" ra" not in re.search(r"flags:([^;]*);", answer)[1], "recursion is not available")
    for kind in ("SOA", "NS"):
        check(f"\t{kind}\t" in section(picture.dig(n, kind), "ANSWER"), f"{kind} at the apex")


def test_edns(picture):
    """Version, unknown options and flags, as RFC 6891 and the DNS flag days want them."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    picture.gateway().start().wait_up()
    n = t.name
    equal(rcode(picture.dig(n, "SOA", "+edns=0", "+nocookie")), "NOERROR", "EDNS 0")
    answer = picture.dig(n, "SOA", "+edns=100", "+noednsneg", "+nocookie")
    equal(rcode(answer), "BADVERS", "EDNS 100")
    answer = picture.dig(n, "SOA", "+ednsopt=100", "+nocookie")
    check(rcode(answer) == "NOERROR" and "OPT=100" not in answer, "an unknown option is not echoed")
    answer = picture.dig(n, "SOA", "+ednsflags=0x40", "+nocookie")
    check(rcode(answer) == "NOERROR" and "MBZ" not in answer, "unknown flags are clear")
    equal(rcode(picture.dig(n, "SOA", "+opcode=15")), "NOTIMP", "unknown opcode")
    equal(rcode(picture.dig(n, "TYPE65280")), "NOERROR", "unknown type")


def test_only_for_clients(picture):
    """A client that no tailnet admits sees no name; suffixes with dots; the longest match wins."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    t.keys = ["allow = 100.64.0.0/10"]
    g = picture.gateway()
    text = open(g.config, encoding="utf-8").read().replace(
        f"suffix = {t.name}", f"suffix = {t.name}, cust1.gw.example.com")
    with open(g.config, "w", encoding="utf-8") as f:
        f.write(text)
    g.start().wait_up()
    equal(picture.dig(f"{TARGET}.cust1.gw.example.com", "+short").strip(), TARGET, "dotted suffix")
    equal(rcode(picture.dig("gw.example.com")), "REFUSED", "above the suffix")
    equal(rcode(picture.dig(f"{TARGET}.{t.name}", "-b", STRANGER)), "REFUSED", "for a stranger")


def test_malformed(picture):
    """Garbage over UDP and TCP never stops the responder."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway().start()
    g.wait_up()
    pid = g.worker("tsgw-dns", "-") if ("tsgw-dns", "-") in g.workers() else None
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03red\x00\x00\x01\x00\x01"
    with inside(picture.mac):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with udp:
        for cut in range(len(question)):
            udp.sendto(question[:cut], (PRIMARY, 53))
        for tail in (b"\xc0\x0c", b"\xff" * 300, b"\x00" * 1000):
            udp.sendto(question[:12] + tail, (PRIMARY, 53))
        for header in (b"\x12\x34\x81\x00", b"\x12\x34\xff\xff"):
            udp.sendto(header + question[4:], (PRIMARY, 53))
    for data in (b"\x00\x00", b"\x00\x05abcde", b"\xff\xff" + bytes(100), b"\x00"):
        s = connect(picture.mac, PRIMARY, 53)
        s.sendall(data)
        s.close()
    wait_for(lambda: picture.dig(f"{TARGET}.{t.name}", "+short").strip() == TARGET, "an answer")
    if pid:
        equal(g.workers().get(("tsgw-dns", "-")), pid, "the responder is the same process")


def test_not_enabled_but_run(picture):
    """enabled = no keeps a tailnet from the supervisor of all; whoever runs it all the same has its names."""
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    blue = picture.tailnet("blue", 11081, ssh=False, serve=False)
    blue.keys = ["enabled = no"]
    g = picture.gateway().start()
    g.wait_up(red)

    def code(t):
        return rcode(picture.dig(f"{TARGET}.{t.name}"))
    equal((code(red), code(blue)), ("NOERROR", "REFUSED"), "nobody runs the other")
    for _ in range(2):
        own = picture.demon.spawn(g.command("--tailnet", blue.name), name="tsgwd blue")
        wait_for(lambda: code(blue) == "NOERROR", "its names")
        g.ctl("reload", ok=0)
        equal((code(red), code(blue)), ("NOERROR", "NOERROR"), "after a reload")
        equal(own.stop(), 0, "exit code of its supervisor")
        wait_for(lambda: code(blue) == "REFUSED", "they go with it")
        equal(code(red), "NOERROR", "those of the other stay")
