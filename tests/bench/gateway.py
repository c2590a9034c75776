#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Listener end to end against socat + microsocks + wireguard-go and against sing-box, turn by turn.

    mac ── demon ─┬─ tsgwd ═══════════════════════════════════ peer (nginx)
                  ├─ socat ─ netns: microsocks, wireguard-go ══ the same kind of peer (nginx)
                  └─ sing-box ($SING_BOX, or where the PATH has it) ══ the same kind of peer (nginx)

Medians of REPEAT turns: bulk in Gb/s, CPU of this whole machine per GB, connections per second of 32
clients, the echo of a keystroke on an open connection, by a process of its own as sshd is, beside four downloads,
which fill the processors or, "at 1 Gb/s", a far side of that speed; beside it, "of nginx", a small request to the
very process that serves the downloads and answers when it has filled their sockets; memory of all processes (PSS).
The far ends are wireguard-go for all, and our own node in another line. "Alone" is the same client inside the tailnet's
namespace: the tunnel without listener and relay.
"""
import argparse
import contextlib
import http.client
import json
import os
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import congestion  # noqa: E402
from common import HERE, L, machine, median, pss_kb, start_web, table  # noqa: E402
import picture as P  # noqa: E402
from client import socks5  # noqa: E402

LOAD = os.path.join(L.BUILD, "bench/socks-load")
KEYS = 300  # of one turn
ECHO = 3001


def far_end(picture, name, engine):
    """(our private key, a peer that knows it)"""
    private, public = P.key_pair()
    picture.gateway_publics[name] = [public]
    picture.n_peers += 1
    return private, P.Peer(picture, name, engine, picture.n_peers, ssh=False, serve=False)


class Chain:
    """The seed's chain: microsocks and wireguard-go in a namespace, socat on the primary address."""

    def __init__(self, picture, port, engine):
        lab = picture.lab
        self.port, self.name = port, "socat + microsocks + " + engine
        private, self.peer = far_end(picture, "chain", engine)
        ns = lab.ns("chain-gw")
        a, b = lab.link(picture.demon, ns)
        picture.demon.ip(f"addr add 10.250.0.1/30 dev {a}")
        ns.ip(f"addr add 10.250.0.2/30 dev {b}")
        ifname = lab.ifname("c")
        wireguard = P.start_wireguard(lab, picture.demon, ifname, engine)
        picture.demon.ip(f"link set {ifname} netns {ns.name}")
        P.wg("set", ifname, "private-key", lab.file("keys/chain-gw", private), "peer",
             self.peer.public, "allowed-ips", "10.77.0.1/32,10.100.0.0/16", "endpoint",
             f"{self.peer.underlay}:{P.WG_PORT}")
        ns.ip(f"addr add 10.77.0.2/32 dev {ifname}", f"link set {ifname} mtu 1420 up",
              f"route add 10.77.0.1 dev {ifname}", f"route add 10.100.0.0/16 dev {ifname}")
        socks = ns.spawn(["microsocks", "-i", "10.250.0.2", "-p", "1080"])
        socat = picture.demon.spawn(["socat", f"TCP-LISTEN:{port},bind={P.PRIMARY},fork,reuseaddr,"
                                     "backlog=4096", "TCP:10.250.0.2:1080"])
        self.processes = [wireguard, socks, socat]

    def pids(self):
        return [p.pid for p in self.processes] + P.children(self.processes[2].pid)

    def client(self, picture):
        return picture.mac


class SingBox:
    """sing-box in its way with WireGuard: everything in one process, TCP by gVisor."""

    def __init__(self, picture, port, engine, path):
        self.port, self.name = port, f"sing-box, far end {engine}"
        private, self.peer = far_end(picture, "sing-box", engine)
        peer = {"address": self.peer.underlay, "port": P.WG_PORT, "public_key": self.peer.public,
                "allowed_ips": ["10.77.0.1/32", "10.100.0.0/16"]}
        conf = {"log": {"level": "error"},
                "inbounds": [{"type": "mixed", "listen": P.PRIMARY, "listen_port": port}],
                "endpoints": [{"type": "wireguard", "tag": "wg", "mtu": 1420, "private_key": private,
                               "address": ["10.77.0.2/32"], "peers": [peer]}],
                "route": {"final": "wg"}}
        self.process = picture.demon.spawn(
            [path, "run", "-c", picture.lab.file("sing-box.json", json.dumps(conf))])

    def pids(self):
        return [self.process.pid]

    def client(self, picture):
        return picture.mac


