# SPDX-License-Identifier: MIT
"""tsgw-wg in the place of wireguard-go: how it starts, is found, hears of changes, and ends."""
import base64
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import lab as L
from lab import BUILD, check, equal, inside, status, wait_for
from netns import IN4, Arena, reach, udp_socket
from picture import key_pair, wg

TSGW_WG = os.path.join(BUILD, "tsgw-wg")
HERE = os.path.dirname(os.path.abspath(__file__))
CAP_NET_ADMIN, CAP_NET_BIND_SERVICE = 1 << 12, 1 << 10
TUNSETIFF, IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 1, 0x1000, 0x4000


def socket_of(ifname):
    return f"{L.UAPI_DIR}/{ifname}.sock"


def pids_of(ifname):
    """Node and binder: who has IFNAME as its last argument."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"tsgw-wg") and ifname.encode() in words:
            found.append(int(pid))
    return found


def nodes_of(ifname):
    return [p for p in pids_of(ifname) if "binder" not in open(f"/proc/{p}/comm", encoding="ascii").read()]


def is_gone(ns, ifname):
    wait_for(lambda: not pids_of(ifname), f"{ifname}'s processes end")
    check(not os.path.exists(socket_of(ifname)), "socket")
    wait_for(lambda: ifname not in ns.links(), "the interface goes")  # at the very end of its process


def test_daemon(lab):
    """Without -f the caller goes on when wg(8) can be used, and nothing of its own stays open."""
    ns, name = lab.ns("a"), lab.ifname("d")
    # communicate() would wait for the end of the output
    p = lab.run([TSGW_WG, name], ns=ns, timeout_s=20, ok=0)
    equal((p.stdout, p.stderr), ("", ""), "output")
    equal(wg("show", name, "peers"), "", "wg show, at once")
    check(name in ns.links(), "interface, at once")
    node, = nodes_of(name)
    equal(os.getsid(node), node, "session")
    equal(os.readlink(f"/proc/{node}/cwd"), "/", "working directory")
    equal({os.readlink(f"/proc/{node}/fd/{fd}") for fd in (0, 1, 2)}, {"/dev/null"}, "stdio")
    # a second one is refused and disturbs nobody
    p = lab.run([TSGW_WG, name], ns=ns)
    check(p.returncode == 1 and "in use" in p.stderr, f"exit {p.returncode}, {p.stderr}")
    equal(wg("show", name, "peers"), "", "wg show after the second one")
    ns.ip(f"link del {name}")
    is_gone(ns, name)


def test_rights(lab):
    """The node has CAP_NET_ADMIN and no more; who makes its sockets, what bind(2) needs; neither can get any."""
    ns, name = lab.ns("a"), lab.ifname("d")
    lab.run([TSGW_WG, name], ns=ns, ok=0)
    node, = nodes_of(name)
    binder, = set(pids_of(name)) - {node}
    wait_for(lambda: status(binder)["Seccomp"] == "2", "the binder confines itself")
    for pid, wanted in ((node, CAP_NET_ADMIN), (binder, CAP_NET_ADMIN | CAP_NET_BIND_SERVICE)):
        s = status(pid)
        for key in ("CapEff", "CapPrm", "CapBnd"):
            equal(int(s[key], 16), wanted, f"{key} of {s['Name']}")
        equal(int(s["CapInh"], 16) | int(s["CapAmb"], 16), 0, f"inheritable of {s['Name']}")
        equal((s["NoNewPrivs"], s["Seccomp"]), ("1", "2"), f"no new privileges, seccomp of {s['Name']}")
    fds = [os.readlink(f"/proc/{binder}/fd/{fd}") for fd in os.listdir(f"/proc/{binder}/fd")]
    check(not [f for f in fds if "tun" in f or "inotify" in f], f"the binder has {fds}")
    wg("set", name, "listen-port", "443")  # needs the binder
    equal(wg("show", name, "listen-port"), "443", "port")
    # without its node it goes; the node without it says so and lives
    os.kill(binder, signal.SIGKILL)
    p = lab.run(["wg", "set", name, "listen-port", "444"])
    check(p.returncode != 0, "a port without who makes sockets")
    equal(wg("show", name, "listen-port"), "443", "port still")
    os.kill(node, signal.SIGKILL)
    wait_for(lambda: name not in ns.links(), "interface")
    os.unlink(socket_of(name))


def test_foreground_and_log_level(lab):
    ns = lab.ns("a")
    for env, words, quiet in (({}, ["-f"], False), ({"WG_PROCESS_FOREGROUND": "1"}, [], False),
                              ({"LOG_LEVEL": "error"}, ["-f"], True), ({"LOG_LEVEL": "silent"}, ["-f"], True),
                              ({"LOG_LEVEL": "verbose"}, ["--foreground"], False)):
        name = lab.ifname("f")
        p = ns.spawn([TSGW_WG, *words, name], env=env)
        wait_for(lambda n=name: os.path.exists(socket_of(n)) and n in ns.links(), "ready")
        check(p.alive(), "it stays in the foreground")
        wg("set", name, "private-key", lab.file("verbose.key", key_pair()[0]), "peer", key_pair()[1],
           "endpoint", "127.0.0.1:9", "persistent-keepalive", "9")
        ns.ip(f"link set {name} up")
        wait_for(lambda n=name: int(wg("show", n, "transfer").split()[2]), "an initiation")
        ns.ip(f"link del {name}")
        equal(p.wait(), 0, "exit code")
        is_gone(ns, name)
        equal("interface is gone" in p.log(), not quiet, f"{env}: log {p.log()!r}")
        equal(f"serves /run/wireguard/{name}.sock" in p.log() and "set: done" in p.log() and
              "handshake initiation sent" in p.log(), env.get("LOG_LEVEL") == "verbose", f"{env}: {p.log()!r}")
    # in the background a log that was asked for goes where stderr went
    name = lab.ifname("f")
    out = os.path.join(lab.dir, "log")
    with open(out, "w", encoding="utf-8") as f:
        subprocess.run(["nsenter", "--net=" + ns.path, TSGW_WG, name], stderr=f, check=True,
                       env=dict(os.environ, LOG_LEVEL="debug"))
    ns.ip(f"link del {name}")
    is_gone(ns, name)
    check("interface is gone" in open(out, encoding="utf-8").read(), "log in the background")


def test_version_and_usage(lab):
    check(lab.run([TSGW_WG, "--version"], ok=0).stdout.startswith("tsgw-wg "), "version")
    check("INTERFACE" in lab.run([TSGW_WG, "--help"], ok=0).stdout, "help")
    for words in ([], ["-f"], ["-x", "wg0"], ["a", "b"], ["wg/0"], ["a" * 16], [".."], ["-f", "wg%d"]):
        equal(lab.run([TSGW_WG, *words]).returncode, 2, f"exit code of {words}")


def test_socket_removed(lab):
    """Removing its socket ends the node; what another one has put there since is not touched."""
    ns = lab.ns("a")
    for how in ("rm", "mv"):
        name = lab.ifname("r")
        p = ns.spawn([TSGW_WG, "-f", name])
        wait_for(lambda n=name: os.path.exists(socket_of(n)) and n in ns.links(), "ready")
        os.chmod(socket_of(name), 0o600)  # not a removal
        lab.run(["touch", socket_of(name)], ok=0)
        wg("show", name)
        if how == "rm":
            os.unlink(socket_of(name))
        else:
            other = socket.socket(socket.AF_UNIX)
            other.bind(socket_of(name) + ".new")
            os.rename(socket_of(name) + ".new", socket_of(name))
        equal(p.wait(), 0, "exit code")
        check(name not in ns.links(), "interface")
        equal(os.path.exists(socket_of(name)), how == "mv", "what is there now")


def test_stale_and_live_sockets(lab):
    """A socket that nobody serves is taken over; a live one, and what is no socket, never."""
    ns, name = lab.ns("a"), lab.ifname("s")
    p = ns.spawn([TSGW_WG, "-f", name])
    wait_for(lambda: os.path.exists(socket_of(name)) and name in ns.links(), "ready")
    p.stop(signal.SIGKILL)
    wait_for(lambda: name not in ns.links(), "interface")
    check(os.path.exists(socket_of(name)), "a stale socket")
    lab.run([TSGW_WG, name], ns=ns, ok=0)
    wg("show", name)
    other = lab.ns("b")
    p = lab.run([TSGW_WG, name], ns=other)
    check(p.returncode == 1 and "another process serves it" in p.stderr, p.stderr)
    check(name not in other.links(), "the interface of the one that was refused")
    wg("show", name)
    ns.ip(f"link del {name}")
    is_gone(ns, name)
    with open(socket_of(name), "w", encoding="ascii") as f:
        f.write("not a socket")
    equal(lab.run([TSGW_WG, name], ns=ns).returncode, 1, "a file in the way")
    equal(open(socket_of(name), encoding="ascii").read(), "not a socket", "the file")


def open_tun(ns, name, flags):
    with inside(ns):
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI | flags))
    return fd


def with_fds(ns, words, env, *fds):
    return subprocess.run(["nsenter", "--net=" + ns.path, TSGW_WG, *words], pass_fds=fds, text=True,
                          env=dict(os.environ, **env), capture_output=True, check=False, timeout=30)


def test_inherited_descriptors(lab):
    """WG_TUN_FD and WG_UAPI_FD: with and without offload; the TUN may be in another namespace."""
    ns, far = lab.ns("a"), lab.ns("b")
    for flags, home in ((0, ns), (IFF_VNET_HDR, ns), (IFF_VNET_HDR, far)):
        tun, path = lab.ifname("t"), os.path.join(lab.dir, f"uapi{flags}{home.name}")
        fd = open_tun(home, tun, flags)
        home.ip(f"link set {tun} mtu 1280 up", f"addr add 10.1.0.1/24 dev {tun}")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(path)
            s.listen()
            p = with_fds(ns, ["whatever"], {"WG_TUN_FD": str(fd), "WG_UAPI_FD": str(s.fileno())}, fd,
                         s.fileno())
        os.close(fd)
        equal((p.returncode, p.stderr), (0, ""), "start")
        check(not os.path.exists(socket_of(tun)) and not os.path.exists(socket_of("whatever")), "sockets")
        check(tun in home.links() and "listen_port=" in ask(path, "get=1\n\n"), "it serves")
        peer = lab.ns("p" + str(flags) + home.name[-1])
        carries(lab, ns, home, path, peer)
        os.unlink(path)
        wait_for(lambda t=tun, h=home: t not in h.links(), "its end")
    for env in ({"WG_TUN_FD": "77"}, {"WG_TUN_FD": "3"}, {"WG_UAPI_FD": "x"}, {"WG_TUN_FD": "0"}):
        p = with_fds(ns, [lab.ifname("u")], env)
        equal(p.returncode, 1, f"{env}: {p.stderr}")


def test_what_cannot_be_served(lab):
    """WG_UAPI_FD that is no listening unix stream socket is refused, and is not waited on."""
    ns = lab.ns("a")
    ends = os.pipe()
    os.close(ends[1])
    tcp, bound, connected = socket.socket(), socket.socket(socket.AF_UNIX), socket.socketpair()
    tcp.listen()
    bound.bind(os.path.join(lab.dir, "uapi"))
    packets = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    packets.bind(os.path.join(lab.dir, "packets"))
    packets.listen()
    for fd in (ends[0], tcp.fileno(), bound.fileno(), connected[0].fileno(), packets.fileno()):
        name = lab.ifname("n")
        p = with_fds(ns, [name], {"WG_UAPI_FD": str(fd)}, fd)
        check(p.returncode == 1 and "not a listening unix socket" in p.stderr, f"{p.returncode} {p.stderr}")
        check(name not in ns.links(), "interface")
    os.close(ends[0])


def test_callers_descriptors(lab):
    """A daemon keeps none of its caller's files, and does not mistake its own for 0, 1 and 2."""
    ns, name = lab.ns("a"), lab.ifname("k")
    with open(os.path.join(lab.dir, "lock"), "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        equal(with_fds(ns, [name], {}, f.fileno()).returncode, 0, "start")
        path = f.name
    with open(path, "w", encoding="ascii") as f:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    ns.ip(f"link del {name}")
    is_gone(ns, name)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        name = lab.ifname("k")
        lab.run(["sh", "-c", f"exec {TSGW_WG} {name} {closed}"], ns=ns, ok=0)
        check(name in ns.links(), f"{closed}: interface")
        equal(wg("show", name, "peers"), "", f"{closed}: wg show")
        wait_for(lambda n=name: len(nodes_of(n)) == 1, "the binder has its name")
        equal({os.readlink(f"/proc/{nodes_of(name)[0]}/fd/{fd}") for fd in (0, 1, 2)}, {"/dev/null"}, "stdio")
        ns.ip(f"link set {name} mtu 1300", f"link del {name}")
        is_gone(ns, name)


def ask(path, request):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        s.sendall(request.encode())
        answer = ""
        while "errno=" not in answer or not answer.endswith("\n\n"):
            answer += s.recv(65536).decode()
    return answer


def carries(lab, ns, home, path, peer_ns):
    """A ping from HOME, whose node is in NS, to another node."""
    lab.n_links += 1
    a, b = lab.link(ns, peer_ns)
    ns.ip(f"addr add 10.9.{lab.n_links}.1/24 dev {a}")
    peer_ns.ip(f"addr add 10.9.{lab.n_links}.2/24 dev {b}")
    keys, name = [key_pair(), key_pair()], lab.ifname("q")
    hexes = [[base64.b64decode(k).hex() for k in pair] for pair in keys]
    lab.run([TSGW_WG, name], ns=peer_ns, ok=0)
    peer_ns.ip(f"addr add 10.1.0.2/24 dev {name}", f"link set {name} up")
    wg("set", name, "listen-port", "7", "private-key", lab.file(f"k{name}", keys[1][0]), "peer", keys[0][1],
       "allowed-ips", "10.1.0.1/32")
    check("errno=0" in ask(path, f"set=1\nprivate_key={hexes[0][0]}\npublic_key={hexes[1][1]}\nallowed_ip="
                                 f"10.1.0.2/32\nendpoint=10.9.{lab.n_links}.2:7\n\n"), "set")
    reach(home, "10.1.0.2", 3)
    peer_ns.ip(f"link del {name}")


def test_mtu_of_a_moved_interface(lab):
    """Packets are padded up to the MTU that the device has now, in whatever namespace it is."""
    a = Arena(lab, "tsgw-wg")
    a.pair()
    a.join()
    reach(a.n1, "192.168.241.2")

    third = lab.ns("third")
    # 1280 bytes and a byte: 1281 does not fit into 1283 when padded, into 1420 it does
    for home in (a.n1, third, a.n0, a.n1):
        if home is not a.n1 or a.w1.home is not a.n1:
            a.w1.home.ip(f"link set {a.w1.ifname} netns {home.name}")
            a.w1.home = home
            a.w1.ip("addr add 192.168.241.1/24 dev DEV", "link set up dev DEV")
        for mtu, wanted in ((1420, 1296 + 32), (1283, 1281 + 32), (1420, 1296 + 32)):
            a.w1.ip(f"link set DEV mtu {mtu}")

            def padded(w=wanted, h=home):
                before = a.w1.transfer()[1]
                reach(h, "192.168.241.2", size=1253)
                return a.w1.transfer()[1] - before == w
            wait_for(padded, f"{home.name}: packets of {wanted} at MTU {mtu}")
    a.close()


def test_no_ipv6_outside(lab):
    """Without IPv6 below the node works over IPv4, and says so."""
    ns, name = lab.ns("a"), lab.ifname("n")
    p = ns.spawn([sys.executable, os.path.join(HERE, "nov6.py"), TSGW_WG, "-f", name])
    p.wait_line("no IPv6 outside")
    wait_for(lambda: os.path.exists(socket_of(name)), "ready")
    for port in (5353, 443):
        wg("set", name, "listen-port", str(port))
        udp = ns.read("net/udp")
        check(f":{port:04X} " in udp and f":{port:04X} " not in ns.read("net/udp6"), udp)
    key = key_pair()[1]
    wg("set", name, "peer", key, "endpoint", "[2001:db8::1]:5")  # taken, but never reached
    equal(wg("show", name, "endpoints"), f"{key}\t[2001:db8::1]:5", "endpoint")
    ns.ip(f"link del {name}")
    equal(p.wait(), 0, "exit code")


def quick(lab, ns, *words, **options):
    """wg-quick with our node. It prefers the kernel's, so beside it lies an ip(8) without that one."""
    bin_dir = os.path.join(lab.dir, "bin")
    if not os.path.exists(bin_dir):
        os.mkdir(bin_dir)
        shutil.copy(L.tool("wg-quick"), bin_dir)
        lab.file("bin/ip", "#!/bin/sh\ncase \"$*\" in\n'link add '*' type wireguard') exit 2 ;;\nesac\n"
                 f"exec {L.tool('ip')} \"$@\"\n", 0o755)
    script = 'mount -t tmpfs none /sys/module && exec "$@"'
    return lab.run(["unshare", "-m", "sh", "-c", script, "sh", bin_dir + "/wg-quick", *words], ns=ns,
                   env={"WG_QUICK_USERSPACE_IMPLEMENTATION": TSGW_WG}, **options)


def test_wg_quick(lab):
    """up and down, with everything into the tunnel, a table of its own, and no routes at all."""
    L.tool("bash")
    ns, far = lab.ns("a"), lab.ns("b")
    a, b = lab.link(ns, far)
    ns.ip(f"addr add 10.9.0.1/24 dev {a}", f"route add default via 10.9.0.2 dev {a}")
    far.ip(f"addr add 10.9.0.2/24 dev {b}", "addr add 203.0.113.7/32 dev lo", "addr add 2001:db8::7/128 dev lo")
    (k1, p1), (k2, p2), peer = key_pair(), key_pair(), lab.ifname("q")
    lab.run([TSGW_WG, peer], ns=far, ok=0)
    wg("set", peer, "listen-port", "51820", "private-key", lab.file("k2", k2), "peer", p1, "allowed-ips",
       "10.1.0.1/32,fd01::1/128")
    far.ip(f"addr add 10.1.0.2/24 dev {peer}", f"addr add fd01::2/64 dev {peer}", f"link set {peer} up")
    plain = [ns.ip("rule"), lab.run(["ip", "-n", ns.name, "-6", "rule"]).stdout, ns.ip("route")]
    for table, allowed in (("auto", "0.0.0.0/0, ::/0"), ("77", "203.0.113.0/24"), ("off", "203.0.113.0/24")):
        name = lab.ifname("w")
        conf = lab.file(f"{name}.conf", "\n".join((
            "[Interface]", f"PrivateKey = {k1}", "Address = 10.1.0.1/24, fd01::1/64", f"Table = {table}",
            "MTU = 1384", f"PostUp = echo up %i >> {lab.dir}/hooks", f"PreDown = echo down %i >> {lab.dir}/hooks",
            "[Peer]", f"PublicKey = {p2}", f"AllowedIPs = {allowed}, 10.1.0.2/32, fd01::2/128",
            "Endpoint = 10.9.0.2:51820", "")))
        quick(lab, ns, "up", conf, ok=0)
        reach(ns, "10.1.0.2")
        if table == "auto":
            before = wg("show", name, "transfer")
            reach(ns, "203.0.113.7", 3)
            reach(ns, "2001:db8::7", 3)
            check(wg("show", name, "transfer") != before, "the default route leads into the tunnel")
            equal(wg("show", name, "fwmark"), "0xca6c", "fwmark")
        routes = lab.run(["ip", "-n", ns.name, "route", "show", "table", "77"]).stdout
        equal("203.0.113.0/24" in routes, table == "77", f"table 77: {routes}")
        check(" mtu 1384 " in ns.ip(f"link show dev {name}"), "MTU")
        check(p2 in quick(lab, ns, "strip", conf, ok=0).stdout, "strip")
        quick(lab, ns, "down", conf, ok=0)
        is_gone(ns, name)
        equal([ns.ip("rule"), lab.run(["ip", "-n", ns.name, "-6", "rule"]).stdout, ns.ip("route")], plain,
              "rules and routes afterwards")
        check(open(f"{lab.dir}/hooks", encoding="ascii").read().endswith(f"up {name}\ndown {name}\n"), "hooks")
    far.ip(f"link del {peer}")


def test_ports(lab):
    """A port that is busy, be it of one family alone, is refused with EADDRINUSE; nothing else changes."""
    ns, name = lab.ns("a"), lab.ifname("n")
    lab.run([TSGW_WG, name], ns=ns, ok=0)
    first = wg("show", name, "listen-port")
    check(int(first) > 1023, f"port {first} at the start")
    key = key_pair()[1]
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        with inside(ns):
            s = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind((address, 777))
        p = lab.run(["wg", "set", name, "listen-port", "777", "fwmark", "5", "peer", key])
        check(p.returncode != 0 and "Address already in use" in p.stderr, p.stderr)
        equal([wg("show", name, what) for what in ("listen-port", "fwmark", "peers")], [first, "off", ""],
              "after a refused change")
        s.close()
        wg("set", name, "listen-port", "777", "fwmark", "5")
        equal([wg("show", name, what) for what in ("listen-port", "fwmark")], ["777", "0x5"], "change")
        marks = lab.run(["ss", "-Hlunm6" if family == socket.AF_INET6 else "-Hlunm4", "-e"], ns=ns).stdout
        check("fwmark:0x5" in marks, marks)
        wg("set", name, "listen-port", first, "fwmark", "0")
    wg("set", name, "listen-port", "0")
    check(int(wg("show", name, "listen-port")) > 1023, "any port")
    ns.ip(f"link del {name}")
    is_gone(ns, name)


def threads(node):
    return len(os.listdir(f"/proc/{node.process.pid}/task"))


def pour(ns, other, address, until):
    """TCP from NS to OTHER as fast as it goes, while UNTIL is not set."""
    with inside(other):
        listener = socket.create_server((address, 9001))

    def swallow():
        s, _ = listener.accept()
        with listener, s:
            while s.recv(1 << 18):
                pass

    def stream():
        with inside(ns):
            s = socket.create_connection((address, 9001), L.PATIENCE_S)
        with s:
            while not until.is_set():
                s.sendall(bytes(1 << 18))
    running = [threading.Thread(target=f, daemon=True) for f in (swallow, stream)]
    for t in running:
        t.start()
    return running


class Numbered:
    """Datagrams with numbers from one socket to another; none may arrive behind a later one."""

    def __init__(self, here, there, to):
        self.here, self.there, self.to = here, there, to
        self.sent, self.last = 0, -1

    def send(self, n):
        for _ in range(n):
            self.here.sendto(struct.pack("!I", self.sent), self.to)
            self.sent += 1

    def arrive(self, timeout):
        """True when the last one is there."""
        self.there.settimeout(timeout)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            while self.last + 1 < self.sent:
                number, = struct.unpack("!I", self.there.recv(64))
                check(number > self.last, f"datagram {number} behind {self.last}")
                self.last = number
        return self.last + 1 == self.sent


def test_one_thread_or_two(lab):
    """A node that one thread is enough for has one, one at the limit of a thread has two; datagrams arrive in
    order through all changes of turn."""
    os.nice(-20)  # who gets less than most of a processor is at no limit of his own
    a = Arena(lab, "tsgw-wg")
    a.pair()
    a.join()
    reach(a.n2, IN4[0], 3)
    with open(os.path.join(BUILD, "tsgw-wg"), "rb") as f:
        own = b"__tsan_init" in f.read()  # that one starts a thread of its own beside the second
    here, there = udp_socket(a.n1, IN4[0], 9000), udp_socket(a.n2, IN4[1], 9000)
    numbers = Numbered(here, there, (IN4[1], 9000))
    for i in range(300):  # one at a time: more of them are most of a processor's work for a moment, where it is free
        numbers.send(1)
        check(numbers.arrive(L.PATIENCE_S), f"datagram {i}")
    equal((threads(a.w1), threads(a.w2)), (1, 1), "threads of nodes with little to do")
    for _ in range(4 if len(os.sched_getaffinity(0)) > 1 else 0):  # one for each end
        enough = threading.Event()
        running = pour(a.n1, a.n2, IN4[1], enough)

        def is_at_its_limit():
            numbers.send(5)
            numbers.arrive(0)
            return threads(a.w1) == 2 + own
        wait_for(is_at_its_limit, "a second thread")
        for _ in range(50):
            numbers.send(5)
            numbers.arrive(0)
        enough.set()
        for t in running:
            t.join(L.PATIENCE_S)
        # some may have been too many for a queue; it waits longer than a busy node does
        wait_for(lambda: numbers.send(1) or numbers.arrive(0.02), "a datagram after the stream")
    here.close()
    there.close()
