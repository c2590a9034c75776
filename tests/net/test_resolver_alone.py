# SPDX-License-Identifier: MIT
"""tsgw-proxy asks resolvers of the far side: search lists, caches, happy eyeballs, silence, rebinding.

    client ──192.0.2.0/24── proxy ──10.9.0.0/24, fd09::/64── server: name server on 10.9.0.2
                                    10.66.0.0/16, fd66::/64 ── swallowed there
"""
import os
import socket
import struct
import threading
import time

import lab as L
import nameserver as N
import proxyworker as W
from test_proxy_alone import (GREETING, HOST, LISTEN, Place, echo, http_hello, read_all,
                              read_exactly, request5)

NS = "10.9.0.2"


def place(lab, **config):
    p = Place(lab, resolvers=[NS], **config)
    p.config["routes"] = [(1, "10.9.0.0/24", "fd09::/64", "10.66.0.0/16", "fd66::/64"),
                          (2, "10.8.0.0/16")]
    p.configure()
    p.proxy.ip("route add fd66::/64 via fd09::2")
    p.server.sysctl("ipv6/conf/all/forwarding", 1)
    p.server.ip("route add blackhole 10.66.0.0/16", "route add blackhole fd66::/64",
                "route add unreachable 10.66.1.0/24")
    return p


def ask(p, name, port=3000):
    """The reply code of a SOCKS5 CONNECT to NAME."""
    s = p.connect(GREETING + request5(name, port))
    L.equal(read_exactly(s, 2), b"\5\0", "method")
    code = read_exactly(s, 10)[1]
    s.close()
    return code


def test_names(lab):
    """Each kind of name, with and without search domains, by strangers' clients."""
    with place(lab, search=["corp.example", "Lab.Example"]) as p:
        p.serve(3000, http_hello)
        p.serve(3000, http_hello, "fd09::2")
        ns = N.Dnsmasq(lab, p.server, NS, [
            ("gpu1.corp.example", HOST), ("gpu2.lab.example", HOST), ("wiki.corp.example", HOST),
            ("six.corp.example", "fd09::2"), ("plain", HOST), ("other.net", HOST),
            ("known.red", HOST), ("both.red", "10.9.0.9"), ("both.corp.example", HOST)],
            zones=["corp.example", "lab.example", "red"])
        proxy = "%s:%d" % LISTEN
        for name in ("gpu1.red", "gpu1", "GPU2", "gpu2.red", "gpu2.red.", "wiki.corp.example",
                     "wiki.corp.example.", "wiki.corp.example.red", "six.corp.example", "six.red",
                     "plain", "other.net", "known.red", "both.red"):
            for args in (["--socks5-hostname", proxy], ["--socks4a", proxy],
                         ["--proxy", "http://" + proxy], ["-p", "--proxy", "http://" + proxy]):
                got = p.client.run(["curl", "-sSf", "-m", "20", *args, f"http://{name}:3000/"], ok=0)
                L.check(got.stdout.startswith("[GET / HTTP/1.1"), f"{name} by {args}: {got.stdout}")
        for name in ("nobody", "nobody.red", "nobody.corp.example", "gpu2.corp.example."):
            L.equal(ask(p, name), 4, f"SOCKS5 {name}")
        for name in ("localhost", "127.1", "2130706433", "0x7f.1"):
            L.equal((ask(p, name), ns.asked(name)), (2, 0), f"SOCKS5 {name}")
        for args in ([], ["-p"]):
            got = p.client.run(["curl", "-sS", "-m", "20", "-i", *args, "--proxy", "http://" + proxy,
                                "http://nobody.red:3000/"]).stdout
            if not args:
                L.check("502 Bad Gateway" in got and "Tailnet: red" in got and NS in got
                        and "knows no such name" in got, f"the page: {got}")
        L.check(not ns.asked("grafana") and ns.asked("gpu1.lab.example") == 0,
                "the first domain that knows the name ends the search")
        ns.stop()


