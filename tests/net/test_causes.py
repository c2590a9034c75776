# SPDX-License-Identifier: MIT
"""A cause outside of us lasts so long that pauses would have grown to half a minute; then it goes, and the
tailnet is back at once. The other one does not notice, neither the cause nor its end.
"""
import contextlib
import os
import resource
import time

import lab as L
from client import get
from lab import BUILD, check, equal, wait_for
from picture import check_page
from run import deadline
from test_crash import check_nothing_stray
from test_failing import cpu_s, in_mounts, memory_group, replace_mount
from test_lifecycle import two
from test_resume import relay

TRIES = 9  # 0.1 s, doubled as often, is 25 s
BACK_S = 5  # a second, and the machine may be busy


class Outage:
    """RED is hit, BLUE must not notice; LINE is what each try says in the log, if not for people."""

    def __init__(self, picture, line, wrap=(), programs=None):
        self.red, self.blue = two(picture)
        self.line, self.picture = line, picture
        self.g = picture.gateway(args=["--log-level", "debug"])
        self.g.programs = programs or BUILD
        self.g.start(wrap=wrap).wait_up()
        self.kept, self.untouched = relay(picture, self.blue), self.blues()

    def blues(self):
        return {k: p for k, p in self.g.workers().items() if k[1] == self.blue.name}

    def lasts(self):
        """TRIES tries are over."""
        used = cpu_s(self.g.process.pid)
        before = self.g.process.log().count(self.line)
        wait_for(lambda: self.g.process.log().count(self.line) >= before + TRIES, f"{TRIES} tries", 60)
        get(self.kept, "/x")
        used = cpu_s(self.g.process.pid) - used
        check(used < 1, f"{used:.2f} s of CPU time meanwhile")

    def went(self):
        """The cause is gone: back at once."""
        start = time.monotonic()
        self.g.wait_state(self.red, "up", timeout_s=BACK_S)
        print(f"# back after {time.monotonic() - start:.2f} s")
        check_page(self.picture, self.red)
        get(self.kept, "/x")
        equal(self.blues(), self.untouched, "blue's workers")
        check_nothing_stray(self.g)
        self.kept.close()
        equal(self.g.stop(), 0, "exit code")


def test_no_tun(picture):
    """/dev/net/tun is not there when red is started."""
    o = Outage(picture, "the cause lasts", replace_mount(
        "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200"))
    in_mounts(o.g, "rm", "/dev/net/tun")
    o.g.ctl("restart", o.red.name)
    o.g.wait_state(o.red, "failed")
    o.lasts()
    check("/dev/net/tun" in o.g.list()[o.red.name]["reason"], "the reason stays")
    in_mounts(o.g, "mknod", "-m", "666", "/dev/net/tun", "c", "10", "200")
    o.went()


def test_many_wait_for_the_tun(picture):
    """They share one pace, so that they cost little; the first one that sees the cause gone tells the others."""
    tailnets = [picture.tailnet(f"t{i}", 11080 + i, ssh=False, serve=False, start=False) for i in range(12)]
    g = picture.gateway(args=["--log-level", "debug"])
    g.start(ready=False, wrap=replace_mount("mount -t tmpfs none /dev/net"))
    for t in tailnets:
        g.wait_state(t, "failed")
    wait_for(lambda: g.process.log().count("the cause lasts") >= 8 * len(tailnets), "tries", 90)
    in_mounts(g, "mknod", "-m", "666", "/dev/net/tun", "c", "10", "200")
    start = time.monotonic()
    wait_for(lambda: all(t["state"] != "failed" for t in g.list().values()), "all are made", 2 * BACK_S)
    print(f"# all after {time.monotonic() - start:.2f} s")
    equal(g.stop(), 0, "exit code")


@contextlib.contextmanager
def small_run_dir(picture):
    path = picture.lab.dir + "/gw/run"
    os.makedirs(path, exist_ok=True)
    picture.lab.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=755", "none", path], ok=0)
    try:
        yield path
    finally:
        picture.lab.run(["umount", "-Rl", path])


