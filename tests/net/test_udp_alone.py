# SPDX-License-Identifier: MIT
"""UDP associations of tsgw-proxy, the test playing the supervisor: every rule, every limit.

    client ──192.0.2.0/24── proxy ──10.9.0.0/24, fd09::/64── server (echoes)
    .2, .3                  .1 (listener) .1                 .2, .3 (fd09::2)
"""
import os
import random
import socket
import struct
import threading

import lab as L
import nameserver as N
from client import Associate, connect, read_exact, socks5_request, udp_header
from test_proxy_alone import HOST, LISTEN, Place, read_all
from test_proxy_users import login, make

ECHO = 7000


def echo(place, host=HOST, port=ECHO):
    """Sends everything back; b"from PORT" is answered from that port, too."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with L.inside(place.server):
        s, other = (socket.socket(family, socket.SOCK_DGRAM) for _ in range(2))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((host, port))
    other.bind((host, 0))
    seen = []

    def loop():
        while True:
            data, where = s.recvfrom(65536)
            seen.append(where)
            if data == b"stranger":
                other.sendto(b"who", where)
            s.sendto(data, where)
    threading.Thread(target=loop, daemon=True).start()
    return seen


def open_udp(place, count=4, **options):
    place.worker.udp(place.proxy, *LISTEN, count)
    return Associate(place.client, *LISTEN, source="192.0.2.2", **options)


def dropped(place, reason, n=1):
    L.wait_for(lambda: place.worker.udp_stats()[reason] >= n,
               lambda: f"{n} dropped as {reason}: {place.worker.udp_stats()}")
    L.equal(place.worker.udp_stats()[reason], n, f"dropped as {reason}")


def test_there_and_back(lab):
    """IPv4, IPv6, names; every size; one address and port inside for all destinations."""
    with Place(lab) as p:
        seen = echo(p)
        seen6 = echo(p, "fd09::2")
        echo(p, "10.9.0.3", 7001)
        with open_udp(p) as a:
            L.equal(a.code, 0, "reply")
            L.equal(a.relay[0], LISTEN[0], "BND.ADDR")
            for size in (0, 1, 100, 512, 1200, 1400, 1472, 1473, 4000, 9000, 65497):
                data = os.urandom(size)
                a.send(HOST, ECHO, data)
                L.equal(a.receive(), (HOST, ECHO, data), f"{size} bytes")
            a.send("fd09::2", ECHO, b"six")
            L.equal(a.receive(), ("fd09::2", ECHO, b"six"), "IPv6")
            for name in ("grafana", "grafana.red", "10.9.0.2.red", "10-9-0-2.red", "GRAFANA.RED."):
                a.send(name, ECHO, name.encode())
                L.equal(a.receive(), (HOST, ECHO, name.encode()), name)
            a.send("fd09--2.red", ECHO, b"dashed")
            L.equal(a.receive(), ("fd09::2", ECHO, b"dashed"), "dashed IPv6")
            a.send("10.9.0.3", 7001, b"other")
            L.equal(a.receive(), ("10.9.0.3", 7001, b"other"), "a second destination")
            L.equal(len(set(seen)), 1, "ports that one destination sees")
            L.equal(len(set(seen6)), 1, "ports that an IPv6 destination sees")
            L.equal(p.worker.udp_stats()["associations"], 1, "associations")
            L.wait_for(lambda: [p.worker.udp_stats()[k] for k in ("up", "down")] == [19, 19],
                       lambda: f"19 each way: {p.worker.udp_stats()}")
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 0, "the end of the association")


def test_second_destination_sees_the_same_port(lab):
    """The mapping does not depend on the destination."""
    with Place(lab) as p:
        one, two = echo(p), echo(p, "10.9.0.3", 7001)
        with open_udp(p) as a:
            for _ in range(3):
                a.ask(HOST, ECHO, b"x")
                a.ask("10.9.0.3", 7001, b"y")
        L.equal(len(set(one) | set(two)), 1, "addresses and ports seen")


def test_only_the_client(lab):
    """Other addresses, and after the first datagram other ports, are nobody's."""
    with Place(lab) as p:
        seen = echo(p)
        with open_udp(p) as a:
            with a.socket("192.0.2.3") as other:
                a.send(HOST, ECHO, b"intruder", other)
                dropped(p, "source")
            L.equal(a.ask(HOST, ECHO, b"mine"), b"mine", "echo")
            with a.socket() as second:  # of the same client, too late
                for _ in range(3):
                    a.send(HOST, ECHO, b"late", second)
                L.equal(a.ask(HOST, ECHO, b"again"), b"again", "echo")
            L.equal(len(seen), 2, "datagrams that arrived")
        with open_udp(p, say_port=True) as a:
            with a.socket() as second:  # the port was said: not even first
                a.send(HOST, ECHO, b"early", second)
                L.equal(a.ask(HOST, ECHO, b"mine"), b"mine", "echo")
            L.equal(len(seen), 3, "datagrams that arrived")