def test_search_without_domains(lab):
    """Without search domains a name under the suffix is asked for as it is."""
    with place(lab) as p:
        p.serve(3000, echo)
        seen = N.Scripted(p.server, NS, lambda name, kind: (3, (), [N.soa(30)]))
        for name, wanted in (("gpu1.red", ["gpu1.red"]), ("gpu1", ["gpu1"]),
                             ("a.b.red", ["a.b", "a.b.red"]), ("a.b.", ["a.b"])):
            del seen.questions[:]
            p.configure()
            p.worker.node(False)
            p.worker.node(True)  # forgets
            L.equal(ask(p, name), 4, name)
            L.equal(list(dict.fromkeys(n for n, _ in seen.questions)), wanted, name)
            L.equal({k for _, k in seen.questions}, {N.A, N.AAAA}, "types")


def test_rebinding(lab):
    """Addresses are judged after they are resolved: whatever a name leads to, the policy is asked."""
    bad = ["127.0.0.1", "169.254.169.254", "0.0.0.0", "10.200.0.1", "10.9.0.1", "224.0.0.1",
           "255.255.255.255", "192.0.2.1", "8.8.8.8", "::1", "fe80::1", "::ffff:10.9.0.2",
           "64:ff9b::7f00:1", "::ffff:127.0.0.1", "2001:db8::1", "ff02::1"]
    with place(lab) as p:
        p.serve(3000, echo)
        table = {f"r{i}.evil": [a] for i, a in enumerate(bad)}
        table["mixed.evil"] = ["127.0.0.1", "169.254.169.254", HOST, "::1"]

        def answer(name, kind):
            of = [a for a in table.get(name, ()) if (":" in a) == (kind == N.AAAA)]
            return (0, [N.record(a, 60) for a in of])
        N.Scripted(p.server, NS, answer)
        for i, a in enumerate(bad):
            for _ in range(2):  # as it comes, and out of the cache
                L.equal(ask(p, f"r{i}.evil"), 2, f"a name for {a}")
            got = read_all(p.connect(b"CONNECT r%d.evil:80 HTTP/1.1\r\n\r\n" % i))
            L.check(got.startswith(b"HTTP/1.1 403 "), got)
        L.equal(ask(p, "mixed.evil"), 0, "the one good address of four")
        p.configure(ipv6=False)
        table["six.evil"] = ["fd09::2"]
        L.equal(ask(p, "six.evil"), 3, "IPv6 into a tunnel without IPv6")


def test_eyeballs(lab):
    """A dead address costs a quarter of a second; families take turns; the fastest wins alone."""
    table = {"deadsix": ["fd66::1", HOST], "deadfour": ["10.66.0.1", "fd09::2"],
             "manydead": ["fd66::1", "fd66::2", "fd66::3", "10.66.0.1", "10.66.0.2", HOST],
             "refused": ["fd09::2", "10.9.0.3"], "unreachable": ["10.66.1.1", HOST],
             "alldead": ["fd66::1", "10.66.0.1"], "slow": ["fd66::1", HOST]}

    def answer(name, kind):
        of = [a for a in table.get(name, ()) if (":" in a) == (kind == N.AAAA)]
        return (0, [N.record(a) for a in of])
    with place(lab, hosts=[("fixed", "fd66::1"), ("fixed", HOST)]) as p:
        p.serve(3000, echo)
        p.serve(3000, echo, "fd09::2")
        p.serve(3001, echo)
        N.Scripted(p.server, NS, answer)
        before = p.worker.descriptors()
        for name, port, limit in (("deadsix", 3000, 1.5), ("deadfour", 3000, 1.5), ("fixed", 3000, 1.5),
                                  ("unreachable", 3000, 1.5), ("manydead", 3000, 3)):
            took = []
            for _ in range(3):
                start = time.monotonic()
                L.equal(ask(p, name, port), 0, name)
                took.append(time.monotonic() - start)
            L.check(min(took) < limit, f"{name}: {took}")
            print(f"# {name}: {min(took) * 1000:.0f} ms")
        L.equal(ask(p, "refused", 3009), 5, "all refused")
        p.configure(connect_s=2)
        L.equal(ask(p, "alldead"), 6, "all silent")
        L.wait_for(lambda: p.worker.descriptors() == before, "no socket to be left")
        L.equal(p.worker.stats()["clients"], 0, "clients")
        # many at once, and their clients go away in the middle of it
        crowd = [p.connect(GREETING + request5("manydead", 3000)) for _ in range(100)]
        L.wait_for(lambda: p.worker.descriptors() > before + 200, "further attempts")
        for s in crowd:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        L.wait_for(lambda: p.worker.descriptors() == before, "no socket to be left")


