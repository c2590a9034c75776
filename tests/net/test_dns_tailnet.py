# SPDX-License-Identifier: MIT
"""DNS for names that only the tailnets' own resolvers know, through a whole gateway.

    mac ── dig ──► demon: tsgw-dns ── resolve.sock ──► tsgw-proxy in the namespace ── wg0 ──► name server
"""
import json
import os
import re
import signal
import time

from lab import check, equal, kill_all, wait_for
from nameserver import Dnsmasq
from picture import PRIMARY, TARGET
from run import deadline
from test_names import rcode, section

RESOLVER = "10.100.0.53"
RECORDS = ["--txt-record=gpu1.corp.example,hello world", "--mx-host=corp.example,mail.corp.example,7",
           "--srv-host=_ssh._tcp.corp.example,gpu1.corp.example,22", "--cname=www.corp.example,gpu1.corp.example",
           "--dns-rr=gpu1.corp.example,65,0001000001000302683200040004" + "0a640a8d",
           "--dns-rr=gpu1.corp.example,4711,c0ffee"]
HOSTS = [("gpu1.corp.example", TARGET, "fd77:100::141"), ("half.corp.example", "10.100.1.7", "192.168.77.1"),
         ("out.corp.example", "192.168.77.1"), ("lo.corp.example", "127.0.0.1"), ("wiki.internal", "10.100.1.8"),
         ("pool.corp.example", *(f"10.100.60.{i}" for i in range(1, 101)))]


def resolver(picture, tailnet, **options):
    ns = tailnet.peer.ns
    ns.ip(f"addr replace {RESOLVER}/32 dev lo")
    return Dnsmasq(picture.lab, ns, RESOLVER, HOSTS, ["corp.example", "internal"],
                   options.pop("ttl", 60), args=RECORDS, **options)


def short(picture, name, *args, **options):
    return picture.dig(name, "+short", *args, **options).split("\n")[:-1]


def set_up(picture, **options):
    t = picture.tailnet("red", 11080, ssh=False, serve=False, ipv6=True)
    t.dns = f"{RESOLVER}, corp.example"
    server = resolver(picture, t, **options)
    g = picture.gateway(hosts={t.name: [("fixed", "10.100.1.1")]}).start()
    g.wait_up()
    wait_for(lambda: rcode(picture.dig(f"probe.{t.name}")) == "NXDOMAIN", "the resolver is asked")
    return t, g, server


def test_every_type(picture):
    """A, AAAA, TXT, SRV, MX, HTTPS, CNAME, PTR, unknown types; by UDP and TCP; under the asked name."""
    t, _, server = set_up(picture)
    n = t.name
    for flags in ((), ("+tcp",), ("+noedns",)):
        for name, kind, wanted in (
                (f"gpu1.{n}", "A", [TARGET]), (f"gpu1.{n}", "AAAA", ["fd77:100::141"]),
                (f"GPU1.{n.upper()}", "A", [TARGET]), (f"gpu1.{n}", "TXT", ['"hello world"']),
                (f"_ssh._tcp.{n}", "SRV", ["0 0 22 gpu1.corp.example."]),
                (f"corp.example.{n}", "MX", ["7 mail.corp.example."]),
                (f"www.{n}", "A", [TARGET]), (f"www.{n}", "CNAME", ["gpu1.corp.example."]),
                (f"wiki.internal.{n}", "A", ["10.100.1.8"]), (f"gpu1.corp.example.{n}", "A", [TARGET]),
                (f"gpu1.{n}", "TYPE4711", [r"\# 3 C0FFEE"])):
            equal(short(picture, name, kind, *flags), wanted, f"{name} {kind} {flags}")
    https = short(picture, f"gpu1.{n}", "TYPE65")
    check(len(https) == 1 and ("10.100.10.141" in https[0] or "0A640A8D" in https[0]), https)
    answer = picture.dig(f"WwW.{n}", "A")
    check(f"WwW.{n}." in section(answer, "ANSWER") and "CNAME" not in answer, answer)
    flags = re.search(r"flags: ([a-z ]*);", answer)[1].split()
    check("aa" in flags and "ra" not in flags and "ad" not in flags, flags)
    equal(len(short(picture, f"pool.{n}")), 100, "a large answer, by TCP after truncation")
    asked = server.asked("gpu1.corp.example")
    for _ in range(5):
        equal(short(picture, f"gpu1.{n}"), [TARGET], "from the cache")
    equal(server.asked("gpu1.corp.example"), asked, "asked once")


