# SPDX-License-Identifier: MIT
"""Seed 004's table: who reaches whom by TCP and UDP. "Default mode" is a stock node with a TUN, "userspace mode"
one without; our gateway stands in the place of the userspace nodes.

    other ── tailnet ──┬── salad: tsgwd, SOCKS and HTTP on 127.0.0.1:1055, publishes 7000 and 7000/udp
                       └── third: a stock node without a TUN, SOCKS on 127.0.0.1:1055
"""
import socket
import sys
import threading

import seeds
from client import Associate, connect, get, http_connect, socks5
from lab import check, equal, inside
from picture import HERE
from run import deadline
from tailnet import Internet, Node
from world import Host, Joined, Tailnet

PORT = 7000


def serve(lab, ns, name):
    """A page on 3000 and an echo by UDP on 7000."""
    ns.spawn([sys.executable, f"{HERE}/service.py", name], "service " + name).wait_line("^ready$")
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("0.0.0.0", PORT))

    def loop():
        while True:
            data, where = s.recvfrom(65536)
            s.sendto(name.encode() + b" " + data, where)
    threading.Thread(target=loop, daemon=True).start()


def start(lab):
    net = Internet(lab)
    control = net.control()
    other = Node(net, "other")
    third = Node(net, "third", userspace=True, args=["--socks5-server=127.0.0.1:1055"])
    host = Host(net, "salad")
    for n in (other, third):
        n.up(control)
    for ns, name in ((other.ns, "other"), (third.ns, "third"), (host.demon, "salad")):
        serve(lab, ns, name)
    salad = Joined(Tailnet(control, "salad"), 1055, hostname="salad")
    salad.keys = [f"publish = {PORT} -> 127.0.0.1:3000", f"publish = {PORT}/udp -> 127.0.0.1:{PORT}"]
    g = host.gateway([salad], gateway_keys=["dns-port = 0"]).start()
    g.wait_up()
    return other, third, host, salad.node()["addresses"][0].split("/")[0]


def by_socks(ns, target, port, name):
    """TCP by SOCKS5 and by HTTP, UDP by SOCKS5, from a proxy on 127.0.0.1:1055."""
    for ask in (socks5, http_connect):
        with connect(ns, "127.0.0.1", 1055) as s:
            check(ask(s, target, port) in (0, 200), f"{ask.__name__} to {target}:{port}")
            equal(get(s, "/t"), f"this is {name}, you asked for /t\n", f"TCP to {name}")
    with Associate(ns, "127.0.0.1", 1055) as a:
        equal(a.ask(target, PORT, b"u"), name.encode() + b" u", f"UDP to {name}")


def direct(ns, target, port, name):
    """TCP and UDP by the node's own routes."""
    with connect(ns, target, port) as s:
        equal(get(s, "/d"), f"this is {name}, you asked for /d\n", f"TCP to {name}")
    with inside(ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.sendto(b"d", (target, PORT))
        equal(s.recv(100), name.encode() + b" d", f"UDP to {name}")


@deadline(180)
def test_table(lab):
    """Every cell of the table, both ways."""
    other, third, host, us = start(lab)
    check("Tailscale IPs for TCP and UDP traffic" in seeds.text("004:85-86"), "the table says so")
    # from default mode: to a userspace node, and to us
    direct(other.ns, third.ip(), 3000, "third")
    direct(other.ns, us, PORT, "salad")
    # from us: to default mode, to a userspace node
    by_socks(host.demon, other.ip(), 3000, "other")
    by_socks(host.demon, third.ip(), 3000, "third")
    # from a userspace node: to us; the stock proxy on that port speaks SOCKS alone
    with connect(third.ns, "127.0.0.1", 1055) as s:
        equal(socks5(s, us, PORT), 0, "third to us")
        equal(get(s, "/t"), "this is salad, you asked for /t\n", "TCP from third")
    # ourselves by localhost, and what nobody published is not there
    with connect(host.demon, "127.0.0.1", 3000) as s:
        equal(get(s, "/l"), "this is salad, you asked for /l\n", "localhost")
    with connect(host.demon, "127.0.0.1", 1055) as s:
        check(socks5(s, us, 3000) != 0, "our own address reaches only what is published")
    equal(other.ns.run(["curl", "-sS", "--max-time", "5", f"http://{us}:3000/"]).returncode, 7,
          "from outside, too")
