# SPDX-License-Identifier: MIT
"""Who is not allowed any more is cut off: a reload that narrows `allow` or takes users away.

The place of the first ones is that of test_proxy_alone; the last ones have a whole gateway.
"""
import socket

import test_proxy_alone as A
from client import connect, get, socks5
from lab import check, equal, wait_for
from picture import MAC, PRIMARY, STRANGER, TARGET
from test_forward import ask, start_echo, udp
from test_proxy_users import basic, hashed, login
from test_udp_alone import Associate
from test_users import passwd

ONE, TWO = "192.0.2.2", "192.0.2.3"
SILENT = "10.66.0.9"
HEAD = b"CONNECT 10.9.0.2:1 HTTP/1.1\r\nHost: x\r\n"


def slow(conn):
    """A response that does not end."""
    conn.recv(65536)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome")
    conn.recv(1)


def everything(p, source):
    """A connection in each state, by its name."""
    def said(data, wanted):
        s = p.connect(data, source)
        equal(A.read_exactly(s, len(wanted)), wanted, f"answer to {data!r}")
        return s
    socks = p.connect(b"\5\1\0" + A.request5(A.HOST, 1), source)
    equal(A.read_exactly(socks, 12)[:4], b"\5\0\5\0", "SOCKS5")
    found = {
        "greeting": p.connect(b"", source),
        "half a request": said(b"\5\1\0" + A.request5(A.HOST, 1)[:5], b"\5\0"),
        "dialing": said(b"\5\1\0" + A.request5(SILENT, 1), b"\5\0"),
        "SOCKS5": socks,
        "SOCKS4": said(b"\4\1\0\1" + socket.inet_aton(A.HOST) + b"me\0", b"\0\x5a"),
        "CONNECT": said(HEAD + b"\r\n", b"HTTP/1.1 200 "),
        "a response": said(b"GET http://10.9.0.2:2/ HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK"),
    }
    wait_for(lambda: sum(c["client"][0] == source for c in p.worker.clients()[0]) == len(found), "all are there")
    return found


def lives(s):
    """It is still open (what came of it before does not matter)."""
    s.settimeout(0)
    try:
        while s.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def gone(connections):
    for what, s in connections.items():
        wait_for(lambda s=s: not lives(s), f"{what} is cut off")


def stay(p, connections):
    for what, s in connections.items():
        check(lives(s), f"{what} goes on")
    for what in {"SOCKS5", "SOCKS4", "CONNECT"} & set(connections):
        s = connections[what]
        s.settimeout(20)
        s.sendall(b"ping")
        check(A.read_exactly(s, 1), f"{what} carries bytes")
    check(p.worker.stats()["clients"] >= len(connections), "clients")


def test_allow(lab):
    """In every state; UDP associations too. Others do not notice, and nothing of it is left."""
    with A.Place(lab) as p:
        p.serve(1, A.echo)
        p.serve(2, slow)
        p.server.ip(f"route add blackhole {SILENT}/32")
        first = everything(p, ONE)
        before = p.worker.descriptors()
        second = everything(p, TWO)
        p.worker.udp(p.proxy, *A.LISTEN, 2)
        a = Associate(p.client, *A.LISTEN, source=ONE)
        p.worker.udp_used()
        p.configure(allow=["192.0.2.0/24"], keep=False)
        stay(p, first | second)
        p.configure(allow=[TWO + "/32"], keep=True)  # an address that the primary has lost
        stay(p, first | second)
        p.configure(allow=[TWO + "/32"], keep=False)
        gone(first | {"association": a.tcp})
        stay(p, second)
        wait_for(lambda: p.worker.stats()["clients"] == len(second), "clients")
        wait_for(lambda: p.worker.descriptors() <= before + 4, "descriptors")
        check(A.is_refused(p, source=ONE), "a new one")
        p.configure(allow=[], keep=False)
        gone(second)
        wait_for(lambda: not p.worker.stats()["clients"], "no client is left")


