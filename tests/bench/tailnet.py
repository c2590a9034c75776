#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A tailnet by the stock engine, with each uplink, against tailscaled's own SOCKS listener and seed 002's chain.

    mac ── demon ─┬─ tsgwd, one tailnet for each uplink ──────────────┐
                  ├─ tailscaled --tun=userspace-networking --socks5-… ├── router with nginx behind it
                  └─ socat ─ netns: microsocks, tailscaled ───────────┘

and beside them two tailnets of plain WireGuard by our own node, what our listener moves where nobody needs the stock
node: the far end of one is wireguard-go, as tailscaled has it in itself, that of the other our node.

All but those in one tailnet with one control server, turn by turn: bulk in Gb/s, CPU of this whole machine per GB,
connections per second of 32 clients; CPU time of a way's own processes for each connection, which others on this
machine do not disturb as much; datagrams of 1,200 bytes by UDP ASSOCIATE, there and back, of one client and of 16,
where a way knows that; memory of all processes of a way (PSS); for ours the time from the start of tsgwd to
`up`, at the first join and with the state of an earlier one. "Inside, without us" is the same load from the
tailnet's namespace straight to the target: what the stock node's TUN costs without any listener.
"""
import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import congestion  # noqa: E402
from common import HERE, L, machine, median, pss_kb, start_web, table  # noqa: E402
sys.path.insert(0, os.path.join(HERE, "..", "tailnet"))
import picture as P  # noqa: E402
import tailnet as T  # noqa: E402
import world as W  # noqa: E402
from gateway import LOAD, bulk, connections  # noqa: E402
from udp import LOAD as UDP_LOAD, serve  # noqa: E402

UPLINKS = ("pasta", "veth", "macvlan:wan1")
ASSOCIATIONS = ((1, 64), (16, 32))  # clients, datagrams under way of each


class Way:
    def __init__(self, name, port, pids, socket):
        self.name, self.port, self.pids, self.socket = name, port, pids, socket

    def client(self, picture):
        return picture.mac

    def cpu_s(self):
        """CPU time of its processes so far."""
        return sum(cpu_s(p) for p in self.pids())


class Inside(Way):
    """The namespace of one of ours, without its listener."""

    def __init__(self, joined, gateway):
        def stock():
            return [p for p in descendants(gateway.process.pid) if program(p) in ("tailscaled", "pasta")]
        super().__init__("inside, without us: " + joined.values["uplink"].split(":")[0], None, stock,
                         f"{gateway.run_dir}/{joined.name}/tailscaled.sock")
        self.pin = joined.pin

    def client(self, picture):
        return self.pin


def program(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return os.path.basename(f.read().split(b"\0")[0].decode())
    except OSError:
        return ""


def cpu_s(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:  # socat's children come and go
        return 0
    return sum(int(n) for n in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def descendants(pid):
    found = P.children(pid)
    return found + [d for c in found for d in descendants(c)]


def stock_socks(net, picture, control, port):
    """tailscaled's own listener, on the primary address."""
    node = T.Node(net, "stock", ns=picture.demon, attach=False,
                  args=["--tun=userspace-networking", f"--socks5-server={P.PRIMARY}:{port}"])
    node.up(control, "--accept-routes")
    return Way("tailscaled's SOCKS, without TUN", port, lambda: [node.process.pid], node.socket)


class Home:
    """What world.Rival wants to know of a world."""

    def __init__(self, net, picture):
        self.lab, self.net, self.demon = picture.lab, net, picture.demon


def chain(net, picture, work, port):
    rival = W.Rival(Home(net, picture), work, port, address=P.PRIMARY)
    return Way("socat + microsocks + tailscaled", port, lambda: [
        rival.node.process.pid, rival.socks.pid, rival.expose.pid, *P.children(rival.expose.pid)], rival.node.socket)


