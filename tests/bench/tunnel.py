#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""TCP through a tunnel of two nodes: ours against wireguard-go, in pairs of runs. Prints, never judges.

    ns A (iperf3 -c)  veth 198.18.0.1/30 ---- 198.18.0.2/30  ns B (iperf3 -s)
      node  10.88.0.1/24 ======= tunnel, MTU 1420 ======= 10.88.0.2/24  node

Both nodes and iperf3 share the processors of this machine, so look at the ratios. $WIREGUARD_GO names
the rival (default: wireguard or wireguard-go in PATH); $TSGW_NULL a tsgw-wg that was built with a null
cipher (make O=build-null CFLAGS='-g -DTSGW_NULL_AEAD'), to see how much is the cipher's.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

import congestion

PING = """
import os, socket, struct, sys, time
def total(data):
    n = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    return ~((n & 0xffff) + (n >> 16)) & 0xffff
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.connect((sys.argv[1], 0))
s.settimeout(5)
times = []
for i in range(int(sys.argv[2])):
    packet = struct.pack("!BBHHH", 8, 0, 0, os.getpid() & 0xffff, i) + bytes(56)
    packet = packet[:2] + struct.pack("!H", total(packet)) + packet[4:]
    start = time.perf_counter()
    s.send(packet)
    while s.recv(2048)[20:28][0:1] != b"\\0":
        pass
    times.append(time.perf_counter() - start)
    time.sleep(0.002)
print(sorted(times)[len(times) // 2] * 1000)
"""
TICK = os.sysconf("SC_CLK_TCK")
LOADS = {"TCP x1": [], "TCP x4": ["-P", "4"], "TCP reverse": ["-R"]}


def sh(*argv, check=True, **kw):
    return subprocess.run(argv, check=check, text=True, capture_output=True, timeout=60, **kw).stdout.strip()


