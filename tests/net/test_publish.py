# SPDX-License-Identifier: MIT
"""publish: the tailnet reaches single services of the host, and nothing else of it.

    red's peer 10.77.0.1 ── 10.77.0.2 ports 8080, 22, 53/udp … ── demon: services on 127.0.0.1, ::1, names
"""
import errno
import os
import resource
import select
import signal
import socket
import sys

import test_forward as F
from client import connect, get, http_connect, read_all, read_exact, socks5
from lab import Failure, check, equal, inside, status, tool, wait_for
from picture import GATEWAY_INNER, HERE, PRIMARY, wg
from run import deadline


def gateway(picture, *keys, **options):
    t = picture.tailnet("red", 11080, engine="tsgw-wg", ssh=False, **options)
    t.keys = ["publish = " + k for k in keys]
    start_web(picture.demon)
    g = picture.gateway().start()
    g.wait_up()
    return t, g


def start_web(ns):
    """The host's own services, one of each of service.py's kinds, called "host"."""
    ns.spawn([sys.executable, os.path.join(HERE, "service.py"), "host"], "service host").wait_line("^ready$")


def reload(g, t, *keys):
    t.keys = ["publish = " + k for k in keys]
    g.write_config()
    g.ctl("reload", ok=0)


def page(t, port=8080, address=GATEWAY_INNER, ns=None, **options):
    with connect(ns or t.peer.ns, address, port, **options) as s:
        return get(s, "/x")


def outcome(ns, address, port, timeout_s=20, source=None):
    """"open", "reset" (taken, then reset), "refused", "silent", "unreachable"."""
    try:
        with connect(ns, address, port, timeout_s, source) as s:
            return "closed" if not s.recv(1) else "open"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:
        return "reset"
    except TimeoutError:
        return "silent"
    except OSError as e:
        return errno.errorcode[e.errno]


def counters(g, t):
    return F.detail(g, t)["publish"]


PAGE = "this is host, you asked for /x\n"


def test_real_clients(picture):
    """curl, ssh and dig from a peer to services that listen on the host's loopback alone."""
    t, g = gateway(picture, "8080 -> 127.0.0.1:3000", "8081 -> localhost:3000, 8086 -> [::1]:3000",
                   "22 -> 127.0.0.1:2222", "53/udp -> 127.0.0.1:5353, 53 -> localhost:5353",
                   "80 -> 127.0.0.1:8000")
    F.start_dns(picture.demon, "127.0.0.1", "192.0.2.77", port=5353)
    start_sshd(picture)
    files = os.path.join(picture.lab.dir, "www")
    os.makedirs(files)
    picture.lab.file("www/hello", "from the host\n", 0o644)
    picture.demon.spawn([sys.executable, "-u", "-m", "http.server", "-b", "127.0.0.1", "-d", files, "8000"],
                        "http.server").wait_line("Serving HTTP")
    peer = t.peer.ns
    for port in (8080, 8081, 8086):
        p = picture.curl(f"http://{GATEWAY_INNER}:{port}/x", ns=peer, ok=0)
        equal(p.stdout, PAGE, f"page on {port}")
    equal(picture.curl(f"http://{GATEWAY_INNER}/hello", ns=peer, ok=0).stdout, "from the host\n", "http.server")
    p = peer.run(["ssh", "-i", picture.ssh_key(), "-o", "StrictHostKeyChecking=no", "-o",
                  "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=15", f"root@{GATEWAY_INNER}", "who"], ok=0)
    equal(p.stdout, "this is demon\n", "ssh")
    for how in ("+notcp", "+tcp"):
        equal(F.dig(picture, 53, how, ns=peer, server=GATEWAY_INNER), "192.0.2.77", f"dig {how}")
    equal(g.state(t), "up", "state")
    check(counters(g, t)["results"]["ok"] >= 6, "connections are counted")


def start_sshd(picture):
    lab = picture.lab
    key = os.path.join(lab.dir, "host.key")
    lab.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], ok=0)
    config = lab.file("host.conf", "\n".join((
        "Port 2222", "ListenAddress 127.0.0.1", f"HostKey {key}", "PidFile none", "UsePAM no",
        "PermitRootLogin yes", "StrictModes no", "PasswordAuthentication no",
        f"AuthorizedKeysFile {picture.ssh_key()}.pub", "ForceCommand echo this is demon", "")))
    sshd = tool("sshd")
    picture.demon.spawn(["unshare", "-m", "--propagation", "private", "sh", "-c",
                         "mount -t tmpfs none /run && mkdir -m 755 /run/sshd && "
                         f"exec {sshd} -D -e -f {config}"], "sshd").wait_line("Server listening on")