def test_peers_and_eyeballs(lab):
    """With several addresses the codes still tell the truth about the peers."""
    with place(lab, hosts=[("two", "10.8.0.1"), ("two", "10.8.0.2"), ("mixed", "10.8.0.1"),
                           ("mixed", HOST)]) as p:
        p.serve(3000, echo)
        p.server.ip("route add blackhole 10.8.0.0/16")
        p.proxy.ip("route add 10.8.0.0/16 via 10.9.0.2")
        p.worker.peer(2, W.UNKNOWN)
        L.equal(ask(p, "mixed"), 0, "one peer is up")
        start = time.monotonic()
        L.equal(ask(p, "two"), 3, "the peer never came up")
        L.check(4.5 < time.monotonic() - start < 7, f"after {time.monotonic() - start}")
        p.worker.peer(2, W.UP)
        s = p.connect(GREETING + request5("two", 3000))
        L.wait_for(lambda: p.worker.stats()["clients"] == 1, "the client")
        p.worker.peer(2, W.DOWN)
        got = read_all(s)
        L.check(got[3:4] in (b"\3", b"\4"), f"the peer was lost: {got}")


def test_cache(lab):
    """What holds for a while is asked once; "no such name" as the SOA says, at most 30 s; failures never."""
    def answer(name, kind):
        if name == "gone":
            return (3, (), [N.soa(20)])
        if name == "bare":  # NXDOMAIN without SOA
            return (3, ())
        if name == "broken":
            return (2, ())
        if name == "empty":
            return (0, (), [N.soa(20)])
        return (0, [N.record(HOST, 0 if name == "fresh" else 100)] if kind == N.A else ())
    with place(lab) as p:
        p.serve(3000, echo)
        seen = N.Scripted(p.server, NS, answer)
        for name, code, kept in (("long", 0, True), ("gone", 4, True), ("fresh", 0, False),
                                 ("bare", 4, False), ("broken", 4, False), ("empty", 4, False)):
            L.equal((ask(p, name), ask(p, name)), (code, code), name)
            L.equal(seen.asked(name) == 2, kept, f"asked {seen.asked(name)} times for {name}")
        L.equal(p.worker.dns_stats()["cache_hits"], 2, "cache hits")
        p.configure(resolvers=[NS], search=["x.example"])  # the same resolver: nothing is forgotten
        L.equal((ask(p, "long."), seen.asked("long")), (0, 2), "after a reload")
        p.configure(resolvers=["10.9.0.3", NS], search=[])
        L.equal(ask(p, "long"), 0, "another resolver first, which refuses")
        L.wait_for(lambda: seen.asked("long") == 4, "it to be asked anew")
        p.worker.node(False)
        p.worker.node(True)
        L.equal(ask(p, "long"), 0, "after the node was restarted")
        L.wait_for(lambda: seen.asked("long") == 6, "it to be asked anew")


