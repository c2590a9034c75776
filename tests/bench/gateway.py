#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Listener end to end against socat + microsocks + wireguard-go, in one run, turn by turn.

    mac ── demon ─┬─ tsgwd ═══════════════════════════════════ peer (nginx)
                  └─ socat ─ netns: microsocks, wireguard-go ══ the same kind of peer (nginx)

Medians of REPEAT turns: bulk in Gb/s, connections per second of 32 clients; memory of all processes
(PSS). The far ends are wireguard-go for both, and our own node in a second line.
"""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import HERE, L, machine, median, pss_kb, start_web, table  # noqa: E402
import picture as P  # noqa: E402

LOAD = os.path.join(L.BUILD, "bench/socks-load")


class Chain:
    """The seed's chain: microsocks and wireguard-go in a namespace, socat on the primary address."""

    def __init__(self, picture, port, engine):
        lab = picture.lab
        self.port, self.name = port, "socat + microsocks + " + engine
        private, public = P.key_pair()
        picture.gateway_publics["chain"] = [public]
        picture.n_peers += 1
        self.peer = P.Peer(picture, "chain", engine, picture.n_peers, ssh=False, serve=False)
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


class Ours:
    def __init__(self, picture, port, engine):
        self.port, self.name = port, f"tsgw, far end {engine}"
        self.tailnet = picture.tailnet(f"b{port}", port, engine=engine, ssh=False, serve=False)
        self.peer = self.tailnet.peer
        self.gateway = None

    def pids(self):
        return [pid for (_, name), pid in self.gateway.workers().items()
                if name == self.tailnet.name]


def bulk(picture, way, path, megabytes):
    p = picture.mac.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{speed_download}", "-r",
                         f"0-{(megabytes << 20) - 1}", "--socks5-hostname", f"{P.PRIMARY}:{way.port}",
                         f"http://{P.TARGET}:3000{path}"], ok=0, timeout_s=300)
    return float(p.stdout) * 8 / 1e9


def connections(picture, way, seconds):
    p = picture.mac.run([LOAD, P.PRIMARY, str(way.port), P.TARGET, "3000", "32", str(seconds)], ok=0)
    rate, p50, p99, failed = p.stdout.split()
    return float(rate), float(p50), float(p99), int(failed)


def idle_pss(way):
    return sum(pss_kb(p) for p in way.pids()) / 1024


def measure(picture, ways, a):
    result = {w: {"bulk": [], "conn": [], "p99": [], "failed": 0} for w in ways}
    paths = {}
    for w in ways:
        paths[w], server = start_web(picture.lab, w.peer.ns)
    for w in ways:
        result[w]["idle"] = idle_pss(w)
    for turn in range(a.repeat):
        for w in ways:
            r = result[w]
            size = a.megabytes if isinstance(w, Ours) else max(64, a.megabytes // 4)
            path = paths[w] if server == "nginx" else f"/bytes/{size << 20}"
            r["bulk"].append(bulk(picture, w, path, size))
            rate, _, p99, failed = connections(picture, w, a.seconds)
            r["conn"].append(rate)
            r["p99"].append(p99)
            r["failed"] += failed
            print(f"turn {turn + 1}: {w.name}: {r['bulk'][-1]:.2f} Gb/s, {rate:.0f} conn/s, "
                  f"p99 {p99:.1f} ms", file=sys.stderr, flush=True)
    for w in ways:
        result[w]["loaded"] = idle_pss(w)
    return result, server


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3)
    a = parser.parse_args()
    L.catch_signals()
    engine = "wireguard" if P.engine_path("wireguard") else "wireguard-go"
    with L.Lab() as lab:
        picture = P.Picture(lab)
        chain = Chain(picture, 11090, engine)
        ours = [Ours(picture, 11080, engine), Ours(picture, 11081, "tsgw-wg")]
        gateway = picture.gateway([w.tailnet for w in ours]).start()
        gateway.wait_up()
        for w in ours:
            w.gateway = gateway
        result, server = measure(picture, [chain, *ours], a)
        base = result[chain]
        rows = []
        for w in (chain, *ours):
            r = result[w]
            b, c = median(r["bulk"]), median(r["conn"])
            rows.append([w.name, f"{b:.2f}", f"{b / median(base['bulk']):.1f}×", f"{c:.0f}",
                         f"{c / median(base['conn']):.1f}×", f"{median(r['p99']):.1f}",
                         r["failed"], f"{r['idle']:.1f}", f"{r['loaded']:.1f}"])
        print(f"End to end, mac → listener → tunnel → {server}; {machine()}; "
              f"median of {a.repeat}; socks-load with 32 clients")
        table(["way", "bulk Gb/s", "ratio", "conn/s", "ratio", "p99 ms", "failed", "PSS idle MB",
               "PSS after load MB"], rows)
        print(f"tsgwd itself: {pss_kb(gateway.process.pid) / 1024:.1f} MB PSS; "
              f"tsgw-dns: {sum(pss_kb(p) for (n, _), p in gateway.workers().items() if n == 'tsgw-dns') / 1024:.1f} MB")
    return 0


if __name__ == "__main__":
    if not os.access(LOAD, os.X_OK):
        sys.exit(f"{os.path.relpath(LOAD, HERE)} is not built: make bench")
    sys.exit(main())