def test_bad_headers(lab):
    """Fragments, RSV, types, lengths, port 0: dropped, counted, and they bind no port."""
    with Place(lab) as p:
        echo(p)
        good = udp_header(HOST, ECHO)
        with open_udp(p) as a:
            with a.socket() as s:
                for bad in (b"", b"\0", good[:9], b"\0\1" + good[2:], b"\1\0" + good[2:],
                            b"\0\0\0\2" + good[4:], b"\0\0\0\0" + good[4:], b"\0\0\0\3\0" + good[8:],
                            b"\0\0\0\3\xffshort", b"\0\0\0\4" + good[4:], good[:8] + b"\0\0x",
                            b"\0\0\0\3\4a\0bc\1\1x", b"\0\0\0\3\2..\1\1x"):
                    s.sendto(bad, a.relay)
                # the two last ones are whole headers with names that are none, so they bind the port
            dropped(p, "malformed", 13)
        with open_udp(p) as a:
            with a.socket() as s:
                for f in (1, 127, 128, 255):
                    a.send(HOST, ECHO, b"piece", s, fragment=f)
                dropped(p, "fragment", 4)
            L.equal(a.ask(HOST, ECHO, b"whole"), b"whole", "echo from another port")


def test_policy(lab):
    """What CONNECT refuses is refused here, however it is written."""
    with Place(lab) as p:
        echo(p)
        hosts = ("127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "10.9.0.1",
                 "10.200.0.1", "8.8.8.8", "::1", "::", "fe80::1", "ff02::1", "::ffff:10.9.0.2",
                 "64:ff9b::7f00:1", "fd10::1", "127.0.0.1.red", "10-200-0-1.red", "x.blue", "blue",
                 "8.8.8.8.red")
        with open_udp(p) as a:
            for h in hosts:
                a.send(h, ECHO, b"no")
            dropped(p, "policy", len(hosts))
            for h in ("nobody.red", "red", "example.org"):  # no resolver knows
                a.send(h, ECHO, b"no")
            dropped(p, "no_name", 3)
            L.equal(a.ask(HOST, ECHO, b"yes"), b"yes", "echo")
            p.configure(routes=[(1, "10.8.0.0/16")])  # a reload takes the route away
            a.send(HOST, ECHO, b"no more")
            dropped(p, "policy", len(hosts) + 1)
            p.configure(routes=[(1, "10.9.0.0/24")], ipv6=False)
            L.equal(a.ask(HOST, ECHO, b"yes"), b"yes", "echo")
            a.send("fd09::2", ECHO, b"no")
            dropped(p, "policy", len(hosts) + 2)