def test_ipv6(picture):
    t, _ = gateway(picture, "8080 -> 127.0.0.1:3000", "4000/udp -> [::1]:4000", ipv6=True)
    F.start_echo(picture.demon, "::1", 4000)
    equal(page(t, address="fd77::2"), PAGE, "page over IPv6")
    equal(page(t), PAGE, "page over IPv4")
    F.ask(F.udp(t.peer.ns, "fd77::2", 4000), b"over IPv6")
    F.ask(F.udp(t.peer.ns, GATEWAY_INNER, 4000), b"over IPv4")


def test_relay(picture):
    """The service may speak first; half-close, resets and 50 MiB each way pass."""
    t, g = gateway(picture, "19 -> 127.0.0.1:19", "7 -> 127.0.0.1:7", "3000 -> 127.0.0.1:3000",
                   "1 -> 127.0.0.1:1, 2 -> no-such-name.invalid:1")
    s = connect(t.peer.ns, GATEWAY_INNER, 19)
    equal(read_exact(s, 16), b"hello from host\n", "the service's first words")
    s.sendall(b"x")
    try:
        s.recv(1)
        raise Failure("the service's reset did not pass")
    except ConnectionResetError:
        pass
    s = connect(t.peer.ns, GATEWAY_INNER, 7)
    for _ in range(50):
        s.sendall(bytes(1 << 20))
    s.shutdown(socket.SHUT_WR)
    equal(read_all(s), b"host counted %d\n" % (50 << 20), "half-close")
    p = picture.curl("-o", "/dev/null", "-w", "%{size_download}",
                     f"http://{GATEWAY_INNER}:3000/bytes/{50 << 20}", ns=t.peer.ns, ok=0)
    equal(p.stdout, str(50 << 20), "bulk")
    for port, reason in ((1, "refused"), (2, "no_name")):
        check(outcome(t.peer.ns, GATEWAY_INNER, port) in ("reset", "refused"), f"port {port}")
        wait_for(lambda r=reason: counters(g, t)["results"][r] == 1, f"{reason} is counted")
    g.process.wait_line("publish: from 10.77.0.1 to 127.0.0.1:1: Connection refused")
    g.process.wait_line("publish: from 10.77.0.1 to no-such-name.invalid:1: ")
    wait_for(lambda: counters(g, t)["connections"] == 0, "no connection is left")


def test_nothing_else(picture):
    """Of all TCP ports of the node's own address the published one alone answers; the host's none."""
    t, g = gateway(picture, "8080 -> 127.0.0.1:3000")
    found = scan(t.peer.ns, GATEWAY_INNER)
    equal(found, [8080], "open ports of the node")
    for address in ("10.200.0.1", "10.200.0.2", PRIMARY):  # not routed by the peer but through the tunnel
        t.peer.ns.ip(f"route replace {address}/32 dev {t.peer.ifname}")
        for port in (8080, 3000, 11080, 1080):
            check(outcome(t.peer.ns, address, port, timeout_s=2) != "open", f"{address}:{port}")
    # from the host, by the veth: not even with a route to the node's address
    veth = g.list()[t.name]
    picture.demon.ip(f"route add {GATEWAY_INNER}/32 via 10.200.0.2")
    check(outcome(picture.demon, GATEWAY_INNER, 8080, timeout_s=3) in ("refused", "silent"), "by the veth")
    check(outcome(picture.demon, "10.200.0.2", 8080, timeout_s=3) == "refused", "the veth's own address")
    equal(page(t), PAGE, f"and still by the tunnel {veth['link']}")


