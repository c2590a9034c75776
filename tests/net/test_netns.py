# SPDX-License-Identifier: MIT
"""The kernel's selftest, first part: two nodes whose sockets share one namespace. See netns.py."""
import time

from lab import check, equal, wait_for
from netns import ANSWER_S, IN4, IN6, SILENCE_S, both, echo, endpoint_is, no_reach, reach, udp_socket
from picture import key_pair
from run import deadline

MTU, BIG_MTU = 1420, 34816 - 1500 + 1420


@both
def test_counters(a):
    """Ten pings are so and so many bytes: handshake and padded packets, not one more."""
    a.pair()
    a.join()
    reach(a.n2, IN4[0], 10)
    check(a.w2.transfer() in ((1372, 1428), (1372, 1460)), f"w2's transfer {a.w2.transfer()}")
    check(a.w1.transfer() in ((1428, 1372), (1460, 1372)), f"w1's transfer {a.w1.transfer()}")
    when = int(a.w1.show("latest-handshakes").split()[1])
    check(abs(when - time.time()) < 60, f"latest handshake at {when}")


def batteries(a, host, mtu):
    a.pair()
    a.join(host)
    for w in (a.w1, a.w2):
        w.ip(f"link set DEV mtu {mtu}")
    a.battery()


@deadline(240)
@both
def test_battery_over_ipv4(a):
    batteries(a, "127.0.0.1", MTU)


@deadline(240)
@both
def test_battery_over_ipv4_big_mtu(a):
    batteries(a, "127.0.0.1", BIG_MTU)


@deadline(240)
@both
def test_battery_over_ipv6(a):
    batteries(a, "[::1]", MTU)


@deadline(240)
@both
def test_battery_over_ipv6_big_mtu(a):
    batteries(a, "[::1]", BIG_MTU)


@both
def test_route_mtu_and_padding(a):
    """A route's MTU is below the device's: padding must not go beyond it."""
    a.pair()
    a.join()
    for i, w in enumerate((a.w1, a.w2)):
        w.ip("link set DEV mtu 1300", f"route add {IN4[1 - i]}/32 dev DEV mtu 1299")
    reach(a.n2, IN4[0])  # a handshake later both have heard of the MTU
    a.nft(a.n0, "add table ip t", "add chain ip t in { type filter hook input priority 0; }",
          "add rule ip t in ip length >= 1360 drop")
    reach(a.n2, IN4[0], size=1269)


@both
def test_roaming(a):
    """Another address and port of one side, then another family: the other side follows."""
    a.pair()
    a.join("[::1]")
    reach(a.n1, IN4[1])
    a.n0.ip("addr del 127.0.0.1/8 dev lo", "addr add 127.212.121.99/8 dev lo")
    a.w1.set("listen-port", 9999)
    a.w1.set("peer", a.w2.public, "endpoint", "127.0.0.1:2")
    reach(a.n1, IN6[1])
    endpoint_is(a.w2, a.w1.public, "127.212.121.99:9999")
    a.w1.set("listen-port", 9998)
    a.w1.set("peer", a.w2.public, "endpoint", "[::1]:2")
    reach(a.n1, IN4[1])
    endpoint_is(a.w2, a.w1.public, "[::1]:9998")


@both
def test_cryptokey_routing(a):
    """A packet whose source belongs to another peer's longer prefix is dropped, but it moves the endpoint."""
    w1, w2 = a.pair()
    a.join()
    w1.set("peer", w2.public, "allowed-ips", "192.168.241.0/24")
    specific = key_pair()[1]
    with udp_socket(a.n1, IN4[0], 1111) as s, udp_socket(a.n2, IN4[1], 0) as c:
        s.settimeout(ANSWER_S)
        c.sendto(b"X", (IN4[0], 1111))
        equal(s.recv(9), b"X", "datagram")
        w1.set("peer", specific, "allowed-ips", f"{IN4[1]}/32")
        w2.set("listen-port", 9997)
        c.sendto(b"Y", (IN4[0], 1111))
        s.settimeout(SILENCE_S)
        try:
            check(False, f"got {s.recv(9)}")
        except TimeoutError:
            pass
    w1.set("peer", specific, "remove")
    equal(w1.show("endpoints"), f"{w2.public}\t127.0.0.1:9997", "endpoints")


@both
def test_key_change(a):
    """A new private key shakes hands at once."""
    w1, w2 = a.pair()
    a.join()
    reach(a.n1, IN4[1])
    private, public = key_pair()
    w1.set("private-key", w1.key(private))
    w2.set("peer", public, "preshared-key", w2.key(a.psk), "allowed-ips", f"{IN4[0]}/32", "peer",
           w1.public, "remove")
    reach(a.n1, IN4[1], wait_s=4)  # before the handshake would be tried again


