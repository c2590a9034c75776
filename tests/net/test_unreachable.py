# SPDX-License-Identifier: MIT
"""Where no peer takes a packet, the node says "destination unreachable" to whoever sent it.

    demon ── to1 ── peer        as in picture.py; the senders are inside the tailnet's namespace
"""
import errno
import json
import re
import socket
import struct

from client import connect, ping, socks5
from lab import check, equal, inside, tool, wait_for
from picture import PRIMARY, TARGET, wg

UDP_SEGMENT = 103
IP_RECVERR = 11
IPV6_RECVERR = 25
IPV6_TARGET = "fd77:100::141"


def error_of(namespace, kind, address, payload=None, segment=None):
    """connect() for TCP; for UDP what the second send of a connected socket says."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(namespace):
        s = socket.socket(family, kind)
    s.settimeout(20)
    # UDP hears of errors that may pass only if it asks for them
    s.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVERR, 1) if ":" in address
                   else (socket.IPPROTO_IP, IP_RECVERR, 1)))
    if segment:
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
    try:
        s.connect((address, 9))
        if kind == socket.SOCK_DGRAM:
            s.send(payload)
            s.recv(1)
        return 0
    except OSError as e:
        return e.errno
    finally:
        s.close()


def without_allowed_ips(picture, **options):
    t = picture.tailnet("red", 11080, ssh=False, ipv6=True, **options)
    t.gateway = picture.gateway().start()
    t.gateway.wait_up()
    equal(picture.demon.sysctl("ipv4/conf/default/rp_filter") in "012", True, "a real namespace")
    picture.lab.run(["wg", "set", t.link, "peer", t.peer.public, "allowed-ips", "10.100.99.0/24"],
                    ok=0)
    return t


def test_no_peer_for_the_address(picture):
    """connect() and connected UDP end at once, over IPv4 and IPv6, also for a superpacket; ping says it."""
    t = without_allowed_ips(picture)
    with inside(t.pin):
        with open("/proc/sys/net/ipv4/conf/wg0/rp_filter", encoding="ascii") as f:
            equal(f.read().strip(), "1", "rp_filter of wg0")
    for address in (TARGET, IPV6_TARGET):
        equal(error_of(t.pin, socket.SOCK_STREAM, address), errno.EHOSTUNREACH, f"TCP {address}")
        equal(error_of(t.pin, socket.SOCK_DGRAM, address, b"x"), errno.EHOSTUNREACH,
              f"UDP {address}")
        equal(error_of(t.pin, socket.SOCK_DGRAM, address, bytes(30000), 1000), errno.EHOSTUNREACH,
              f"a superpacket to {address}")
    s = connect(picture.mac, PRIMARY, t.port)
    equal(socks5(s, TARGET, 9), 4, "SOCKS5: host unreachable")
    s.close()
    told = json.loads(t.gateway.ctl("status", t.name, "--json", ok=0).stdout)
    node = (told["tailnets"] if "tailnets" in told else [told])[0]["node"]
    check(node["dropped"]["no_peer"] >= 7 and node["unreachable_sent"] >= 7, f"counted: {node}")


def test_ping_says_it(picture):
    """ping(8), as people look for the reason."""
    tool("ping")
    t = without_allowed_ips(picture)
    out = picture.lab.run(["ping", "-c", "1", "-W", "20", TARGET], ns=t.pin).stdout
    check("Destination Host Unreachable" in out, out)
    out = picture.lab.run(["ping", "-c", "1", "-W", "20", IPV6_TARGET], ns=t.pin).stdout
    check("Address unreachable" in out, out)


def test_a_flood_is_answered_at_a_limited_rate(picture):
    """A thousand packets to nowhere: some errors, not a thousand, and the tunnel goes on."""
    t = without_allowed_ips(picture)
    before = received(t)
    with inside(t.pin):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(1000):
        s.sendto(b"x", (TARGET, 9))
    s.close()
    picture.lab.run(["wg", "set", t.link, "peer", t.peer.public, "allowed-ips", TARGET + "/32"],
                    ok=0)
    wait_for(lambda: ping(t.pin, TARGET, 1), "the tunnel works")
    got = received(t) - before
    check(40 <= got <= 900, f"{got} errors")


def received(t):
    """ICMP "unreachable" that the namespace has taken in."""
    with inside(t.pin):
        with open("/proc/thread-self/net/snmp", encoding="ascii") as f:
            rows = re.findall(r"^Icmp: (.*)$", f.read(), re.M)
    return int(dict(zip(rows[0].split(), rows[1].split()))["InDestUnreachs"])


def test_peer_without_endpoint(picture):
    """A peer that nobody knows the whereabouts of: the same, until it calls."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = ["ready-timeout = 1"]
    t.wg_text = re.sub(r"Endpoint = .*", "", t.wg_quick())
    g = picture.gateway()
    g.start(ready=False)
    g.wait_state(t, "up", "degraded", "starting")
    wait_for(lambda: error_of(t.pin, socket.SOCK_STREAM, TARGET) == errno.EHOSTUNREACH,
             "TCP ends at once")
    port = int(picture.lab.run(["wg", "show", t.link, "listen-port"], ok=0).stdout)
    wg("set", t.peer.ifname, "peer", t.public, "endpoint", f"{t.peer.near}:{port}",
       "persistent-keepalive", "1")
    wait_for(lambda: ping(t.pin, TARGET, 1), "the peer has called")


def test_nothing_for_groups_and_errors(picture):
    """Multicast, broadcast and ICMP errors that go nowhere cause none in return."""
    t = without_allowed_ips(picture)
    with inside(t.pin):
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wg0")
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    before = received(t)
    raw.sendto(struct.pack("!BBHI", 3, 1, 0, 0) + bytes(28), (TARGET, 0))
    udp.sendto(b"x", ("224.0.0.99", 9))
    udp.sendto(b"x", ("255.255.255.255", 9))
    raw.close()
    udp.close()
    equal(error_of(t.pin, socket.SOCK_STREAM, TARGET), errno.EHOSTUNREACH, "one that is answered")
    equal(received(t) - before, 1, "errors")