def test_names_of_the_resolver(lab):
    """Datagrams wait for the answer; a name stays at its address; the policy judges what it leads to."""
    turn = []

    def answer(name, kind):
        if kind != N.A or name == "gone.example":
            return (3 if name == "gone.example" else 0, (), [N.soa(20)])
        if name == "both.example":  # in turns, and for no time at all
            turn.append(name)
            return (0, [N.record(a) for a in (HOST, "10.9.0.3")[::1 - 2 * (len(turn) % 2)]])
        return (0, [N.record({"evil.example": "127.0.0.1", "far.example": "8.8.8.8"}.get(name, HOST), 60)])
    with Place(lab, resolvers=[HOST]) as p:
        seen = N.Scripted(p.server, HOST, answer)
        one, two = echo(p), echo(p, "10.9.0.3")
        with open_udp(p) as a:
            for n in range(10):  # in one burst: asked for once, and in their order
                a.send("one.example", ECHO, b"%d" % n)
            L.equal([a.receive() for _ in range(10)], [(HOST, ECHO, b"%d" % n) for n in range(10)],
                    "answers")
            L.equal(seen.asked("one.example"), 2, "questions")
            for _ in range(20):
                a.ask("both.example", ECHO, b"x")
                p.configure()  # asked for again under another configuration
            L.check(len(turn) > 1, "it was asked for again")
            L.equal(min(len(one) - 10, len(two)), 0, "datagrams to the other of two addresses")
            for name, why, n in (("evil.example", "policy", 1), ("far.example", "policy", 2),
                                 ("gone.example", "no_name", 1)):
                a.send(name, ECHO, b"no")
                dropped(p, why, n)
            for n in range(40):  # more names than are kept
                L.equal(a.ask(f"n{n % 20}.example", ECHO, b"%d" % n), b"%d" % n, "echo")


def test_silent_resolver(lab):
    """What waits is bounded and ends: as no_name when nobody answers, at once with the association."""
    with Place(lab, resolvers=[HOST]) as p:
        seen = N.Scripted(p.server, HOST, lambda name, kind: None)
        echo(p)
        with open_udp(p) as a:
            for n in range(20):
                a.send(f"n{n % 10}.example", ECHO, b"x")
            dropped(p, "full", 4)
            L.equal(a.ask(HOST, ECHO, b"others"), b"others", "echo beside them")
            dropped(p, "no_name", 16)
            for n in range(20):  # a name each: no more than are kept may be asked for
                a.send(f"m{n}.example", ECHO, b"x")
            dropped(p, "full", 8)
            L.wait_for(lambda: seen.asked("m1.example"), "the question")
            before = p.worker.udp_stats()["no_name"]
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 0, "the end")
        with open_udp(p) as a:
            for size in (65000, 1000):  # 64 KiB in all
                a.send("big.example", ECHO, bytes(size))
            dropped(p, "full", 9)
        L.equal(p.worker.udp_stats()["no_name"], before, "counted after the end")


def test_strangers(lab):
    """Answers come only from where the client has sent to, to the port."""
    with Place(lab) as p:
        seen = echo(p)
        with open_udp(p) as a:
            L.equal(a.ask(HOST, ECHO, b"stranger"), b"stranger", "echo")
            with L.inside(p.server):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("10.9.0.3", 0))
            s.sendto(b"hello", seen[0])
            dropped(p, "stranger", 2)
            a.send("10.9.0.3", s.getsockname()[1], b"now")
            s.settimeout(20)
            L.equal(s.recvfrom(100), (b"now", seen[0]), "the stranger is addressed")
            s.sendto(b"hello", seen[0])
            L.equal(a.receive(), ("10.9.0.3", s.getsockname()[1], b"hello"), "and may answer")
            s.close()


def test_destinations_are_bounded(lab):
    """Of 300 destinations the last 256 may answer."""
    with Place(lab) as p:
        def bind(port):
            with L.inside(p.server):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((HOST, port))
            s.settimeout(20)
            return s
        first, last = bind(ECHO), bind(20255)
        with open_udp(p) as a:
            for _ in range(2):  # also with as many again in between
                a.send(HOST, ECHO, b"x")
                where = first.recvfrom(10)[1]
                first.sendto(b"y", where)
                L.equal(a.receive()[1], ECHO, "the first may answer")
                for port in range(20000, 20255):
                    a.send(HOST, port, b"x")
                first.sendto(b"y", where)
                L.equal(a.receive()[1], ECHO, "so it may with 255 others behind it")
            before = p.worker.udp_stats()["stranger"]
            a.send(HOST, 20255, b"x")
            L.equal(last.recvfrom(10)[1], where, "one more")
            first.sendto(b"y", where)
            dropped(p, "stranger", before + 1)
            last.sendto(b"y", where)
            L.equal(a.receive()[1], 20255, "the newest may answer")
        first.close()
        last.close()


