# SPDX-License-Identifier: MIT
"""How the stock node leaves its namespace, and what it lets in: pasta, veth, macvlan, advertise-routes.

    mac ── home0 ── demon (tsgwd) ── eth0 ── internet: control, relay ── gpu1 ── 10.100.0.0/16
                      │ lan0 192.168.20.1
                      └── nas 192.168.20.22 (advertised), printer 192.168.21.9 (is not)
"""
import os
import sys

import lab as L
import leaks
import nameserver
import picture as P
from lab import check, equal, wait_for
from tailnet import Node
from uplinks import MACVLAN, RULES, Small, check_closed, forwarding, inner, joined, pasta_of, tables


def carries(lab, uplink, link):
    w = Small(lab)
    t = joined(w, uplink=uplink)
    g = w.gateway(t).start()
    g.wait_up()
    w.check_page(t)
    w.gpu.ping("demon-" + w.word, until_direct=True)
    check_closed(t, link)
    with leaks.watched(w.demon, t.pin, rules=RULES, links=["veth0", link]) as (generator,):
        w.check_page(t)
        node = next(p for p in lab.mine() if b"tailscaled" in open(f"/proc/{p}/cmdline", "rb").read()
                    and os.stat(f"/proc/{p}/ns/net").st_ino == os.stat(t.pin.path).st_ino)
        L.kill_all([node])
        start = generator.rounds
        wait_for(lambda: generator.rounds > start + 200, "the generator goes on")
        g.wait_up()
        w.check_page(t)
    return w, t, g


def test_pasta(lab):
    w, t, g = carries(lab, None, "up0")
    equal(tables(w.demon).replace("table inet watch\n", ""), "", "tables of the host")
    equal(forwarding(w.demon, "eth0", t.link, "all"), [0, 0, 0], "forwarding of the host")
    pasta = pasta_of(t)
    status = L.status(pasta)
    equal((status["CapBnd"], status["NoNewPrivs"], status["Seccomp"]), ("0000000000200000", "1", "2"), "pasta's rights")
    equal(status["Uid"], [g.uid_base + 8 + 6] * 4, "pasta's uid")
    L.kill_all([pasta])
    wait_for(lambda: pasta_of(t) not in (None, pasta), "pasta is started again")
    g.wait_up()
    w.check_page(t)
    g.kill()
    g.start()
    g.wait_up()
    w.check_page(t)
    g.stop()
    equal(pasta_of(t), None, "pasta afterwards")


def test_veth(lab):
    w, t, g = carries(lab, "veth", "veth0")
    check(t.netns in tables(w.demon), "no table")
    equal(forwarding(w.demon, "eth0", t.link, "home0", "all"), [1, 1, 0, 0], "forwarding of the host")
    g.kill()
    g.start()
    g.wait_up()
    g.stop()
    equal(tables(w.demon).replace("table inet watch\n", ""), "", "tables afterwards")
    equal(forwarding(w.demon, "eth0"), [0], "forwarding afterwards")


def test_macvlan(lab):
    w, _, g = carries(lab, MACVLAN, "up0")
    equal(tables(w.demon).replace("table inet watch\n", ""), "", "tables of the host")
    equal(forwarding(w.demon, "eth0", "all"), [0, 0], "forwarding of the host")
    check("172.30.200.9:" in w.gpu.cli("status", ok=0).stdout, "the peer sees uplink-address")
    g.stop()


def test_reload_from_pasta_to_veth(lab):
    w = Small(lab)
    t = joined(w)
    g = w.gateway(t).start()
    g.wait_up()
    t.values["uplink"] = "veth"
    g.write_config()
    g.ctl("reload", ok=0)
    g.wait_up()
    w.check_page(t)
    equal((pasta_of(t), t.netns in tables(w.demon)), (None, True), "pasta is gone, the table is there")
    t.values["uplink"] = "pasta"
    g.write_config()
    g.ctl("reload", ok=0)
    g.wait_up()
    w.check_page(t)
    equal((tables(w.demon), forwarding(w.demon, "eth0")), ("", [0]), "what veth needed")
    g.stop()


def test_bootstrap_dns(lab):
    """The login server is a name that one server of the Internet knows; nobody else gets to that server."""
    w = Small(lab)
    w.net.ns.ip("addr add 172.30.53.53/16 dev br0")
    dns = nameserver.Dnsmasq(lab, w.net.ns, "172.30.53.53", [("control.lab", w.control.address)])
    t = joined(w, **{"login-server": w.control.url.replace(w.control.address, "control.lab"),
                     "bootstrap-dns": "172.30.53.53", "http-proxy": None})
    g = w.gateway(t).start(ready=False)
    wait_for(lambda: dns.asked("control.lab"), "tailscaled asks the server of bootstrap-dns")
    asked = dns.asked("stray.lab")
    for user in ("0", "65534"):
        inner(t, "setpriv", "--reuid", user, "--clear-groups", "dig", "@172.30.53.53", "+time=1", "+tries=1", "stray.lab")
    equal(dns.asked("stray.lab"), asked, "others' questions")
    g.stop()