def test_what_does_not_exist(picture):
    """NXDOMAIN, NODATA, SOA of ours; zone data only at the apex; ANY; unrouted addresses are not told."""
    t, g, _ = set_up(picture)
    n = t.name
    for name, kind, code, n_answers in (
            (f"nobody.{n}", "A", "NXDOMAIN", 0), (f"nobody.{n}", "TXT", "NXDOMAIN", 0),
            (f"nobody.{n}", "ANY", "NXDOMAIN", 0), (f"out.{n}", "A", "NOERROR", 0),
            (f"out.{n}", "AAAA", "NOERROR", 0), (f"lo.{n}", "A", "NOERROR", 0),
            (f"half.{n}", "A", "NOERROR", 1), (f"gpu1.{n}", "MX", "NOERROR", 0),
            (f"gpu1.{n}", "NS", "NOERROR", 0), (f"gpu1.{n}", "SOA", "NOERROR", 0), (f"gpu1.{n}", "DS", "NOERROR", 0),
            (f"gpu1.{n}", "ANY", "NOERROR", 1), (f"fixed.{n}", "TXT", "NOERROR", 0),
            (f"127.0.0.1.{n}", "A", "NXDOMAIN", 0), (f"x.{TARGET}.{n}", "A", "NXDOMAIN", 0)):
        answer = picture.dig(name, kind)
        equal(rcode(answer), code, f"{name} {kind}")
        lines = [x for x in section(answer, "ANSWER").split("\n") if x]
        equal(len(lines), n_answers, f"{name} {kind}: {lines}")
        if not n_answers:
            check(f"{n}." in section(answer, "AUTHORITY") and "\tSOA\t" in answer, answer)
    check("HINFO" in picture.dig(f"gpu1.{n}", "ANY"), "RFC 8482")
    dns = json.loads(g.ctl("status", "--json", ok=0).stdout)["dns"]
    zone = dns["tailnets"][n]
    check(dns["queries_udp"] + dns["queries_tcp"] >= 16 and zone["rcodes"]["nxdomain"] >= 6 and zone["unrouted"] >= 3
          and zone["asked"] >= zone["answered"] > 5 and not zone["full"], dns)


def test_odd_names(picture):
    """Labels that hold dots, blanks, zero bytes, any byte; the longest names: asked or not, nothing breaks."""
    t, g, server = set_up(picture)
    pids = g.workers()
    n = t.name
    long = ".".join(["x" * 63] * 3 + ["y" * (253 - 3 * 64 - len(n) - 1)])
    for name in (r"a\.b", r"back\\slash", r"sp\032ace", r"\255\254", r"tab\009", "*", "-", "_", "a-.-b", "0x7f000001",
                 "x" * 63, long, r"\000", r"nul\000gpu1", "1.2.3.4.5", "localhost", "gpu1.localhost"):
        code = rcode(picture.dig(f"{name}.{n}", "-q"))
        check(code in ("NXDOMAIN", "SERVFAIL"), f"{name}: {code}")
    equal(rcode(picture.dig(f"{long}zz.{n}")), "no answer", "dig itself refuses what is longer")
    check(server.asked(), "the resolver was asked")
    equal(short(picture, f"gpu1.{n}"), [TARGET], "it goes on")
    equal(g.workers(), pids, "by the same processes")


def test_names_of_addresses(picture):
    """PTR: [hosts], else the tailnet's name for it as clients use it, else the address; REFUSED elsewhere."""
    t, _, server = set_up(picture)
    n = t.name
    for address, wanted in (("10.100.1.1", f"fixed.{n}."), (TARGET, f"gpu1.{n}."), ("10.100.1.8", "wiki.internal."),
                            ("10.100.9.9", f"10.100.9.9.{n}."), ("fd77:100::141", f"gpu1.{n}.")):
        p = picture.mac.run(["dig", f"@{PRIMARY}", "+time=3", "+tries=1", "+short", "-x", address])
        equal(p.stdout.strip(), wanted, address)
    for address in ("192.168.77.1", "127.0.0.1", "8.8.8.8"):
        p = picture.mac.run(["dig", f"@{PRIMARY}", "+time=3", "+tries=1", "-x", address])
        equal(rcode(p.stdout), "REFUSED", address)
    server.stop()
    start = time.monotonic()
    p = picture.mac.run(["dig", f"@{PRIMARY}", "+time=5", "+tries=1", "+short", "-x", "10.100.7.7"])
    equal(p.stdout.strip(), f"10.100.7.7.{n}.", "the resolver is gone: the address is name enough")
    check(time.monotonic() - start < 3, "at once, or nearly")


def code_within(picture, name, seconds=2.4):
    start = time.monotonic()
    code = rcode(picture.dig(name))
    check(time.monotonic() - start < seconds, f"{name}: {code} only after {time.monotonic() - start:.1f} s")
    return code


