# SPDX-License-Identifier: MIT
"""UDP ASSOCIATE through the whole gateway: real clients, the pool of host-side sockets, no leak.

    mac ── demon: tailscale0 100.121.76.21, tsgwd ── tunnel ── peer: DNS on 53, echo on 7000
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import threading

from client import Associate, connect
from lab import Failure, Skip, check, equal, inside, tool, wait_for
from picture import MAC, PRIMARY, STRANGER, TARGET
from run import deadline

ECHO = 7000
SECOND = "100.121.76.22"


def echo(peer, host=TARGET, port=ECHO):
    """Sends everything back; gives the list of who sent."""
    with inside(peer.ns):
        s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, port))
    seen = []

    def loop():
        while True:
            data, where = s.recvfrom(65536)
            seen.append(where)
            s.sendto(data, where)
    threading.Thread(target=loop, daemon=True).start()
    return seen


def start(picture, **options):
    t = picture.tailnet("red", 11080, ssh=False, **options)
    echo(t.peer)
    return t, picture.gateway().start()


def udp_ports(ns, address):
    """Ports of UDP sockets on ADDRESS that belong to no DNS responder."""
    lines = ns.run(["ss", "-Hulan"]).stdout.splitlines()
    local = [line.split()[3] for line in lines]
    return {int(a.rsplit(":", 1)[1]) for a in local
            if a.rsplit(":", 1)[0].split("%")[0] == address} - {53}


def counters(gateway, tailnet):
    text = gateway.ctl("status", tailnet.name, "--json", ok=0).stdout
    return json.loads(text)["tailnets"][0]["udp"]


def by_socksify(picture, t):
    conf = picture.lab.file("socks.conf", f"""
resolveprotocol: fake
    route {{
        from: 0.0.0.0/0 to: 0.0.0.0/0 via: {PRIMARY} port = {t.port}
        proxyprotocol: socks_v5
        protocol: tcp udp
        command: connect udpassociate
        method: none
    }}
    """, 0o644)
    p = picture.mac.run(["socksify", tool("kdig"), "-4", "+time=5", "+retry=1", "+short", f"@{TARGET}",
                         "one.test"], env={"SOCKS_CONF": conf}, ok=0)
    equal(p.stdout.strip(), "10.100.10.7", "kdig by way of socksify")


def test_real_clients(picture):
    """kdig by way of socksify, and PySocks: names of the tailnet's own DNS over UDP ASSOCIATE."""
    t, g = start(picture)
    g.wait_up()
    dns = t.peer.ns.spawn([tool("dnsmasq"), "-k", "--conf-file=/dev/null", "-p", "53",
                           f"--listen-address={TARGET}", "--bind-interfaces", "--no-resolv",
                           "--no-hosts", "--user=root", "--pid-file=", "--log-facility=-",
                           "--address=/one.test/10.100.10.7", "--txt-record=big.test," +
                           ",".join("x" * 200 for _ in range(5))], name="dnsmasq")
    wait_for(lambda: not dns.alive() or udp_ports_any(t.peer.ns, 53), "dnsmasq")
    if shutil.which("socksify"):  # Debian 13 has it no more
        by_socksify(picture, t)
    script = f"""
import socks
s = socks.socksocket(type=socks.socket.SOCK_DGRAM)
s.set_proxy(socks.SOCKS5, "{PRIMARY}", {t.port})
s.settimeout(20)
for host in ("{TARGET}", "{TARGET}.{t.name}"):
    for size in (1, 1200, 9000):
        s.sendto(b"x" * size, (host, {ECHO}))
        data, where = s.recvfrom(65536)
        assert data == b"x" * size and where == ("{TARGET}", {ECHO}), (len(data), where)
print("good")
"""
    for python in ("/usr/bin/python3", sys.executable):
        p = picture.mac.run([python, "-c", script])
        if p.returncode == 0:
            break
        if "No module named 'socks'" not in p.stderr:
            raise Failure(p.stderr)
    else:
        raise Skip("python3-socks is not installed")
    equal(p.stdout.strip(), "good", "PySocks")
    check(counters(g, t)["opened"] >= 1, "an association was used")


def udp_ports_any(ns, port):
    return ns.run(["ss", "-Hulan", f"sport = {port}"]).stdout.strip()


