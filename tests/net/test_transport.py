# SPDX-License-Identifier: MIT
"""The encrypted side: IPv6 below, names as endpoints, sizes, wg(8)'s changes, lost and returning links.

    demon ── to1 ── peer        as in picture.py
"""
import os
import re
import signal
import socket

from client import connect, get, ping, read_all, socks5
from lab import check, equal, inside, status, wait_for
from picture import PRIMARY, TARGET, WG_PORT, check_page
from run import deadline


def test_ipv6_below(picture):
    """The endpoint is an IPv6 address; inside it is IPv4 as ever."""
    t = picture.tailnet("red", 11080, ssh=False, underlay6=True)
    g = picture.gateway().start()
    g.wait_up()
    check_page(picture, t)
    shown = picture.lab.run(["wg", "show", t.link, "endpoints"], ok=0).stdout
    check(t.peer.endpoint in shown, shown)


def hosts_wrap(path):
    """Runs a command that sees PATH as /etc/hosts and asks no DNS server; pins stay visible to all."""
    return ["unshare", "-m", "--propagation", "unchanged", "sh", "-c",
            'mount --make-private /etc 2>/dev/null || mount --bind /etc /etc && '
            f'mount --make-private /etc && mount --bind {path} /etc/hosts && exec "$@"', "sh"]


@deadline(180)
def test_endpoint_by_name(picture):
    """An endpoint that is a name: looked up on the host's side, again if it was not there yet."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.wg_text = t.wg_quick().replace(f"{t.peer.underlay}:", "vpn.tsgw.test:")
    hosts = picture.lab.file("hosts", "127.0.0.1 localhost\n", 0o644)
    os.chmod(picture.lab.dir, 0o755)
    g = picture.gateway()
    g.start(ready=False, wrap=hosts_wrap(hosts))
    g.wait_state(t, "starting", "degraded")
    g.process.wait_line(r"vpn\.tsgw\.test")
    with open(hosts, "a", encoding="ascii") as f:
        f.write(f"{t.peer.underlay} vpn.tsgw.test\n")
    g.wait_up(timeout_s=90)
    check_page(picture, t)


@deadline(180)
def test_endpoint_name_moves(picture):
    """Dynamic DNS: the peer gets another address and its name follows; so does the tunnel, and no lookup is root's."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.wg_text = t.wg_quick().replace(f"{t.peer.underlay}:", "vpn.tsgw.test:")
    hosts = picture.lab.file("hosts", f"127.0.0.1 localhost\n{t.peer.underlay} vpn.tsgw.test\n", 0o644)
    os.chmod(picture.lab.dir, 0o755)
    g = picture.gateway()
    g.start(wrap=hosts_wrap(hosts))
    g.wait_up()
    check_page(picture, t)
    picture.demon.ip("addr add 198.19.77.1/30 dev to1", f"addr del {t.peer.near}/30 dev to1")
    t.peer.ns.ip("addr add 198.19.77.2/30 dev eth0", f"addr del {t.peer.underlay}/30 dev eth0")
    with open(hosts, "w", encoding="ascii") as f:
        f.write("127.0.0.1 localhost\n198.19.77.2 vpn.tsgw.test\n")
    # the peer must not roam by itself: it does not know where we are
    wait_for(lambda: ping(t.pin, TARGET, 1), "the tunnel at its new place", 120)
    shown = picture.lab.run(["wg", "show", t.link, "endpoints"], ok=0).stdout
    check(f"198.19.77.2:{WG_PORT}" in shown, shown)
    check_page(picture, t)
    check(status(g.worker("tsgw-host", t))["Uid"][0] != 0, "who looks names up")


@deadline(120)
def test_link_local_endpoint(picture):
    """[fe80::…%IFACE]: as soon as there is the interface, and again when it was made anew with another number."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.wg_text = t.wg_quick().replace(f"{t.peer.underlay}:", "[fe80::77%to1]:")
    t.peer.ns.ip("addr add fe80::77/64 dev eth0 nodad")
    picture.demon.ip("link set to1 down", "link set to1 name away", "link set away up")
    g = picture.gateway()
    g.start(ready=False)
    g.process.wait_line(r"fe80::77%to1 cannot be looked up: No such device")
    picture.demon.ip("link set away down", "link set away name to1", "link set to1 up",
                     "addr add fe80::1/64 dev to1 nodad")
    g.wait_up(timeout_s=60)
    check_page(picture, t)
    picture.demon.ip("link del to1")
    a, b = picture.lab.link(picture.demon, t.peer.ns, a_if="to1", b_if="eth0")
    picture.demon.ip(f"addr add fe80::1/64 dev {a} nodad")
    t.peer.ns.ip(f"addr add fe80::77/64 dev {b} nodad")
    wait_for(lambda: ping(t.pin, TARGET, 1), "the tunnel over the new interface", 90)
    check_page(picture, t)


def test_small_mtu(picture):
    """`mtu` is the tunnel's; bulk in both directions goes through it."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = ["mtu = 1280"]
    picture.gateway().start().wait_up()
    shown = picture.lab.run(["ip", "-n", t.netns, "link", "show", "wg0"], ok=0).stdout
    check(" mtu 1280 " in shown, shown)
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    equal(len(get(s, "/bytes/3000000")), 3000000, "bytes")
    s.close()
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 7), 0, "SOCKS5")
    s.sendall(bytes(3000000))
    s.shutdown(1)
    equal(read_all(s), b"red counted 3000000\n", "bytes up")
    s.close()