def test_users(lab):
    """A user who is gone, and who came before there were users; not one who has another password."""
    def socks(user=None, password=None):
        if user is None:
            return p.socks(1)
        s = p.connect(b"\5\1\2" + login(user, password) + A.request5(A.HOST, 1))
        equal(A.read_exactly(s, 14)[:6], b"\5\2\1\0\5\0", f"login of {user}")
        return s

    def http(user, password):
        s = p.connect(HEAD + basic(user, password) + b"\r\n")
        equal(A.read_exactly(s, 13), b"HTTP/1.1 200 ", f"login of {user}")
        return s

    bob, other, alice = (hashed(x) for x in (b"secret", b"other", b"wonder"))
    with A.Place(lab) as p:
        p.serve(1, A.echo)
        nobody = {"nobody": socks()}
        p.configure(users=[("bob", bob), ("alice", alice)])
        gone(nobody)
        bobs = {"SOCKS5": socks(b"bob", b"secret"), "CONNECT": http(b"bob", b"secret")}
        alices = {"SOCKS5": socks(b"alice", b"wonder"), "CONNECT": http(b"alice", b"wonder")}
        half = p.connect(b"\5\1\2" + login(b"alice", b"wonder"))
        equal(A.read_exactly(half, 4), b"\5\2\1\0", "login of alice")
        p.configure(users=[("alice", alice), ("bob", bob)])  # another order
        stay(p, bobs | alices)
        p.configure(users=[("bob", other), ("alice", alice)])
        stay(p, bobs | alices | {"before its request": half})
        more = {"SOCKS5": socks(b"bob", b"other"), "CONNECT": http(b"bob", b"other")}
        p.configure(users=[("bob", other)])
        gone(alices | {"before its request": half})
        stay(p, bobs)
        stay(p, more)
        p.configure(users=None)
        stay(p, bobs)
        p.configure(users=[])
        gone(bobs)
        gone(more)
        wait_for(lambda: not p.worker.stats()["clients"], "no client is left")


def test_reload(picture):
    """The whole way: a narrower `allow`, a user that is deleted; UDP sessions of forward, too."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = [f"forward = 4000/udp -> {TARGET}:4000", f"users-file = {t.name}.users",
              f"allow = {MAC}/32, {STRANGER}/32"]
    g = picture.gateway()
    passwd(g, t, "bob", password="secret\n")
    passwd(g, t, "alice", password="wonder\n")
    g.start().wait_up()
    start_echo(t.peer.ns, TARGET, 4000)

    def ends(user, password, source=None):
        s = connect(picture.mac, PRIMARY, t.port, source=source)
        s.sendall(b"\5\1\2" + login(user, password))
        equal(A.read_exactly(s, 4), b"\5\2\1\0", f"login of {user}")
        s.sendall(A.request5(TARGET, 3000))
        equal(A.read_exactly(s, 10)[:2], b"\5\0", "CONNECT")
        check("/x" in get(s, "/x"), "it works")
        return s
    bob, alice, far = ends(b"bob", b"secret"), ends(b"alice", b"wonder"), ends(b"bob", b"secret", STRANGER)
    near_udp, far_udp = udp(picture.mac, PRIMARY, 4000), udp(picture.mac, PRIMARY, 4000, source=STRANGER)
    ask(near_udp, b"near")
    ask(far_udp, b"far")
    t.keys[2] = f"allow = {MAC}/32"
    g.write_config()
    g.ctl("reload", ok=0)
    gone({"the other address": far})
    g.process.wait_line("2 connections ended: their clients are no longer in allow")
    refused = g.ctl("status", t.name, "--json", ok=0).stdout.count('"udp_refused": 0')
    far_udp.send(b"far")
    wait_for(lambda: g.ctl("status", t.name, "--json", ok=0).stdout.count('"udp_refused": 0') < refused,
             "its datagram is refused")
    passwd(g, t, "alice", "--delete")
    g.ctl("reload", ok=0)
    gone({"alice": alice})
    g.process.wait_line("1 connections ended: their users are no longer there")
    get(bob, "/still")
    ask(near_udp, b"near")
    equal(g.stop(), 0, "exit code")


def test_primary_that_is_away(picture):
    """Without `allow` the primary's networks count; while it has lost its address nobody is cut off."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "CONNECT")
    get(s, "/x")
    for _ in range(2):
        picture.demon.ip(f"addr del {PRIMARY}/32 dev tailscale0")
        wait_for(lambda: not g.list()[t.name]["listen"], "the listener goes with the address")
        g.wait_state(t, "degraded")
        picture.demon.ip(f"addr add {PRIMARY}/32 dev tailscale0")
        g.wait_up()
        get(s, "/again")
    equal(g.stop(), 0, "exit code")
