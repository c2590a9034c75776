# SPDX-License-Identifier: MIT
"""IPv6 by pasta and by veth: carried where the host has a way and may forward, not said to be where it is not.

    mac ── home0 ── demon (tsgwd) ── eth0, IPv4 and IPv6 ── internet ── gpu1, which UDP reaches by IPv6 alone
"""
import os
import re

import leaks
from lab import check, equal, wait_for
from run import deadline
from uplinks import RULES, Small, forwarding, inner, joined, pasta_of, tables

WAY = "2001:db8:30::1"
OWN = "fdb5:4c2e:7a31::"


class Six(Small):
    """Small, on an Internet that has IPv6."""

    def __init__(self, lab):
        super().__init__(lab, ipv6=True)

    def only_ipv6(self):
        """No IPv4 datagrams to or from gpu1: a direct path is one by IPv6."""
        self.gpu.ns.run(["nft", "add table inet no4; add chain inet no4 in { type filter hook input priority 0; }; "
                         "add rule inet no4 in iifname eth0 meta nfproto ipv4 meta l4proto udp drop; "
                         "add chain inet no4 out { type filter hook output priority 0; }; "
                         "add rule inet no4 out oifname eth0 meta nfproto ipv4 meta l4proto udp drop"], ok=0)


def uplink(g, t):
    return g.list()[t.name]["uplink"]


def wait_uplink(g, t, word):
    wait_for(lambda: word in uplink(g, t), lambda: f"{word!r} in {uplink(g, t)!r}", 40)


def direct_by_ipv6(w):
    """gpu1 reaches the gateway directly, by IPv6."""
    pong = w.gpu.ping("demon-" + w.word, until_direct=True)
    check("[2001:db8:30::" in pong.split(" via ")[-1].split("\n")[0] or "[2001:db8:30::" in pong.split("\n")[-2], pong)


def check_closed(t, link):
    """Only table 77 leads out by IPv6; an unmarked packet has no way, even from a socket bound to the link."""
    equal(inner(t, "ip", "-6", "route", "show", "default").stdout, "", "default route of the main table")
    check(f"dev {link}" in inner(t, "ip", "-6", "route", "show", "default", "table", "77").stdout, "table 77")
    p = inner(t, "ip", "-6", "route", "get", WAY)
    check("unreachable" in p.stdout + p.stderr, f"an unmarked packet has a way: {p.stdout}")


def carries(lab, kind, link):
    w = Six(lab)
    w.only_ipv6()
    t = joined(w, uplink=kind)
    g = w.gateway(t).start()
    g.wait_up()
    w.check_page(t)
    direct_by_ipv6(w)
    equal(uplink(g, t).endswith("IPv4 and IPv6"), True, uplink(g, t))
    check_closed(t, link)
    rules = RULES.replace("2001:db8::53", f"2001:db8::53, {WAY}")
    with leaks.watched(w.demon, t.pin, rules=rules, links=["veth0", link]) as (generator,):
        w.check_page(t)
        node = next(p for p in lab.mine() if b"tailscaled" in open(f"/proc/{p}/cmdline", "rb").read()
                    and os.stat(f"/proc/{p}/ns/net").st_ino == os.stat(t.pin.path).st_ino)
        os.kill(node, 9)
        start = generator.rounds
        wait_for(lambda: generator.rounds > start + 200, "the generator goes on")
        g.wait_up()
        w.check_page(t)
    for who in ("0", "65534"):
        p = inner(t, "setpriv", "--reuid", who, "--clear-groups", "ping", "-6", "-c", "1", "-W", "1", "-I", link, WAY)
        check(p.returncode != 0, f"a ping of uid {who} leaves: {p.stdout}")
    return w, t, g


def refused(w, t):
    """Clients do not reach the namespace's own address."""
    own = re.search(rf"{OWN}\S+(?=/)", inner(t, "ip", "-6", "addr").stdout)[0]
    p = w.mac.run(["curl", "-sS", "--max-time", "10", "--noproxy", "", "--socks5-hostname", f"100.121.76.21:{t.port}",
                   f"http://[{own}]:1080/"])
    check("(2)" in p.stderr, p.stderr)


@deadline(400)
def test_pasta(lab):
    w, t, g = carries(lab, None, "up0")
    refused(w, t)
    equal(tables(w.demon).replace("table inet watch\n", ""), "", "tables of the host")
    # the host loses its IPv6, and gets it back
    before = pasta_of(t)
    w.demon.ip("route del ::/0 via 2001:db8:30::1")
    wait_uplink(g, t, "IPv4 only (this host has no IPv6 route)")
    wait_for(lambda: pasta_of(t) not in (None, before), "pasta is started anew")
    equal(inner(t, "ip", "-6", "route", "show", "table", "77").stdout, "", "table 77")
    w.demon.ip(f"route add ::/0 via {WAY}")
    wait_uplink(g, t, "IPv4 and IPv6")
    direct_by_ipv6(w)
    g.stop()


@deadline(400)
def test_veth(lab):
    w, t, g = carries(lab, "veth", "veth0")
    refused(w, t)
    force = [int(w.demon.sysctl(f"ipv6/conf/{i}/force_forwarding")) for i in ("eth0", t.link, "home0", "all")]
    equal((force, w.demon.sysctl("ipv6/conf/all/forwarding")), ([1, 1, 0, 0], "0"), "forwarding of the host")
    g.kill()
    g.start()
    g.wait_up()
    wait_uplink(g, t, "IPv4 and IPv6")
    # a firewall that drops IPv6 alone: IPv4 goes on, and the state says so
    w.demon.run(["nft", "add table ip6 guard; add chain ip6 guard keep { type filter hook forward priority 0; "
                 "policy drop; }"], ok=0)
    wait_uplink(g, t, "IPv4 only (the firewall")
    equal(g.list()[t.name]["state"], "up", "state")
    equal(int(w.demon.sysctl("ipv6/conf/eth0/force_forwarding")), 0, "forwarding that is not needed")
    w.demon.run(["nft", "delete table ip6 guard"], ok=0)
    wait_uplink(g, t, "IPv4 and IPv6")
    direct_by_ipv6(w)
    g.stop()
    equal(tables(w.demon).replace("table inet watch\n", ""), "", "tables afterwards")
    equal((forwarding(w.demon, "eth0"), w.demon.sysctl("ipv6/conf/eth0/force_forwarding")), ([0], "0"),
          "forwarding afterwards")


def test_host_that_forwards_already(lab):
    """all.forwarding is the host's own: it is used, and left alone."""
    w = Six(lab)
    w.demon.sysctl("ipv6/conf/all/forwarding", 1)
    w.only_ipv6()
    t = joined(w, uplink="veth")
    g = w.gateway(t).start()
    g.wait_up()
    direct_by_ipv6(w)
    equal(w.demon.sysctl("ipv6/conf/eth0/force_forwarding"), "0", "what is not needed")
    g.stop()
    equal(w.demon.sysctl("ipv6/conf/all/forwarding"), "1", "the host's own setting")


def test_without_ipv6(lab):
    """A host without IPv6: said so, and nothing of it is there."""
    w = Small(lab)
    for kind in (None, "veth"):
        t = joined(w, uplink=kind)
        g = w.gateway(t).start()
        g.wait_up()
        check(uplink(g, t).endswith("IPv4 only (this host has no IPv6 route)"), uplink(g, t))
        check(OWN not in inner(t, "ip", "-6", "addr").stdout, "an address for it")
        g.stop()
