# SPDX-License-Identifier: MIT
"""Uplinks of a node of ours: veth with NAT, macvlan.

    mac ── home0 demon to1 198.18.0.5/30 ── 198.18.0.6 peer of red      (the default route)
                   │   to2 198.18.0.9/30 ── 198.18.0.10 peer of blue
                   │ tsgw-NAME .1 ══ .2 veth0 in the tailnet's namespace
"""
import lab as L
from lab import check, equal, wait_for
from leaks import RULES_FORWARDS, watched
from picture import Picture, check_page

RULE_DROP = "table ip {0} {{ chain {1} {{ type filter hook forward priority 10; {2} }}\n}}\n"


def nft(ns, *args, stdin=None):
    return ns.run(["nft", *args], ok=0, stdin=stdin).stdout


def forwarding(ns, *ifnames):
    return [int(ns.sysctl(f"ipv4/conf/{i}/forwarding")) for i in ifnames]


def veth_picture(lab, n=1):
    p = Picture(lab)
    tailnets = [p.tailnet(("red", "blue")[i], 11080 + i, ssh=False) for i in range(n)]
    for t in tailnets:
        t.keys = ["uplink = veth"]
    p.demon.ip(f"route add default via {tailnets[0].peer.underlay} dev to1")
    return p, tailnets


def nothing_left(p, *links):
    equal(nft(p.demon, "list", "tables"), "", "tables afterwards")
    equal(set(forwarding(p.demon, "all", *links)), {0}, "forwarding afterwards")


def test_veth_carries_and_is_undone(lab):
    p, (t,) = veth_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    check_page(p, t)
    table = nft(p.demon, "list", "table", "inet", t.netns)
    check("masquerade" in table and '"to1"' in table, table)
    equal(forwarding(p.demon, "to1", t.link, "home0", "all"), [1, 1, 0, 0], "forwarding")
    # the peer sees the host's address, not the /30
    check(t.peer.near + ":" in L.subprocess.run(["wg", "show", t.peer.ifname, "endpoints"], text=True,
                                            capture_output=True, check=True).stdout, "no NAT")
    equal(L.subprocess.run(["ip", "-n", t.netns, "route", "show", "default"], text=True, check=True,
                           capture_output=True).stdout, "", "default route in the main table")
    g.stop()
    nothing_left(p, "to1")


def test_veth_after_sigkill(lab):
    p, (t,) = veth_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    g.kill()
    equal(forwarding(p.demon, "to1"), [1], "forwarding while nobody runs")
    g.start()
    g.wait_up()
    check_page(p, t)
    g.kill()
    t.keys = []  # and the next one needs none of it
    g.write_config()
    g.start()
    g.wait_up()
    nothing_left(p, "to1", t.link)
    g.stop()


def test_veth_killed_at_any_moment(lab):
    """SIGKILL as soon as one thing is there, and a start that needs none of it: nothing is left."""
    p, (t,) = veth_picture(lab)
    moments = {
        "its link": lambda: t.link in p.demon.links(),
        "forwarding of its link": lambda: t.link in p.demon.links() and forwarding(p.demon, t.link) == [1],
        "forwarding": lambda: forwarding(p.demon, "to1") == [1],
        "its table": lambda: t.netns in nft(p.demon, "list", "tables"),
        "up": lambda: t.name in (p.lab.gateways[-1].list() or {}) and p.lab.gateways[-1].state(t) == "up",
    }
    g = p.gateway()
    for what, there in moments.items():
        for _ in range(2):
            t.keys = ["uplink = veth"]
            g.write_config()
            g.start(ready=False)
            wait_for(there, what)
            g.kill()
            t.keys = []
            g.write_config()
            g.start()
            g.wait_up()
            nothing_left(p, "to1", t.link)
            check_page(p, t)
            g.stop()
    nothing_left(p, "to1")


def test_veth_shared_by_two_gateways(lab):
    p, (red, blue) = veth_picture(lab, 2)
    one = p.gateway([red], tag="one", gateway_keys=["dns-port = 0"]).start()
    two = p.gateway([blue], tag="two", gateway_keys=["dns-port = 0"], pool="10.201.0.0/16",
                    uid_offset=0x8000).start()
    one.wait_up()
    two.wait_up()
    equal(forwarding(p.demon, "to1", "to2"), [1, 1], "forwarding")
    one.stop()
    equal(forwarding(p.demon, "to1", "to2"), [1, 1], "forwarding that blue still needs")
    check_page(p, blue)
    two.kill()
    one.start()
    one.wait_up()
    one.stop()
    equal(forwarding(p.demon, "to1"), [1], "forwarding that a killed gateway has on record")
    two.start()
    two.wait_up()
    two.stop()
    nothing_left(p, "to1", "to2")