def test_dies_with_its_connection(lab):
    """End of file, reset, or bytes on the connection end it; its socket serves the next one."""
    with Place(lab) as p:
        echo(p)
        ports = p.worker.udp(p.proxy, *LISTEN, 1)
        for how in ("close", "reset", "bytes", "half"):
            a = Associate(p.client, *LISTEN)
            L.equal(a.relay, (LISTEN[0], ports[0]), "the one socket that there is")
            L.equal(a.ask(HOST, ECHO, b"x"), b"x", "echo")
            if how == "reset":
                a.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how == "bytes":
                a.tcp.sendall(b"x")
            elif how == "half":
                a.tcp.shutdown(socket.SHUT_WR)
            else:
                a.tcp.close()
            L.wait_for(lambda: p.worker.udp_stats()["associations"] == 0, f"the end after {how}", 1)
            a.send(HOST, ECHO, b"dead")
            a.close()
        with Associate(p.client, *LISTEN, early=b"more") as a:
            L.equal(a.tcp.recv(1), b"", "end of file after early bytes")
        L.wait_for(lambda: p.worker.stats()["clients"] == 0, "no client left")
        L.equal(p.worker.udp_stats()["up"], 4, "datagrams of living associations")


def test_idle_timeout(lab):
    """It ends when nothing moves, and not before."""
    with Place(lab, idle_s=2) as p:
        echo(p)
        with open_udp(p) as a:
            L.equal(a.ask(HOST, ECHO, b"x"), b"x", "echo")
            L.equal(a.tcp.recv(1), b"", "end of file after idle-timeout")


def test_waits_for_a_socket(lab):
    """Without a socket the client waits for the supervisor; the report says how many are missing."""
    with Place(lab) as p:
        echo(p)
        got = []
        threads = [threading.Thread(
            target=lambda: got.append(Associate(p.client, *LISTEN)), daemon=True) for _ in range(3)]
        for t in threads:
            t.start()
        L.equal([p.worker.udp_used() for _ in range(3)], [1, 2, 3], "reports")
        p.worker.udp(p.proxy, *LISTEN, 3)
        for t in threads:
            t.join()
        for a in got:
            L.equal((a.code, a.ask(HOST, ECHO, b"x")), (0, b"x"), "echo")
            a.close()
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 0, "all of them ended")
        for _ in range(20):  # again and again with the same three, without another report
            with Associate(p.client, *LISTEN) as a:
                L.equal(a.ask(HOST, ECHO, b"x"), b"x", "echo")
        p.worker.ours.setblocking(False)
        try:
            raise L.Failure(f"a needless report: {p.worker.ours.recv(100)!r}")
        except BlockingIOError:
            pass


def test_no_socket_comes(lab):
    """A supervisor that gives nothing: general failure, and the listener goes on."""
    with Place(lab) as p:
        p.serve(3000, lambda s: s.sendall(b"ok"))
        with Associate(p.client, *LISTEN) as a:
            L.equal(a.code, 1, "reply")
        L.equal(p.socks(3000).recv(2), b"ok", "CONNECT")
        s = connect(p.client, *LISTEN)  # the listener goes while one waits
        s.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
        L.equal(read_exact(s, 2), b"\5\0", "greeting")
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 1, "it waits")
        p.worker.unlisten(*LISTEN)
        L.equal(read_exact(s, 2), b"\5\1", "reply")


def test_limits(lab):
    """max-udp and max-udp-per-address: refused with 1, counted, and free again afterwards."""
    with Place(lab, udp=3, udp_per_address=2) as p:
        echo(p)
        p.worker.udp(p.proxy, *LISTEN, 8)
        a, b = (Associate(p.client, *LISTEN, source="192.0.2.2") for _ in range(2))
        with Associate(p.client, *LISTEN, source="192.0.2.2") as c:
            L.equal(c.code, 1, "the third of one address")
        c = Associate(p.client, *LISTEN, source="192.0.2.3")
        with Associate(p.client, *LISTEN, source="192.0.2.3") as d:
            L.equal(d.code, 1, "the fourth of all")
        L.equal(p.worker.stats()["limit"], 2, "counted")
        for x in (a, b, c):
            L.equal((x.code, x.ask(HOST, ECHO, b"x")), (0, b"x"), "echo")
        a.close()
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 2, "one ended")
        with Associate(p.client, *LISTEN, source="192.0.2.3") as d:
            L.equal(d.code, 0, "there is room again")


