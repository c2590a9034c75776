#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""UDP ASSOCIATE: datagrams per second, relay alone and end to end, beside rivals in one run.

    alone:       client ── proxy (tsgw-proxy; dante's danted, where it is installed) ── server
    end to end:  mac ── demon: tsgwd ══ tunnel ══ peer
    --rival NAME=ADDRESS:PORT:NAMESPACE:TARGET:PID adds a proxy that runs already as PID, is reached from
             NAMESPACE, and has udp-load serving at TARGET port 7000 behind it (tailscaled, for one)

There and back with a window of datagrams for each client, and one way as fast as it goes; medians.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import HERE, L, machine, median, table  # noqa: E402
import picture as P  # noqa: E402
import proxyworker as W  # noqa: E402

LOAD = os.path.join(L.BUILD, "bench/udp-load")
# size, clients, window (0: one way)
LOADS = ((100, 1, 64), (1200, 1, 64), (1200, 16, 32), (1200, 1, 0))


class Way:
    def __init__(self, name, ns, proxy, port, target, pids=lambda: []):
        self.name, self.ns, self.proxy, self.port, self.target = name, ns, proxy, port, target
        self.pids = pids


def serve(ns, target):
    ns.spawn([LOAD, "serve", target, "7000"]).wait_line("^ready$")


def cpu_s(pids):
    total = 0
    for pid in pids:
        with L.contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as f:
            v = f.read().rsplit(")", 1)[1].split()
            total += sum(int(n) for n in v[11:15])  # with those that have ended
    return total / os.sysconf("SC_CLK_TCK")


def measure(way, load, seconds):
    size, clients, window = load
    before = cpu_s(way.pids())
    out = way.ns.run([LOAD, "run", way.proxy, str(way.port), way.target, "7000", str(size),
                      str(clients), str(window), str(seconds)], ok=0).stdout
    rate, lost = out.split()
    cpu = cpu_s(way.pids()) - before
    return float(rate), int(lost), cpu / max(1, float(rate) * seconds) * 1e6


def family(pid):
    return [pid] + [p for c in P.children(pid) for p in family(c)]


def alone(lab):
    client, proxy, server = (lab.ns(n) for n in ("client", "proxy", "server"))
    a, b = lab.link(client, proxy)
    client.ip(f"addr add 192.0.2.2/24 dev {a}")
    proxy.ip(f"addr add 192.0.2.1/24 dev {b}")
    a, b = lab.link(proxy, server)
    proxy.ip(f"addr add 10.9.0.1/24 dev {a}")
    server.ip(f"addr add 10.9.0.2/24 dev {b}")
    serve(server, "10.9.0.2")
    w = W.Worker(proxy, uid=lab.uid_base + 1)
    w.configure(routes=[(1, "10.9.0.0/24")], allow=["192.0.2.0/24"])
    w.peer(1, W.UP)
    w.listen(proxy, "192.0.2.1", 11080)
    w.udp(proxy, "192.0.2.1", 11080, 20)
    ways = [Way("relay alone: tsgw-proxy", client, "192.0.2.1", 11080, "10.9.0.2", lambda: [w.pid])]
    danted = L.shutil.which("danted", path="/usr/sbin:/usr/bin")
    if danted:
        conf = lab.file("danted.conf", """logoutput: /dev/null
internal: 192.0.2.1 port = 1080
external: 10.9.0.1
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 command: udpassociate udpreply }
""", 0o644)
        d = proxy.spawn([danted, "-f", conf, "-p", lab.dir + "/danted.pid"], name="danted")
        L.wait_for(lambda: proxy.run(["ss", "-Hltn", "sport = 1080"]).stdout.strip(), "danted")
        ways.append(Way("relay alone: danted", client, "192.0.2.1", 1080, "10.9.0.2",
                        lambda: family(d.pid)))
    return ways, w


def end_to_end(lab):
    picture = P.Picture(lab)
    ways = []
    engines = ["wireguard" if P.engine_path("wireguard") else "wireguard-go", "tsgw-wg"]
    for i, engine in enumerate(engines):
        t = picture.tailnet(f"u{i}", 11080 + i, engine=engine, ssh=False, serve=False)
        serve(t.peer.ns, P.TARGET)
        ways.append(Way(f"end to end: tsgw, far end {engine}", picture.mac, P.PRIMARY, t.port,
                        P.TARGET))
    gateway = picture.gateway().start()
    gateway.wait_up()
    for way, t in zip(ways, picture.tailnets):
        way.pids = lambda name=t.name: [p for (_, n), p in gateway.workers().items() if n == name]
    return ways


def rival(text):
    name, where = text.split("=", 1)
    address, port, ns, target, pid = where.split(":")
    lab = L.Lab()
    there = L.Pin(ns)
    there.run = lambda cmd, **options: lab.run(cmd, ns=there, **options)
    return Way(name, there, address, int(port), target, lambda: [int(pid)])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rival", action="append", default=[])
    a = parser.parse_args()
    L.catch_signals()
    with L.Lab() as lab:
        ways, worker = alone(lab)
        try:
            ways += end_to_end(lab) + [rival(r) for r in a.rival]
            results = {(w, load): [] for w in ways for load in LOADS}
            for _ in range(a.repeat):
                for load in LOADS:
                    for w in ways:
                        results[w, load].append(measure(w, load, a.seconds))
        finally:
            worker.stop()
        rows = []
        for w in ways:
            row = [w.name]
            for load in LOADS:
                got = results[w, load]
                row.append(f"{median([g[0] for g in got]) / 1000:.0f} k"
                           f" ({median([g[2] for g in got]):.1f} µs)")
            rows.append(row)
        print(f"Datagrams per second (CPU-µs for each in the proxy and its node); {machine()}; median "
              f"of {a.repeat}")
        table(["way"] + [f"{s} B, {c} client{'s' if c > 1 else ''}, "
                         + (f"{n} under way" if n else "one way") for s, c, n in LOADS], rows)
    return 0


if __name__ == "__main__":
    if not os.access(LOAD, os.X_OK):
        sys.exit(f"{os.path.relpath(LOAD, HERE)} is not built: make bench")
    sys.exit(main())