class Ours:
    def __init__(self, picture, port, engine):
        self.port, self.name = port, f"tsgw, far end {engine}"
        self.tailnet = picture.tailnet(f"b{port}", port, engine=engine, ssh=False, serve=False)
        self.peer = self.tailnet.peer
        self.gateway = None

    def pids(self):
        return [pid for (_, name), pid in self.gateway.workers().items()
                if name == self.tailnet.name]

    def client(self, picture):
        return picture.mac


class Alone:
    """The tunnel of another way, entered directly."""
    port = None

    def __init__(self, way):
        self.way, self.peer, self.name = way, way.peer, way.name.replace("tsgw,", "tsgw's tunnel alone,")

    def pids(self):
        return self.way.pids()

    def client(self, picture):
        return P.L.Pin(self.way.tailnet.netns)


def busy_seconds():
    """CPU time of everybody since the machine was started."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq = map(int, f.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def download(picture, way, path, megabytes):
    proxy = ["--socks5-hostname", f"{P.PRIMARY}:{way.port}"] if way.port else []
    return picture.lab.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{speed_download}", "-r",
                            f"0-{(megabytes << 20) - 1}", *proxy, f"http://{P.TARGET}:3000{path}"],
                           ns=way.client(picture), ok=0, timeout_s=300)


def bulk(picture, way, path, megabytes):
    """(Gb/s, CPU-s/GB)"""
    before = busy_seconds()
    p = download(picture, way, path, megabytes)
    return float(p.stdout) * 8 / 1e9, (busy_seconds() - before) / (megabytes / 1024)


def open_connection(picture, way, port=3000):
    with L.inside(way.client(picture)):
        at = (P.PRIMARY, way.port) if way.port else (P.TARGET, port)
        s = L.socket.create_connection(at, 10)
    if way.port and socks5(s, P.TARGET, port) != 0:
        raise L.Failure("SOCKS5")
    s.setsockopt(L.socket.IPPROTO_TCP, L.socket.TCP_NODELAY, 1)
    return s


def start_echo(peer):
    """On port ECHO: what comes goes back."""
    p = peer.ns.spawn(["socat", f"TCP-LISTEN:{ECHO},fork,reuseaddr,nodelay", "PIPE"])
    L.wait_for(lambda: peer.ns.run(["ss", "-Hltn", f"sport = {ECHO}"]).stdout.strip() or not p.alive(), "socat")


def took_ms(act):
    start = time.perf_counter()
    act()
    took = (time.perf_counter() - start) * 1e3
    time.sleep(0.01)  # as fast as nobody types
    return took


def keystrokes(picture, way, path, megabytes):
    """p99 in ms while four downloads run: of an echoed byte, and of a small request to their server."""
    stop, echoed, asked = threading.Event(), [], []

    def load():
        while not stop.is_set():
            download(picture, way, path, megabytes)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    with contextlib.closing(open_connection(picture, way)) as web, \
            contextlib.closing(open_connection(picture, way, ECHO)) as echo:
        c = http.client.HTTPConnection("keys")
        c.sock = web

        def key():
            echo.sendall(b"k")
            if echo.recv(1) != b"k":
                raise L.Failure("no echo")

        def request():
            c.request("GET", "/small")
            c.getresponse().read()
        for _ in range(KEYS):
            echoed.append(took_ms(key))
            asked.append(took_ms(request))
    stop.set()
    for t in threads:
        t.join()
    return tuple(sorted(v)[KEYS * 99 // 100] for v in (echoed, asked))


@contextlib.contextmanager
def narrow(peer):
    """The far side gives 1 Gb/s: the downloads fill that, and not the processors. Small packets have a queue of
    their own there, so what a key waits for is in the tunnel and the gateway."""
    dev = peer.ifname
    for line in (f"qdisc add dev {dev} root handle 1: htb default 1",
                 f"class add dev {dev} parent 1: classid 1:1 htb rate 1gbit burst 128kb quantum 60000",
                 f"class add dev {dev} parent 1: classid 1:2 htb rate 100mbit quantum 60000",
                 f"filter add dev {dev} parent 1: protocol ip u32 match u16 0 0xfe00 at 2 flowid 1:2"):
        peer.ns.run(["tc", *line.split()], ok=0)
    try:
        yield
    finally:
        peer.ns.run(["tc", "qdisc", "del", "dev", peer.ifname, "root"], ok=0)


def connections(picture, way, seconds):
    at, port = (P.PRIMARY, way.port) if way.port else (P.TARGET, 3000)
    p = picture.lab.run([LOAD, at, str(port), P.TARGET, "3000", "32", str(seconds)],
                        ns=way.client(picture), ok=0)
    rate, p50, p99, failed = p.stdout.split()
    return float(rate), float(p50), float(p99), int(failed)


def idle_pss(way):
    return sum(pss_kb(p) for p in way.pids()) / 1024


def measure(picture, ways, a):
    result = {w: {"bulk": [], "cpu": [], "conn": [], "p99": [], "key": [], "narrow": [], "asked": [],
                  "failed": 0}
              for w in ways}
    paths, servers = {}, {}
    for w in ways:
        if w.peer not in servers:
            servers[w.peer] = start_web(picture.lab, w.peer.ns)
            start_echo(w.peer)
        paths[w], server = servers[w.peer]
    for w in ways:
        result[w]["idle"] = idle_pss(w)
    for turn in range(a.repeat):
        for w in ways:
            r = result[w]
            size = max(64, a.megabytes // 4) if isinstance(w, Chain) else a.megabytes
            path = paths[w] if server == "nginx" else f"/bytes/{size << 20}"
            speed, cpu = bulk(picture, w, path, size)
            r["bulk"].append(speed)
            r["cpu"].append(cpu)
            for k, ms in zip(("key", "asked"), keystrokes(picture, w, path, size)):
                r[k].append(ms)
            with narrow(w.peer):
                r["narrow"].append(keystrokes(picture, w, path, max(64, size // 8))[0])
            rate, _, p99, failed = connections(picture, w, a.seconds)
            r["conn"].append(rate)
            r["p99"].append(p99)
            r["failed"] += failed
            print(f"turn {turn + 1}: {w.name}: {r['bulk'][-1]:.2f} Gb/s, {rate:.0f} conn/s, "
                  f"p99 {p99:.1f} ms, keystroke p99 {r['key'][-1]:.1f} ms, at 1 Gb/s "
                  f"{r['narrow'][-1]:.1f} ms", file=sys.stderr, flush=True)
    for w in ways:
        result[w]["loaded"] = idle_pss(w)
    return result, server


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3)
    congestion.argument(parser)
    a = parser.parse_args()
    L.catch_signals()
    engine = "wireguard" if P.engine_path("wireguard") else "wireguard-go"
    with congestion.control(a.congestion), L.Lab() as lab:
        picture = P.Picture(lab)
        chain = Chain(picture, 11090, engine)
        ours = [Ours(picture, 11080, engine), Ours(picture, 11081, "tsgw-wg")]
        gateway = picture.gateway([w.tailnet for w in ours]).start()
        gateway.wait_up()
        for w in ours:
            w.gateway = gateway
        rivals = [chain]
        path = os.environ.get("SING_BOX") or shutil.which("sing-box")
        if path:
            rivals.append(SingBox(picture, 11070, engine, path))
        ways = rivals + [x for w in ours for x in (w, Alone(w))]
        result, server = measure(picture, ways, a)
        base = result[chain]
        rows = []
        for w in ways:
            r = result[w]
            b, c = median(r["bulk"]), median(r["conn"])
            rows.append([w.name, f"{b:.2f}", f"{b / median(base['bulk']):.1f}×",
                         f"{median(r['cpu']):.2f}", f"{c:.0f}",
                         f"{c / median(base['conn']):.1f}×", f"{median(r['p99']):.1f}",
                         f"{median(r['key']):.1f}", f"{median(r['asked']):.1f}", f"{median(r['narrow']):.1f}",
                         r["failed"], f"{r['idle']:.1f}", f"{r['loaded']:.1f}"])
        print(f"End to end, mac → listener → tunnel → {server}; {machine()}, {a.congestion}; "
              f"median of {a.repeat}; socks-load with 32 clients")
        table(["way", "bulk Gb/s", "ratio", "CPU-s/GB", "conn/s", "ratio", "p99 ms", "key p99 ms",
               "of nginx", "at 1 Gb/s", "failed", "PSS idle MB", "PSS after load MB"], rows)
        print(f"tsgwd itself: {pss_kb(gateway.process.pid) / 1024:.1f} MB PSS; "
              f"tsgw-dns: {sum(pss_kb(p) for (n, _), p in gateway.workers().items() if n == 'tsgw-dns') / 1024:.1f} MB")
    return 0


if __name__ == "__main__":
    if not os.access(LOAD, os.X_OK):
        sys.exit(f"{os.path.relpath(LOAD, HERE)} is not built: make bench")
    sys.exit(main())
