#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A node at its edges: floods, overload, many peers, starts, memory, latency. Prints, never judges.

The tunnel is that of tunnel.py. Rivals: $WIREGUARD_GO and $BORINGTUN (default: from PATH); each measurement
is made with all programs in turn, and repeated. Parts: flood overload peers start idle ping.
"""

import argparse
import base64
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tunnel as T  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("O", "build")).resolve()
LOSS_FREE_PERCENT = 0.5


def start_iperf_server(bed):
    bed.start(1, "iperf3", "-s")
    T.wait_for("iperf3", lambda: "5201" in bed.exec(1, "ss", "-tln"))


def hex_key(text):
    return base64.b64decode(text).hex()


# ---- TCP while somebody floods the receiver with handshakes ----

SINK_PORT = 51821  # of a socket that nobody reads: what the flood costs this machine without any node

SINK = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
s.bind(("0.0.0.0", %d))
while True:
    time.sleep(3600)
""" % SINK_PORT


def flood(bed, kind, key, rate, seconds):
    mac = json.loads(bed.exec(1, "ip", "-j", "link", "show", "v0"))[0]["address"]
    return subprocess.Popen(
        ["nsenter", "--net=/run/netns/" + bed.names[0], str(BUILD / "bench" / "flood"),
         "good" if kind == "good" else "bad", key, "198.19.0.0", "198.18.0.2",
         str(SINK_PORT if kind == "sink" else 51820), str(rate), str(seconds), "v0", mac],
        stdout=subprocess.PIPE, text=True)