def test_sizes_and_ipv6(picture):
    """From DNS to the largest datagram there is, IPv4 and IPv6, through the tunnel and back."""
    t = picture.tailnet("six", 11080, ipv6=True, ssh=False)
    echo(t.peer)
    echo(t.peer, "fd77:100::141")
    g = picture.gateway(hosts={t.name: [("echo6", "fd77:100::141"), ("echo4", TARGET)]}).start()
    g.wait_up()
    with Associate(picture.mac, PRIMARY, t.port) as a:
        equal((a.code, a.relay[0]), (0, PRIMARY), "the answer")
        for host in (TARGET, "fd77:100::141", "echo4", f"echo6.{t.name}"):
            for size in (0, 60, 512, 1200, 1350, 1392, 1393, 1472, 4096, 20000, 65000):
                data = os.urandom(size)
                equal(a.ask(host, ECHO, data), data, f"{size} bytes to {host}")
        a.send(f"{TARGET}.{t.name}", ECHO, b"x")
        equal(a.receive()[:2], (TARGET, ECHO), "the source of an answer to a name")
        a.send("8.8.8.8", 53, b"x")
        a.send(TARGET, ECHO, b"piece", fragment=1)
        wait_for(lambda: counters(g, t)["dropped"]["fragment"] == 1, "counted in status --json")
        equal(counters(g, t)["dropped"]["policy"], 1, "dropped by policy")
        equal(counters(g, t)["associations"], 1, "associations")
    wait_for(lambda: counters(g, t)["associations"] == 0, "the end of the association")


def test_veth_listener(picture):
    """The host itself, over the listener inside the namespace."""
    t, g = start(picture)
    g.wait_up()
    live = json.loads(g.ctl("status", t.name, "--json", ok=0).stdout)["tailnets"][0]
    held = [Associate(picture.demon, live["veth_ns"], 1080) for _ in range(12)]
    for a in held:
        equal((a.code, a.relay[0]), (0, live["veth_ns"]), "the answer")
        equal(a.ask(TARGET, ECHO, b"x" * 1200), b"x" * 1200, "echo")
        a.close()


@deadline(240)
def test_pool(picture):
    """Hundreds at once and thousands one after the other: filled again, bounded, nothing left over."""
    t, g = start(picture)
    g.wait_up()
    wait_for(lambda: len(udp_ports(picture.demon, PRIMARY)) == 4, "four sockets at the start")
    held = [Associate(picture.mac, PRIMARY, t.port) for _ in range(200)]
    equal({a.code for a in held}, {0}, "answers")
    equal(len({a.relay[1] for a in held}), 200, "ports")
    for a in held:
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
    check(200 < len(udp_ports(picture.demon, PRIMARY)) <= 204, "a few more than are used")
    for a in held:
        a.close()
    for i in range(300):
        with Associate(picture.mac, PRIMARY, t.port) as a:
            if i % 10 == 0:
                equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
    check(len(udp_ports(picture.demon, PRIMARY)) <= 204, "no more than were ever used at once")
    # max-udp-per-address: 256 of this client
    wait_for(lambda: counters(g, t)["associations"] == 0, "all ended")
    held = [Associate(picture.mac, PRIMARY, t.port, source=MAC) for _ in range(257)]
    equal([a.code for a in held].count(1), 1, "the 257th of one address")
    for a in held:
        a.close()


def test_limit_of_all(picture):
    """max-udp, and a reload that changes it."""
    t = picture.tailnet("red", 11080, ssh=False)
    t.keys = ["max-udp = 3", "max-udp-per-address = 3"]
    echo(t.peer)
    g = picture.gateway().start()
    g.wait_up()
    held = [Associate(picture.mac, PRIMARY, t.port) for _ in range(4)]
    equal([a.code for a in held], [0, 0, 0, 1], "answers")
    t.keys = ["max-udp = 5"]
    g.write_config()
    g.ctl("reload", ok=0)
    held += [Associate(picture.mac, PRIMARY, t.port) for _ in range(3)]
    equal([a.code for a in held[4:]], [0, 0, 1], "answers after the reload")
    for a in held[:3] + held[4:6]:
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
        a.close()


def test_worker_dies(picture):
    """A new worker has a new pool; the old sockets are gone."""
    t, g = start(picture)
    g.wait_up()
    with Associate(picture.mac, PRIMARY, t.port) as a:
        a.ask(TARGET, ECHO, b"x")
        before = udp_ports(picture.demon, PRIMARY)
        os.kill(g.worker("tsgw-proxy", t), signal.SIGKILL)
        check(is_over(a.tcp), "the connection has ended")
    g.wait_up()
    wait_for(lambda: len(udp_ports(picture.demon, PRIMARY)) == 4, "four sockets again")
    check(udp_ports(picture.demon, PRIMARY) != before, "other ones")
    with Associate(picture.mac, PRIMARY, t.port) as a:
        equal(a.ask(TARGET, ECHO, b"y"), b"y", "echo")
    equal(counters(g, t)["associations"] <= 1, True, "counted anew")


def is_over(s):
    try:
        return s.recv(1) == b""
    except ConnectionResetError:
        return True