def scan(ns, address, batch=2048):
    """The TCP ports of ADDRESS that take a connection, of all 65535; none may be silent."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * batch)), hard))
    found, poll = [], select.epoll()
    for first in range(1, 65536, batch):
        waiting = {}
        for port in range(first, min(first + batch, 65536)):
            with_ns = socket_in(ns)
            with_ns.setblocking(False)
            with_ns.connect_ex((address, port))
            poll.register(with_ns, select.EPOLLOUT)
            waiting[with_ns.fileno()] = (with_ns, port)
        while waiting:
            events = poll.poll(60)
            check(events, f"{len(waiting)} ports are silent, {sorted(p for _, p in waiting.values())[:5]}")
            for fd, _ in events:
                s, port = waiting.pop(fd)
                if s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                    found.append(port)
                poll.unregister(fd)
                s.close()
    return found


def socket_in(ns, kind=socket.SOCK_STREAM):
    with inside(ns):
        return socket.socket(socket.AF_INET, kind)


def test_own_address(picture):
    """Clients of the listener reach of the node's own address what is published, and nothing else."""
    t, _ = gateway(picture, "8080 -> 127.0.0.1:3000")
    s = connect(picture.mac, PRIMARY, 11080)
    equal(socks5(s, GATEWAY_INNER, 8080), 0, "SOCKS5 to what is published")
    equal(get(s, "/x"), PAGE, "page")
    s = connect(picture.mac, PRIMARY, 11080)
    equal(socks5(s, GATEWAY_INNER, 8081), 2, "SOCKS5 to what is not")
    s = connect(picture.mac, PRIMARY, 11080)
    equal(http_connect(s, GATEWAY_INNER, 22), 403, "CONNECT to what is not")


def test_udp(picture):
    t, g = gateway(picture, "4000/udp -> 127.0.0.1:4000", "4001/udp -> localhost:4000",
                   "4002/udp -> no-such-name.invalid:1")
    F.start_echo(picture.demon, "127.0.0.1", 4000)
    many = [F.udp(t.peer.ns, GATEWAY_INNER, 4000 + i % 2) for i in range(40)]
    # localhost may be ::1 first, where nobody listens: a name's first address is the one that is used
    for i, s in enumerate(many[::2]):
        F.ask(s, b"peer %d" % i)
    F.ask(many[0], bytes(9000))
    F.udp(t.peer.ns, GATEWAY_INNER, 4002).send(b"to nobody")
    wait_for(lambda: counters(g, t)["udp_failed"] >= 1, "a name that is none is counted")
    check(counters(g, t)["udp_sessions"] >= 20, "sessions")


def test_reload(picture):
    """Ports come, go, change their target and their address; a running transfer does not notice."""
    t, g = gateway(picture, "8080 -> 127.0.0.1:3000")
    s = connect(t.peer.ns, GATEWAY_INNER, 8080)
    get(s, "/before")
    host = g.worker("tsgw-host", t)
    reload(g, t, "8080 -> 127.0.0.1:3000", "8081 -> localhost:3000")
    equal(page(t, 8081), PAGE, "a new port")
    get(s, "/added")
    reload(g, t, "8080 -> 127.0.0.1:19", "8081 -> localhost:3000")
    equal(read_exact(connect(t.peer.ns, GATEWAY_INNER, 8080), 16), b"hello from host\n", "a new target")
    get(s, "/changed")
    reload(g, t, "8081 -> localhost:3000")
    equal(outcome(t.peer.ns, GATEWAY_INNER, 8080), "refused", "a port that is gone")
    get(s, "/gone")
    equal(g.worker("tsgw-host", t), host, "the same tsgw-host")
    # the tunnel's address changes, and the published port with it
    t.wg_text = t.wg_quick().replace(f"Address = {GATEWAY_INNER}/32", f"Address = {GATEWAY_INNER}/32, 10.77.0.3/32")
    reload(g, t, "8081 -> localhost:3000")
    public, = picture.gateway_publics["red"]
    wg("set", t.peer.ifname, "peer", public, "allowed-ips", f"{GATEWAY_INNER}/32,10.77.0.3/32")
    t.peer.ns.ip(f"route add 10.77.0.3/32 dev {t.peer.ifname}")
    equal(page(t, 8081, "10.77.0.3"), PAGE, "the new address")
    equal(page(t, 8081), PAGE, "the old address")
    reload(g, t)
    equal(outcome(t.peer.ns, GATEWAY_INNER, 8081), "refused", "nothing is published any more")
    check(("tsgw-host", t.name) not in g.workers(), "without work there is no tsgw-host")
    equal(g.state(t), "up", "state")


