# SPDX-License-Identifier: MIT
"""The kernel's selftest, second part: routes, NAT and addresses below the tunnel. See netns.py."""
import socket

from lab import check, equal, inside, wait_for
from netns import IN4, both, echo, endpoint_is, reach
from run import deadline

CLIENT, ROUTER, FRONT, SERVER = "192.168.1.100", "192.168.1.1", "10.0.0.1", "10.0.0.100"


def behind_nat(a):
    """n1 192.168.1.100 ── 192.168.1.1 n0 10.0.0.1 ── 10.0.0.100 n2; n0 translates what n1 begins."""
    a.pair(a.n1, a.n2)
    c, rc = a.lab.link(a.n1, a.n0)
    s, rs = a.lab.link(a.n2, a.n0)
    a.n0.ip(f"addr add {ROUTER}/24 dev {rc}", f"addr add {FRONT}/24 dev {rs}")
    a.n1.ip(f"addr add {CLIENT}/24 dev {c}", f"route add default via {ROUTER}")
    a.n2.ip(f"addr add {SERVER}/24 dev {s}")
    a.n0.sysctl("ipv4/ip_forward", 1)
    a.nft(a.n0, "add table ip t", "add chain ip t post { type nat hook postrouting priority 100; }",
          f"add rule ip t post ip saddr 192.168.1.0/24 ip daddr 10.0.0.0/24 snat to {FRONT}")
    for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
        a.n0.sysctl("netfilter/" + name, 2)
    return c, s, rs


@both
def test_nat_and_persistent_keepalive(a):
    """The way back through a NAT that forgets after two seconds stays open."""
    behind_nat(a)
    a.w1.set("peer", a.w2.public, "endpoint", f"{SERVER}:2", "persistent-keepalive", 1)
    reach(a.n1, IN4[1])
    reach(a.n2, IN4[0])
    endpoint_is(a.w2, a.w1.public, f"{FRONT}:1")
    before = a.w1.transfer()[1]
    wait_for(lambda: a.w1.transfer()[1] >= before + 4 * 32, "four keepalives", 30)
    reach(a.n2, IN4[0])


@both
def test_bound_device_and_mark(a):
    """Senders that are bound to the TUN, and packets that are routed again because their mark changes."""
    behind_nat(a)
    a.w1.set("peer", a.w2.public, "endpoint", f"{SERVER}:2")
    reach(a.n1, IN4[1], device=a.w1.ifname)
    a.nft(a.n1, "add table ip m", "add chain ip m out { type route hook output priority -150; }",
          "add rule ip m out meta mark set 1")
    reach(a.n1, IN4[1])
    reach(a.n1, IN4[1], device=a.w1.ifname)


@both
def test_policy_routing(a):
    """Everything goes into the tunnel but what carries the fwmark, as wg-quick does it; both families."""
    c, _, _ = behind_nat(a)
    a.n1.ip(f"addr add fc00::9/96 dev {c} nodad", f"route add default via fc00::1 dev {c}")
    a.w2.ip("addr add 192.168.99.7/32 dev DEV", "addr add abab::1111/128 dev DEV")
    a.w1.set("fwmark", 51820, "peer", a.w2.public, "endpoint", f"{SERVER}:2", "allowed-ips",
             "192.168.99.7,abab::1111")
    for family in ("-6", "-4"):
        for line in (f"route add default dev {a.w1.ifname} table 51820",
                     "rule add not fwmark 51820 table 51820",
                     "rule add table main suppress_prefixlength 0"):
            a.n1.run(["ip", family, *line.split()], ok=0)
    a.n1.sysctl(f"ipv4/conf/{c}/rp_filter", 0)
    reach(a.n1, "192.168.99.7", 100)
    reach(a.n1, "abab::1111", 100)
    # the mark follows a new socket
    a.w1.set("listen-port", 77)
    reach(a.n1, "192.168.99.7", 10)


@both
def test_unreachable_through_nat(a):
    """No peer for a packet that was forwarded and translated: its sender hears of it."""
    _, _, rs = behind_nat(a)
    a.n2.sysctl("ipv4/ip_forward", 1)
    a.nft(a.n2, "add table ip t", "add chain ip t post { type nat hook postrouting priority 100; }",
          f"add rule ip t post ip saddr 10.0.0.0/24 ip daddr 192.168.241.0/24 snat to {IN4[1]}")
    a.n0.ip(f"route add {IN4[0]} via {SERVER} dev {rs}")
    a.w2.set("peer", a.w1.public, "remove")
    got, errors = echo(a.n0, IN4[0])
    check(not got and errors and errors[0][:2] == (3, 1), f"host unreachable; it was {got}, {errors}")


# ---- our own address

