#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tsgw-dns beside NSD and Knot DNS: the same names, dnsperf, turn by turn, one worker each.

    dnsperf ── lo ── 127.0.0.1:5300  one of the three, in a namespace of its own

Medians of REPEAT turns: CPU of a question when as many are asked as are answered (µs, user and system),
questions per second then; the time that 99 of 100 answers take at a fixed rate; memory (PSS) afterwards.
"""
import argparse
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import L, machine, median, pss_kb, table  # noqa: E402
from dnsworker import Worker  # noqa: E402
from servers import environment, program  # noqa: E402

AT, PORT, NAMES = "127.0.0.1", 5300, 1000
ZONE = """$ORIGIN fgpu.
$TTL 60
@ SOA ns hostmaster 1 3600 600 86400 10
@ NS ns
ns A 127.0.0.1
"""


def address(i):
    return f"10.100.{i // 250}.{i % 250 + 1}"


def tree(pid):
    pids = [pid]
    for p in pids:
        with open(f"/proc/{p}/task/{p}/children", encoding="ascii") as f:
            pids += [int(c) for c in f.read().split()]
    return pids


def cpu_s(pid):
    total = 0
    for p in tree(pid):
        with open(f"/proc/{p}/schedstat", encoding="ascii") as f:
            total += int(f.read().split()[0])
        for t in os.listdir(f"/proc/{p}/task"):
            if int(t) != p:
                with open(f"/proc/{p}/task/{t}/schedstat", encoding="ascii") as f:
                    total += int(f.read().split()[0])
    return total / 1e9


class Ours:
    name = "tsgw-dns"

    def __init__(self, lab, ns, root):
        self.worker = Worker(lab)
        self.worker.configure({"name": "fgpu", "routes": ["10.100.0.0/16"],
                               "hosts": [(f"h{i}", address(i)) for i in range(NAMES)]})
        self.worker.listen(ns, AT, PORT)
        self.pid = self.worker.pid

    def stop(self):
        self.worker.stop()


class Nsd:
    name = "NSD"

    def __init__(self, lab, ns, root):
        conf = lab.file("bench/nsd.conf", f"""server:
  server-count: 1
  ip-address: {AT}@{PORT}
  zonesdir: "{root}"
  pidfile: "{root}/nsd.pid"
  xfrdfile: ""
  zonelistfile: "{root}/zone.list"
  username: ""
  chroot: ""
  database: ""
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: fgpu
  zonefile: fgpu.zone
""")
        self.process = ns.spawn([program("nsd"), "-d", "-c", conf], name="nsd", env=environment())
        self.pid = self.process.popen.pid

    def stop(self):
        self.process.forgiven = True
        self.process.stop()


class Knot:
    name = "Knot DNS"

    def __init__(self, lab, ns, root):
        conf = lab.file("bench/knot.conf", f"""server:
  listen: {AT}@{PORT}
  rundir: "{root}"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  async-start: on
database:
  storage: "{root}"
zone:
  - domain: fgpu
    storage: "{root}"
    file: fgpu.zone
    zonefile-sync: -1
    journal-content: none
log:
  - target: stderr
    any: warning
""")
        self.process = ns.spawn([program("knotd"), "-c", conf], name="knotd", env=environment())
        self.pid = self.process.popen.pid

    def stop(self):
        self.process.forgiven = True
        self.process.stop()


def dnsperf(ns, questions, *words):
    p = ns.run(["dnsperf", "-s", AT, "-p", str(PORT), "-d", questions, "-W", *words], timeout_s=120)
    if p.returncode:
        raise L.Failure(p.stdout + p.stderr)
    return p.stdout + p.stderr


def number(text, what):
    return float(re.search(what + r":\s+([\d.]+)", text)[1])


def turn(ns, server, questions, seconds, rate):
    """-> (µs a question, questions/s, p99 in µs, answered %)."""
    begin = cpu_s(server.pid)
    text = dnsperf(ns, questions, "-c", "16", "-q", "200", "-l", str(seconds))
    used, done = cpu_s(server.pid) - begin, number(text, "Queries completed")
    begin = cpu_s(server.pid)
    calm = dnsperf(ns, questions, "-c", "16", "-q", "200", "-l", str(seconds), "-Q", str(rate), "-v")
    calm_us = (cpu_s(server.pid) - begin) / number(calm, "Queries completed") * 1e6
    times = sorted(float(x) for x in re.findall(r"^> \w+ \S+ \w+ ([\d.]+)$", calm, re.M))
    return (used / done * 1e6, number(text, "Queries per second"), times[len(times) * 99 // 100] * 1e6,
            done / number(text, "Queries sent") * 100, calm_us)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=20000, help="questions a second for p99")
    a = parser.parse_args()
    rows = {}
    with L.Lab() as lab:
        ns = lab.ns("dns")
        zone = lab.file("bench/fgpu.zone", ZONE + "".join(f"h{i} A {address(i)}\n" for i in range(NAMES)))
        root = os.path.dirname(zone)
        os.chmod(lab.dir, 0o755)
        questions = lab.file("bench/questions", "".join(
            f"h{i * 7 % NAMES}.fgpu A\n" + (f"h{i}.fgpu AAAA\n" if i % 4 == 0 else "")
            + (f"x{i}.fgpu A\n" if i % 10 == 0 else "") for i in range(NAMES)))
        for _ in range(a.repeat):
            for kind in (Ours, Nsd, Knot):
                server = kind(lab, ns, root)
                L.wait_for(lambda: "10.100.0.1" in ns.run(
                    ["dig", f"@{AT}", "-p", str(PORT), "+short", "+time=1", "+tries=1", "h0.fgpu"]).stdout,
                    lambda: f"{server.name} answers: {server.process.log()}")
                got = turn(ns, server, questions, a.seconds, a.rate)
                rows.setdefault(server.name, []).append((*got, sum(pss_kb(p) for p in tree(server.pid))))
                server.stop()
                time.sleep(0.2)
    print(machine())
    table(["server", "µs a question, full speed", f"µs at {a.rate}/s", "questions/s", "p99 µs", "answered %", "PSS kB"],
          [(name, *(f"{median([r[i] for r in turns]):.{d}f}" for i, d in ((0, 2), (4, 2), (1, 0), (2, 0), (3, 1), (5, 0))))
           for name, turns in rows.items()])


if __name__ == "__main__":
    try:
        main()
    except (L.Failure, subprocess.CalledProcessError) as e:
        sys.exit(f"dns: {e}")