def test_disk_full(picture):
    """What is made cannot be recorded: no room in the run directory."""
    with small_run_dir(picture) as path:
        o = Outage(picture, "the cause lasts")
        equal(o.g.run_dir, path, "run directory")
        o.g.ctl("down", o.red.name, ok=0)
        with contextlib.suppress(OSError), open(path + "/fill", "wb", buffering=0) as f:
            while True:
                f.write(bytes(4096))
        o.g.ctl("up", o.red.name)
        check("No space left" in o.g.list()[o.red.name]["reason"], o.g.list()[o.red.name]["reason"])
        o.lasts()
        os.unlink(path + "/fill")
        o.went()


def test_disk_read_only(picture):
    """The tailnet's run directory cannot be written for a while."""
    with small_run_dir(picture) as path:
        o = Outage(picture, "the cause lasts")
        o.g.ctl("down", o.red.name, ok=0)
        home = f"{path}/{o.red.name}"
        picture.lab.run(["mount", "--bind", home, home], ok=0)
        picture.lab.run(["mount", "-o", "remount,bind,ro", home], ok=0)
        o.g.ctl("up", o.red.name)
        check("Read-only" in o.g.list()[o.red.name]["reason"], o.g.list()[o.red.name]["reason"])
        o.lasts()
        picture.lab.run(["mount", "-o", "remount,bind,rw", home], ok=0)
        o.went()


def test_no_descriptors(picture):
    """A worker dies while the supervisor has no descriptor left for the next."""
    o = Outage(picture, "Too many open files; starting it again")
    pid = o.g.process.pid
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, old[1]))
    L.kill_all([o.g.workers()["tsgw-proxy", o.red.name]])
    o.lasts()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    o.went()


def test_no_descriptors_for_a_start(picture):
    """`up` while there are few descriptors left: failed, with that reason."""
    o = Outage(picture, "the cause lasts")
    o.g.ctl("down", o.red.name, ok=0)
    pid = o.g.process.pid
    old = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    numbers = [int(n) for n in os.listdir(f"/proc/{pid}/fd")]
    free = [n for n in range(max(numbers) + 16) if n not in numbers]
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free[3], old[1]))  # some, for who asks
    wait_for(lambda: o.g.ctl("up", o.red.name).returncode == 1, "it cannot be started")
    o.lasts()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, old)
    o.went()


def own_programs(picture):
    path = os.path.join(picture.lab.dir, "programs")
    os.makedirs(path)
    for name in ("tsgwd", "tsgw-wg", "tsgw-proxy", "tsgw-dns", "tsgw-host", "tsgw-web"):
        L.shutil.copy2(os.path.join(BUILD, name), path)
    return path


def test_program_is_gone(picture):
    """A worker dies while its program is being replaced."""
    programs = own_programs(picture)
    o = Outage(picture, "is gone: there is no such file any more; starting it again", programs=programs)
    os.rename(programs + "/tsgw-wg", programs + "/aside")
    L.kill_all([o.g.workers()["tsgw-wg", o.red.name]])
    o.lasts()
    os.rename(programs + "/aside", programs + "/tsgw-wg")
    o.went()