def ours(picture, control, uplink, port):
    """Our gateway with one tailnet; gives the way, that without our listener, and the two start times."""
    word = uplink.split(":", maxsplit=1)[0]
    values = {"uplink": uplink}
    if word == "macvlan":
        values.update(uplink_address="172.30.200.2/16", uplink_gateway="172.30.0.1")
    joined = W.Joined(W.Tailnet(control, word), port, **values)
    g = P.Gateway(picture, [joined], tag=word, gateway_keys=["dns-port = 0", "web-port = 0"],
                  pool=f"10.{210 + UPLINKS.index(uplink)}.0.0/16", uid_offset=0x1000 * (1 + UPLINKS.index(uplink)))
    took = []
    for _ in range(2):
        start = time.monotonic()
        g.start(timeout_s=60)
        g.wait_up(timeout_s=60)
        took.append(time.monotonic() - start)
        if len(took) < 2:
            g.stop()
    return Way(f"tsgw, uplink {uplink.split(':')[0]}", port,
               lambda: [g.process.pid, *descendants(g.process.pid)],
               f"{g.run_dir}/{joined.name}/tailscaled.sock"), Inside(joined, g), took


def plain(picture):
    """Our gateway with the two tailnets of plain WireGuard; their ways, and the start time."""
    engines = ("wireguard" if P.engine_path("wireguard") else "wireguard-go", "tsgw-wg")
    tailnets = [picture.tailnet(f"plain{i}", 11095 + i, engine=e, ssh=False, serve=False) for i, e in enumerate(engines)]
    g = P.Gateway(picture, tailnets, tag="plain", gateway_keys=["dns-port = 0", "web-port = 0"],
                  pool="10.220.0.0/16", uid_offset=0x8000)
    start = time.monotonic()
    g.start()
    g.wait_up()
    took = time.monotonic() - start
    ways = []
    for t, engine in zip(tailnets, engines):
        start_web(picture.lab, t.peer.ns)
        serve(t.peer.ns, P.TARGET)

        def pids(t=t):
            workers = [pid for (_, name), pid in g.workers().items() if name == t.name]
            return [g.process.pid, *workers]
        ways.append(Way(f"tsgw, plain WireGuard to {engine}", t.port, pids, None))
    return ways, [took, took]


def topology(lab, a):
    """-> picture, its ways, the start times of ours, the path of the big page."""
    picture = P.Picture(lab)
    net = T.Internet(lab)
    net.attach(picture.demon)
    control = net.control(args=("-quiet",))
    control.settings(auto_routes=True)
    router = T.Router(net, "router", serve=False)
    router.up(control)
    path, server = start_web(lab, router.host)
    serve(router.host, P.TARGET)
    if "macvlan:wan1" in a.uplinks:
        net.plug(picture.demon, "wan1")
    ways = [stock_socks(net, picture, control, 1055), chain(net, picture, W.Tailnet(control, "chain"), 11090)]
    starts = {}
    simple, took = plain(picture)
    ways += simple
    starts.update((w, took) for w in simple)
    for i, uplink in enumerate(a.uplinks):
        way, inside, took = ours(picture, control, uplink, 11080 + i)
        ways += [way, inside]
        starts[way] = took
    return picture, ways, starts, path, server


def by(lab, way):
    """"direct", or the relay that carries it, as the node itself says."""
    if not way.socket:
        return "direct"
    p = lab.run([T.programs()["tailscale"], "--socket=" + way.socket, "status", "--json"], ok=0)
    for peer in json.loads(p.stdout)["Peer"].values():
        if peer["HostName"] == "router":
            return "direct" if peer["CurAddr"] else "relay " + peer["Relay"]
    return "?"


def wait_direct(lab, way):
    def direct():
        if not way.socket:
            return True
        p = lab.run([T.programs()["tailscale"], "--socket=" + way.socket, "ping", "--c=5", "--timeout=2s", "router"])
        return p.returncode == 0 and by(lab, way) == "direct"
    try:
        L.wait_for(direct, f"a direct path of {way.name}", 30)
    except L.Failure as e:
        print(e, file=sys.stderr)