def test_veth_leaves_what_was_on(lab):
    p, (t,) = veth_picture(lab)
    p.demon.sysctl("ipv4/conf/to1/forwarding", 1)
    g = p.gateway().start()
    g.wait_up()
    g.stop()
    equal(forwarding(p.demon, "to1"), [1], "forwarding that was on before")


def test_veth_names_the_firewall(lab):
    p, (t,) = veth_picture(lab)
    nft(p.demon, "-f", "-", stdin=RULE_DROP.format("guard", "keep", "policy drop;"))
    g = p.gateway().start(ready=False)
    g.wait_state(t, "failed")
    reason = g.list()[t.name]["reason"]
    check("table ip guard" in reason and "chain keep" in reason and "policy" in reason, reason)
    equal(forwarding(p.demon, "to1"), [0], "forwarding of what has failed")
    nft(p.demon, "-f", "-", stdin="delete table ip guard\n"
        + RULE_DROP.format("other", "gate", "ip saddr 10.200.0.0/16 counter drop;"))
    wait_for(lambda: "table ip other" in g.list()[t.name]["reason"], "a rule that drops", 60)
    # an accept for us in a chain with policy drop is fine
    nft(p.demon, "-f", "-", stdin="delete table ip other\n"
        + RULE_DROP.format("guard", "keep", "policy drop; ct state established accept; "
                           "iifname \"tsgw-*\" accept;"))
    g.wait_up(timeout_s=60)
    check_page(p, t)
    # it comes while we run
    nft(p.demon, "-f", "-", stdin=RULE_DROP.format("late", "gate", "policy drop;"))
    g.wait_state(t, "failed")
    check("table ip late" in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
    g.stop()


def test_veth_names_iptables(lab):
    p, (t,) = veth_picture(lab)
    for program, words in (("iptables-nft", "table ip filter, chain FORWARD"),
                           ("iptables-legacy", "iptables-legacy")):
        p.demon.run([L.tool(program), "-P", "FORWARD", "DROP"], ok=0)
        g = p.gateway(tag=program).start(ready=False)
        g.wait_state(t, "failed")
        check(words in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
        p.demon.run([program, "-P", "FORWARD", "ACCEPT"], ok=0)
        g.wait_up(timeout_s=60)
        # it comes while we run: of the legacy ones the kernel tells nothing
        p.demon.run([program, "-A", "FORWARD", "-s", "10.200.0.0/16", "-j", "DROP"], ok=0)
        g.wait_state(t, "failed")
        check(words in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
        p.demon.run([program, "-D", "FORWARD", "-s", "10.200.0.0/16", "-j", "DROP"], ok=0)
        g.wait_up(timeout_s=60)
        p.demon.run([program, "-P", "FORWARD", "DROP"], ok=0)
        g.wait_state(t, "failed")
        p.demon.run([program, "-P", "FORWARD", "ACCEPT"], ok=0)
        g.wait_up(timeout_s=60)
        g.stop()


def test_veth_comes_back_after_a_flush(lab):
    p, (t,) = veth_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    nft(p.demon, "flush", "ruleset")
    wait_for(lambda: t.netns in nft(p.demon, "list", "tables"), "the table is there again")
    check_page(p, t)
    g.stop()
    nothing_left(p, "to1")


def test_veth_follows_the_default_route(lab):
    p, (t,) = veth_picture(lab)
    t.peer.endpoint = "203.0.113.7:51820"  # by the default route alone
    t.peer.ns.ip("addr add 203.0.113.7/32 dev lo")
    g = p.gateway().start()
    g.wait_up()
    equal(forwarding(p.demon, "to1", "home0"), [1, 0], "forwarding")
    other, _ = lab.link(p.demon, t.peer.ns, a_if="wan2", b_if="wan2")
    p.demon.ip("addr add 198.18.9.1/30 dev wan2", "route del default")
    g.wait_state(t, "up", "degraded", "starting")
    t.peer.ns.ip("addr add 198.18.9.2/30 dev wan2")
    p.demon.ip("route add default via 198.18.9.2 dev wan2")
    wait_for(lambda: forwarding(p.demon, "to1", "wan2") == [0, 1], "forwarding has moved")
    check_page(p, t)
    g.stop()
    nothing_left(p, "to1", "wan2")


def test_veth_foreign_table_is_refused(lab):
    p, (t,) = veth_picture(lab)
    nft(p.demon, "add", "table", "inet", t.netns)
    done = p.gateway().run("--tailnet", t.name, timeout_s=20, ok=1)
    check(f"nftables table inet {t.netns} exists and is not ours" in done.stderr, done.stderr)
    check(t.netns in nft(p.demon, "list", "tables"), "somebody else's table is gone")


def test_veth_no_leak(lab):
    p, (t,) = veth_picture(lab)
    p.demon.sysctl("ipv4/ip_forward", 1)
    g = p.gateway().start()
    g.wait_up()
    with watched(p.demon, t.pin, rules=RULES_FORWARDS, links=["veth0"]) as (generator,):
        for _ in range(3):
            check_page(p, t)
        L.kill_all([g.worker("tsgw-wg", t)])
        start = generator.rounds
        wait_for(lambda: generator.rounds > start + 200, "the generator goes on")
        g.wait_up()
        check_page(p, t)
    g.stop()


# ---- macvlan

def macvlan_picture(lab):
    """to1 is a LAN, 192.168.20.0/24, with the peer as its router .1"""
    p = Picture(lab)
    t = p.tailnet("red", 11080, ssh=False)
    t.peer.ns.ip("addr add 192.168.20.1/24 dev eth0", "addr add 203.0.113.7/32 dev lo")
    t.peer.endpoint = "203.0.113.7:51820"
    p.demon.ip(f"route add default via {t.peer.underlay} dev to1")
    t.keys = ["uplink = macvlan:to1", "uplink-address = 192.168.20.200/24",
              "uplink-gateway = 192.168.20.1"]
    return p, t


def endpoint_of_gateway(t):
    return L.subprocess.run(["wg", "show", t.peer.ifname, "endpoints"], text=True, check=True,
                            capture_output=True).stdout


def test_macvlan_carries(lab):
    p, t = macvlan_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    check_page(p, t)
    check("192.168.20.200:" in endpoint_of_gateway(t), endpoint_of_gateway(t))
    equal(nft(p.demon, "list", "tables"), "", "tables of the host")
    equal(forwarding(p.demon, "to1", "all"), [0, 0], "forwarding of the host")
    check("up0" not in p.demon.links() and "up0" not in t_links(t), "up0 has a namespace of its own")
    with watched(p.demon, t.pin):
        check_page(p, t)
    g.stop()


def t_links(t):
    with L.inside(t.pin):
        return {name for _, name in L.socket.if_nameindex()}


def test_macvlan_waits_for_its_interface(lab):
    p, t = macvlan_picture(lab)
    t.keys[0] = "uplink = macvlan:later0"
    t.keys.append("ready-timeout = 1 s")
    g = p.gateway().start()
    g.wait_state(t, "degraded")
    check("later0" in g.list()[t.name]["reason"], g.list()[t.name]["reason"])
    lab.link(p.demon, t.peer.ns, a_if="later0", b_if="later1")
    t.peer.ns.ip("addr del 192.168.20.1/24 dev eth0", "addr add 192.168.20.1/24 dev later1")
    g.wait_up()
    check_page(p, t)
    p.demon.ip("link del later0")
    wait_for(lambda: "later0" in g.list()[t.name]["reason"], "it says what it waits for")
    lab.link(p.demon, t.peer.ns, a_if="later0", b_if="later1")
    t.peer.ns.ip("addr add 192.168.20.1/24 dev later1")
    g.wait_up()
    check_page(p, t)
    g.stop()


def test_macvlan_after_sigkill(lab):
    p, t = macvlan_picture(lab)
    g = p.gateway().start()
    g.wait_up()
    mac = macvlan_address(p, t)
    g.kill()
    g.start()
    g.wait_up()
    check_page(p, t)
    equal(macvlan_address(p, t), mac, "hardware address")
    g.stop()


def macvlan_address(p, t):
    """What the router sees."""
    out = t.peer.ns.run(["ip", "neigh", "show", "192.168.20.200"], ok=0).stdout
    return out.split("lladdr ")[1].split()[0] if "lladdr" in out else out
