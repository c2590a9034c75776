#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What takes long (make check-long): traffic for minutes, many starts and stops, an hour of fuzzing.

    soak     10 min of mixed traffic through two tailnets: no wrong answer, no growth of memory or descriptors
    cycles   1,000 × down and up of one tailnet beside another one's connection; 50 starts and stops of tsgwd
    crash    1,000 × SIGKILL of any process; 1,000 × up, down, restart and reload from four at the same time;
             a start, a reload, down and up of a tailnet with each of the allocations and system calls failing once,
             and the start of a worker of each kind, and its service; the CPU time of a worker that ends at once
    sessions a million client sessions, cut and changed at random, through the whole proxy by AddressSanitizer;
             200,000 of which one in 50 of the proxy's allocations and system calls fail
    leaks    1,000 × up, down, reload, restart while somebody talks inside: no packet on any link of the host
    ends     a gibibyte each way through the relay, then FIN and both kinds of reset: exact bytes, nothing left; 100
             × the same in every phase before that and in the middle of it
    scale    1,000 tailnets in one supervisor, and 1,000 each in its own: all up, every listener leads through its
             tunnel, all down, nothing left
    fuzz     60 min, shared out over the targets; then in each a planted bug is found within a minute
    tsan     the node's network tests, built with ThreadSanitizer