def test_many_names(lab):
    """More names than the cache holds; and one question for a hundred clients."""
    gate = threading.Event()

    def answer(name, kind):
        if name == "slow":
            gate.wait(20)
        return (0, [N.record(HOST, 300)] if kind == N.A else ())
    with place(lab) as p:
        p.serve(3000, echo)
        seen = N.Scripted(p.server, NS, answer)
        clients = [p.connect(GREETING + request5("slow", 3000)) for _ in range(100)]
        L.wait_for(lambda: p.worker.stats()["clients"] == 100 and seen.asked("slow"), "clients")
        gate.set()
        for s in clients:
            L.equal(read_exactly(s, 12)[3], 0, "answer")
            s.close()
        L.check(seen.asked("slow") <= 4, f"asked {seen.asked('slow')} times for one name")
        L.equal(ask(p, "first"), 0, "first")
        before = seen.asked("first")
        waiting = []
        for i in range(4200):
            waiting.append(p.connect(GREETING + request5(f"n{i}", 3000)))
            if len(waiting) == 50:
                for s in waiting:
                    L.equal(read_exactly(s, 12)[3], 0, "answer")
                    s.close()
                waiting = []
        L.equal(ask(p, "first"), 0, "first")
        L.equal(seen.asked("first"), before + 2, "the oldest name made room")
        L.check(p.worker.memory_kib() < 16384 or W.sanitized(), f"{p.worker.memory_kib()} KiB")


def test_silence(lab):
    """A dead resolver: within 5 s, truthfully; the next one is asked; a closed port; nobody routed."""
    with place(lab) as p:
        p.serve(3000, echo)
        for servers, up, code, text in (
                (["10.66.0.53"], W.UP, 4, b"did not answer in time"),
                ([NS], W.UP, 4, NS.encode()),
                (["10.66.0.53"], W.DOWN, 3, b"no peer on the way to it is up"),
                ([], W.UP, 4, b"no resolver"), (["192.0.2.53"], W.UP, 4, b"no resolver")):
            p.configure(resolvers=servers)
            p.worker.peer(1, up)
            start = time.monotonic()
            L.equal(ask(p, "any.name"), code, f"{servers}")
            took = time.monotonic() - start
            L.check(took < 5.5, f"{servers}: {took} s")
            got = read_all(p.connect(b"CONNECT any.name:80 HTTP/1.1\r\n\r\n"))
            L.check(got.startswith(b"HTTP/1.1 50%d " % (3 if code == 3 else 2)), got)
            L.check(text in got and b"Tailnet: red" in got, got)
        p.worker.peer(1, W.UP)
        L.check(p.worker.dns_stats()["timeouts"] >= 4, "timeouts are counted")
        N.Scripted(p.server, NS, lambda name, kind: (0, [N.record(HOST)] if kind == N.A else ()))
        p.configure(resolvers=["10.66.0.53", NS])
        L.equal(ask(p, "any.name"), 0, "the second resolver")
        p.configure(resolvers=["10.66.0.53"])
        s = p.connect(GREETING + request5("late.name", 3000))
        L.wait_for(lambda: p.worker.stats()["clients"], "the client")
        p.configure(resolvers=[NS])
        L.equal(read_exactly(s, 12)[3], 0, "asked anew after the reload")
        p.configure(resolvers=["10.66.0.53"])
        t = p.connect(GREETING + request5("later.name", 3000))
        L.wait_for(lambda: p.worker.stats()["clients"] == 2, "the client")
        p.worker.node(False)
        L.equal(read_exactly(t, 12)[3], 3, "the node died meanwhile")
        L.equal(ask(p, "any.name"), 3, "the node is dead")


def test_limit(lab):
    """As many questions as are allowed, and then no more, of one address a share; clients that go away
    leave nothing behind."""
    with place(lab) as p:
        p.serve(3000, echo)
        p.configure(resolvers=["10.66.0.53"])
        before = p.worker.descriptors()
        p.client.ip(*(f"addr add 192.0.2.{n}/24 dev {p.near}" for n in (4, 5, 6)))
        clients = []
        for k in range(4):
            clients += [p.connect(GREETING + request5(f"n{i}", 3000), f"192.0.2.{2 + k}")
                        for i in range(256 * k, 256 * (k + 1))]
            L.wait_for(lambda k=k: p.worker.dns_stats()["asked"] == 256 * (k + 1),
                       lambda: f"{p.worker.dns_stats()}")
            got = read_all(p.connect(b"CONNECT one.more:80 HTTP/1.1\r\n\r\n", f"192.0.2.{2 + k}"))
            L.check(got.startswith(b"HTTP/1.1 503 ") and b"too many questions" in got, got)
        got = read_all(p.connect(b"CONNECT one.more:80 HTTP/1.1\r\n\r\n", "192.0.2.6"))
        L.check(got.startswith(b"HTTP/1.1 503 ") and b"too many questions" in got, got)
        L.equal(ask(p, "n7"), 4, "one that is under way can be waited for")
        L.equal((p.worker.dns_stats()["limit"], p.worker.dns_stats()["asked"]), (5, 1024), "counters")
        for s in clients:
            s.close()
        L.wait_for(lambda: not p.worker.stats()["clients"], "the clients to be gone")
        L.wait_for(lambda: p.worker.descriptors() <= before, "the resolver's sockets to be closed")
        N.Scripted(p.server, NS, lambda name, kind: (0, [N.record(HOST)] if kind == N.A else ()))
        p.configure(resolvers=[NS])
        L.equal(ask(p, "one.more"), 0, "after the storm")


