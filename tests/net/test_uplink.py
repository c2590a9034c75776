# SPDX-License-Identifier: MIT
"""Uplinks of a node of ours: veth with NAT, macvlan.

    mac ── demon ── to1 198.18.0.1/30 ── 198.18.0.2 peer of a tailnet
             │ tsgw-NAME .1 ══ .2 veth0 in the tailnet's namespace
"""
import lab as L
from lab import check, equal, wait_for
from picture import Picture, check_page


def nft(ns, *args):
    return ns.run(["nft", *args], ok=0).stdout


def forwarding(ns, ifname):
    return ns.sysctl(f"ipv4/conf/{ifname}/forwarding")


def veth_picture(lab, n=1):
    p = Picture(lab)
    names = ("red", "blue", "green")
    tailnets = [p.tailnet(names[i], 11080 + i, ssh=False) for i in range(n)]
    for t in tailnets:
        t.keys = ["uplink = veth"]
    return p, tailnets


def test_veth_carries_and_is_undone(lab):
    p, (t,) = veth_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    check_page(p, t)
    table = nft(p.demon, "list", "table", "inet", "tsgw-" + t.name)
    check("masquerade" in table and "to1" in table, table)
    equal([forwarding(p.demon, i) for i in ("to1", t.link, "home0", "all")], ["1", "1", "0", "0"],
          "forwarding")
    equal(t.pin and p.demon.sysctl("ipv4/ip_forward"), "0", "ip_forward")
    g.stop()
    equal(nft(p.demon, "list", "tables"), "", "tables afterwards")
    equal(forwarding(p.demon, "to1"), "0", "forwarding afterwards")