def joined(a, more=False):
    """n1 and n2 side by side, without addresses yet; gives the names of the ends."""
    a.pair(a.n1, a.n2)
    ends = [a.lab.link(a.n1, a.n2) for _ in range(2 if more else 1)]
    for ns, i in ((a.n1, 0), (a.n2, 1)):
        for end in ends:
            ns.sysctl(f"ipv6/conf/{end[i]}/accept_dad", 0)
            ns.sysctl(f"ipv4/conf/{end[i]}/rp_filter", 0)
        ns.sysctl("ipv4/conf/all/rp_filter", 0)
    return ends if more else ends[0]


@both
def test_not_overly_sticky(a):
    """Our address goes, another one is there: it is taken."""
    e1, e2 = joined(a)
    a.n1.sysctl(f"ipv4/conf/{e1}/promote_secondaries", 1)
    a.n1.ip(f"addr add 10.0.0.1/24 dev {e1}", f"addr add fd00:aa::1/96 dev {e1} nodad")
    a.n2.ip(f"addr add 10.0.0.2/24 dev {e2}", f"addr add fd00:aa::2/96 dev {e2} nodad")
    a.w1.set("peer", a.w2.public, "endpoint", "10.0.0.2:2")
    reach(a.n1, IN4[1])
    a.n1.ip(f"addr add 10.0.0.10/24 dev {e1}", f"addr del 10.0.0.1/24 dev {e1}")
    reach(a.n1, IN4[1])
    a.w1.set("peer", a.w2.public, "endpoint", "[fd00:aa::2]:2")
    reach(a.n1, IN4[1])
    a.n1.ip(f"addr add fd00:aa::10/96 dev {e1} nodad", f"addr del fd00:aa::1/96 dev {e1}")
    reach(a.n1, IN4[1])


@both
def test_reply_from_where_it_came_to(a):
    """Whichever of our addresses the peer calls answers, also one of another interface."""
    e1, e2 = joined(a)
    a.n1.ip(*(f"addr add {at} dev {e1}" for at in ("10.0.0.1/24", "10.0.0.2/24")),
            *(f"addr add {at} dev {e1} nodad" for at in ("fd00:aa::1/96", "fd00:aa::2/96")))
    a.n2.ip(f"addr add 10.0.0.3/24 dev {e2}", f"addr add fd00:aa::3/96 dev {e2} nodad")
    a.n1.ip("link add other type veth peer name other2", "addr add 10.50.0.1/24 dev other",
            "link set other up", "link set other2 up")
    a.n2.ip(f"route add 10.50.0.0/24 dev {e2}")
    for at in ("10.0.0.1:1", "[fd00:aa::1]:1", "10.0.0.2:1", "[fd00:aa::2]:1", "10.50.0.1:1"):
        a.w2.set("peer", a.w1.public, "endpoint", at)
        reach(a.n2, IN4[0])
        equal(a.w2.endpoint(a.w1.public), at, "endpoint")


@both
def test_better_route_is_taken(a):
    """Another interface gets the better route in the middle of a session."""
    (e1, e2), (e3, e4) = joined(a, more=True)
    a.n1.ip(f"addr add 10.0.0.1/24 dev {e1}", f"addr add 10.0.0.3/24 dev {e3}", f"route flush dev {e1}",
            f"route flush dev {e3}", f"route add 10.0.0.0/24 dev {e1} src 10.0.0.1 metric 2")
    a.n2.ip(f"addr add 10.0.0.2/24 dev {e2}")
    a.w1.set("peer", a.w2.public, "endpoint", "10.0.0.2:2")
    reach(a.n1, IN4[1])
    endpoint_is(a.w2, a.w1.public, "10.0.0.1:1")
    a.n1.ip(f"route add 10.0.0.0/24 dev {e3} src 10.0.0.3 metric 1")

    def moved():  # it may take a packet until the node has heard
        reach(a.n1, IN4[1])
        return a.w2.endpoint(a.w1.public) == "10.0.0.3:1"
    wait_for(moved, "the other interface's address")


# ---- namespaces and interfaces that go

@deadline(180)
@both
def test_interfaces_come_and_go(a):
    """Ten times: made, configured, in use in both directions, deleted in the middle of it."""
    for _ in range(10):
        a.pair()
        a.join()
        reach(a.n1, IN4[1])
        with inside(a.n1):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for _ in range(200):  # something is on its way
            s.sendto(bytes(1000), (IN4[1], 9))
        s.close()
        a.w1.delete()
        a.w2.delete()


@both
def test_namespaces_go(a):
    """Each node's TUN in the other's namespace, and both namespaces deleted: nothing stays behind."""
    ns = a.lab.ns(a.tag + "-5"), a.lab.ns(a.tag + "-6")
    nodes = a.node("x1", ns[0], ns[1]), a.node("x2", ns[1], ns[0])
    for n in nodes:
        n.gone = True
        n.ip("link set up dev DEV")
    for one in ns:
        a.lab.run(["ip", "netns", "del", one.name], ok=0)
        a.lab.namespaces.remove(one)
    # a process is in the one, its TUN in the other: which was to go first?
    for n in nodes:
        n.process.stop()
        check(not n.process.alive(), "the process")