def test_busy(picture):
    """Somebody in the namespace has the port: degraded, the reason names it, and it heals."""
    t, g = gateway(picture)
    with inside(t.pin):
        holder = socket.create_server((GATEWAY_INNER, 8080))
    reload(g, t, "8080 -> 127.0.0.1:3000")
    g.wait_state(t, "degraded")
    equal(g.list()[t.name]["reason"], f"publish {GATEWAY_INNER}:8080: Address already in use", "reason")
    holder.close()
    g.wait_up(t)
    equal(page(t), PAGE, "page")


def test_crash(picture):
    """tsgw-host is killed: who connects meanwhile waits, and is served by the next one."""
    t, g = gateway(picture, "8080 -> localhost:3000", "4000/udp -> 127.0.0.1:4000")
    F.start_echo(picture.demon, "127.0.0.1", 4000)
    u = F.udp(t.peer.ns, GATEWAY_INNER, 4000)
    F.ask(u, b"before")
    old = g.worker("tsgw-host", t)
    os.kill(old, signal.SIGKILL)
    equal(page(t), PAGE, "page")
    F.ask(u, b"after")
    check(g.worker("tsgw-host", t) != old, "a new tsgw-host")
    g.wait_up(t)


def test_supervisor_gone(picture):
    """With the supervisor dead what is published goes on, and the next one takes over."""
    t, g = gateway(picture, "8080 -> localhost:3000")
    s = connect(t.peer.ns, GATEWAY_INNER, 8080)
    get(s, "/before")
    g.kill()
    get(s, "/after")
    equal(page(t), PAGE, "page")
    g.start()
    g.wait_up()
    equal(page(t), PAGE, "page of the next one")


@deadline(240)
def test_bounds(picture):
    """1024 connections of one peer; the next is reset and counted, and when one goes there is room."""
    t, g = gateway(picture, "9 -> 127.0.0.1:9", "8080 -> 127.0.0.1:3000")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    many = [connect(t.peer.ns, GATEWAY_INNER, 9) for _ in range(1024)]
    wait_for(lambda: counters(g, t)["connections"] == 1024, "all are there")
    check(outcome(t.peer.ns, GATEWAY_INNER, 8080) in ("reset", "refused"), "one too many")
    wait_for(lambda: counters(g, t)["results"]["limit"] == 1, "it is counted")
    many.pop().close()
    wait_for(lambda: counters(g, t)["connections"] == 1023, "one goes")
    equal(page(t), PAGE, "page")


def test_privileges(picture):
    """What tsgw-host may: nothing more than before, threads aside."""
    t, g = gateway(picture, "8080 -> localhost:3000")
    equal(page(t), PAGE, "page")
    pid = g.worker("tsgw-host", t)
    st = status(pid)
    equal((int(st["CapPrm"], 16), int(st["CapBnd"], 16), st["NoNewPrivs"], st["Seccomp"]), (0, 0, "1", "2"),
          "capabilities, no-new-privileges, seccomp")
    check(st["Uid"][0] != 0, "not root")


def test_leaks(picture):
    """tsgw-host connects to the configured target and, for a name, asks the resolver; to nothing else."""
    t, g = gateway(picture, "8080 -> 127.0.0.1:3000", "8081 -> localhost:3000", "4000/udp -> 127.0.0.1:4000")
    F.start_echo(picture.demon, "127.0.0.1", 4000)
    uid = status(g.worker("tsgw-host", t))["Uid"][0]
    picture.demon.run([tool("nft"), "-f", "-"], ok=0, stdin=f"""table inet watch {{
	counter gone {{ }}
	counter meant {{ }}
	chain out {{ type filter hook output priority 0; policy accept;
		meta skuid {uid} ip daddr 127.0.0.1 th dport {{ 3000, 4000 }} counter name meant accept
		meta skuid {uid} ip6 daddr ::1 th dport 3000 counter name meant accept
		meta skuid {uid} counter name gone
	}}
}}""")
    u = F.udp(t.peer.ns, GATEWAY_INNER, 4000)
    for _ in range(20):
        equal(page(t), PAGE, "page")
        equal(page(t, 8081), PAGE, "page by name")
        F.ask(u, b"echo")
        outcome(t.peer.ns, GATEWAY_INNER, 9999)
    check(F.gone(picture.demon, "meant") > 100, "the counters see tsgw-host")
    equal(F.gone(picture.demon), 0, "packets that were not meant")