def datagrams(picture, way, seconds):
    """Datagrams per second of each of ASSOCIATIONS; 0: no UDP ASSOCIATE."""
    if not way.port:
        return [0] * len(ASSOCIATIONS)
    got = [picture.lab.run([UDP_LOAD, "run", P.PRIMARY, str(way.port), P.TARGET, "7000", "1200", str(clients),
                            str(window), str(seconds)], ns=way.client(picture)) for clients, window in ASSOCIATIONS]
    return [0 if p.returncode else float(p.stdout.split()[0]) for p in got]


def measure(picture, ways, a, path):
    for w in ways:
        wait_direct(picture.lab, w)
    result = {w: {"bulk": [], "cpu": [], "conn": [], "p99": [], "own": [], "udp": [], "failed": 0, "idle": memory(w)}
              for w in ways}
    for turn in range(a.repeat):
        for w in ways:
            r = result[w]
            speed, cpu = bulk(picture, w, path, a.megabytes)
            before = w.cpu_s()
            rate, _, p99, failed = connections(picture, w, a.seconds)
            own = (w.cpu_s() - before) / max(1, rate * a.seconds) * 1e6
            udp = datagrams(picture, w, a.seconds)
            for k, v in (("bulk", speed), ("cpu", cpu), ("conn", rate), ("p99", p99), ("own", own), ("udp", udp)):
                r[k].append(v)
            r["failed"] += failed
            print(f"turn {turn + 1}: {w.name}: {speed:.2f} Gb/s, {rate:.0f} conn/s, p99 {p99:.1f} ms, "
                  f"{own:.0f} µs CPU of its own, {' / '.join(f'{n:.0f}' for n in udp)} datagrams/s",
                  file=sys.stderr, flush=True)
    for w in ways:
        result[w].update(loaded=memory(w), by=by(picture.lab, w))
    return result


def memory(way):
    return sum(pss_kb(p) for p in way.pids()) / 1024


def udp_columns(r, base):
    rates = zip((median(column) for column in zip(*r["udp"])), (median(column) for column in zip(*base["udp"])))
    return [f"{n / 1000:.1f} k" + (f" ({n / other:.1f}×)" if other else "") if n else "–" for n, other in rates]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--uplinks", nargs="*", default=UPLINKS)
    congestion.argument(parser)
    a = parser.parse_args()
    L.catch_signals()
    with congestion.control(a.congestion), L.Lab() as lab:
        picture, ways, starts, path, server = topology(lab, a)
        if server != "nginx":
            path = f"/bytes/{a.megabytes << 20}"
        result = measure(picture, ways, a, path)
        base = result[ways[0]]
        rows = []
        for w in ways:
            r = result[w]
            first, again = (f"{s:.1f}" for s in starts[w]) if w in starts else ("–", "–")
            rows.append([w.name, r["by"], f"{median(r['bulk']):.2f}", f"{median(r['bulk']) / median(base['bulk']):.2f}×",
                         f"{median(r['cpu']):.2f}", f"{median(r['conn']):.0f}",
                         f"{median(r['conn']) / median(base['conn']):.2f}×", f"{median(r['own']):.0f}",
                         f"{median(r['p99']):.1f}", r["failed"], *udp_columns(r, base),
                         f"{r['idle']:.1f}", f"{r['loaded']:.1f}", first, again])
        print(f"mac → listener → tailnet → router → {server}; {machine()}, {a.congestion}; median of {a.repeat}")
        table(["way", "path", "bulk Gb/s", "ratio", "CPU-s/GB", "conn/s", "ratio", "own CPU µs", "p99 ms", "failed",
               *(f"datagrams/s ×{clients}" for clients, _ in ASSOCIATIONS), "PSS idle MB",
               "PSS after load MB", "first start s", "start s"], rows)
    return 0


if __name__ == "__main__":
    for load in (LOAD, UDP_LOAD):
        if not os.access(load, os.X_OK):
            sys.exit(f"{os.path.relpath(load, HERE)} is not built: make bench")
    try:
        sys.exit(main())
    except L.Skip as e:
        sys.exit(f"skipped: {e}")
