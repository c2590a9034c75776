#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Many tailnets: how long they take to come up and go down, what they cost in memory and while nobody uses them.

Both ways to run them: in one supervisor (tsgwd), and each in its own beside one for the front, as the units do
it (tsgwd --front, and tsgwd --tailnet NAME a thousand times, all at the same time). Up means that every
tailnet is `up`, so every tunnel has completed its handshake and every listener is open. One WireGuard host is the
peer of all of them. /run is a tmpfs of its own, and there is a group tsgw, as where the package is installed.

`up` and `down` end when nobody is missing or left; for `up` the supervisors are waited for first, which say when
they are ready, and then it is what `tsgwctl list` says that counts. `CPU s` is what all processors together worked
meanwhile, whoever for. PSS is that of all processes of a tailnet (its supervisor too, where it has one; its part of
the supervisor of all, where that is one); the front is tsgw-dns and tsgw-web, with its supervisor where that runs
nothing else. Idle is measured when the handshakes' own keepalives are over.
"""
import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from common import L, machine, median, pss_kb, table  # noqa: E402
import picture as P  # noqa: E402

SETTLE_S, IDLE_S, LIST_RUNS = 15, 10, 5
FRONT = ("tsgw-dns", "tsgw-web")


def running(pids):
    return [p for p in pids if os.path.exists(f"/proc/{p}/stat")]


class Together:
    """Everything in one supervisor."""
    name = "one supervisor"

    def __init__(self, g):
        self.g = g

    def start(self):
        self.g.start(ready=False)

    def supervisors(self):
        return {self.g.process.pid: "tailnet"}

    def count(self, n):
        return 1

    def stop(self):
        self.g.process.send(signal.SIGTERM)
        self.g.process.popen.wait(120)
        return self.g.process.popen.returncode


class Each(Together):
    """A supervisor for each tailnet, and one for the front."""
    name = "a supervisor each"

    def start(self):
        self.g.start_each()

    def supervisors(self):
        found = {}
        for pid in P.children(self.g.process.pid):
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                found[pid] = "front" if b"--front" in f.read().split(b"\0") else "tailnet"
        return found

    def count(self, n):
        return n + 1

    def stop(self):
        pids = list(self.supervisors())
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGTERM)
        self.g.process.popen.wait(300)
        return len(running(pids))


def own_run():
    """Starts this program again in a mount namespace of its own: /run in memory, and a group tsgw."""
    if os.environ.get("TSGW_BENCH_RUN"):
        return
    group = tempfile.NamedTemporaryFile("w", prefix="tsgw-group-", delete=False)
    with group, open("/etc/group", encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("tsgw:")]
        group.write("".join(lines) + "tsgw:x:64999:\n")
    os.chmod(group.name, 0o644)
    script = ('mount -t tmpfs -o mode=755 tmpfs /run && mount --bind "$0" /etc/group && rm "$0" && '
              'exec "$@"')
    os.environ["TSGW_BENCH_RUN"] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", "sh", "-c", script, group.name,
                          sys.executable, *sys.argv])


def busy_s():
    """Seconds that all processors have worked so far."""
    with open("/proc/stat", encoding="ascii") as f:
        ticks = [int(w) for w in f.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4] - ticks[7]) / os.sysconf("SC_CLK_TCK")


def ready(g):
    """How many supervisors have said that they are."""
    return sum(line.endswith("tsgwd: ready") for line in g.process.lines)


def all_up(g, n, supervisors, timeout_s):
    """Asks only when all of them are ready: who asks all the time is no idle user."""
    seen = {}
    L.wait_for(lambda: ready(g) >= supervisors,
               lambda: f"{supervisors} are ready, but {ready(g)}; {g.process.log()[-1000:]}", timeout_s)

    def up():
        p = g.ctl("list", "--json", timeout_s=60)
        with contextlib.suppress(ValueError):
            states = [t["state"] for t in json.loads(p.stdout)]
            seen.clear()
            seen.update({s: states.count(s) for s in set(states)})
        return seen.get("up") == n
    L.wait_for(up, lambda: f"all up, but {seen}; {g.process.log()[-1000:]}", timeout_s)


def usage(pids):
    """(CPU seconds, context switches) so far"""
    ns = switches = 0
    for pid in pids:
        with contextlib.suppress(OSError, KeyError):
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as f:
                ns += int(f.read().split()[0])
            s = L.status(pid)
            switches += int(s["voluntary_ctxt_switches"]) + int(s["nonvoluntary_ctxt_switches"])
    return ns / 1e9, switches


def list_ms(g, *args):
    times = []
    for _ in range(LIST_RUNS):
        start = time.monotonic()
        g.ctl("list", *args, ok=0)
        times.append((time.monotonic() - start) * 1000)
    return median(times)


def memory(how, g, n):
    """MB of one tailnet and of the front"""
    supervisors = how.supervisors()
    workers = g.workers_below(supervisors)
    own = sum(pss_kb(p) for (k, _), p in workers.items() if k not in FRONT)
    front = sum(pss_kb(p) for (k, _), p in workers.items() if k in FRONT)
    own += sum(pss_kb(p) for p, whose in supervisors.items() if whose == "tailnet")
    front += sum(pss_kb(p) for p, whose in supervisors.items() if whose == "front")
    return own / 1024 / n, front / 1024


def once(n, engine, how):
    run = tempfile.mkdtemp(prefix="tsgw-scale-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    try:
        with L.Lab() as lab:
            picture = P.Picture(lab)
            picture.crowd(n, engine)
            g = picture.gateway()
            g.run_dir = run + "/run"
            how = how(g)
            start, worked = time.monotonic(), busy_s()
            how.start()
            all_up(g, n, how.count(n), 300)
            up, worked = time.monotonic() - start, busy_s() - worked
            listed = list_ms(g), list_ms(g, "--json")
            own, front = memory(how, g, n)
            time.sleep(SETTLE_S)
            pids = [*how.supervisors(), *g.workers_below(how.supervisors()).values()]
            before = usage(pids)
            time.sleep(IDLE_S)
            after = usage(pids)
            start = time.monotonic()
            code = how.stop()
            down = time.monotonic() - start
            if code or running(pids):
                raise L.Failure(f"stop: {code}, {len(running(pids))} are left: {g.process.log()[-2000:]}")
            return (up, worked, down, own, front, (after[0] - before[0]) / IDLE_S * 100,
                    (after[1] - before[1]) / IDLE_S / n, *listed)
    finally:
        shutil.rmtree(run, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tailnets", type=int, nargs="*", default=[1, 100])
    parser.add_argument("--only", choices=("one", "each"))
    parser.add_argument("--before-others", action="store_true",
                        help="scheduled before everything else that the machine does (SCHED_RR)")
    a = parser.parse_args()
    own_run()
    L.catch_signals()
    if a.before_others:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    engine = "wireguard" if P.engine_path("wireguard") else "wireguard-go"
    rows = []
    for how in [h for h, k in ((Together, "one"), (Each, "each")) if a.only in (None, k)]:
        for n in a.tailnets:
            runs = [once(n, engine, how) for _ in range(a.repeat)]
            m = [median(column) for column in zip(*runs)]
            rows.append([how.name, n, *(f"{v:.2f}" for v in m[:6]), f"{m[6]:.3f}",
                         f"{m[7]:.0f}", f"{m[8]:.0f}"])
    print(f"Many tailnets; {machine()}; median of {a.repeat}; the peer is {engine}")
    table(["run by", "tailnets", "up s", "CPU s", "down s", "PSS MB each", "front PSS MB", "idle CPU %",
           "switches/s each", "list ms", "list --json ms"], rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