--scale 0.1 makes each a tenth of that.
"""
import argparse
import os
import random
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "net"))
import lab as L  # noqa: E402
from client import connect, get, socks5  # noqa: E402
from picture import PRIMARY, TARGET, Picture, check_page  # noqa: E402
import test_ends  # noqa: E402
import test_scale  # noqa: E402
from test_gateway import visit  # noqa: E402
from test_lifecycle import traces, wait_same  # noqa: E402

GROWTH_KB = 2048  # what a process may gain between the first tenth and the end


def size_of(pid):
    """(PSS in KB, descriptors)"""
    pss = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        for line in f:
            if line.startswith("Pss:"):
                pss = int(line.split()[1])
    return pss, len(os.listdir(f"/proc/{pid}/fd"))


def sizes(g):
    found = {f"{k} {n}": size_of(p) for (k, n), p in g.workers().items()}
    found["tsgwd"] = size_of(g.process.pid)
    return found


class Traffic:
    """Threads that visit, until one of them sees something wrong or time is up."""

    def __init__(self, picture, seconds, threads=6):
        self.picture, self.end = picture, time.monotonic() + seconds
        self.wrong, self.count, self.lock = [], 0, threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(threads)]
        for t in self.threads:
            t.start()

    def work(self, seed):
        rng = random.Random(seed)
        while time.monotonic() < self.end and not self.wrong:
            try:
                self.one(rng)
            except (L.Failure, OSError) as e:
                self.wrong.append(repr(e))
            with self.lock:
                self.count += 1

    def one(self, rng):
        t = rng.choice(self.picture.tailnets)
        what = rng.random()
        if what < 0.9:
            visit(self.picture, t, rng, rng.randrange(1, 30))
            return
        s = connect(self.picture.mac, PRIMARY, t.port)
        with s:
            L.equal(socks5(s, TARGET, 3000), 0, "SOCKS5")
            if what < 0.95:  # a bulk transfer that is broken off
                s.sendall(b"GET /bytes/50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
                for _ in range(rng.randrange(200)):
                    s.recv(65536)


def wait(traffic, until):
    L.wait_for(lambda: time.monotonic() > until or traffic.wrong, "time", until - time.monotonic() + 60)


def soak(minutes):
    with L.Lab() as lab:
        p = Picture(lab)
        for port, word in ((11080, "red"), (11081, "blue")):
            p.tailnet(word, port, ssh=False)
        g = p.gateway().start()
        g.wait_up()
        start = time.monotonic()
        traffic = Traffic(p, minutes * 60)
        wait(traffic, start + minutes * 6)
        first = sizes(g)
        for t in traffic.threads:
            t.join()
        L.check(not traffic.wrong, f"after {time.monotonic() - start:.0f} s: {traffic.wrong[:3]}")
        L.wait_for(lambda: all(not t["clients"] for t in g.list().values()), "no client is left")
        last = sizes(g)
        L.equal(set(last), set(first), "the same processes")
        for name, (pss, fds) in last.items():
            print(f"      {name}: {first[name][0]} -> {pss} KB, {first[name][1]} -> {fds} descriptors")
            L.check(pss <= first[name][0] + GROWTH_KB, f"{name} grew to {pss} KB")
        idle = {n: f for n, (_, f) in last.items()}
        L.wait_for(lambda: all(f <= idle[n] for n, (_, f) in sizes(g).items()), "descriptors")
        return f"{traffic.count} connections in {minutes:g} min"


def cycles(count, starts):
    with L.Lab() as lab:
        p = Picture(lab)
        red, blue = (p.tailnet(w, port, ssh=False) for port, w in ((11080, "red"), (11081, "blue")))
        g = p.gateway()
        before = traces(p)
        g.start().wait_up()
        kept = connect(p.mac, PRIMARY, blue.port)
        L.equal(socks5(kept, TARGET, 3000), 0, "SOCKS5")
        first = None
        for i in range(count):
            g.ctl("down", red.name, ok=0)
            g.ctl("up", red.name, ok=0)
            if i % 50 == 0:
                g.wait_up(red)
                check_page(p, red)
                get(kept, "/kept")
            if i == count // 10:
                first = size_of(g.process.pid)
        last = size_of(g.process.pid)
        print(f"      tsgwd: {first[0]} -> {last[0]} KB, {first[1]} -> {last[1]} descriptors")
        L.check(last[0] <= first[0] + GROWTH_KB and last[1] <= first[1], f"{first} -> {last}")
        kept.close()
        L.equal(g.stop(), 0, "exit code")
        wait_same(before, p, [g], "after the cycles")
        for i in range(starts):
            g.start().wait_up()
            if i % 2:
                g.kill()
            else:
                L.equal(g.stop(), 0, "exit code")
        g.start().wait_up()
        check_page(p, red)
        g.stop()
        wait_same(before, p, [g], "after the starts")
        return f"{count} × down and up, {starts} × start and stop or SIGKILL"


def crash(rounds, step):
    env = dict(os.environ, TSGW_CRASH_ROUNDS=str(rounds), TSGW_INJECT_STEP=str(step),
               TSGW_CPU_WINDOW=str(max(10, 200 // step)))
    p = L.subprocess.run([sys.executable, os.path.join(HERE, "net/run.py"), "-j", "3", "crash::any_process_killed",
                          "crash::everybody_at_once", "failing::each_call_of_a_start", "failing_reload::",
                          "failing_workers::", "causes::cpu_of"], env=env, check=False)
    L.check(p.returncode == 0, "a test failed")
    return f"{rounds} rounds each, one in {step} of the calls"


def ends(size):
    with L.Lab() as lab, test_ends.Place(lab) as p:
        far = test_ends.Far(p)
        before = test_ends.warm(p, far)
        test_ends.transfers(p, far, size)
        times = max(2, 100 * size >> 30)
        test_ends.phases(p, times)
        test_ends.middle(p, far, times)
        test_ends.all_gone(p, before)
        return f"{size >> 20} MiB up and down, ended in {len(test_ends.ENDINGS)} ways; {times} × in every other phase"


def sessions(count):
    said = []
    for n, more in ((count, {}), (count // 5, {"FAILING": "50"})):
        p = L.subprocess.run([os.path.join(L.BUILD, "sessions")], env=dict(os.environ, SESSIONS=str(n), **more),
                             stdout=L.subprocess.PIPE, text=True, check=False)
        L.check(p.returncode == 0, "a session went wrong")
        said.append(p.stdout.splitlines()[0].lstrip("# "))
    return "; ".join(said)


def leaks(transitions):
    env = dict(os.environ, LEAK_TRANSITIONS=str(transitions))
    p = L.subprocess.run([sys.executable, os.path.join(HERE, "net/run.py"), "leaks::no_leak_over"], env=env,
                         check=False)
    L.check(p.returncode == 0, "a test failed")
    return f"{transitions} transitions"


def scale(n):
    test_scale.everybody(n, 300)
    test_scale.each_alone(n, 300)
    return f"{n} tailnets, twice"


def fuzz(minutes, targets):
    each = max(1, minutes * 60 * os.cpu_count() / max(1, len(targets)))
    p = L.subprocess.run([sys.executable, os.path.join(HERE, "run-fuzz.py"), "--time", str(each),
                          "--work", os.path.join(L.BUILD, "corpus"), *targets], check=False)
    L.check(p.returncode == 0, "a target failed")
    p = L.subprocess.run([sys.executable, os.path.join(HERE, "plants.py"), *targets], check=False)
    L.check(p.returncode == 0, "a planted bug was not found")
    return f"{len(targets)} targets, {each:.0f} s each"


def tsan():
    p = L.subprocess.run(["make", "-C", L.ROOT, "check-tsan"], check=False)
    L.check(p.returncode == 0, "a test failed")
    return "the node's network tests"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1)
    parser.add_argument("--only", choices=("soak", "cycles", "crash", "sessions", "leaks", "ends",
                                           "scale", "fuzz", "tsan"))
    parser.add_argument("targets", nargs="*")
    a = parser.parse_args()
    L.catch_signals()
    parts = {"soak": lambda: soak(10 * a.scale),
             "cycles": lambda: cycles(max(10, int(1000 * a.scale)), max(4, int(50 * a.scale))),
             "crash": lambda: crash(max(8, int(1000 * a.scale)), max(1, round(1 / a.scale))),
             "sessions": lambda: sessions(max(10000, int(1000000 * a.scale))),
             "leaks": lambda: leaks(max(40, int(1000 * a.scale))),
             "ends": lambda: ends(int((1 << 30) * min(1, a.scale))),
             "scale": lambda: scale(max(20, int(1000 * a.scale))),
             "fuzz": lambda: fuzz(60 * a.scale, a.targets),
             "tsan": tsan}
    passed = failed = 0
    for name, part in parts.items():
        if a.only not in (None, name):
            continue
        start = time.monotonic()
        try:
            print(f"ok {name}: {part()} ({time.monotonic() - start:.0f} s)", flush=True)
            passed += 1
        except (L.Failure, OSError, ValueError) as e:
            print(f"not ok {name}: {e}", flush=True)
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
