# SPDX-License-Identifier: MIT
"""The kernel's selftest, third part: what wg(8) sets is what it gets. See netns.py."""
import re

from lab import check, equal, inside
from netns import both, udp_socket
from picture import key_pair, wg
from run import deadline

LOW_ORDER = """AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA= X5yVvKNQjCSx0LFVnIPvWwREXMRYHI6G2CJO3dCfEVc=
    7P///////////////////////////////////////38= 7f///////////////////////////////////////38=
    7v///////////////////////////////////////38=""".split()


def configure(a, node, *lines):
    wg("setconf", node.ifname, a.lab.file(f"{node.ifname}.conf", "\n".join(lines) + "\n"))


@deadline(180)
@both
def test_130560_allowed_ips(a):
    """255 × 256 IPv4 and as many IPv6 prefixes of one peer, set and shown."""
    n = a.node("w", a.n0)
    configure(a, n, "[Interface]", f"PrivateKey = {key_pair()[0]}", "[Peer]", f"PublicKey = {key_pair()[1]}",
              *(f"AllowedIPs = {i}.{j}.0.0/16, {i}::{j}/128" for i in range(1, 256) for j in range(256)))
    shown = n.show("allowed-ips").split()
    equal(len(shown), 255 * 256 * 2 + 1, "words")
    equal(len(set(shown)), len(shown), "different words")
    before = wg("showconf", n.ifname)
    equal(before.count(","), 255 * 256 * 2 - 1, "prefixes of showconf")
    path = a.lab.file("all.conf", before + "\n")
    for command in ("syncconf", "setconf", "addconf"):
        wg(command, n.ifname, path)
        equal(set(n.show("allowed-ips").split()), set(shown), f"after {command}")


@both
def test_many_peers(a):
    n = a.node("w", a.n0)
    keys = [key_pair()[1] for _ in range(40)]
    lines = ["[Interface]", f"PrivateKey = {key_pair()[0]}"]
    for key in keys:
        lines += ["[Peer]", f"PublicKey = {key}"]
        # of the last one that names it
        lines += [f"AllowedIPs = {i}.{j}.0.0/16" for i, j in ((keys.index(key) + 1, j) for j in range(1, 53))]
    configure(a, n, *lines)
    shown = dict(line.split("\t", 1) for line in n.show("allowed-ips").splitlines())
    equal(set(shown), set(keys), "peers")
    equal({len(v.split()) for v in shown.values()}, {52}, "allowed-ips of each")
    configure(a, n, *(line for key in keys[:29] for line in ("[Peer]", f"PublicKey = {key}")), "[Peer]",
              f"PublicKey = {keys[29]}", "AllowedIPs = 255.2.3.4/32, abcd::255/128")
    equal(wg("showconf", n.ifname).count("[Peer]"), 30, "peers of showconf")
    equal(n.show("allowed-ips").count("(none)"), 29, "peers without allowed-ips")


@both
def test_peer_without_and_with_many(a):
    n = a.node("w", a.n0)
    first, second = key_pair()[1], key_pair()[1]
    n.set("peer", first)
    n.set("peer", second, "allowed-ips", ",".join(f"abcd::{i:x}" for i in range(1, 198)))
    shown = dict(line.split("\t", 1) for line in n.show("allowed-ips").splitlines())
    equal(shown[first], "(none)", "first")
    equal(len(shown[second].split()), 197, "second")
    p = a.lab.run(["wg", "show", "doesnotexist"])
    check(p.returncode != 0, "an interface that is not there")


@both
def test_keys(a):
    """Set, shown, taken away; a peer with our own key does not exist; a private key is clamped when read."""
    n = a.node("w", a.n0)
    (k1, p1), (k2, p2) = key_pair(), key_pair()
    psk = wg("genpsk")
    n.set("private-key", n.key(k1), "peer", p2, "preshared-key", n.key(psk))
    equal((n.show("private-key"), n.show("preshared-keys")), (k1, f"{p2}\t{psk}"), "keys")
    n.set("private-key", "/dev/null", "peer", p2, "preshared-key", "/dev/null")
    equal((n.show("private-key"), n.show("preshared-keys")), ("(none)", f"{p2}\t(none)"), "no keys")
    n.set("peer", p2)
    n.set("private-key", n.key(k2))
    equal((n.show("public-key"), n.show("peers")), (p2, ""), "our own key's peer")
    n.set("peer", p2)
    equal(n.show("peers"), "", "our own key's peer, set")
    n.set("private-key", n.key(k1))
    n.set("peer", p2)
    equal(n.show("peers"), p2, "with another key")
    n.set("private-key", n.key("/" + k1[1:]))
    equal(n.show("private-key"), "+" + k1[1:], "clamped key")
    for ips in ("0.0.0.0/0,10.0.0.0/8,100.0.0.0/10,172.16.0.0/12,192.168.0.0/16", "0.0.0.0/0",
                "::/0,1700::/111,5000::/4,e000::/37,9000::/75", "::/0"):
        n.set("peer", p2, "allowed-ips", ips)
        equal(sorted(re.split(r"[\t ]", n.show("allowed-ips"))[1:]), sorted(ips.split(",")), "allowed-ips")
    check(p1 != p2, "keys")


@both
def test_low_order_keys(a):
    """Peers whose key leads to no secret: not a single packet is sent to them."""
    n = a.node("w", a.n0)
    n.set("private-key", n.key(n.private))
    with udp_socket(a.n0, "127.0.0.1", 1111) as s:
        for key in LOW_ORDER:
            n.set("peer", key, "persistent-keepalive", 1, "endpoint", "127.0.0.1:1111")
        n.ip("link set up dev DEV")
        equal(len(n.show("peers").split()), len(LOW_ORDER), "peers")
        s.settimeout(2)
        with inside(a.n0):
            try:
                check(False, f"got {s.recv(2000)!r}")
            except TimeoutError:
                pass