def measure_flood(program, args):
    """Shares of the undisturbed rate, and, as the flood itself takes the same processors, of the rate
    beside the same flood to a socket that nobody reads."""
    got, sent = {}, {}
    with T.Bed() as bed:
        T.start_tunnel(bed, program)
        key = hex_key(T.sh("wg", "show", bed.links[1], "public-key"))
        bed.exec(1, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.v0.rp_filter=0")
        bed.exec(1, "ip", "route", "add", "default", "via", "198.18.0.1")  # replies have a way out
        start_iperf_server(bed)
        bed.start(1, sys.executable, "-c", SINK)
        T.wait_for("sink", lambda: str(SINK_PORT) in bed.exec(1, "ss", "-uln"))
        for kind in ("", "sink", "bad", "good"):
            f = flood(bed, kind, key, args.flood_rate, args.seconds + 0.5) if kind else None
            got[kind] = T.iperf(bed, args.seconds, [])["bits_per_second"] / 1e9
            sent[kind] = int(f.communicate()[0]) / (args.seconds + 0.5) / 1e3 if f else 0
    result = {"TCP Gb/s": got[""], "beside the flood alone, of that": got["sink"] / got[""]}
    for kind in ("bad", "good"):
        result["under %s mac1, of that" % kind] = got[kind] / got[""]
        result["under %s mac1, of beside the flood" % kind] = got[kind] / got["sink"]
        result["%s mac1 kpps" % kind] = sent[kind]
    return result


# ---- UDP: what is delivered without loss, and when offered far more ----

def udp(bed, rate, seconds):
    """(delivered Gb/s, lost per cent)"""
    end = T.time.monotonic() + 30
    while True:
        out = json.loads(bed.exec(0, "iperf3", "-J", "-u", "-c", "10.88.0.2", "-l", "1200", "-b", str(rate),
                                  "-t", str(seconds), check=False))
        if "error" not in out:
            s = out["end"]["sum"]
            return s["bits_per_second"] * (1 - s["lost_percent"] / 100) / 1e9, s["lost_percent"]
        if T.time.monotonic() > end:
            raise RuntimeError("iperf3: " + out["error"])
        T.time.sleep(0.1)


def loss_free(bed, seconds):
    """The highest of the offered rates that (nearly) all arrives, by bisection, in Gb/s."""
    low, high, best = 0.0, 4.0, 0.0
    for _ in range(7):
        rate = (low + high) / 2
        got, lost = udp(bed, int(rate * 1e9), seconds)
        if lost <= LOSS_FREE_PERCENT and got > 0.95 * rate:
            low, best = rate, max(best, got)
        else:
            high = rate
    return best


def measure_overload(program, args):
    with T.Bed() as bed:
        T.start_tunnel(bed, program)
        start_iperf_server(bed)
        free = loss_free(bed, 1)
        flat_out, lost = udp(bed, 0, args.seconds)
    return {"UDP loss-free Gb/s": free, "UDP flat out Gb/s": flat_out, "of loss-free": flat_out / max(free, 1e-9),
            "lost per cent": lost}


# ---- 1,000 peers, 100 of them active: ten packets a second to each (their 100 nodes run here, too) ----

SENDER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for i in range(int(sys.argv[1])):
        try:
            s.sendto(bytes(64), ("10.89.0.%d" % (i + 1), 9))
        except OSError:
            pass
    time.sleep(0.1)
"""


def add_peers(bed, program, args, pid):
    """Configures the sending node with more peers; those that are active are nodes of their own."""
    before = T.pss_mb(pid)
    lines, active = [], []
    for i in range(args.peers):
        key = T.sh("wg", "genkey")
        text = "[Peer]\nPublicKey = %s\n" % T.sh("wg", "pubkey", input=key)
        if i < args.active:
            link = "%sp%d" % (bed.links[1][:10], i)
            bed.links.append(link)
            bed.start(1, program, "-f", link)
            active.append((link, key))
            text += "AllowedIPs = 10.89.0.%d/32\nEndpoint = 198.18.0.2:%d\n" % (i + 1, 52000 + i)
        else:
            text += "AllowedIPs = 10.90.%d.%d/32\n" % (i // 250, i % 250)
        lines.append(text)
    ours = T.sh("wg", "show", bed.links[0], "public-key")
    for i, (link, key) in enumerate(active):
        T.wait_for(link, lambda l=link: subprocess.run(["wg", "show", l], capture_output=True,
                                                       check=False).returncode == 0)
        T.sh("wg", "set", link, "listen-port", str(52000 + i), "private-key", "/dev/stdin", "peer", ours,
             "allowed-ips", "10.88.0.1/32", input=key)
        bed.exec(1, "ip", "link", "set", link, "up")
    T.sh("wg", "addconf", bed.links[0], "/dev/stdin", input="".join(lines))
    bed.exec(0, "ip", "route", "add", "10.89.0.0/16", "dev", bed.links[0])
    bed.start(0, sys.executable, "-c", SENDER, str(args.active))

    def all_shook_hands():
        shown = T.sh("wg", "show", bed.links[0], "latest-handshakes").splitlines()
        return sum(line.split()[1] != "0" for line in shown) >= args.active + 1
    T.wait_for("handshakes", all_shook_hands, 60)
    return T.pss_mb(pid) - before


def measure_peers(program, args):
    with T.Bed() as bed:
        nodes = T.start_tunnel(bed, program)
        start_iperf_server(bed)
        one = T.iperf(bed, args.seconds, [])["bits_per_second"] / 1e9
        grown = add_peers(bed, program, args, nodes[0].pid)
        many = T.iperf(bed, args.seconds, [])["bits_per_second"] / 1e9
    return {"one peer Gb/s": one, "%d peers, of that" % args.peers: many / one,
            "KB a peer": grown * 1024 / args.peers}


# ---- small things ----

def measure_start(program, args):
    with T.Bed() as bed:
        nodes = T.start_tunnel(bed, program)
        bed.links.append("tf%d" % (os.getpid() % 10**7))
        keys = [T.sh("wg", "genkey"), T.sh("wg", "show", bed.links[1], "public-key")]
        nodes[0].terminate()
        nodes[0].wait()
        T.sh("wg", "set", bed.links[1], "peer", T.sh("wg", "pubkey", input=keys[0]), "allowed-ips", "10.88.0.3/32")
        text = ("set=1\nprivate_key=%s\npublic_key=%s\nendpoint=198.18.0.2:51820\nallowed_ip=10.88.0.0/24\n\n" %
                (hex_key(keys[0]), hex_key(keys[1])))
        ready, ping = map(float, bed.exec(0, sys.executable, str(HERE / "firstping.py"), program, bed.links[2],
                                          "10.88.0.3", "10.88.0.2", input=text).split())
    return {"start to socket ms": ready, "start to first ping ms": ping}


def measure_idle(program, args):
    with T.Bed() as bed:
        pids = [n.pid for n in T.start_tunnel(bed, program)]
        for i in range(args.idle_nodes - len(pids)):
            link = "%si%d" % (bed.links[0][:10], i)
            bed.links.append(link)
            pids.append(bed.start(0, program, "-f", link).pid)
            T.wait_for(link, lambda l=link: subprocess.run(["wg", "show", l], capture_output=True,
                                                           check=False).returncode == 0)
        pss = [T.pss_mb(p) for p in pids]
    return {"PSS of %d idle MB" % args.idle_nodes: statistics.mean(pss), "PSS with a session MB": max(pss[:2])}


def measure_ping(program, args):
    with T.Bed() as bed:
        T.start_tunnel(bed, program)
        return {"round trip ms": T.ping(bed, args.pings)}


PARTS = {"flood": measure_flood, "overload": measure_overload, "peers": measure_peers, "start": measure_start,
         "idle": measure_idle, "ping": measure_ping}


def find_programs():
    programs = {"tsgw-wg": str(BUILD / "tsgw-wg")}
    for name, variable, commands in (("wireguard-go", "WIREGUARD_GO", ("wireguard", "wireguard-go")),
                                     ("boringtun", "BORINGTUN", ("boringtun-cli",))):
        path = os.environ.get(variable) or next(filter(None, map(shutil.which, commands)), None)
        if path:
            programs[name] = path
    return programs


def report(part, results, runs):
    if not any(results.values()):
        return
    print("\n%-34s" % ("%s, median of %d" % (part, runs)) + "".join("%14s" % n for n in results))
    for what in next(r[0] for r in results.values() if r):
        row = [statistics.median(r[what] for r in rs) if rs else float("nan") for rs in results.values()]
        print("%-34s" % what + "".join("%14.3f" % v for v in row), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--flood-rate", type=int, default=100000)
    parser.add_argument("--peers", type=int, default=1000)
    parser.add_argument("--active", type=int, default=100)
    parser.add_argument("--idle-nodes", type=int, default=20)
    parser.add_argument("--pings", type=int, default=300)
    parser.add_argument("--only", help="one of the programs")
    T.congestion.argument(parser)
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root for namespaces", file=sys.stderr)
        return 1
    programs = {n: p for n, p in find_programs().items() if args.only in (None, n)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with T.congestion.control(args.congestion):
        for part in args.parts:
            results = {name: [] for name in programs}
            for _ in range(args.runs):
                for name, program in programs.items():
                    try:
                        results[name].append(PARTS[part](program, args))
                    except (subprocess.SubprocessError, RuntimeError, ValueError) as e:
                        print("%s: %s: %s" % (part, name, e), file=sys.stderr)
            report(part, results, args.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