def test_listener_goes(lab):
    """An association outlives its listener; idle sockets do not."""
    with Place(lab) as p:
        echo(p)
        ports = p.worker.udp(p.proxy, *LISTEN, 6)
        a = Associate(p.client, *LISTEN)
        a.ask(HOST, ECHO, b"x")

        def bound():
            text = p.proxy.run(["ss", "-Hulan"]).stdout
            return [n for n in ports if f"{LISTEN[0]}:{n} " in text]
        L.equal(len(bound()), 6, "sockets before")
        p.worker.unlisten(*LISTEN)
        L.wait_for(lambda: bound() == [a.relay[1]], "only the one in use is left")
        L.equal(a.ask(HOST, ECHO, b"still"), b"still", "echo")
        a.close()
        L.wait_for(lambda: not bound(), "no socket left")
        p.worker.udp(p.proxy, *LISTEN, 1)  # too late: nobody listens there
        L.wait_for(lambda: p.worker.udp_stats()["associations"] == 0, "the end")
        p.worker.listen(p.proxy, *LISTEN)
        p.worker.udp(p.proxy, *LISTEN, 1)
        with Associate(p.client, *LISTEN) as a:
            L.equal(a.ask(HOST, ECHO, b"x"), b"x", "echo")


def test_node_down(lab):
    """Without a node: code 3 for new ones, and nothing of the others goes out."""
    with Place(lab) as p:
        seen = echo(p)
        with open_udp(p) as a:
            a.ask(HOST, ECHO, b"x")
            p.worker.node(0)
            a.send(HOST, ECHO, b"no")
            dropped(p, "node_down")
            with Associate(p.client, *LISTEN) as b:
                L.equal(b.code, 3, "reply")
            p.worker.node(1)
            L.equal(a.ask(HOST, ECHO, b"y"), b"y", "echo")
            L.equal(len(seen), 2, "datagrams that arrived")


def test_too_long_for_the_way(lab):
    """What fits inside but not with its header in front is dropped and counted."""
    with Place(lab) as p:
        with L.inside(p.server):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind((HOST, ECHO))
        s.settimeout(20)
        with open_udp(p) as a:
            a.send(HOST, ECHO, b"x")
            where = s.recvfrom(10)[1]
            s.sendto(bytes(65507), where)
            dropped(p, "too_long")
            s.sendto(bytes(65497), where)
            L.equal(len(a.receive()[2]), 65497, "the longest that fits")
        s.close()


def test_trains(lab):
    """A thousand datagrams of many sizes in one burst each way arrive whole and in order."""
    with Place(lab) as p:
        with L.inside(p.server):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind((HOST, ECHO))
        s.settimeout(20)
        with open_udp(p) as a:
            a.send(HOST, ECHO, b"x")
            where = s.recvfrom(10)[1]
            for size in (4, 700, 1200, 1462, 1472, 1500, 3000):
                sizes = [size] * 20 + [size - 1] * 3 + [size] * 9 + [4]
                data = [n.to_bytes(4, "big") + bytes(max(0, x - 4)) for n, x in enumerate(sizes)]
                for d in data:
                    a.send(HOST, ECHO, d)
                L.equal([s.recv(65536) for _ in data], data, f"up, {size} bytes")
                for d in data:
                    s.sendto(d, where)
                L.equal([a.receive()[2] for _ in data], data, f"down, {size} bytes")
        s.close()


def test_ipv6_listener(lab):
    """A client over IPv6: BND.ADDR is the listener's IPv6 address."""
    with Place(lab) as p:
        echo(p)
        p.client.ip("addr add 2001:db8::2/64 dev l1a nodad")
        p.proxy.ip("addr add 2001:db8::1/64 dev l1b nodad")
        p.configure(allow=["192.0.2.0/24", "2001:db8::/64"])
        p.worker.listen(p.proxy, "2001:db8::1", 11080)
        p.worker.udp(p.proxy, "2001:db8::1", 11080)
        with Associate(p.client, "2001:db8::1", 11080) as a:
            L.equal((a.code, a.relay[0]), (0, "2001:db8::1"), "reply")
            L.equal(a.ask(HOST, ECHO, b"x" * 1200), b"x" * 1200, "echo")