def test_primaries_come_and_go(picture):
    """No socket stays on an address that has left the primaries; a new one has its own at once."""
    t, g = start(picture)
    g.wait_up()
    demon = picture.demon
    picture.mac.ip(f"route add {SECOND} dev home0 src {MAC}")
    demon.ip(f"addr add {SECOND}/32 dev tailscale0")
    wait_for(lambda: len(udp_ports(demon, SECOND)) == 4, "sockets on the new address")
    with Associate(picture.mac, SECOND, t.port) as a:
        equal((a.code, a.relay[0]), (0, SECOND), "the answer")
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
        first = Associate(picture.mac, PRIMARY, t.port)
        equal(first.ask(TARGET, ECHO, b"x"), b"x", "echo by the other address")
        g.primary = PRIMARY  # a reload takes the second one away
        g.write_config()
        g.ctl("reload", ok=0)
        wait_for(lambda: udp_ports(demon, SECOND) == {a.relay[1]}, "only the one in use is left")
        equal(a.ask(TARGET, ECHO, b"y"), b"y", "what lives, lives on")
    wait_for(lambda: not udp_ports(demon, SECOND), "no socket left on the second address")
    equal(first.ask(TARGET, ECHO, b"z"), b"z", "the other goes on")
    first.close()
    t.port = 11085  # the listener moves
    before = udp_ports(demon, PRIMARY)
    g.write_config()
    g.ctl("reload", ok=0)
    wait_for(lambda: len(udp_ports(demon, PRIMARY)) == 4 and
             not udp_ports(demon, PRIMARY) & before, "a pool of its own for the new port")
    with Associate(picture.mac, PRIMARY, t.port) as a:
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
    g.stop()
    equal(udp_ports(demon, PRIMARY), set(), "sockets after the stop")


def test_supervisor_killed(picture):
    """With the supervisor dead associations go on, and new ones use what the worker has."""
    t, g = start(picture)
    g.wait_up()
    with Associate(picture.mac, PRIMARY, t.port) as a:
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo")
        g.kill()
        equal(a.ask(TARGET, ECHO, b"y"), b"y", "echo without a supervisor")
        for _ in range(10):
            with Associate(picture.mac, PRIMARY, t.port) as b:
                equal((b.code, b.ask(TARGET, ECHO, b"z")), (0, b"z"), "a new one")
    g.start()
    g.wait_up()
    with Associate(picture.mac, PRIMARY, t.port) as a:
        equal(a.ask(TARGET, ECHO, b"x"), b"x", "echo after the new start")


def test_nothing_leaves_by_the_host(picture):
    """Every destination, good and bad, tunnel up and down: on the host's links only the client's packets."""
    nft = tool("nft")
    t, g = start(picture)
    g.wait_up()
    peer = t.peer.underlay
    rules = f"""table inet leak {{
        counter other {{ }}
        chain out {{ type filter hook output priority 0;
            meta l4proto udp oifname != "lo" ip daddr != {{ {MAC}, {peer} }} counter name other
            meta l4proto udp ip daddr {MAC} udp dport != {{ 1024-65535 }} counter name other
            meta l4proto udp ip6 daddr ::/0 counter name other
        }}
    }}"""
    picture.demon.run([nft, "-f", "-"], stdin=rules, ok=0)
    hosts = [TARGET, "8.8.8.8", "198.18.0.1", "127.0.0.1", "10.200.0.1", "169.254.169.254", STRANGER,
             "2001:db8::1", "::1", f"{TARGET}.{t.name}", "example.org", "10.77.0.9", "10.100.99.1"]
    with Associate(picture.mac, PRIMARY, t.port) as a:
        for _ in range(20):
            for h in hosts:
                a.send(h, ECHO, b"leak?")
        equal(a.receive()[0], TARGET, "what may go, goes")
        t.peer.process.stop(signal.SIGKILL)
        for _ in range(20):
            for h in hosts:
                a.send(h, ECHO, b"leak?")
        os.kill(g.worker("tsgw-wg", t), signal.SIGKILL)
        for h in hosts:
            a.send(h, ECHO, b"leak?")
        wait_for(lambda: counters(g, t)["dropped"]["policy"] >= 41 * 8, "all of them judged")
    said = picture.demon.run([nft, "list", "counter", "inet", "leak", "other"], ok=0).stdout
    check("packets 0 " in said, said)


def test_allow(picture):
    """A client outside of allow gets no association."""
    t, g = start(picture)
    g.wait_up()
    said = b""
    with contextlib.suppress(ConnectionError):
        s = connect(picture.mac, PRIMARY, t.port, source=STRANGER)
        s.sendall(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
        said = s.recv(1)
    equal(said, b"", "what a stranger is told")
    equal(counters(g, t)["opened"], 0, "associations")