@deadline(240)
def test_down_and_back(picture):
    """SERVFAIL within 2 s while the tailnet is down, and names again when it is back, whatever ends."""
    t, g, server = set_up(picture, ttl=0)
    n = t.name

    def works():
        return short(picture, f"gpu1.{n}") == [TARGET]
    check(works(), "at first")
    os.kill(server.process.popen.pid, signal.SIGSTOP)
    equal(code_within(picture, f"silent.{n}"), "SERVFAIL", "a silent resolver")
    equal(short(picture, f"{TARGET}.{n}"), [TARGET], "what needs nobody")
    os.kill(server.process.popen.pid, signal.SIGCONT)
    wait_for(works, "it speaks again")
    g.ctl("down", n, ok=0)
    start = time.monotonic()
    equal(code_within(picture, f"gpu1.{n}"), "SERVFAIL", "down")
    check(time.monotonic() - start < 1.5, "at once")
    equal(short(picture, f"fixed.{n}"), ["10.100.1.1"], "[hosts] while down")
    check(not os.path.exists(f"{g.run_dir}/{n}/resolve.sock"), "resolve.sock is removed")
    g.ctl("up", n, ok=0)
    wait_for(works, "up again")
    kill_all([g.worker("tsgw-proxy", t)])
    wait_for(works, "after the proxy's death")
    kill_all([g.worker("tsgw-dns", "-")])
    wait_for(works, "after the responder's death")
    kill_all([g.worker("tsgw-wg", t)])
    g.wait_up(t)
    wait_for(works, "after the node's death")
    g.ctl("restart", n, ok=0)
    wait_for(works, "after a restart")
    mode = os.stat(f"{g.run_dir}/{n}/resolve.sock")
    equal((mode.st_mode & 0o7777, mode.st_uid), (0o600, 0), "only root may connect")
    g.kill()
    wait_for(works, "the workers serve on when the supervisor is dead")
    g.start()
    g.wait_up()
    wait_for(works, "after SIGKILL and start")


@deadline(180)
def test_supervisors_apart(picture):
    """The front and the tailnet under supervisors of their own, started and stopped in any order."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    t.dns = f"{RESOLVER}, corp.example"
    resolver(picture, t)
    g = picture.gateway()
    n = t.name

    def works():
        return short(picture, f"gpu1.{n}") == [TARGET]
    front = g.demon.spawn(g.command("--front"), name="tsgwd front")
    wait_for(lambda: rcode(picture.dig(f"gpu1.{n}")) == "SERVFAIL", "the front alone")
    for _ in range(2):
        g.start("--tailnet", n)
        wait_for(works, "the tailnet came later")
        g.stop()
        wait_for(lambda: rcode(picture.dig(f"gpu1.{n}")) == "SERVFAIL", "and went")
    front.stop()
    g.start("--tailnet", n)
    front = g.demon.spawn(g.command("--front"), name="tsgwd front 2")
    wait_for(works, "the front came later")
    front.stop()


def test_every_primary_address(picture):
    """Each address of the primaries answers, as itself; those that come are served, those that go are not."""
    t = picture.tailnet("red", 11080, ssh=False, serve=False)
    second, six, mac6, late = "100.121.76.22", "fd7a:115c:a1e0::21", "fd7a:115c:a1e0::99", "100.121.76.23"
    picture.demon.ip(f"addr add {second}/32 dev tailscale0", f"addr add {six}/128 dev tailscale0 nodad",
                     "addr add fd00:1::1/64 dev home0 nodad", f"route add {mac6} via fd00:1::2")
    picture.mac.ip("addr add fd00:1::2/64 dev home0 nodad", f"addr add {mac6}/128 dev home0 nodad",
                   f"route add {six} via fd00:1::1 src {mac6}",
                   *(f"route add {a} dev home0" for a in (second, late)))
    g = picture.gateway().start()
    g.wait_up()
    pid = g.worker("tsgw-dns", "-")

    def answers(address, *flags):
        return short(picture, f"{TARGET}.{t.name}", *flags, server=address) == [TARGET]
    for address in (PRIMARY, second, six):  # dig takes no answer from another address
        for flags in ((), ("+tcp",)):
            wait_for(lambda a=address, f=flags: answers(a, *f), f"{address} {flags}")
    equal(short(picture, f"ns.{t.name}", server=second), [second], "the server's own name is the address asked")
    picture.demon.ip(f"addr add {late}/32 dev tailscale0")
    wait_for(lambda: answers(late), "an address that came")
    picture.demon.ip(f"addr del {second}/32 dev tailscale0", f"addr add {second}/32 dev lo")
    wait_for(lambda: not answers(second, "+time=1"), "one that is no primary's any more")
    check(answers(PRIMARY) and answers(six), "the others")
    picture.demon.ip("link del tailscale0")
    wait_for(lambda: not answers(late, "+time=1"), "the interface is gone")
    picture.demon.ip("link add tailscale0 type veth peer name tailscale0-end", "link set tailscale0-end up",
                     f"addr add {PRIMARY}/32 dev tailscale0", "link set tailscale0 up")
    wait_for(lambda: answers(PRIMARY), "and back")
    equal(g.worker("tsgw-dns", "-"), pid, "all by the same process")