class Lan:
    """The gateway's own networks: nas in one that is advertised, printer in one that is not."""

    def __init__(self, w):
        lab, self.hosts = w.lab, {}
        for name, ifname, net, host in (("nas", "lan0", "192.168.20", 22), ("printer", "lan1", "192.168.21", 9)):
            ns = lab.ns(name)
            a, b = lab.link(w.demon, ns, a_if=ifname, b_if="eth0")
            w.demon.ip(f"addr add {net}.1/24 dev {a}")
            ns.ip(f"addr add {net}.{host}/24 dev {b}")  # without a way back: it must be masqueraded
            ns.spawn([sys.executable, os.path.join(P.HERE, "service.py"), name], name).wait_line("^ready$")
            self.hosts[name] = ns


def reached(node, address):
    p = node.ns.run(["curl", "-sS", "--max-time", "4", "--noproxy", "", f"http://{address}:3000/"])
    return p.stdout if p.returncode == 0 else ""


def pinged(node, address):
    return node.ns.run(["ping", "-c", "1", "-W", "4", address]).returncode == 0


def advertises(lab, uplink):
    w = Small(lab)
    Lan(w)
    t = joined(w, uplink=uplink, **{"advertise-routes": "192.168.20.0/24"})
    g = w.gateway(t).start()
    g.wait_up()
    peer = Node(w.net, "laptop")
    peer.up(w.control, "--accept-routes")
    node = w.control.wait_node("demon-" + w.word, lambda n: "192.168.20.0/24" in (n["advertised"] or []), "its route")
    w.control.post("routes", node=node["id"])
    wait_for(lambda: "nas" in reached(peer, "192.168.20.22"), "the peer reaches the nas", 60)
    check(pinged(peer, "192.168.20.22"), "ping from the peer")
    equal((reached(peer, "192.168.21.9"), pinged(peer, "192.168.21.9")), ("", False), "what is not advertised")
    # even if a peer believes that the gateway routes it
    peer.ns.ip("route add 192.168.21.0/24 dev tailscale0")
    equal((reached(peer, "192.168.21.9"), pinged(peer, "192.168.21.9")), ("", False), "what is not advertised")
    return w, t, g, peer


def test_advertise_routes(lab):
    w, t, g, peer = advertises(lab, None)
    equal(forwarding(w.demon, "lan0", t.link, "lan1", "eth0", "all"), [1, 1, 0, 0, 0], "forwarding of the host")
    equal(inner(t, "cat", "/proc/sys/net/ipv4/ip_forward").stdout, "0\n", "forwarding of all links inside")
    g.kill()
    g.start()
    g.wait_up()
    wait_for(lambda: "nas" in reached(peer, "192.168.20.22"), "the peer reaches the nas", 60)
    del t.values["advertise-routes"]
    g.write_config()
    g.ctl("reload", ok=0)
    equal((tables(w.demon), forwarding(w.demon, "lan0", t.link)), ("", [0, 0]), "what is not needed any more")
    equal(inner(t, "sysctl", "-n", "net.ipv4.conf.tailscale0.forwarding", "net.ipv4.conf.veth0.forwarding").stdout,
          "0\n0\n", "forwarding inside")
    check(not reached(peer, "192.168.20.22"), "the nas is still reached")
    g.wait_up()
    g.stop()


def test_advertise_routes_by_veth(lab):
    w, t, g, _ = advertises(lab, "veth")
    equal(forwarding(w.demon, "lan0", t.link, "lan1", "eth0"), [1, 1, 0, 1], "forwarding of the host")
    g.kill()
    t.values.update({"uplink": "pasta", "advertise-routes": None})
    g.write_config()
    g.start()
    g.wait_up()
    equal((tables(w.demon), forwarding(w.demon, "lan0", "eth0")), ("", [0, 0]), "what a killed gateway needed")
    g.stop()


def test_firewall_against_the_lan(lab):
    w = Small(lab)
    Lan(w)
    w.demon.run(["nft", "-f", "-"], stdin="table inet guard { chain keep { type filter hook forward priority 0; "
                "policy accept; oifname \"lan0\" drop\n}\n}", ok=0)
    t = joined(w, **{"advertise-routes": "192.168.20.0/24"})
    g = w.gateway(t).start(ready=False)
    g.wait_state(t, "failed")
    check("table inet guard, chain keep" in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
    w.demon.run(["nft", "delete", "table", "inet", "guard"], ok=0)
    g.wait_up(timeout_s=60)
    g.stop()