def test_wg_set_port_and_mark(picture):
    """`wg set` of listen-port and fwmark: done when wg returns, and the tunnel goes on."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    node = g.worker("tsgw-wg", t)
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    for key, value, shown in (("listen-port", "51777", "51777"), ("fwmark", "0x77", "0x77"),
                              ("listen-port", "51778", "51778"), ("fwmark", "0", "off")):
        picture.lab.run(["wg", "set", t.link, key, value], ok=0)
        equal(picture.lab.run(["wg", "show", t.link, key], ok=0).stdout.strip(), shown, key)
        equal(get(s, f"/{key}"), f"this is red, you asked for /{key}\n", f"after {key} {value}")
    sockets = picture.lab.run(["ss", "-Hlun"], ns=picture.demon).stdout
    check(":51778 " in sockets and ":51777 " not in sockets, sockets)
    with inside(picture.demon):  # only its IPv6 half is taken
        busy = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    busy.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    busy.bind(("::", 51779))
    for port in ("53", "51779"):
        p = picture.lab.run(["wg", "set", t.link, "listen-port", port, "peer", t.peer.public, "remove"])
        check(p.returncode != 0 and "Address already in use" in p.stderr, f"{port}: {p.stderr}")
    busy.close()
    equal(picture.lab.run(["wg", "show", t.link, "listen-port"], ok=0).stdout.strip(), "51778", "port")
    equal(picture.lab.run(["wg", "show", t.link, "peers"], ok=0).stdout.strip(), t.peer.public, "peers")
    equal(get(s, "/end"), "this is red, you asked for /end\n", "after a refused port")
    equal(g.worker("tsgw-wg", t), node, "the node that has served all along")
    s.close()


def test_wg_set_port_too_late(picture):
    """A supervisor that does not answer within a second: an error, and what it does later is undone."""
    t = picture.tailnet("red", 11080, ssh=False)
    g = picture.gateway().start()
    g.wait_up()
    before = picture.lab.run(["wg", "show", t.link, "listen-port"], ok=0).stdout.strip()

    def bound(port):
        """The inodes of the sockets on PORT."""
        lines = picture.lab.run(["ss", "-Hlune"], ns=picture.demon).stdout.splitlines()
        return {re.search(r"ino:(\d+)", line)[1] for line in lines if f":{port} " in line}
    old = bound(before)
    check(old, "the node's sockets")
    os.kill(g.process.pid, signal.SIGSTOP)
    try:
        p = picture.lab.run(["wg", "set", t.link, "listen-port", "51777"])
        check(p.returncode != 0 and "timed out" in p.stderr, p.stderr)
    finally:
        os.kill(g.process.pid, signal.SIGCONT)
    wait_for(lambda: bound(before) and not bound(before) & old and not bound("51777"),
             lambda: f"new sockets on the old port, {bound(before)}")
    wait_for(lambda: picture.lab.run(["wg", "show", t.link, "listen-port"]).stdout.strip() == before, "the port")
    check_page(picture, t)


@deadline(180)
def test_underlay_flaps(picture):
    """The link below goes and returns: connections that were open go on."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    s = connect(picture.mac, PRIMARY, t.port, timeout_s=90)
    equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
    get(s, "/before")
    for _ in range(3):
        picture.demon.ip("link set to1 down")
        check(not ping(t.pin, TARGET, 0.3), "the link is down")
        picture.demon.ip("link set to1 up")
        wait_for(lambda: ping(t.pin, TARGET, 1), "the tunnel is back", 30)
        equal(get(s, "/after"), "this is red, you asked for /after\n", "the open connection")
    s.close()


@deadline(180)
def test_peer_restarts(picture):
    """The peer's WireGuard dies and starts anew with the same keys: the tunnel comes back by itself."""
    t = picture.tailnet("red", 11080, ssh=False)
    picture.gateway().start().wait_up()
    check_page(picture, t)
    t.peer.restart_wireguard()
    wait_for(lambda: ping(t.pin, TARGET, 1), "the tunnel is back", 60)
    check_page(picture, t)


def test_fixed_port_and_table_off(picture):
    """ListenPort is bound on the host's side; Table = off makes no routes."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.wg_text = t.wg_quick().replace("Address =", "ListenPort = 51999\nTable = off\nAddress =")
    picture.gateway().start().wait_up()
    sockets = picture.lab.run(["ss", "-Hlun"], ns=picture.demon).stdout
    check(":51999 " in sockets, sockets)
    check(":51999 " not in picture.lab.run(["ss", "-Hlun"], ns=t.pin).stdout, "not inside")
    routes = picture.lab.run(["ip", "-n", t.netns, "route"], ok=0).stdout
    check("10.100." not in routes, routes)


def test_two_tailnets_one_listen_port(picture):
    """Two wg files with the same ListenPort: the second says so, the first works."""
    red, blue = picture.tailnet("red", 11080, ssh=False), picture.tailnet("blue", 11081, ssh=False)
    for t in (red, blue):
        t.keys = ["ready-timeout = 1"]
        t.wg_text = t.wg_quick().replace("Address =", f"ListenPort = {WG_PORT}\nAddress =")
    g = picture.gateway().start(ready=False)
    wait_for(lambda: sorted(v["state"] for v in g.list().values()) in (["failed", "up"],
                                                                       ["degraded", "up"]),
             lambda: {k: v["state"] for k, v in g.list().items()})
    states = {t: g.list()[t.name] for t in (red, blue)}
    for t, now in states.items():
        if now["state"] == "up":
            check_page(picture, t)
        else:
            check(str(WG_PORT) in now["reason"], f"reason: {now['reason']}")
