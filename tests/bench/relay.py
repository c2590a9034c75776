#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The listener's relay alone: tsgw-proxy beside microsocks, danted and the plain routed path, turn by turn.

    client ── proxy (tsgw-proxy, microsocks, danted, or a router) ── server (nginx)

Medians of REPEAT turns: bulk (curl of 1 GiB) in Gb/s and CPU-seconds per GB of the proxy; connections
per second of 1 and of 32 clients (connect, SOCKS5, GET, end); memory (PSS) with 1,000 and 10,000
clients that are connected through to the server and idle.
"""
import argparse
import os
import resource
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import congestion  # noqa: E402
from common import L, machine, median, pss_kb, start_web, table  # noqa: E402
import picture as P  # noqa: E402
import proxyworker as W  # noqa: E402

LOAD = os.path.join(L.BUILD, "bench/socks-load")
PROXY, SERVER, PORT = "192.0.2.1", "10.9.0.2", 3000
REQUEST5 = b"\5\1\0\1" + socket.inet_aton(SERVER) + PORT.to_bytes(2, "big")
DANTED = """logoutput: stderr
internal: 192.0.2.1 port = 1081
external: 10.9.0.1
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
"""


def build(lab):
    client, proxy, server = (lab.ns(n) for n in ("client", "proxy", "server"))
    a, b = lab.link(client, proxy)
    client.ip(f"addr add 192.0.2.2/24 dev {a}", "route add 10.9.0.0/24 via 192.0.2.1")
    proxy.ip(f"addr add {PROXY}/24 dev {b}")
    a, b = lab.link(proxy, server)
    proxy.ip(f"addr add 10.9.0.1/24 dev {a}")
    server.ip(f"addr add {SERVER}/24 dev {b}", "route add 192.0.2.0/24 via 10.9.0.1")
    proxy.sysctl("ipv4/ip_forward", 1)
    for ns in (client, proxy):
        ns.sysctl("ipv4/ip_local_port_range", "1024 65535")
        ns.sysctl("ipv4/tcp_tw_reuse", 1)
    return client, proxy, server


class Routed:
    name, port, at = "routed, no proxy", PORT, SERVER

    def pids(self):
        return []


class Ours:
    name, port, at = "tsgw-proxy", 11080, PROXY

    def __init__(self, lab, proxy):
        self.worker = W.Worker(proxy, uid=lab.uid_base + 1, descriptors=resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        self.worker.configure(routes=[(1, "10.9.0.0/24")], allow=["192.0.2.0/24"])
        self.worker.peer(1, W.UP)
        self.worker.listen(proxy, PROXY, self.port)

    def pids(self):
        return [self.worker.pid]


class Stranger:
    at = PROXY

    def __init__(self, proxy, name, port, command):
        self.name, self.port = name, port
        self.process = proxy.spawn(command)
        L.wait_for(lambda: proxy.run(["ss", "-Hltn", f"sport = {port}"]).stdout.strip(), name)

    def pids(self):
        found, new = [self.process.pid], [self.process.pid]
        while new:
            new = [c for p in new for c in P.children(p)]
            found += new
        return found


def strangers(lab, proxy):
    if L.shutil.which("microsocks"):
        yield Stranger(proxy, "microsocks", 1080, ["microsocks", "-i", PROXY, "-p", "1080"])
    danted = L.shutil.which("danted", path="/usr/sbin:/usr/bin")
    if danted:
        yield Stranger(proxy, "danted", 1081, [danted, "-f", lab.file("danted.conf", DANTED)])


def cpu_s(pids):
    total = 0
    for pid in pids:
        with L.contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                v = f.read().rsplit(")", 1)[1].split()
            total += (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")
    return total


def bulk(client, way, path, megabytes):
    through = [] if way.at == SERVER else ["--socks5", f"{way.at}:{way.port}"]
    before = cpu_s(way.pids())
    out = client.run(["curl", "-sSf", "-o", "/dev/null", "-w", "%{speed_download}", "-r",
                      f"0-{(megabytes << 20) - 1}", *through, f"http://{SERVER}:{PORT}{path}"],
                     ok=0, timeout_s=300).stdout
    return float(out) * 8 / 1e9, (cpu_s(way.pids()) - before) / (megabytes * 1.048576e-3)


def connections(client, way, clients, seconds):
    before = cpu_s(way.pids())
    out = client.run([LOAD, way.at, str(way.port), SERVER, str(PORT), str(clients), str(seconds)],
                     ok=0).stdout
    rate, p50, p99, failed = map(float, out.split())
    us = (cpu_s(way.pids()) - before) / max(1, rate * seconds) * 1e6
    return {"rate": rate, "p50": p50, "p99": p99, "failed": failed, "us": us}


def idle(client, way, count):
    """PSS in MB with COUNT clients that are through to the server and say nothing."""
    kept = []
    try:
        with L.inside(client):
            for _ in range(count):
                s = socket.create_connection((way.at, way.port), timeout=60)
                kept.append(s)
                s.sendall(b"\5\1\0" + REQUEST5)
        for s in kept:
            got = b""
            while len(got) < 12:
                part = s.recv(12 - len(got))
                if not part:
                    raise L.Failure(f"{way.name} closed a client")
                got += part
        return sum(pss_kb(p) for p in way.pids()) / 1024
    except (OSError, L.Failure) as e:
        print(f"{way.name}, {count} idle clients: {e}", file=sys.stderr)
        return float("nan")
    finally:
        for s in kept:
            s.close()


def many_idle():
    """10,000, or as many as two descriptors each allow."""
    return min(10000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 2000) // 2)


def measure(client, ways, path, a):
    result = {w: [] for w in ways}
    for turn in range(a.repeat):
        for w in ways:
            gbits, cpu = bulk(client, w, path, a.megabytes)
            one = connections(client, w, 1, a.seconds)
            many = connections(client, w, 32, a.seconds)
            result[w].append((gbits, cpu, one["rate"], one["p50"], many["rate"], many["p99"],
                              many["us"], one["failed"] + many["failed"]))
            print(f"turn {turn + 1}: {w.name}: {gbits:.2f} Gb/s, {many['rate']:.0f}/s, "
                  f"p99 {many['p99']:.1f} ms", file=sys.stderr, flush=True)
    return {w: [median(column) for column in zip(*rows)] for w, rows in result.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--no-idle", action="store_true")
    congestion.argument(parser)
    a = parser.parse_args()
    L.catch_signals()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with congestion.control(a.congestion), L.Lab() as lab:
        client, proxy, server = build(lab)
        path, web = start_web(lab, server)
        ours = Ours(lab, proxy)
        try:
            ways = [Routed(), ours, *strangers(lab, proxy)]
            start = pss_kb(ours.worker.pid)
            result = measure(client, ways, path, a)
            memory = {w: ["", ""] for w in ways}
            for w in ways[1:] if not a.no_idle else []:
                memory[w] = [f"{idle(client, w, n):.1f}" for n in (1000, many_idle())]
            base = result[ways[0]]
            print(machine(), a.congestion, f"\nserver {web}; tsgw-proxy {start} KB at start, "
                  f"{pss_kb(ours.worker.pid)} KB in the end\n")
            table(["", "bulk Gb/s", "of routed", "CPU-s/GB", "conn/s ×1", "p50 ms", "conn/s ×32",
                   "p99 ms", "CPU µs each", "failed", "1,000 idle MB", f"{many_idle():,} idle MB"],
                  [[w.name, f"{r[0]:.1f}", f"{r[0] / base[0]:.2f}", f"{r[1]:.2f}", f"{r[2]:.0f}",
                    f"{r[3]:.2f}", f"{r[4]:.0f}", f"{r[5]:.1f}", f"{r[6]:.0f}", f"{r[7]:.0f}",
                    *memory[w]] for w, r in result.items()])
        finally:
            ours.worker.stop()


if __name__ == "__main__":
    main()