def test_memory_limit_lasts(picture):
    """The kernel kills a worker for want of memory, each time that it starts."""
    programs = own_programs(picture)
    with memory_group(picture.lab, 64 << 20) as procs:
        o = Outage(picture, "died of signal 9 (KILL); starting it again", programs=programs)
        group = os.path.dirname(procs)
        limit = next(p for n in ("memory.limit_in_bytes", "memory.max") if os.path.exists(p := f"{group}/{n}"))

        def limited(most):
            with open(limit, "w", encoding="ascii") as f:
                f.write(str(most))
        limited(65536)
        os.rename(programs + "/tsgw-proxy", programs + "/good")
        with open(programs + "/new", "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\necho $$ >{procs}\nexec {programs}/good "$@"\n')
        os.chmod(programs + "/new", 0o755)
        os.rename(programs + "/new", programs + "/tsgw-proxy")
        L.kill_all([o.g.workers()["tsgw-proxy", o.red.name]])
        o.lasts()
        limited(64 << 20)
        o.went()


def dying(programs, name, how):
    """The program NAME does HOW (sh) and no more, until what is given back is called."""
    os.rename(f"{programs}/{name}", f"{programs}/{name}.good")
    with open(f"{programs}/{name}.new", "w", encoding="ascii") as f:
        f.write(f"#!/bin/sh\n{how}\n")
    os.chmod(f"{programs}/{name}.new", 0o755)
    os.rename(f"{programs}/{name}.new", f"{programs}/{name}")
    return lambda: os.rename(f"{programs}/{name}.good", f"{programs}/{name}")


@deadline(180)
def test_many_workers_are_killed(picture):
    """The workers of forty tailnets are killed for want of memory: they share one pace, and whoever lives again tells
    others, so that all are back long before their own pauses are over."""
    picture.crowd(40)
    g = picture.gateway(args=["--log-level", "debug"])
    g.programs = own_programs(picture)
    g.start().wait_up()
    good = dying(g.programs, "tsgw-proxy", "kill -9 $$")
    victims = [p for k, p in g.workers().items() if k[0] == "tsgw-proxy"]
    L.kill_all(victims)
    line = "tsgw-proxy: died of signal 9 (KILL); starting it again in "

    def pauses():
        return [float(x.split(line)[1].split()[0]) for x in g.process.log().splitlines() if line in x]
    used = cpu_s(g.process.pid, children=True)
    start = time.monotonic()
    wait_for(lambda: len([p for p in pauses() if p > 6]) >= 40, lambda: f"pauses grow: {pauses()[-40:]}", 90)
    used, lasted = cpu_s(g.process.pid, children=True) - used, time.monotonic() - start
    good()
    start = time.monotonic()
    wait_for(lambda: all(t["state"] == "up" for t in g.list().values()), lambda: "all are up, not " + "; ".join(
        f"{n} {t['state']} {t['reason']}" for n, t in g.list().items() if t["state"] != "up"), BACK_S)
    print(f"# all after {time.monotonic() - start:.2f} s; pauses of {max(pauses()):.1f} s; {len(pauses())} tries took "
          f"{used:.2f} s of CPU time in {lasted:.0f} s")
    equal(g.stop(), 0, "exit code")


@deadline(900)
def test_cpu_of_a_worker_that_ends_at_once(picture):
    """However it ends each time: as many tries as the pauses allow, and in the long run (TSGW_CPU_WINDOW s, by the part
    "crash" of tests/long.py) less than a hundredth of a processor, the ended processes included."""
    window = float(os.environ.get("TSGW_CPU_WINDOW") or 0)
    red = picture.tailnet("red", 11080, ssh=False, serve=False)
    g = picture.gateway(args=["--log-level", "debug"])
    g.programs = own_programs(picture)
    for how, least in (("exit 7", 1.5), ("kill -9 $$", 0.7), ("exit 75", 0.7)):
        good = dying(g.programs, "tsgw-proxy", how)
        g.start(ready=False)
        line = "tsgw-proxy: "

        def tries():
            return [x for x in g.process.log().splitlines() if line in x and "starting it again in" in x]
        wait_for(lambda: len(tries()) >= 5, f"{how}: five tries", 60)
        before, used, start = len(tries()), cpu_s(g.process.pid, children=True), time.monotonic()
        wait_for(lambda: len(tries()) > before and time.monotonic() - start >= window, "the window", window + 60)
        lasted, used = time.monotonic() - start, cpu_s(g.process.pid, children=True) - used
        n = len(tries()) - before
        reason = g.list()[red.name]["reason"]
        check("tsgw-proxy" in reason and "starting it again" in reason, f"{how}: list says {reason}")
        print(f"# {how}: {n} tries in {lasted:.1f} s, {100 * used / lasted:.2f} % of a processor")
        check(n <= 1 + lasted / least, f"{how}: {n} tries in {lasted:.1f} s")
        check(not window or used < lasted / 100, f"{how}: {used:.2f} s of CPU time in {lasted:.1f} s")
        equal(g.stop(), 0, "exit code")
        good()