def inner_pair(a):
    """WireGuard whose packets go through w1 and w2."""
    inner = a.node("w3", a.n1), a.node("w4", a.n2)
    for i, (w, outer) in enumerate(zip(inner, (a.w1, a.w2))):
        outer.ip("addr flush dev DEV", f"addr add fd00::5:{i + 1}/112 dev DEV")
        outer.set("peer", (a.w2, a.w1)[i].public, "allowed-ips", f"fd00::5:{2 - i}/128")
        w.ip(f"addr add {IN4[i]}/24 dev DEV", f"addr add {IN6[i]}/112 dev DEV",
             "link set mtu 1340 up dev DEV")
    for i, w in enumerate(inner):
        w.set("listen-port", 5, "private-key", w.key(w.private), "peer", inner[1 - i].public,
              "allowed-ips", f"{IN4[1 - i]}/32,{IN6[1 - i]}/128", "endpoint", f"[fd00::5:{2 - i}]:5")
    return inner


@deadline(240)
@both
def test_wireguard_over_wireguard(a):
    a.pair()
    a.join()
    inner_pair(a)
    a.battery(parallel=(4,))


@both
def test_onion_and_loop_to_self(a):
    """A peer behind a peer of the same device; then a peer that would be behind itself."""
    w1, w2 = a.pair(a.n1, a.n2)
    c, s = a.lab.link(a.n1, a.n2)
    a.n1.ip(f"addr add 10.0.0.1/24 dev {c}")
    a.n2.ip(f"addr add 10.0.0.2/24 dev {s}")
    w1.set("peer", w2.public, "endpoint", "10.0.0.2:2")
    w1.ip("addr add 192.168.242.1/24 dev DEV")
    w3 = a.node("w3", a.n2)
    w3.ip("addr add 192.168.242.2/24 dev DEV")
    w3.set("private-key", w3.key(w3.private), "listen-port", 5, "peer", w1.public, "allowed-ips",
           "192.168.242.1/32")
    w3.ip("link set up dev DEV")
    w1.set("peer", w3.public, "allowed-ips", "192.168.242.2/32", "endpoint", f"{IN4[1]}:5")
    reach(a.n1, "192.168.242.2")
    w3.delete()
    w1.set("peer", w3.public, "endpoint", "192.168.242.2:5")
    no_reach(a.n1, "192.168.242.2")
    w1.set("peer", w3.public, "remove")
    reach(a.n1, IN4[1])


@both
def test_routing_loop(a):
    """Two nodes that carry each other's packets in a circle: it comes to an end by itself."""
    a.pair()
    a.join()
    w3, w4 = inner_pair(a)
    reach(a.n1, IN4[1])
    a.n1.ip(f"link set {w3.ifname} netns {a.n0.name}")
    w3.home = a.n0
    w3.ip(f"addr add {IN4[0]}/24 dev DEV", "link set up dev DEV")
    reach(a.n0, IN4[1])
    a.w1.set("peer", a.w2.public, "endpoint", f"{IN4[1]}:7")
    a.w2.delete()
    w4.delete()
    before = w3.transfer()[1]
    got, _ = echo(a.n0, IN4[1], 10, wait_s=SILENCE_S)
    equal(got, 0, "answers from nowhere")
    wait_for(lambda: settled(w3), "the loop to come to rest", 10)
    check(w3.transfer()[1] - before < 70000, f"{w3.transfer()[1] - before} bytes went round")


@both
def test_routing_loop_by_a_router(a):
    """The endpoint is behind a router, whose route to it begins to lead back to us, and from there into the
    tunnel: that comes to an end by itself, too."""
    home, router, far, away = a.n1, a.n0, a.n2, "203.0.113.9"
    w1, w2 = a.pair(home, far)
    (c, s), (d, e) = a.lab.link(home, router), a.lab.link(router, far)
    home.ip(f"addr add 10.0.0.1/24 dev {c}", f"route add {away}/32 via 10.0.0.2")
    router.ip(f"addr add 10.0.0.2/24 dev {s}", f"addr add 10.0.1.1/24 dev {d}",
              f"route add {away}/32 via 10.0.1.2")
    far.ip(f"addr add 10.0.1.2/24 dev {e}", f"addr add {away}/32 dev {e}", "route add 10.0.0.0/24 via 10.0.1.1")
    for ns in (home, router):
        for key in ("ip_forward=1", "conf.all.rp_filter=0", "conf.all.send_redirects=0",
                    *(f"conf.{link}.rp_filter=0" for link in ns.links())):
            ns.run(["sysctl", "-qw", "net.ipv4." + key], ok=0)
    # what came back with our own address would be refused as a martian
    a.nft(router, "table ip nat {", "chain post {", "type nat hook postrouting priority 100", "masquerade", "}", "}")
    w1.set("peer", w2.public, "endpoint", f"{away}:2", "allowed-ips", "0.0.0.0/0")
    reach(home, IN4[1])
    home.ip(f"route add default dev {w1.ifname} table 100", f"rule add iif {c} lookup 100")
    router.ip(f"route replace {away}/32 via 10.0.0.1")
    before = w1.transfer()[1]
    got, _ = echo(home, IN4[1], 10, wait_s=SILENCE_S)
    equal(got, 0, "answers from nowhere")
    wait_for(lambda: settled(w1), "the loop to come to rest", 10)
    sent = w1.transfer()[1] - before
    check(10 * 3 * 128 < sent < 70000, f"{sent} bytes went round")


def settled(node):
    before = node.transfer()
    end = time.monotonic() + 0.3
    wait_for(lambda: time.monotonic() > end or node.transfer() != before, "a change or the end", 2)
    return node.transfer() == before