def test_descriptors(lab):
    """At the descriptor limit associations wait or fail; nothing breaks and nobody is dropped."""
    with Place(lab, descriptors=100) as p:
        echo(p)
        p.worker.udp(p.proxy, *LISTEN, 8)
        a = Associate(p.client, *LISTEN)
        held = [connect(p.client, *LISTEN) for _ in range(60)]
        L.equal(a.ask(HOST, ECHO, b"x"), b"x", "echo")
        L.wait_for(lambda: p.worker.stats()["paused"], "accepting pauses")
        for s in held:
            s.close()
        with Associate(p.client, *LISTEN) as b:
            L.equal(b.ask(HOST, ECHO, b"x"), b"x", "echo")
        a.close()


def test_no_leak(lab):
    """Five hundred associations later the worker holds as many descriptors as before."""
    with Place(lab) as p:
        echo(p)
        p.worker.udp(p.proxy, *LISTEN, 8)
        with Associate(p.client, *LISTEN) as a:
            a.ask(HOST, ECHO, b"x")
        L.wait_for(lambda: p.worker.stats()["clients"] == 0, "no client")
        before = p.worker.descriptors()
        for i in range(500):
            with Associate(p.client, *LISTEN, say_port=i % 2) as a:
                if i % 3:
                    L.equal(a.ask(HOST, ECHO, b"%d" % i), b"%d" % i, "echo")
        L.wait_for(lambda: p.worker.stats()["clients"] == 0, "no client")
        L.equal(p.worker.descriptors(), before, "descriptors")


def test_users(lab):
    """With users set nobody gets an association without a password."""
    with make(lab) as p:
        echo(p)
        p.worker.udp(p.proxy, *LISTEN, 2)
        request = b"\5\3\0" + socks5_request("0.0.0.0", 0)[3:]
        for hello in (b"\5\1\0" + request, b"\5\1\2" + login(b"bob", b"wrong") + request):
            s = connect(p.client, *LISTEN)
            s.sendall(hello)
            got = read_all(s)
            L.check(got in (b"\5\xff", b"\5\2\1\1"), f"refused: {got!r}")
        L.equal(p.worker.udp_stats()["opened"], 0, "associations")
        s = connect(p.client, *LISTEN)
        s.sendall(b"\5\1\2" + login(b"bob", b"secret") + request)
        L.equal(read_exact(s, 8), b"\5\2\1\0\5\0\0\1", "the right password")
        s.close()


def test_random_datagrams(lab):
    """Twenty thousand mutated headers and sizes: it lives, and what is good still passes."""
    with Place(lab) as p:
        echo(p)
        rng = random.Random(7)
        bases = [udp_header(h, ECHO) for h in (HOST, "fd09::2", "grafana", "x" * 255, "a.blue")]
        with open_udp(p) as a:
            a.ask(HOST, ECHO, b"x")
            for n in range(20000):
                d = bytearray(rng.choice(bases) + rng.randbytes(rng.choice((0, 1, 40, 1400))))
                for _ in range(rng.randrange(4)):
                    d[rng.randrange(min(len(d), 24))] = rng.randrange(256)
                a.udp.sendto(bytes(d[:rng.randrange(len(d) + 1)] if n % 3 == 0 else d), a.relay)
            with open_udp(p) as b:
                L.equal(b.ask(HOST, ECHO, b"still here"), b"still here", "echo")
            L.equal(p.worker.udp_stats()["associations"] >= 1, True, "it lives")


def test_request_forms(lab):
    """The request may name any address; the method comes first; BIND stays refused."""
    with Place(lab) as p:
        echo(p)
        p.worker.udp(p.proxy, *LISTEN, 4)
        for host in ("0.0.0.0", "192.0.2.99", "::", "client.example"):
            request = socks5_request(host, 0)
            s = connect(p.client, *LISTEN)
            s.sendall(b"\5\1\0\5\3\0" + request[3:])
            L.equal(read_exact(s, 12)[:6], b"\5\0\5\0\0\1", host)
            s.close()
        s = connect(p.client, *LISTEN)
        s.sendall(b"\5\1\0\5\2\0" + socks5_request(HOST, 1)[3:])
        L.equal(read_exact(s, 4), b"\5\0\5\7", "BIND")