def test_hostile_answers(lab):
    """Garbage, foreign sources, other questions' answers, loops of CNAMEs: no name, and no crash."""
    rng = os.urandom

    def answer(name, kind):
        if name.startswith("bits"):
            return (0, [rng(40), rng(3)])
        if name == "loop":
            return (0, [struct.pack("!HHHIH", 0xc00c, 5, 1, 60, 2) + b"\xc0\x0c"] * 20)
        if name == "huge":
            return (0, [N.record("10.66.0.%d" % (i % 250), 60) for i in range(70)])
        if name == "short":
            return (0, [N.record(HOST)[:-2]])
        return (0, [N.record(HOST)] if kind == N.A else ())
    with place(lab) as p:
        p.serve(3000, echo)
        N.Scripted(p.server, NS, answer)
        for i in range(20):
            L.equal(ask(p, f"bits{i}"), 4, "garbage")
        for name in ("loop", "short"):
            L.equal(ask(p, name), 4, name)
        L.equal(ask(p, "fine"), 0, "afterwards")


def test_truncated(lab):
    """An answer that does not fit into a datagram is fetched over TCP."""
    with place(lab) as p:
        p.serve(3000, echo)
        many = [f"10.66.1.{i}" for i in range(2, 200)]
        ns = N.Dnsmasq(lab, p.server, NS, [("many.example", *many)], zones=["example"])
        s = p.connect(GREETING + request5("many.example", 3000))
        L.equal(read_exactly(s, 12)[3], 4, "what its addresses say")
        L.check(ns.asked("many.example") >= 3, f"once more over TCP: {ns.process.log()}")
        L.equal(p.worker.dns_stats()["answered"], 1, "answered")
        ns.stop()


def test_no_file_is_opened(lab):
    """strace: the resolver's work opens no file and asks no nscd and no systemd-resolved."""
    L.tool("strace")
    if W.sanitized():
        raise L.Skip("sanitizers read files")
    trace = os.path.join(lab.dir, "trace")
    with place(lab, search=["corp.example"]) as p:
        p.serve(3000, echo)
        ns = N.Dnsmasq(lab, p.server, NS, [("gpu1.corp.example", HOST, "fd09::2")],
                       zones=["corp.example"])
        strace = lab.spawn(["strace", "-f", "-e", "trace=%file,socket,connect,sendto,sendmsg",
                            "-o", trace, "-p", str(p.worker.pid)])
        strace.wait_line("attached")
        for name, code in (("gpu1.red", 0), ("nobody.red", 4), ("localhost", 2), ("x.onion", 4)):
            L.equal(ask(p, name), code, name)
        p.configure(resolvers=["10.9.0.3", NS])
        L.equal(ask(p, "gpu1"), 0, "after a reload")
        strace.stop()
        text = open(trace, encoding="utf-8").read()
        L.check("htons(53)" in text, "the trace shows the questions")
        # newfstatat() with an empty path is fstat(2): the configuration comes in descriptors
        bad = [line for line in text.splitlines() if "AT_EMPTY_PATH" not in line and any(w in line for w in (
            "open", "stat", "readlink", "access", "AF_UNIX", "AF_NETLINK", "127.0.0.1"))]
        L.equal(bad, [], "what is none of its business")
        ns.stop()