def wait_for(what, condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("timeout: " + what)
        time.sleep(0.005)


class Bed:
    """Two namespaces with a veth between them; everything that was started ends with it."""

    def __init__(self):
        self.names = ["tsgwb%d%s" % (os.getpid(), side) for side in "ab"]
        self.links = ["tb%d%s" % (os.getpid() % 10**7, side) for side in "ab"]
        self.processes = []

    def __enter__(self):
        try:
            for name in self.names:
                sh("ip", "netns", "add", name)
            sh("ip", "-n", self.names[0], "link", "add", "v0", "type", "veth", "peer", "name", "v0",
               "netns", self.names[1])
            for i, name in enumerate(self.names):
                sh("ip", "-n", name, "addr", "add", "198.18.0.%d/30" % (i + 1), "dev", "v0")
                sh("ip", "-n", name, "link", "set", "v0", "up")
                sh("ip", "-n", name, "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        for p in self.processes:
            with contextlib.suppress(OSError):
                p.send_signal(signal.SIGTERM)
        for p in self.processes:
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
        for link in self.links:
            with contextlib.suppress(OSError):
                os.unlink("/run/wireguard/%s.sock" % link)

    def start(self, side, *argv):
        env = dict(os.environ, LOG_LEVEL="error", WG_PROCESS_FOREGROUND="1", WG_SUDO="true")
        p = subprocess.Popen(["nsenter", "--net=/run/netns/" + self.names[side], *argv], env=env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.processes.append(p)
        return p

    def exec(self, side, *argv, **kw):
        return sh("nsenter", "--net=/run/netns/" + self.names[side], *argv, **kw)


def ping(bed, count):
    """Median round trip in ms."""
    return float(bed.exec(0, sys.executable, "-c", PING, "10.88.0.2", str(count)))


def cpu_seconds(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss_mb(pid):
    for line in pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def start_tunnel(bed, program):
    keys = [sh("wg", "genkey") for _ in bed.names]
    nodes = []
    for side, link in enumerate(bed.links):
        nodes.append(bed.start(side, program, "-f", link))
        wait_for("socket of " + program, pathlib.Path("/run/wireguard/%s.sock" % link).is_socket)
        wait_for("listener of " + program,
                 lambda l=link: subprocess.run(["wg", "show", l], capture_output=True, check=False).returncode == 0)
        sh("wg", "set", link, "listen-port", "51820", "private-key", "/dev/stdin", input=keys[side])
    for side, link in enumerate(bed.links):
        other = sh("wg", "pubkey", input=keys[1 - side])
        sh("wg", "set", link, "peer", other, "endpoint", "198.18.0.%d:51820" % (2 - side),
           "allowed-ips", "10.88.0.%d/32" % (2 - side))
        bed.exec(side, "ip", "addr", "add", "10.88.0.%d/24" % (side + 1), "dev", link)
        bed.exec(side, "ip", "link", "set", link, "mtu", "1420", "up")
    ping(bed, 1)
    return nodes


def iperf(bed, seconds, extra, target="10.88.0.2"):
    """What was received. A server that is still tidying up after the last run is asked again."""
    end = time.monotonic() + 30
    while True:
        out = json.loads(bed.exec(0, "iperf3", "-J", "-c", target, "-t", str(seconds), *extra, check=False))
        if "error" not in out:
            return out["end"]["sum_received"]
        if time.monotonic() > end:
            raise RuntimeError("iperf3: " + out["error"])
        time.sleep(0.1)


def measure(program, seconds):
    """All loads once with fresh nodes: name -> number."""
    result = {}
    with Bed() as bed:
        nodes = start_tunnel(bed, program)
        pids = [n.pid for n in nodes]
        result["PSS idle MB"] = statistics.mean(map(pss_mb, pids))
        bed.start(1, "iperf3", "-s")
        wait_for("iperf3", lambda: "5201" in bed.exec(1, "ss", "-tln"))
        for name, extra in LOADS.items():
            before = sum(map(cpu_seconds, pids))
            got = iperf(bed, seconds, extra)
            used = sum(map(cpu_seconds, pids)) - before
            result[name + " Gb/s"] = got["bits_per_second"] / 1e9
            result[name + " CPU-s/GB"] = used / (got["bytes"] / 1e9)
        result["ping ms"] = ping(bed, 300)
        result["PSS after load MB"] = max(map(pss_mb, pids))
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    congestion.argument(parser)
    args = parser.parse_args()
    build = pathlib.Path(os.environ.get("O", "build"))
    rival = os.environ.get("WIREGUARD_GO") or shutil.which("wireguard") or shutil.which("wireguard-go")
    programs = {"tsgw-wg": str(build / "tsgw-wg")}
    if rival:
        programs["wireguard-go"] = rival
    if os.environ.get("TSGW_NULL"):
        programs["null cipher"] = os.environ["TSGW_NULL"]
    if os.geteuid() != 0:
        print("needs root for namespaces", file=sys.stderr)
        return 1
    results = {name: [] for name in programs}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with congestion.control(args.congestion):
        for _ in range(args.runs):
            for name, program in programs.items():
                results[name].append(measure(program, args.seconds))
    print("%-24s" % ("median of %d, %s" % (args.runs, args.congestion)) + "".join("%14s" % n for n in programs) +
          "".join("%18s" % ("/ " + n) for n in list(programs)[1:]))
    for what in results["tsgw-wg"][0]:
        medians = {n: statistics.median(r[what] for r in runs) for n, runs in results.items()}
        ours = [r[what] for r in results["tsgw-wg"]]
        ratios = [statistics.median(a / r[what] for a, r in zip(ours, results[n])) for n in list(programs)[1:]]
        print("%-24s" % what + "".join("%14.3f" % m for m in medians.values()) +
              "".join("%17.2fx" % r for r in ratios))
    return 0


if __name__ == "__main__":
    sys.exit(main())
